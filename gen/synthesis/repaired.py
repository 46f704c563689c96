"""A wrong call that the assistant repaired: the row is worth having, the wrong call is not worth learning."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import orjson

from gen.checks.values import same
from gen.conversation import Conversation, Message, ToolCall


class _Answered(NamedTuple):
    message: int
    call: ToolCall
    failed: bool
    error: str


def without_failed_calls(conversation: Conversation) -> Conversation:
    """The same, the loss flag off for assistant messages all of whose calls failed and were made better later.

    Failures that belong to the plan (a refusal that is to be explained, a passing fault) stay in the lesson.
    """
    answered = list(_answered(conversation.messages))
    plan = conversation.plan
    planned = [call for call in plan.calls if call.outcome == "error"] if plan else []
    passing = set(plan.faults.values()) if plan else set()

    def pardoned(one: _Answered) -> bool:
        expected = any(call.name == one.call.name and same(call.arguments, one.call.arguments) for call in planned)
        repaired = any(other.message > one.message and other.call.name == one.call.name and not other.failed for other in answered)
        return one.failed and repaired and not expected and one.error not in passing

    turns = {one.message: [other for other in answered if other.message == one.message] for one in answered}
    wrong = tuple(index for index, calls in turns.items() if all(map(pardoned, calls)))
    return replace(conversation, untrained=wrong) if wrong else conversation


def _answered(messages: Sequence[Message]) -> Iterator[_Answered]:
    """Every call with whether it failed, and what the tool said then."""
    results = {message.tool_call_id: orjson.loads(message.content) for message in messages if message.role == "tool"}
    for index, message in enumerate(messages):
        for call in message.tool_calls:
            result = results.get(call.id)
            error = result.get("error") if isinstance(result, dict) and set(result) == {"error"} else None
            yield _Answered(index, call, error is not None, str(error))
