"""A schema made finite: whatever fits the tightened schema fits the original, and is of bounded length.

A small model that may write a string without end does so. So strings, arrays, numbers and maps get bounds where they have none,
objects are closed, formats become patterns (bounded.py), recursion ends after a few levels. What stays is what engines enforce
alike: types, properties, items, ``anyOf``, ``enum``, bounds, patterns. What they cannot enforce is left out and named; whoever
takes a completion validates it against the original. OpenAPI's ``nullable``, which JSON Schema does not know, is left out too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gen.conversation import JsonObject
from gen.errors import BadInput
from gen.teachers.bounded import FORMATS, bounded_key, bounded_pattern, has_both_ends, longest_repeat
from gen.teachers.merging import Schema, merged, resolved
from gen.tools.validation import schema_text, validator

LONGEST_STRING = 120
LONGEST_PATTERN = 64
MOST_ITEMS = 6
LARGEST_NUMBER = 10**15
SMALLEST_STEP = 0.000001
"""What numbers are multiples of, in a grammar: the digits after the point end too."""
MOST_LEVELS = 4
"""How deep what holds itself is nested."""
KEY = "^[a-z_]{1,16}$"
"""The keys of a map whose schema says nothing of them."""

UNENFORCED = (
    "not", "if", "uniqueItems", "contains", "propertyNames", "dependentRequired", "dependentSchemas", "dependencies",
    "unevaluatedProperties", "unevaluatedItems",
)  # fmt: skip
"""Keywords that no engine of ours enforces (``then`` and ``else`` go with ``if``, the counts with ``contains``)."""

_SCALARS: tuple[JsonObject, ...] = ({"type": "string"}, {"type": "number"}, {"type": "boolean"}, {"type": "null"})
_ANYTHING: JsonObject = {
    "anyOf": [*_SCALARS, {"type": "array", "items": {"anyOf": _SCALARS}}, {"type": "object", "additionalProperties": {"anyOf": _SCALARS}}]
}
"""What is said where anything may be: a value, a list or a map of values."""

_TYPE_OF_KEYWORD = {
    "object": ("properties", "patternProperties", "additionalProperties", "required", "minProperties", "maxProperties"),
    "array": ("items", "prefixItems", "minItems", "maxItems", "uniqueItems", "contains"),
    "string": ("minLength", "maxLength", "pattern", "format"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
}
_ALL_TYPES = ("string", "number", "boolean", "null", "array", "object")


@dataclass(frozen=True, slots=True)
class Tightened:
    """A schema of bounded length.

    Attributes:
        schema: what an engine is given.
        unenforced: what of the original it does not hold, as ``path: keyword``; to be checked afterwards.
    """

    schema: JsonObject
    unenforced: tuple[str, ...]


def tighten(schema: JsonObject) -> Tightened:
    """The schema, made finite. Raises BadInput where nothing finite fits it, or a reference leads nowhere."""
    walk = _Walk(schema)
    tight = walk.schema({key: value for key, value in schema.items() if key not in ("$defs", "definitions")}, "", 0)
    if tight is False:
        raise BadInput("no value of bounded length fits this schema", hint="a schema that must hold itself never ends")
    if walk.definitions:
        tight = {**tight, "$defs": dict(walk.definitions)}
    return Tightened(tight, tuple(dict.fromkeys(walk.unenforced)))


def stepped(schema: Any) -> Any:
    """A tightened schema for engines that make a grammar of it: numbers have six digits after the point at most.

    Grammars count digits. Validators divide binary floats, and would refuse 169.99 as no multiple of 0.000001: servers, of which
    nobody knows which they do, get the schema without steps.
    """
    if isinstance(schema, list):
        return [stepped(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: value if key in ("const", "enum") else stepped(value) for key, value in schema.items()}
    if schema.get("type") == "number" and "multipleOf" not in schema:
        made["multipleOf"] = SMALLEST_STEP
    return made


MOST_ALTERNATIVES = 4096
_ALTERNATIVES: dict[str, Any] = {}
"""By the text of a schema that refers to nothing and is wholly enforced: what it became."""


class _Walk:
    """One walk over a schema: what it found unenforceable, and the definitions it made finite."""

    def __init__(self, root: JsonObject) -> None:
        self.root = root
        self.unenforced: list[str] = []
        self.definitions: dict[str, JsonObject] = {}
        self._known: dict[tuple[str, int], JsonObject | bool] = {}
        self._names: dict[tuple[str, int], str] = {}
        self._round: dict[str, bool] = {}

    # -- any schema

    def schema(self, schema: Schema, path: str, level: int) -> Any:
        """The tightened schema, or False where no value is left. ``level``: how often something that holds itself was entered."""
        if schema is False:
            return False
        if schema is True:
            return self.schema(_ANYTHING, path, level)
        for keyword in ("allOf", "anyOf", "oneOf"):
            if keyword in schema:
                return self._combined(schema, keyword, path, level)
        if "$ref" in schema:
            return self._reference(schema, path, level)
        if "const" in schema or "enum" in schema:
            return self._chosen(schema, path)
        self.unenforced += [_named(path, keyword) for keyword in UNENFORCED if keyword in schema]
        types = _types(schema)
        if types is None:
            return self.schema(_ANYTHING, path, level)
        tight = [part for part in (self._typed(one, schema, path, level) for one in types) if part is not False]
        return _any_of(tight)

    def _alternative(self, schema: Schema, path: str, level: int) -> Any:
        """One of several schemas. Turns offer the same few tools in ever new company: what says all of itself is made finite once."""
        text = schema_text(schema)
        if '"$ref"' in text:
            return self.schema(schema, path, level)
        kept = _ALTERNATIVES.get(text)
        if kept is None:
            before = len(self.unenforced)
            kept = self.schema(schema, path, level)
            if len(self.unenforced) == before:
                if len(_ALTERNATIVES) >= MOST_ALTERNATIVES:
                    _ALTERNATIVES.clear()
                _ALTERNATIVES[text] = kept
        return kept

    def _chosen(self, schema: JsonObject, path: str) -> JsonObject | bool:
        """Of the values that are listed, those that the rest of the schema lets through."""
        listed = schema["enum"] if "enum" in schema else [schema["const"]]
        elsewhere = [key for key, value in schema.items() if key not in ("const", "enum", "default", "examples") and _references(value)]
        self.unenforced += [_named(path, key) for key in elsewhere]
        rest = validator("", {key: value for key, value in schema.items() if key not in (*elsewhere, "default", "examples")})
        values = [value for value in listed if rest.is_valid(value)]
        if not values:
            return False
        return {"const": values[0]} if "const" in schema else {"enum": values}

    def _combined(self, schema: JsonObject, keyword: str, path: str, level: int) -> Any:
        """What stands beside ``anyOf`` holds in each of its parts; ``allOf`` becomes one schema."""
        beside = {key: value for key, value in schema.items() if key != keyword}
        parts: Sequence[Schema] = schema[keyword]
        if keyword == "allOf":
            return self.schema(self._folded(schema, path), path, level)
        if keyword == "oneOf" and not _apart([self._folded(part, None) for part in parts]):
            self.unenforced.append(_named(path, "oneOf"))
        tight = []
        for number, part in enumerate(parts):
            one = merged(beside, part, self.root, lambda lost: self.unenforced.append(_named(path, lost))) if _says(beside) else part
            tight.append(self._alternative(one, _inner(path, f"{keyword}[{number}]"), level))
        return _any_of([part for part in tight if part is not False])

    def _folded(self, schema: Schema, path: str | None) -> Schema:
        """A schema without ``allOf``. What is lost on the way is named, unless there is no path."""
        lose = _unheard if path is None else lambda lost: self.unenforced.append(_named(path, lost))
        schema = resolved(schema, self.root)
        while isinstance(schema, dict) and "allOf" in schema:
            whole: Schema = {key: value for key, value in schema.items() if key != "allOf"}
            for part in schema["allOf"]:
                whole = merged(whole, part, self.root, lose)
            schema = whole
        return schema

    # -- references

    def _reference(self, schema: JsonObject, path: str, level: int) -> Any:
        place = schema["$ref"]
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        target = resolved({"$ref": place}, self.root)
        level += self._holds_itself(place)
        if level > MOST_LEVELS:
            return False
        if _says(beside):
            return self.schema(merged(beside, target, self.root, lambda lost: self.unenforced.append(_named(path, lost))), path, level)
        key = (place, level)
        if key not in self._known:
            self._known[key] = self.schema(target, place.removeprefix("#/").replace("/", "."), level)
        tight = self._known[key]
        if isinstance(tight, bool):
            return tight
        name = self._name(key)
        self.definitions[name] = tight
        return {"$ref": f"#/$defs/{name}"}

    def _name(self, key: tuple[str, int]) -> str:
        """A name of its own for a definition at a level: the last word of its place, with a number where it is taken."""
        if key not in self._names:
            base = "".join([letter if letter.isalnum() else "_" for letter in key[0].rpartition("/")[2]]) or "root"
            name, number = base, 1
            while name in self._names.values():
                number += 1
                name = f"{base}_{number}"
            self._names[key] = name
        return self._names[key]

    def _holds_itself(self, place: str) -> bool:
        """Whether following the references from here leads back here."""
        if place not in self._round:
            seen: set[str] = set()
            left = [place]
            while left:
                found = _references(resolved({"$ref": left.pop()}, self.root)) - seen
                seen |= found
                left += found
            self._round[place] = place in seen
        return self._round[place]

    # -- by type

    def _typed(self, kind: str, schema: JsonObject, path: str, level: int) -> Any:
        if kind == "object":
            return self._object(schema, path, level)
        if kind == "array":
            return self._array(schema, path, level)
        if kind == "string":
            return self._string(schema, path)
        if kind in ("integer", "number"):
            return _number(kind, schema)
        return {"type": kind}

    def _string(self, schema: JsonObject, path: str) -> JsonObject:
        least = schema.get("minLength", 0)
        tight: JsonObject = {"type": "string"} | {key: schema[key] for key in ("minLength", "maxLength") if key in schema}
        pattern, said = schema.get("pattern"), schema.get("format")
        if said == "iban":  # its check digits are no matter of a pattern
            self.unenforced.append(_named(path, "format"))
            pattern = pattern or r"^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$"
        elif pattern is not None and said in FORMATS:
            self.unenforced.append(_named(path, "format"))
        elif said in FORMATS:
            return tight | {"pattern": f"^{FORMATS[said]}$"}
        if pattern is None:
            return tight | {"maxLength": schema.get("maxLength", max(LONGEST_STRING, 2 * least))}
        bounded = bounded_pattern(pattern)
        if bounded is None:
            self.unenforced.append(_named(path, "pattern"))
            return tight | {"maxLength": schema.get("maxLength", max(LONGEST_STRING, 2 * least))}
        if not has_both_ends(bounded) and "maxLength" not in schema:
            tight["maxLength"] = max(LONGEST_PATTERN, least) + longest_repeat(bounded)
        return tight | {"pattern": bounded}

    def _array(self, schema: JsonObject, path: str, level: int) -> JsonObject | bool:
        least = schema.get("minItems", 0)
        first = [
            self.schema(item, _inner(path, f"prefixItems[{number}]"), level) for number, item in enumerate(schema.get("prefixItems", ()))
        ]
        first = first[: first.index(False)] if False in first else first
        rest = False if len(first) < len(schema.get("prefixItems", ())) else schema.get("items", True)
        items = self.schema(rest, _inner(path, "items"), level) if not first or "items" in schema else False
        most = schema.get("maxItems", max(least, MOST_ITEMS)) if items is not False else min(len(first), schema.get("maxItems", len(first)))
        if most < least:
            return False
        tight: JsonObject = {"type": "array", "minItems": least, "maxItems": most} if least else {"type": "array", "maxItems": most}
        return tight | ({"prefixItems": first} if first else {}) | {"items": items}

    def _object(self, schema: JsonObject, path: str, level: int) -> JsonObject | bool:
        declared: Mapping[str, Schema] = schema.get("properties", {})
        required = list(schema.get("required", ()))
        further = schema.get("additionalProperties", True)
        if not declared and not required and not ("properties" in schema and further is True and "patternProperties" not in schema):
            return self._map(schema, further, path, level)
        wanted = {name: declared.get(name, further) for name in (*required, *declared)}  # what must be said is said first
        properties = {name: self.schema(part, _inner(path, name), level) for name, part in wanted.items()}
        if any(properties[name] is False for name in required):
            return False
        properties = {name: part for name, part in properties.items() if part is not False}
        if schema.get("minProperties", 0) > len(required):
            self.unenforced.append(_named(path, "minProperties"))
        if schema.get("maxProperties", len(properties)) < len(properties):
            self.unenforced.append(_named(path, "maxProperties"))
        if "patternProperties" in schema:
            self.unenforced.append(_named(path, "patternProperties"))
        tight: JsonObject = {"type": "object", "properties": properties, "additionalProperties": False}
        return tight | ({"required": required} if required else {})

    def _map(self, schema: JsonObject, further: Schema, path: str, level: int) -> JsonObject | bool:
        """An object that names no property: keys and values of bounded number and length."""
        said: Mapping[str, Schema] = schema.get("patternProperties", {})
        keys = {bounded_key(pattern): part for pattern, part in said.items()} if said else {KEY: further}
        tight = {key: self.schema(part, _inner(path, key), level) for key, part in keys.items() if key is not None}
        tight = {key: part for key, part in tight.items() if part is not False}
        least = schema.get("minProperties", 0)
        if len(said) > 1:
            self.unenforced.append(_named(path, "patternProperties"))  # a key may match several of them
        if not tight:
            return False if least else {"type": "object", "properties": {}, "additionalProperties": False}
        closed: JsonObject = {"type": "object", "patternProperties": tight, "additionalProperties": False}
        return closed | ({"minProperties": least} if least else {}) | {"maxProperties": schema.get("maxProperties", max(least, MOST_ITEMS))}


def _unheard(_: str) -> None:
    """What is lost does not matter here."""


def _number(kind: str, schema: JsonObject) -> JsonObject:
    bounds = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
    tight: JsonObject = {"type": kind} | {key: schema[key] for key in bounds if key in schema}
    low, high = schema.get("minimum", schema.get("exclusiveMinimum")), schema.get("maximum", schema.get("exclusiveMaximum"))
    if low is None:
        tight["minimum"] = min(0, high) - LARGEST_NUMBER if high is not None and high < -LARGEST_NUMBER else -LARGEST_NUMBER
    if high is None:
        tight["maximum"] = low + LARGEST_NUMBER if low is not None and low > LARGEST_NUMBER else LARGEST_NUMBER
    return tight


def _types(schema: JsonObject) -> list[str] | None:
    """The types that values may have; None where nothing is said of them, not even by the other keywords."""
    said = schema.get("type")
    if said is not None:
        return [said] if isinstance(said, str) else list(said)
    found = [kind for kind, keywords in _TYPE_OF_KEYWORD.items() if any(keyword in schema for keyword in keywords)]
    return found or None


def _says(schema: JsonObject) -> bool:
    """Whether a schema without its combining keyword restricts anything."""
    return any(
        key not in ("title", "description", "default", "examples", "deprecated", "nullable", "$comment", "$schema", "$id") for key in schema
    )


def _any_of(parts: list[Any]) -> Any:
    if not parts:
        return False
    return parts[0] if len(parts) == 1 else {"anyOf": parts}


def _apart(parts: Sequence[Schema]) -> bool:
    """Whether surely no value fits two of these: their types differ, or a required property has other values in each."""
    return all(_differ(one, other) for number, one in enumerate(parts) for other in parts[number + 1 :])


def _differ(one: Schema, other: Schema) -> bool:
    if isinstance(one, bool) or isinstance(other, bool):
        return one is False or other is False
    if _values(one) and _values(other):
        return not _values(one) & _values(other)
    kinds = [{"number" if kind == "integer" else kind for kind in _types(part) or _ALL_TYPES} for part in (one, other)]
    if not kinds[0] & kinds[1] and all("type" in part for part in (one, other)):
        return True
    shared = set(one.get("required", ())) & set(other.get("required", ()))
    values = [({name: _values(part.get("properties", {}).get(name)) for name in shared}) for part in (one, other)]
    typed = one.get("type") == other.get("type") == "object"
    return typed and any(values[0][name] and values[1][name] and not values[0][name] & values[1][name] for name in shared)


def _values(schema: Any) -> set[str]:
    """The texts that a schema lists; empty where it lists none, or others than texts."""
    if not isinstance(schema, dict):
        return set()
    listed = [schema["const"]] if "const" in schema else schema.get("enum", [])
    return set(listed) if all(isinstance(value, str) for value in listed) else set()


def _references(schema: Any) -> set[str]:
    if isinstance(schema, list):
        return set().union(*[_references(part) for part in schema])
    if not isinstance(schema, dict):
        return set()
    here = {schema["$ref"]} if isinstance(schema.get("$ref"), str) else set()
    return here.union(*[_references(part) for part in schema.values()])


def _inner(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _named(path: str, keyword: str) -> str:
    return f"{path}: {keyword}" if path else keyword
