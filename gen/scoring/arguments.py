"""Do a call's arguments mean what was expected? BFCL's rules where an environment would not tell values apart, its own where it would.

A corpus's row has one expected value for each argument, where BFCL lists several; what else counts as right is decided here:

- a parameter that equals its schema's default may be left out or said, at any depth of objects
- numbers by value (``5`` is ``5.0``, as JSON Schema has it; BFCL refuses ``5.0`` for an integer); a boolean is no number
- free text as BFCL compares it: without spaces and ``,./-_*^``, in lower case
- text that a tool looks up is exact: what has an enum, const, format or pattern, and what holds a digit (ids, codes, addresses).
  ``paid`` for ``Paid`` is wrong: the schema refuses it
- the order of a list counts, unless its schema says ``uniqueItems``
- anything else that was not expected is wrong, and so is what is missing
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gen.checks.values import same
from gen.conversation import Json, JsonObject
from gen.scoring.bfcl import plain_text

_LOOKED_UP = ("enum", "const", "format", "pattern")


def differences(expected: Json, made: Json, schema: JsonObject) -> list[str]:
    """What is different about the arguments made, in words; empty where they mean what was expected."""
    if not isinstance(made, dict) or not isinstance(expected, dict):
        return [] if same(expected, made) else [f"the arguments are {made!r}"]
    return list(_object(expected, made, schema, ""))


def _object(expected: JsonObject, made: JsonObject, schema: JsonObject, path: str) -> Iterator[str]:
    properties = _mapping(schema.get("properties"))
    for name in dict.fromkeys((*expected, *made)):
        inner = _mapping(properties.get(name))
        place = f"{path}.{name}" if path else name
        if name in expected and name in made:
            yield from _value(expected[name], made[name], inner, place)
            continue
        value = expected[name] if name in expected else made[name]
        if "default" not in inner or not _is_same(inner["default"], value, inner):
            yield f"{place}={value!r} is left out" if name in expected else f"{place}={value!r} is not expected"


def _value(expected: Json, made: Json, schema: JsonObject, place: str) -> Iterator[str]:
    if isinstance(expected, dict) and isinstance(made, dict):
        yield from _object(expected, made, schema, place)
    elif not _is_same(expected, made, schema):
        yield f"{place}={made!r} instead of {expected!r}"


def _is_same(expected: Json, made: Json, schema: JsonObject) -> bool:
    if isinstance(expected, dict) and isinstance(made, dict):
        return not any(_object(expected, made, schema, ""))
    if isinstance(expected, list) and isinstance(made, list):
        return _is_same_list(expected, made, schema)
    if isinstance(expected, str) and isinstance(made, str) and _is_free(expected, schema):
        return bool(plain_text(expected) == plain_text(made))
    return same(expected, made)


def _is_same_list(expected: Sequence[Json], made: Sequence[Json], schema: JsonObject) -> bool:
    items = _mapping(schema.get("items"))
    if len(expected) != len(made):
        return False
    if schema.get("uniqueItems") is not True:
        return all(_is_same(one, other, items) for one, other in zip(expected, made, strict=True))
    left = list(made)
    for one in expected:
        at = next((index for index, other in enumerate(left) if _is_same(one, other, items)), None)
        if at is None:
            return False
        del left[at]
    return True


def _is_free(text: str, schema: JsonObject) -> bool:
    return not any(key in schema for key in _LOOKED_UP) and not any(character.isdigit() for character in text)


def _mapping(value: Json) -> JsonObject:
    return value if isinstance(value, dict) else {}
