"""Two JSON Schemas as one that both let through: for ``allOf``, and for what stands beside ``anyOf`` or ``$ref``.

Part of tightening a schema (tighten.py): engines differ in what they make of these, a single plain schema they all understand.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from gen.conversation import JsonObject
from gen.errors import BadInput

Schema = JsonObject | bool

MOST_STEPS = 32
"""References that lead to references, before they lead in a circle."""
MOST_PAIRS = 24
"""Alternatives that two ``anyOf`` have together."""

_LARGEST = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_LEAST = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_ANNOTATIONS = ("title", "description", "default", "examples", "nullable", "deprecated", "readOnly", "writeOnly", "$comment")


def resolved(schema: Schema, root: JsonObject) -> Schema:
    """The schema itself where it is nothing but a local reference. Raises BadInput where that leads nowhere, or out of the schema."""
    for _ in range(MOST_STEPS):
        if isinstance(schema, bool) or "$ref" not in schema or any(key not in (*_ANNOTATIONS, "$ref") for key in schema):
            return schema
        schema = _target(schema["$ref"], root)
    raise BadInput("references of the schema lead in a circle")


def _target(place: str, root: JsonObject) -> Schema:
    found: Any = root
    for step in place.split("/")[1:] if place.startswith("#") else [None]:
        name = None if step is None else unquote(step).replace("~1", "/").replace("~0", "~")
        if isinstance(found, list) and name is not None and name.isdigit() and int(name) < len(found):
            found = found[int(name)]
        elif isinstance(found, dict) and name in found:
            found = found[name]
        else:
            raise BadInput(f"{place!r} leads nowhere in this schema", allowed="#/$defs/NAME of the same schema")
    if not isinstance(found, dict | bool):
        raise BadInput(f"{place!r} is no schema")
    return found


def merged(one: Schema, other: Schema, root: JsonObject, lose: Callable[[str], None]) -> Schema:
    """A schema that lets through what both do. ``lose`` hears of each keyword of ``other`` that finds no place in it."""
    if one is False or other is False:
        return False
    if one is True or other is True:
        return other if one is True else one
    one, other = _open(one, root, lose), _open(other, root, lose)
    if isinstance(one, bool) or isinstance(other, bool):
        return merged(one, other, root, lose)
    whole = dict(one)
    for key, value in other.items():
        if key not in whole:
            whole[key] = value
        elif key in ("properties", "patternProperties"):
            shared = {name: merged(whole[key][name], part, root, lose) for name, part in value.items() if name in whole[key]}
            whole[key] = {**whole[key], **value, **shared}
        elif key in ("items", "additionalProperties"):
            whole[key] = merged(whole[key], value, root, lose)
        elif whole[key] != value and key not in _ANNOTATIONS and not _met(whole, key, value):
            lose(key)
    return _closed(whole, one, other, root, lose)


def _open(schema: JsonObject, root: JsonObject, lose: Callable[[str], None]) -> Schema:
    """A schema without a reference beside other keywords, or a bare one."""
    if "$ref" not in schema:
        return schema
    beside = {key: value for key, value in schema.items() if key != "$ref"}
    return merged(beside, resolved({"$ref": schema["$ref"]}, root), root, lose)


def _met(whole: JsonObject, key: str, value: Any) -> bool:
    """Write into ``whole`` the keyword that holds both values; False where there is none."""
    mine = whole[key]
    if key in _LARGEST:
        whole[key] = max(mine, value)
    elif key in _LEAST:
        whole[key] = min(mine, value)
    elif key == "required":
        whole[key] = list(dict.fromkeys([*mine, *value]))
    elif key == "const":
        whole["enum"] = []
    elif key == "enum":
        whole[key] = [item for item in mine if item in value]
    elif key == "allOf":
        whole[key] = [*mine, *value]
    elif key == "anyOf" and len(mine) * len(value) <= MOST_PAIRS:
        whole[key] = [{"allOf": [part, further]} for part in mine for further in value]
    elif key == "type":
        whole[key] = _common(mine, value)
    else:
        return False
    return True


def _common(mine: str | list[str], other: str | list[str]) -> list[str]:
    """The types that both have; an integer is a number."""
    ours, theirs = ([kinds] if isinstance(kinds, str) else kinds for kinds in (mine, other))
    both = [kind for kind in ours if kind in theirs or (kind == "integer" and "number" in theirs)]
    return both + [kind for kind in theirs if kind == "integer" and "number" in ours and kind not in both]


def _closed(whole: JsonObject, one: JsonObject, other: JsonObject, root: JsonObject, lose: Callable[[str], None]) -> JsonObject:
    """What only one of the two names is also what the other says of further properties, or of all items."""
    for mine, theirs in ((one, other), (other, one)):
        further = mine.get("additionalProperties", True)
        alone = [name for name in theirs.get("properties", {}) if name not in mine.get("properties", {})]
        if further is not True and alone:
            if mine.get("patternProperties"):
                lose("additionalProperties")
            both = {name: merged(theirs["properties"][name], further, root, lose) for name in alone}
            whole["properties"] = {**whole["properties"], **both}
        if "prefixItems" in theirs and "items" in mine and "prefixItems" not in mine:
            lose("prefixItems")
    return whole
