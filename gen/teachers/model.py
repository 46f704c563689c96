"""Language models as user and assistant of one conversation.

Each has a chat of its own, which only grows: its brief, and then in turn what the other said and what it said itself. A turn that
cannot be read, or whose calls do not fit, is asked for again with what was wrong; that exchange does not stay in the chat.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gen.conversation import JsonObject, Message, ToolCall
from gen.dice import Dice, dice, number
from gen.planning.planner import Planned
from gen.recipe import Teacher
from gen.teachers.asking import Asker
from gen.teachers.brief import assistant_brief, results_message, user_brief
from gen.teachers.envelope import Turn, Unreadable, assistant_schema, read_assistant, read_user, user_schema
from gen.teachers.prompts import prompt
from gen.teachers.request import ChatMessage, Completion, Request, Sampling, TooLong
from gen.teachers.simulator import Rehearsal
from gen.teachers.speakers import GaveUp
from gen.teachers.stored import Key

_USER_SCHEMA = user_schema()


class Chat:
    """The chat of one role: what its model has seen and said."""

    def __init__(self, role: str, brief: str, schema: JsonObject, planned: Planned, *, asker: Asker, settings: Teacher, seed: int) -> None:
        self._role = role
        self._messages: list[ChatMessage] = [("system", brief)]
        self._schema = schema
        self._planned = planned
        self._asker = asker
        self._sampling = Sampling(settings.temperature, settings.top_p, settings.max_tokens)
        self._tries = settings.tries
        self._seed = seed
        self._turn = 0
        self.view = f"{planned.slot}.{planned.attempt}.{role}"

    def hear(self, text: str) -> None:
        """The other side says this. What is heard without a turn between goes into one message: roles have to alternate."""
        role, before = self._messages[-1]
        if role == "user":
            self._messages[-1] = ("user", f"{before}\n\n{text}")
        else:
            self._messages.append(("user", text))

    async def turn(self, read: Callable[[str], Turn]) -> Turn:
        """The model's next turn, as ``read`` reads it. Raises GaveUp where no try can be read."""
        self._turn += 1
        correction: list[ChatMessage] = []
        problem, reason = "", ""
        for retry in range(self._tries):
            completion = await self._ask(correction, retry)
            try:
                turn = _read(completion, read)
            except Unreadable as error:
                problem, reason = str(error), error.reason
                correction = [("assistant", completion.text), ("user", prompt("again", problem=problem))]
            else:
                self._messages.append(("assistant", completion.text))
                return turn
        raise GaveUp(self._role, reason, f"turn {self._turn} of the {self._role} could not be used after {self._tries} tries: {problem}")

    async def _ask(self, correction: Sequence[ChatMessage], retry: int) -> Completion:
        planned, role = self._planned, self._role
        drawn = number(self._seed, "completion", planned.slot, planned.attempt, role, self._turn, retry)
        request = Request(
            model=self._asker.models[role].name,
            messages=(*self._messages, *correction),
            schema=self._schema,
            sampling=self._sampling,
            seed=drawn % 2**31,
            view=self.view,
        )
        try:
            return await self._asker.ask(request, Key(planned.slot, planned.attempt, self._turn, role, retry))
        except TooLong as error:
            raise GaveUp(role, "too_long", error.what) from error


def _read(completion: Completion, read: Callable[[str], Turn]) -> Turn:
    if completion.finish == "length":
        raise Unreadable("truncated", f"it was cut off after {completion.tokens_out} tokens: be brief")
    return read(completion.text)


class ModelDialogue:
    """One conversation between two models (or one that plays both)."""

    def __init__(self, planned: Planned, rehearsal: Rehearsal, *, asker: Asker, settings: Teacher, seed: int, thoughts: float) -> None:
        self._planned = planned
        self._rehearsal = rehearsal
        self._settings = settings
        self._tools = {tool.name: tool for tool in planned.tools}
        guided = settings.guidance == "plan"
        brief = assistant_brief(planned, rehearsal, guided=guided)
        schema = assistant_schema(planned.tools)
        self._assistant = Chat("assistant", brief, schema, planned, asker=asker, settings=settings, seed=seed)
        self._user = Chat("user", user_brief(planned, rehearsal), _USER_SCHEMA, planned, asker=asker, settings=settings, seed=seed)
        self._die: Dice = dice(seed, "model", planned.slot, "attempt", planned.attempt)
        self._thoughts = thoughts
        self._turns = 0
        self._done = False
        self._asker = asker

    def system(self) -> Message | None:
        """How the conversation begins, where it begins with a system message."""
        return Message("system", self._rehearsal.system) if self._planned.system else None

    async def user(self, messages: Sequence[Message]) -> Message | None:
        """What the user says next; None at the end."""
        first = not any(message.role == "user" for message in messages)
        if self._done:
            self._end()
            return None
        self._user.hear(prompt("user_begin") if first else _since_user(messages))
        turn = await self._user.turn(lambda text: _said(read_user(text), first=first))
        self._done = turn.done
        if not turn.text:
            self._end()
            return None
        self._assistant.hear(turn.text)
        return Message("user", turn.text)

    async def assistant(self, messages: Sequence[Message]) -> Message:
        """What the assistant says or calls next. Raises GaveUp where it goes on without an end."""
        self._turns += 1
        if self._turns > self._settings.turns:
            raise GaveUp("assistant", "endless", f"the conversation has no end after {self._settings.turns} turns of the assistant")
        if messages[-1].role == "tool":
            self._assistant.hear(results_message(_last_results(messages)))
        turn = await self._assistant.turn(lambda text: read_assistant(text, self._tools))
        calls = tuple([ToolCall(self._die.letters(9), name, arguments) for name, arguments in turn.calls])
        kept = self._die.chance(self._thoughts if calls else self._thoughts * 0.35)
        return Message("assistant", turn.text, turn.thought if turn.thought and kept else None, calls)

    def _end(self) -> None:
        """Nothing needs to be kept of the chats."""
        self._asker.forget(self._user.view)
        self._asker.forget(self._assistant.view)


def _said(turn: Turn, *, first: bool) -> Turn:
    """A user's turn that can stand: something is said, or all is done, but not at the very beginning."""
    if not turn.text and (first or not turn.done):
        raise Unreadable("empty", "it says nothing")
    return turn


def _since_user(messages: Sequence[Message]) -> str:
    """What the assistant said since the user's last message."""
    start = len(messages)
    while start and messages[start - 1].role != "user":
        start -= 1
    return "\n".join(message.content for message in messages[start:] if message.role == "assistant" and message.content)


def _last_results(messages: Sequence[Message]) -> list[tuple[str, str]]:
    """Tool and result of each call of the last turn."""
    start = len(messages)
    while start and messages[start - 1].role == "tool":
        start -= 1
    return [(message.name or "", message.content) for message in messages[start:]]
