"""What the readers of foreign rows share: JSON or Python literals in texts, calls, and messages that are not paired yet.

Nothing is evaluated: a Python literal is read by ``ast.literal_eval`` and must be what JSON can say.
"""

from __future__ import annotations

import ast
import json
import math
import warnings
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NoReturn

from gen.canonical import STRICT_JSON
from gen.conversation import Json, JsonObject, Message, ToolCall
from gen.errors import BadInput

SHOWN = 60
"""Characters of an offending text that an error shows."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A message as it was found: calls may have no id (""), results no ``tool_call_id`` and no name. ``trained`` is its loss flag."""

    message: Message
    trained: bool = True


def shown(value: Json) -> str:
    """The beginning of a text, or of a value as JSON."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return repr(text if len(text) <= SHOWN else text[:SHOWN] + "…")


def decoded(text: str, what: str, where: str) -> Json:
    """The value of a text that is JSON or a Python literal. Raises BadInput, with what it should be, where it is neither."""
    try:
        return STRICT_JSON.decode(text)
    except (ValueError, RecursionError) as json_error:
        said = str(json_error).partition(" (char")[0]
        if isinstance(json_error, json.JSONDecodeError):
            with suppress(ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
                return _literal(text.strip())
        raise BadInput(f"{what} is neither JSON nor a Python literal: {shown(text)}: {said}", where=where) from json_error


def _literal(text: str) -> Json:
    """The value of a Python literal. Raises ValueError or SyntaxError for anything else."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)  # "\d" in a stranger's literal
        tree = ast.parse(text, mode="eval")
    for node in ast.walk(tree):
        keys = [key.value for key in node.keys if isinstance(key, ast.Constant)] if isinstance(node, ast.Dict) else []
        if len(set(keys)) != len(keys):
            raise ValueError("an object has the same key twice")
    return _as_json(ast.literal_eval(tree))


def decoded_if_text(value: Json, what: str, where: str) -> Json:
    """A value that may come as text of itself; an empty text, like an absent one, is None."""
    if not isinstance(value, str):
        return value
    return decoded(value, what, where) if value.strip() else None


def call_from(value: Json, where: str) -> ToolCall:
    """A call in any of ``{"name", "arguments"}``, ``{"id", "function": {…}}``; arguments as an object or as text of one.

    Raises BadInput where the name is missing or the arguments are no object.
    """
    given = value if isinstance(value, dict) else _no_call(value, where)
    inner = given["function"] if isinstance(given.get("function"), dict) else given
    name = inner.get("name")
    if not isinstance(name, str) or not name:
        _no_call(value, where)
    if "arguments" not in inner and "parameters" not in inner:
        _no_call(value, where)
    spelled = inner["arguments"] if "arguments" in inner else inner["parameters"]
    arguments = decoded_if_text(spelled, f"the arguments of {name!r}", where)
    if arguments is None:
        arguments = {}
    if not isinstance(arguments, dict):
        raise BadInput(f"the arguments of {name!r} are {shown(arguments)}", where=where, allowed="an object, or JSON text of one")
    identity = given.get("id")
    return ToolCall(identity if isinstance(identity, str) else "", name, arguments)


def _no_call(value: Json, where: str) -> NoReturn:
    raise BadInput(f"this is no call: {shown(value)}", where=where, allowed='{"name": …, "arguments": {…}}')


def text_in(row: JsonObject, key: str) -> str:
    """The text under a key; "" where there is none."""
    value = row.get(key)
    return value if isinstance(value, str) else ""


def _as_json(value: Any) -> Json:
    """A Python literal as a JSON value. Raises ValueError for what JSON has not."""
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise ValueError("a key is no text")
        return {key: _as_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_as_json(item) for item in value]
    if value is None or isinstance(value, bool | int | str) or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise ValueError(f"JSON has no {type(value).__name__}")
