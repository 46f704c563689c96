"""How many tokens a turn needs to come to its end, from wherever it is.

Part of grammar.py: a completion whose budget runs out is led to its end the shortest way, and this says when that must begin.
Counted for the tightened schema, in which required properties come first, and in tokens of one byte where a model chooses.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from gen.conversation import JsonObject
from gen.teachers.bounded import longest_match

NUMBER = 18
KEY_OF_MAP = 20
LITERAL = 5
"""``false``, the longest of the three."""


class Room:
    """The room that values of one schema need. ``tokens``: how many tokens a text takes that is written without a choice."""

    def __init__(self, root: JsonObject, tokens: Callable[[str], int]) -> None:
        self.root = root
        self.tokens = tokens

    def least(self, schema: Any) -> int:
        """The tokens of a short value, from its first to its last."""
        kind = self._kind(schema)
        if kind == "$ref":
            return self.least(self._target(schema))
        if kind == "anyOf":
            return max(self.least(part) for part in schema["anyOf"])
        if kind == "object" and schema.get("properties"):
            return 2 + sum(self._key(name) + self.least(schema["properties"][name]) for name in schema.get("required", ()))
        if kind == "object":
            return 2 + int(schema.get("minProperties", 0)) * (KEY_OF_MAP + self._widest(schema["patternProperties"].values(), self.least))
        if kind == "array":
            return 2 + int(schema.get("minItems", 0)) * (1 + self._widest(_items(schema), self.least))
        return self._plain(schema, kind)

    def rest(self, schema: Any) -> int:
        """The tokens that a value still needs at most, wherever inside of it one is, when it is ended the shortest way."""
        kind = self._kind(schema)
        if kind == "$ref":
            return self.rest(self._target(schema))
        if kind == "anyOf":
            return max(self.rest(part) for part in schema["anyOf"])
        if kind == "object" and schema.get("properties"):
            return self._rest_of_object(schema)
        if kind == "object":
            values = schema.get("patternProperties", {}).values()
            return 2 + KEY_OF_MAP + self._widest(values, self.rest) + self.least(schema)
        if kind == "array":
            return 2 + self._widest(_items(schema), self.rest) + self.least(schema)
        return self._plain(schema, kind)

    def behind(self, schema: JsonObject, name: str) -> int:
        """The tokens that an object needs when its property ``name`` has ended; all its properties are required."""
        names = list(schema["properties"])
        later = names[names.index(name) + 1 :]
        return 2 + sum(self._key(other) + self.least(schema["properties"][other]) for other in later)

    def _rest_of_object(self, schema: JsonObject) -> int:
        worst, behind = 0, 0
        for name, part in reversed(schema["properties"].items()):
            here = self._key(name) + self.rest(part)
            required = name in schema.get("required", ())
            worst = max(worst, here + (behind if required else 0))
            behind += self._key(name) + self.least(part) if required else 0
        return 2 + worst

    def _plain(self, schema: Any, kind: str) -> int:
        if kind == "enum":
            values = schema["enum"] if "enum" in schema else [schema["const"]]
            return max(len(json.dumps(value, ensure_ascii=False).encode()) for value in values)
        if kind == "string" and "pattern" in schema:
            longest = longest_match(schema["pattern"])
            return 4 + int(max(min(longest, schema.get("maxLength", longest)), schema.get("minLength", 0)))
        if kind == "string":
            return 8 + 2 * int(schema.get("minLength", 0))
        return NUMBER if kind in ("number", "integer") else LITERAL

    def _kind(self, schema: Any) -> str:
        if isinstance(schema, bool):
            return "boolean"
        for keyword in ("$ref", "anyOf"):
            if keyword in schema:
                return keyword
        return "enum" if "enum" in schema or "const" in schema else str(schema["type"])

    def _target(self, schema: JsonObject) -> Any:
        return self.root["$defs"][schema["$ref"].rpartition("/")[2]]

    def _key(self, name: str) -> int:
        return 3 + self.tokens(json.dumps(name, ensure_ascii=False) + ": ")

    @staticmethod
    def _widest(schemas: Any, need: Callable[[Any], int]) -> int:
        return max([need(schema) for schema in schemas if schema is not False], default=0)


def _items(schema: JsonObject) -> list[Any]:
    return [*schema.get("prefixItems", ()), schema["items"]]
