"""A tool schema: what a model is told of a tool, and what the environment knows beyond that.

Read from a domain's ``tools.json``, which is plain tool JSON and usable by anyone.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gen.conversation import JsonObject
from gen.errors import BadInput, from_os_error
from gen.tools.validation import check_schema

NAME = re.compile(r"[a-z][a-z0-9_]{1,63}")
_NAMED = re.compile(r'"name"\s*:\s*"')
_SEPARATORS = re.compile(r"[\s,]*")


@dataclass(frozen=True, slots=True, eq=False)
class ToolSchema:
    """One tool. ``returns`` is the JSON Schema of a successful result, None where nobody said.

    ``wire`` is what a conversation offers: name, description and parameters, without ``returns``.
    """

    name: str
    description: str
    parameters: JsonObject
    returns: JsonObject | None
    wire: JsonObject
    defaults: JsonObject

    @property
    def required(self) -> tuple[str, ...]:
        return tuple(self.parameters.get("required", ()))

    def property(self, name: str) -> JsonObject:
        """The schema of one parameter. Raises KeyError where there is none."""
        schema: JsonObject = self.parameters["properties"][name]
        return schema


def tool_schema(wire: JsonObject) -> ToolSchema:
    """A tool from its wire form ``{"type": "function", "function": {...}}``. Raises KeyError where a part is missing."""
    function = wire["function"]
    parameters = function.get("parameters") or {"type": "object", "properties": {}}
    offered = {"name": function["name"], "description": function.get("description", ""), "parameters": parameters}
    properties = parameters.get("properties", {})
    return ToolSchema(
        name=function["name"],
        description=function.get("description", ""),
        parameters=parameters,
        returns=function.get("returns"),
        wire={"type": "function", "function": offered},
        defaults={name: schema["default"] for name, schema in properties.items() if "default" in schema},
    )


def read_tools(path: Path) -> dict[str, ToolSchema]:
    """The tools of a ``tools.json``, by name. Raises BadInput with the line of the tool that is wrong."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise BadInput(f"the file is not UTF-8: {error.reason} at byte {error.start}", where=str(path)) from error
    except OSError as error:
        raise from_os_error(error, path, "reading the tools") from error
    try:
        wires = json.loads(text)
    except json.JSONDecodeError as error:
        raise BadInput(f"not valid JSON: {error.msg}", where=f"{path}:{error.lineno}") from error
    if not isinstance(wires, list) or not wires:
        raise BadInput("a tools.json is a list of tools", where=str(path), allowed='[{"type": "function", "function": {...}}, ...]')
    tools: dict[str, ToolSchema] = {}
    for index, (wire, line) in enumerate(zip(wires, _lines(text), strict=True)):
        tool = _checked(wire, index, f"{path}:{line}")
        if tool.name in tools:
            raise BadInput(f"the tool {tool.name!r} stands twice", where=f"{path}:{line}")
        tools[tool.name] = tool
    return tools


def _checked(wire: Any, index: int, where: str) -> ToolSchema:
    try:
        tool = tool_schema(wire)
    except (KeyError, TypeError, AttributeError) as error:
        raise BadInput(
            f"tool {index} is not a tool", where=where, allowed='{"type": "function", "function": {"name", "description", "parameters"}}'
        ) from error
    if not isinstance(tool.name, str) or not NAME.fullmatch(tool.name):
        raise BadInput(
            f"{tool.name!r} is no name for a tool", where=where, allowed="lower-case letters, digits and underscores, 2 to 64 of them"
        )
    for kind, schema in (("parameters", tool.parameters), ("returns", tool.returns)):
        for place, message in check_schema(schema) if schema is not None else ():
            raise BadInput(
                f"{tool.name}.{kind} is not a valid JSON Schema: {message}", where=where, hint=f"look at {place}" if place else ""
            )
    if tool.parameters.get("type") != "object":
        raise BadInput(f"the parameters of {tool.name} are not of type object", where=where, allowed='"type": "object"')
    for name in tool.required:
        if name not in tool.parameters.get("properties", {}):
            raise BadInput(f"{tool.name} requires {name!r}, which is no property of it", where=where)
    return tool


def _lines(text: str) -> list[int]:
    """The line of each item of a JSON list: where its name stands, or where it begins."""
    decoder = json.JSONDecoder()
    at = text.index("[") + 1
    lines = []
    while (begin := _SEPARATORS.match(text, at)) and text[begin.end()] != "]":
        _, at = decoder.raw_decode(text, begin.end())
        named = _NAMED.search(text, begin.end(), at)
        lines.append(text.count("\n", 0, named.start() if named else begin.end()) + 1)
    return lines
