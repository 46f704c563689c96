"""What the checks know of an offered tool, worked out once for each tool object.

Rows of one corpus share their tools, so that a look by identity saves printing and hashing a schema for every row. Tools are
values: who changes one must make another.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

from gen.conversation import JsonObject, Problem
from gen.tools.validation import Validator, check_schema, schema_text, validator

_KEPT = 4096
"""Tools that are remembered; more than any corpus offers at a time."""


@dataclass(frozen=True)
class Offered:
    """A tool as it is offered. ``parameters`` is empty, and ``name`` too, where it has none of that kind."""

    wire: Any
    name: str
    parameters: JsonObject
    problem: Problem | None = field(default=None)

    @cached_property
    def validator(self) -> Validator | None:
        """Of the parameters; None where they are no JSON Schema."""
        return None if schema_problem(self.parameters) else validator(self.name, self.parameters)

    @cached_property
    def properties(self) -> dict[str, JsonObject]:
        """The schema of each parameter."""
        properties = self.parameters.get("properties")
        return {k: v for k, v in properties.items() if isinstance(v, dict)} if isinstance(properties, dict) else {}

    @cached_property
    def defaults(self) -> JsonObject:
        """The values that parameters have where a call leaves them out."""
        return {name: schema["default"] for name, schema in self.properties.items() if "default" in schema}


_seen: dict[int, Offered] = {}


def all_offered(tools: Sequence[Any]) -> list[Offered]:
    """The tools, each looked at once."""
    return [_seen.get(id(tool)) or offered(tool) for tool in tools]


def offered(tool: Any) -> Offered:
    """The tool, looked at once."""
    known = _seen.get(id(tool))
    if known is not None:  # it holds the tool, so that no other can have this identity
        return known
    if len(_seen) >= _KEPT:
        _seen.clear()
    function = tool.get("function") if isinstance(tool, dict) else None
    name = function.get("name") if isinstance(function, dict) else None
    parameters = function.get("parameters") if isinstance(function, dict) else None
    known = _seen[id(tool)] = Offered(
        wire=tool,
        name=name if isinstance(name, str) else "",
        parameters=parameters if isinstance(parameters, dict) else {},
        problem=tool_problem(tool),
    )
    return known


def tool_problem(tool: JsonObject) -> Problem | None:
    """The first thing that keeps this from being a tool in wire form: the place inside it, and the message."""
    function = tool.get("function") if isinstance(tool, dict) else None
    if not isinstance(function, dict) or not isinstance(function.get("name"), str) or not function["name"]:
        return "", 'this is no tool: {"type": "function", "function": {"name", "description", "parameters"}}'
    parameters = function.get("parameters", {})
    problem = schema_problem(parameters)
    if problem:
        return f".function.parameters{'.' + problem[0] if problem[0] else ''}", f"not a valid JSON Schema: {problem[1]}"
    if isinstance(parameters, dict) and parameters.get("type", "object") != "object":
        return ".function.parameters.type", f"parameters are of type 'object', not {parameters['type']!r}"
    return None


def schema_problem(schema: JsonObject) -> Problem | None:
    """The first thing that keeps this from being a JSON Schema."""
    return _schema_problem(schema_text(schema))


@lru_cache(maxsize=_KEPT)
def _schema_problem(text: str) -> Problem | None:
    return next(iter(check_schema(json.loads(text))), None)
