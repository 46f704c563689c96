"""A turn as a model writes it: one JSON object, whose schema an engine can hold the model to, and how it is read.

An assistant's turn is ``{"thought": ..., "text": ..., "calls": [{"name": ..., "arguments": {...}}]}``: calls, or a text for the
user, or both; every call fits the schema of an offered tool. A user's is ``{"text": ..., "done": false}``. All keys are
required, which is what the strictest servers ask of a schema.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from gen.conversation import Json, JsonObject
from gen.teachers.strict import without_nulls
from gen.tools.schema import ToolSchema
from gen.tools.validation import validator

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


class Unreadable(Exception):
    """A completion that is no turn: ``reason`` in a word for the ledger, and what is wrong for the model that wrote it."""

    def __init__(self, reason: str, problem: str) -> None:
        super().__init__(problem)
        self.reason = reason


def read_user(text: str) -> Turn:
    """A user's turn. A model that nobody holds to the form may just say it. Raises Unreadable."""
    value = _object_in(text)
    if value is None:
        if "{" in text or not text.strip():
            raise Unreadable("no_json", "it is not one JSON object")
        return Turn(text.strip())
    said = value.get("text")
    if not isinstance(said, str):
        raise Unreadable("wrong_form", 'the key "text" holds no text')
    return Turn(said.strip(), done=value.get("done") is True)


def read_assistant(text: str, tools: Mapping[str, ToolSchema]) -> Turn:
    """An assistant's turn whose calls fit the schemas of their tools, whatever an engine promised. Raises Unreadable."""
    turn = read_written(text)
    return replace(turn, calls=tuple(_fitting(name, arguments, tools) for name, arguments in turn.calls))


def read_written(text: str) -> Turn:
    """An assistant's turn as it was written, whatever it calls. Raises Unreadable for what is no turn at all."""
    value = _object_in(text)
    if value is None:
        raise Unreadable("no_json", "it is not one JSON object")
    thought, said, calls = value.get("thought", ""), value.get("text", ""), value.get("calls", [])
    if not isinstance(thought, str) or not isinstance(said, str) or not isinstance(calls, list):
        raise Unreadable("wrong_form", 'its keys are "thought" and "text", which hold texts, and "calls", which holds a list')
    read = tuple(map(_read_call, calls))
    if not read and not said.strip():
        raise Unreadable("empty", 'it neither says nor calls anything: "text" or "calls" must hold something')
    return Turn(said.strip(), thought.strip(), read)


def _read_call(call: Json) -> tuple[str, JsonObject]:
    name, arguments = (call.get("name"), call.get("arguments")) if isinstance(call, dict) else (None, None)
    if not isinstance(name, str) or not isinstance(arguments, dict):
        raise Unreadable("wrong_form", 'a call is {"name": "...", "arguments": {...}}')
    return name, arguments


def _fitting(name: str, arguments: JsonObject, tools: Mapping[str, ToolSchema]) -> tuple[str, JsonObject]:
    tool = tools.get(name)
    if tool is None:
        raise Unreadable("unknown_tool", f"there is no tool {name!r}, only {', '.join(tools) or 'none at all'}")
    arguments = without_nulls(arguments, tool.parameters)  # so strict servers make models leave a key out
    for path, problem in validator(name, tool.parameters).errors(arguments):
        raise Unreadable("invalid_arguments", f"the arguments of {name} do not fit: {path or 'they'}: {problem}")
    return name, arguments


def _object_in(text: str) -> JsonObject | None:
    """The JSON object that a completion is, or that stands in it between a few words or in a fence."""
    for candidate in (text, text[text.find("{") : text.rfind("}") + 1]):
        try:
            value = orjson.loads(candidate)
        except ValueError:
            continue
        if isinstance(value, dict):
            return value
    return None
