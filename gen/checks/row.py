"""A conversation as the rules see it: its calls paired with their results, and each text read once.

Built for one conversation and thrown away after it; everything that costs is done when first asked for. It must take
any conversation, however broken: what cannot be paired is simply not paired, and the rules of structure say so.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from gen.checks.context import Context, DomainKnowledge, Replay
from gen.checks.values import call_key, walk
from gen.checks.words import plain
from gen.conversation import Conversation, Json, JsonObject, Source, ToolCall
from gen.tools.formats import is_date
from gen.values.read import Readings, read

MISSING: Any = object()
"""The result of a call that has none, or none that is JSON."""

_READ_VERBS = {
    "get", "find", "search", "list", "retrieve", "check", "look", "lookup", "fetch", "show", "read", "view", "query", "count", "describe",
    "estimate", "quote", "preview", "validate", "verify", "track", "calculate", "compare", "convert", "compute", "browse", "inspect", "is",
}  # fmt: skip


@dataclass(slots=True)
class Executed:
    """A call with what came back.

    ``message`` is the index of the message that calls, ``position`` the call's place there, ``answered`` the index of the message of its
    result (-1: none); ``key`` is equal for calls that mean the same.
    """

    ordinal: int
    message: int
    position: int
    call: ToolCall
    key: str
    answered: int = -1
    result: Json = MISSING

    @property
    def where(self) -> str:
        return f"messages[{self.message}].tool_calls[{self.position}]"

    @property
    def error(self) -> str | None:
        """What the tool said went wrong; None where it did not say so."""
        if isinstance(self.result, dict):
            error = self.result.get("error")
            return error if isinstance(error, str) or error is None else json.dumps(error)
        return None

    @property
    def succeeded(self) -> bool:
        return self.result is not MISSING and self.error is None


Ungrounded = tuple[Executed, str, Json]
"""A call, the path of a leaf among its arguments, and the value there, which stands nowhere."""


@dataclass(frozen=True, slots=True)
class Match:
    """Which made call serves each of the plan's (None: missing), and the calls that the plan does not know."""

    served: tuple[Executed | None, ...]
    extra: tuple[Executed, ...]


