"""A model that reads what passed every check, and gives marks. What falls below the recipe's least mark is refused."""

from __future__ import annotations

from typing import Any

import orjson

from gen.canonical import exact_json
from gen.conversation import Conversation, JsonObject
from gen.dice import number
from gen.recipe import Judge
from gen.teachers.asking import Asker
from gen.teachers.prompts import prompt
from gen.teachers.request import ChatMessage, Request, Sampling
from gen.teachers.stored import Key

ROLE = "judge"
_SAMPLING = Sampling(temperature=0.0, top_p=1.0, max_tokens=400)
_TRIES = 3


async def verdict(conversation: Conversation, judge: Judge, asker: Asker, *, seed: int) -> tuple[str, str] | None:
    """Why the judge refuses a conversation, a word and a sentence; None where it passes. Without a verdict nothing passes."""
    points = len(judge.rubric)
    rubric = "\n".join(f"{n}. {point}" for n, point in enumerate(judge.rubric, 1))
    messages: tuple[ChatMessage, ...] = (("system", prompt("judge", rubric=rubric)), ("user", transcript(conversation)))
    for retry in range(_TRIES):
        drawn = number(seed, "completion", conversation.slot, conversation.attempt, ROLE, retry) % 2**31
        request = Request(asker.models[ROLE].name, messages, verdict_schema(points), _SAMPLING, drawn)
        completion = await asker.ask(request, Key(conversation.slot, conversation.attempt, 1, ROLE, retry))
        marks, reason = read_marks(completion.text, points)
        if marks:
            lowest = min(marks)
            if lowest >= judge.least:
                return None
            return "low_marks", f"{judge.rubric[marks.index(lowest)]} {lowest} of 5: {reason}"
    return "no_verdict", f"the judge gave no verdict that can be read, in {_TRIES} tries"


def verdict_schema(points: int) -> JsonObject:
    """The JSON Schema of a verdict over this many points."""
    return {
        "type": "object",
        "properties": {
            "marks": {"type": "array", "items": {"type": "integer", "minimum": 1, "maximum": 5}, "minItems": points, "maxItems": points},
            "reason": {"type": "string", "maxLength": 400},
        },
        "required": ["marks", "reason"],
        "additionalProperties": False,
    }


def read_marks(text: str, points: int) -> tuple[list[int], str]:
    """The marks of a verdict and its reason; no marks where it cannot be read."""
    try:
        value: Any = orjson.loads(text)
    except ValueError:
        return [], ""
    marks = value.get("marks") if isinstance(value, dict) else None
    if not isinstance(marks, list) or len(marks) != points or not all(isinstance(m, int) and 1 <= m <= 5 for m in marks):
        return [], ""
    return marks, str(value.get("reason", ""))


def transcript(conversation: Conversation) -> str:
    """A conversation as a judge reads it."""
    lines = []
    for message in conversation.messages:
        if message.reasoning_content:
            lines.append(f"assistant (thinks): {message.reasoning_content}")
        if message.content:
            lines.append(f"{message.role}{f' ({message.name})' if message.name else ''}: {message.content}")
        lines += [f"assistant (calls): {call.name} {exact_json(call.arguments)}" for call in message.tool_calls]
    return "\n".join(lines)
