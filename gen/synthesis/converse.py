"""The conversation loop: a user, an assistant and an environment, and what they say to each other.

It waits where a speaker has to be waited for. The simulator never does: ``at_once`` runs its conversations without an event loop.
"""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from typing import Any, Protocol, TypeVar

from gen.canonical import exact_json
from gen.conversation import Conversation, Json, JsonObject, Message
from gen.planning.planner import Planned
from gen.teachers.speakers import GaveUp, Speakers

T = TypeVar("T")


class Environment(Protocol):
    """What executes calls."""

    def call(self, name: str, arguments: JsonObject) -> Json: ...


async def converse(planned: Planned, speakers: Speakers, environment: Environment, *, teacher: str) -> Conversation:
    """Let them speak until the user is done. Raises GaveUp where one of them cannot go on."""
    opening = speakers.system()
    messages: list[Message] = [] if opening is None else [opening]
    try:
        while (said := await speakers.user(messages)) is not None:
            messages.append(said)
            while True:
                turn = await speakers.assistant(messages)
                messages.append(turn)
                if not turn.tool_calls:
                    break
                for call in turn.tool_calls:
                    result = environment.call(call.name, call.arguments)
                    messages.append(Message("tool", exact_json(result), tool_call_id=call.id, name=call.name))
    except GaveUp as gave_up:
        gave_up.messages = tuple(messages)
        raise
    return row_of(planned, messages, teacher)


def row_of(planned: Planned, messages: Sequence[Message], teacher: str) -> Conversation:
    """What was said, with what is known of it."""
    return Conversation(
        id=planned.key,
        messages=tuple(messages),
        tools=tuple([tool.wire for tool in planned.tools]),
        domain=planned.domain,
        scenario=planned.scenario,
        split=planned.split,
        persona=planned.persona.name,
        teacher=teacher,
        slot=planned.slot,
        attempt=planned.attempt,
        plan=planned.plan,
    )


def at_once(waiting: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that waits for nothing."""
    try:
        waiting.send(None)
    except StopIteration as ended:
        result: T = ended.value
        return result
    waiting.close()
    raise RuntimeError("what was to be there at once waits for something")