class Row:
    """One conversation, read once."""

    def __init__(self, conversation: Conversation, context: Context) -> None:
        self.conversation = conversation
        self.context = context
        self.messages = conversation.messages
        self.today = _today(conversation)
        self.traced: tuple[list[Source], list[Ungrounded]] | None = None  # grounding.py fills it, once
        self.matched: Match | None = None  # goal.py fills it, once
        self._readings: dict[int, Readings] = {}
        self._plain: dict[int, str] = {}
        self._walked: dict[int, list[tuple[str, str, Json]]] = {}
        self._defaults: dict[str, JsonObject] = {}
        self._leaves: dict[int, tuple[frozenset[str], frozenset[float]]] = {}

    @cached_property
    def known(self) -> DomainKnowledge:
        return self.context.domain(self.conversation.domain)

    @cached_property
    def tools(self) -> dict[str, JsonObject]:
        """The parameters of the tools that were offered, by name; the first of several with one name."""
        tools: dict[str, JsonObject] = {}
        for tool in self.conversation.tools:
            function = tool.get("function") if isinstance(tool, dict) else None
            if isinstance(function, dict) and isinstance(function.get("name"), str):
                parameters = function.get("parameters")
                tools.setdefault(function["name"], parameters if isinstance(parameters, dict) else {})
        return tools

    def parameters(self, tool: str) -> dict[str, JsonObject]:
        """The schema of each parameter of a tool."""
        properties = self.tools.get(tool, {}).get("properties")
        return {k: v for k, v in properties.items() if isinstance(v, dict)} if isinstance(properties, dict) else {}

    def defaults(self, tool: str) -> JsonObject:
        """The values that parameters of a tool have where a call leaves them out."""
        defaults = self._defaults.get(tool)
        if defaults is None:
            defaults = {name: schema["default"] for name, schema in self.parameters(tool).items() if "default" in schema}
            self._defaults[tool] = defaults
        return defaults

    def key(self, name: str, arguments: JsonObject) -> str:
        """A text that is equal for calls that mean the same."""
        return call_key(name, arguments, self.defaults(name))

    @cached_property
    def calls(self) -> list[Executed]:
        """Every call in order, paired with the result that bears its id."""
        calls: list[Executed] = []
        waiting: dict[str, Executed] = {}
        for index, message in enumerate(self.messages):
            for position, call in enumerate(message.tool_calls):
                key = self.key(call.name, call.arguments)
                executed = Executed(ordinal=len(calls), message=index, position=position, call=call, key=key)
                calls.append(executed)
                waiting[call.id] = executed
            if message.role == "tool" and message.tool_call_id in waiting:
                executed = waiting.pop(message.tool_call_id)
                executed.answered = index
                executed.result = self.results[index]
        return calls

    @cached_property
    def expected(self) -> list[str]:
        """The keys of the plan's calls."""
        plan = self.conversation.plan
        return [self.key(expected.name, expected.arguments) for expected in plan.calls] if plan else []

    @cached_property
    def results(self) -> dict[int, Json]:
        """The parsed content of each tool message, by its index; MISSING where it is not JSON."""
        return {index: _parsed(message.content) for index, message in enumerate(self.messages) if message.role == "tool"}

    @cached_property
    def answers(self) -> list[int]:
        """The indexes of the assistant messages that say something."""
        return [index for index, message in enumerate(self.messages) if message.role == "assistant" and message.content]

    @cached_property
    def spoken(self) -> list[tuple[int, str, str]]:
        """The texts that people read: index, role and content of user and assistant messages that say something."""
        return [(i, m.role, m.content) for i, m in enumerate(self.messages) if m.content and m.role in ("user", "assistant")]

    @cached_property
    def prose(self) -> list[tuple[int, str, str]]:
        """``spoken`` without code: what stands between back-quotes is left out."""
        return [(i, role, _CODE.sub("`", text) if "`" in text else text) for i, role, text in self.spoken]

    @cached_property
    def replay(self) -> Replay | None:
        return self.context.replay(self.conversation) if self.context.replay else None

    def plain(self, index: int) -> str:
        """The content of a message with straight apostrophes."""
        text = self._plain.get(index)
        if text is None:
            text = self._plain[index] = plain(self.messages[index].content)
        return text

    def walked(self, index: int) -> list[tuple[str, str, Json]]:
        """The leaves of the result in message ``index``: path, name and value."""
        found = self._walked.get(index)
        if found is None:
            found = self._walked[index] = walk(self.results.get(index, MISSING))
        return found

    def leaves(self, index: int) -> tuple[frozenset[str], frozenset[float]]:
        """The texts (case folded) and the numbers among the leaves of the result in message ``index``."""
        found = self._leaves.get(index)
        if found is None:
            values = [value for _, _, value in self.walked(index)]
            texts = frozenset([value.casefold() for value in values if isinstance(value, str)])
            numbers = frozenset([value for value in values if isinstance(value, (int, float)) and not isinstance(value, bool)])
            found = self._leaves[index] = (texts, numbers)
        return found

    def readings(self, index: int) -> Readings:
        """What values the text of a message holds, read once."""
        readings = self._readings.get(index)
        if readings is None:
            readings = self._readings[index] = read(self.messages[index].content, self.today)
        return readings

    def writes(self, tool: str) -> bool:
        """Whether a tool changes the state: the domain says so, or, where it says nothing, the tool's name does."""
        if self.known.writes is not None:
            return tool in self.known.writes
        return tool.lower().partition("_")[0] not in _READ_VERBS

    def is_passing(self, error: str) -> bool:
        """Whether this error passes by itself, so that the same call may be tried again."""
        lowered = error.lower()
        return error in self.known.passing_errors or any(sign in lowered for sign in _PASSING)


_ISO_DATE = re.compile(r"(?<!\d)\d{4}-\d{2}-\d{2}(?!\d)", re.ASCII)
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`", re.DOTALL)
NO_DAY = "2001-01-01"
"""The day of a conversation that names none; reading relative dates needs one."""

_PASSING = ("temporar", "unavailable", "try again", "timeout", "timed out", "rate limit", "too many requests", "overload", "busy")


def _parsed(content: str) -> Json:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return MISSING


def _today(conversation: Conversation) -> str:
    """The day of the conversation: the plan's, else the first day that the system message names, else one that is no one's."""
    texts = [conversation.plan.today] if conversation.plan else []
    texts += [message.content for message in conversation.messages[:1] if message.role == "system"]
    for text in texts:
        for found in _ISO_DATE.findall(text):
            if is_date(found):
                return str(found)
    return NO_DAY
