"""Where the calls of a model that plays are answered: by the corpus's environment, or by what the corpus remembers of them.

An environment has one conversation at a time, and many are under way: nothing stays open between two calls. All calls that a
conversation made are executed again for each new one, which takes microseconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from gen.canonical import exact_json
from gen.checks.context import Context
from gen.conversation import Conversation, Json, Message, ToolCall
from gen.environments.sql import SqlEngine
from gen.errors import BadInput
from gen.scoring.arguments import differences
from gen.scoring.settings import History
from gen.synthesis.rechecking import open_context


class World(Protocol):
    """What answers the calls of one conversation."""

    def turn(self, index: int) -> None:
        """The message of the user that stands there in the row was said."""
        ...

    def call(self, call: ToolCall) -> str | None:
        """The JSON text of a call's result; None where nobody knows what it would return."""
        ...

    def state(self) -> str:
        """The digest of the state that the calls led to; "" where nothing is executed."""
        ...


class Executed:
    """A conversation in its own world: filled, of its day, with its passing errors, as when it was made."""

    def __init__(self, row: Conversation, engine: SqlEngine) -> None:
        self._engine = engine
        self._key = row.id
        self._faults = row.plan.faults if row.plan else {}
        self._offered = {tool["function"]["name"] for tool in row.tools}
        self._made: list[ToolCall] = []

    def turn(self, index: int) -> None:
        """What was done stays done."""

    def call(self, call: ToolCall) -> str | None:
        if call.name not in self._offered:
            return exact_json({"error": f"There is no tool {call.name}."})
        self._made.append(call)
        return exact_json(self._again()[0])

    def state(self) -> str:
        return self._again()[1]

    def _again(self) -> tuple[Json, str]:
        """Execute all calls anew: the result of the last one, and the state after it."""
        self._engine.begin(self._key, self._faults)
        try:
            result: Json = None
            for call in self._made:
                result = self._executed(call)
            return result, self._engine.state()
        finally:
            self._engine.end()

    def _executed(self, call: ToolCall) -> Json:
        """A model may say what no database can hold: halves of letters, numbers beyond 64 bits."""
        try:
            return self._engine.call(call.name, call.arguments)
        except (BadInput, OverflowError, UnicodeError) as error:
            return {"error": f"Invalid arguments: {error.what if isinstance(error, BadInput) else error}"}


class Remembered:
    """What the corpus's own conversation holds: each call that was made in it, and what came back.

    A call that is made again gets what came back when the corpus's assistant made it again.
    """

    def __init__(self, row: Conversation) -> None:
        self._row = row
        self._schemas = {tool["function"]["name"]: tool["function"].get("parameters") or {} for tool in row.tools}
        self._known: list[tuple[ToolCall, str]] = []
        self._ahead: list[tuple[ToolCall, str]] = []

    def turn(self, index: int) -> None:
        messages = self._row.messages
        end = next((later for later in range(index + 1, len(messages)) if messages[later].role == "user"), len(messages))
        self._known = _answered(messages[:index])
        self._ahead = _answered(messages[index:end])

    def call(self, call: ToolCall) -> str | None:
        for place, known in enumerate(self._ahead):
            if self._same(known[0], call):
                self._known.append(self._ahead.pop(place))
                return known[1]
        return next((result for known, result in reversed(self._known) if self._same(known, call)), None)

    def _same(self, known: ToolCall, call: ToolCall) -> bool:
        return known.name == call.name and not differences(known.arguments, call.arguments, self._schemas.get(call.name, {}))

    def state(self) -> str:
        return ""


def _answered(messages: Sequence[Message]) -> list[tuple[ToolCall, str]]:
    """The calls of these messages that have a result, with it: by its id, else in the order of the calls."""
    found: list[tuple[ToolCall, str]] = []
    waiting: list[ToolCall] = []
    for message in messages:
        waiting = list(message.tool_calls) or waiting
        if message.role == "tool" and waiting:
            place = next((at for at, call in enumerate(waiting) if call.id == message.tool_call_id), 0)
            found.append((waiting.pop(place), message.content))
    return found


@dataclass(frozen=True)
class Worlds:
    """The environments of a corpus's domains, by name, each with its worlds; what the checks know; and what people should be told."""

    context: Context
    engines: Mapping[str, Sequence[SqlEngine]]
    note: str = ""

    def history(self, row: Conversation, asked: History | None = None) -> History:
        """How a row is played: executed where its environment is here, unless something else is asked for. Raises BadInput."""
        can = row.plan is not None and row.plan.world < len(self.engines.get(row.domain, ()))
        if asked == "executed" and not can:
            why = self.note or f"nothing here executes the calls of {f'the domain {row.domain!r}' if row.domain else 'such rows'}"
            raise BadInput(why, where=f"row {row.id}", allowed="--history gold")
        return asked or ("executed" if can else "gold")

    def world(self, row: Conversation, history: History) -> World:
        """What answers the calls of a row."""
        if history == "gold":
            return Remembered(row)
        return Executed(row, self.engines[row.domain][row.plan.world if row.plan else 0])


def open_worlds(corpus: Path) -> Worlds:
    """The environments that made a corpus; none where its domains are not here, or are others than they were."""
    known = open_context(corpus)
    engines = {name: opened.worlds for name, opened in known.workshop.domains.items()} if known.workshop else {}
    return Worlds(known.context, engines, known.note)
