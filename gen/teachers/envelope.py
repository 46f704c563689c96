"""A turn as a model writes it: one JSON object, whose schema an engine can hold the model to, and how it is read.

An assistant's turn is ``{"thought": ..., "text": ..., "calls": [{"name": ..., "arguments": {...}}]}``: calls, or a text for the
user, or both; every call fits the schema of an offered tool. A user's is ``{"text": ..., "done": false}``. All keys are
required, which is what the strictest servers ask of a schema.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gen.conversation import JsonObject
from gen.tools.schema import ToolSchema

MOST_CALLS = 5
LONGEST_THOUGHT = 600
LONGEST_TEXT = 1600
"""In characters. What people read in a chat is shorter; what rambles ends here."""


def user_schema() -> JsonObject:
    """The JSON Schema of a user's turn."""
    return {
        "type": "object",
        "properties": {"text": {"type": "string", "maxLength": LONGEST_TEXT}, "done": {"type": "boolean"}},
        "required": ["text", "done"],
        "additionalProperties": False,
    }


def assistant_schema(tools: Sequence[ToolSchema]) -> JsonObject:
    """The JSON Schema of an assistant's turn that offers these tools."""
    definitions: JsonObject = {}
    calls: JsonObject = {"type": "array", "maxItems": MOST_CALLS if tools else 0}
    if tools:
        calls["items"] = {"anyOf": [_call(tool, number, definitions) for number, tool in enumerate(tools)]}
    schema: JsonObject = {
        "type": "object",
        "properties": {
            "thought": {"type": "string", "maxLength": LONGEST_THOUGHT},
            "text": {"type": "string", "maxLength": LONGEST_TEXT},
            "calls": calls,
        },
        "required": ["thought", "text", "calls"],
        "additionalProperties": False,
    }
    return schema | {"$defs": definitions} if definitions else schema


def _call(tool: ToolSchema, number: int, definitions: JsonObject) -> JsonObject:
    """A call of this tool. What the tool's schema defines for itself moves to the root, under names of its own."""
    arguments = dict(tool.parameters)
    own = {**arguments.pop("$defs", {}), **arguments.pop("definitions", {})}
    places = {f"#/{place}/{name}": f"#/$defs/t{number}_{name}" for name in own for place in ("$defs", "definitions")}
    definitions.update({f"t{number}_{name}": _moved(schema, places) for name, schema in own.items()})
    return {
        "type": "object",
        "properties": {"name": {"const": tool.name}, "arguments": _moved(arguments, places)},
        "required": ["name", "arguments"],
        "additionalProperties": False,
    }


def _moved(schema: Any, places: dict[str, str]) -> Any:
    """The same schema, its references going where what they name is now."""
    if not places:
        return schema
    if isinstance(schema, list):
        return [_moved(part, places) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: places.get(value, value) if key == "$ref" and isinstance(value, str) else _moved(value, places)
        for key, value in schema.items()
    }


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn that was read: of the assistant (thought, text, calls) or the user (text, done)."""

    text: str
    thought: str = ""
    calls: tuple[tuple[str, JsonObject], ...] = ()
    done: bool = False
