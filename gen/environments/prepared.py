"""A declared tool made ready to execute: arguments bound, guards in one query, and SQL rows turned into what ``returns`` declares."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gen.canonical import exact_json
from gen.conversation import Json, JsonObject
from gen.environments.declaration import Part, SqlTool
from gen.environments.functions import sql_error
from gen.errors import BadInput
from gen.tools.validation import Validator, validator


NOTHING = {"error": "Nothing found."}
"""The result of a call that no guard refuses and for which there is no row all the same."""


class Prepared:
    """A tool with everything computed that does not depend on the call."""

    __slots__ = ("_converts", "_names", "_required", "all_guards", "tool", "validator")

    def __init__(self, tool: SqlTool) -> None:
        self.tool = tool
        finds = [guard.find.strip().rstrip(";") for guard in tool.guards]
        self.all_guards = f"SELECT {' AND '.join(f'EXISTS ({find})' for find in finds)}" if finds else ""
        self.validator: Validator = validator(tool.schema.name, tool.schema.parameters)
        self._names = {name: tool.schema.defaults.get(name) for name in tool.schema.parameters.get("properties", {})}
        self._required = frozenset((tool.schema.returns or {}).get("required", ()))
        self._converts = {part.key: _conversion(_schema_of(part, tool)) for part in tool.result}

    def bind(self, arguments: JsonObject, today: str) -> dict[str, Any]:
        """The parameters of the tool's SQL: arrays and objects as JSON text, what was left out as its default or NULL."""
        bound: dict[str, Any] = {"today": today}
        for name, default in self._names.items():
            value = arguments.get(name, default)
            bound[name] = exact_json(value) if isinstance(value, list | dict) else value
        return bound

    def result(self, database: sqlite3.Connection, bound: Mapping[str, Any]) -> Json:
        """What the call returns, after its statements. Raises BadInput where the SQL does not give it."""
        parts = self.tool.result
        values = {part.key: self._part(database, part, bound) for part in parts}
        if "" in values:
            return values[""]
        if any(values[part.key] is None and part.form == "one" and part.key in self._required for part in parts):
            return NOTHING
        return {key: value for key, value in values.items() if value is not None or key in self._required}

    def _part(self, database: sqlite3.Connection, part: Part, bound: Mapping[str, Any]) -> Json:
        try:
            cursor = database.execute(part.sql, bound)
            rows = cursor.fetchall()
        except sqlite3.Error as error:
            raise sql_error(error, part.where) from error
        convert = self._converts[part.key]
        if part.form == "value":
            return convert.leaf(rows[0][0] if rows else None, convert.own)
        if part.form == "list":
            return [row[0] for row in rows]
        names = [column[0] for column in cursor.description]
        objects = [convert.object(names, row) for row in rows]
        if part.form == "each":
            return objects
        if not objects:
            return NOTHING if not part.key else None
        if len(objects) != 1:
            raise BadInput(
                f"the result of {self.tool.schema.name} has {len(objects)} rows", where=part.where, allowed="a query of exactly one row"
            )
        return objects[0]

    def check_columns(self, database: sqlite3.Connection, bound: Mapping[str, Any]) -> None:
        """Every column of a result must be one that ``returns`` declares. Raises BadInput."""
        if self.tool.schema.returns is None:
            return
        for part in self.tool.result:
            schema = _schema_of(part, self.tool)
            properties = schema.get("properties")
            if part.form in ("value", "list") or properties is None:
                continue
            cursor = database.execute(f"SELECT * FROM ({part.sql}) LIMIT 0", bound)
            for column in cursor.description:
                if column[0].split(".")[0] not in properties:
                    raise BadInput(
                        f"the result of {self.tool.schema.name} gives {column[0]!r}, which `returns` of tools.json does not declare",
                        where=part.where,
                        allowed=", ".join(properties),
                    )


@dataclass(frozen=True, slots=True)
class _Conversion:
    """How SQL columns become JSON: by the properties that ``returns`` declares."""

    kinds: Mapping[str, str]
    required: frozenset[str]
    own: str

    @staticmethod
    def leaf(value: Any, kind: str) -> Json:
        if value is None:
            return None
        if kind == "boolean":
            return bool(value)
        if kind == "json" and isinstance(value, str):
            return json.loads(value)
        if kind == "integer" and isinstance(value, float):
            return int(value)
        if kind == "number" and isinstance(value, float):
            return round(value, 6)
        return value

    def object(self, names: Iterable[str], row: Iterable[Any]) -> JsonObject:
        result: JsonObject = {}
        for name, value in zip(names, row, strict=True):
            if value is None and name not in self.required:
                continue
            head, dot, tail = name.partition(".")
            if dot:
                result.setdefault(head, {})[tail] = self.leaf(value, self.kinds.get(name, ""))
            else:
                result[name] = self.leaf(value, self.kinds.get(name, ""))
        return result


def _schema_of(part: Part, tool: SqlTool) -> JsonObject:
    schema: JsonObject = tool.schema.returns or {}
    if part.key:
        schema = schema.get("properties", {}).get(part.key, {})
    if part.form == "each":
        schema = schema.get("items", {})
    return schema


def _conversion(schema: JsonObject) -> _Conversion:
    kinds: dict[str, str] = {}
    for name, child in schema.get("properties", {}).items():
        kinds[name] = _kind(child)
        for inner, grandchild in child.get("properties", {}).items():
            kinds[f"{name}.{inner}"] = _kind(grandchild)
    return _Conversion(kinds, frozenset(schema.get("required", ())), _kind(schema))


def _kind(schema: JsonObject) -> str:
    declared = schema.get("type")
    kinds = set(declared) if isinstance(declared, list) else {declared}
    for kind in ("boolean", "integer", "number"):
        if kind in kinds:
            return kind
    return "json" if kinds & {"array", "object"} else ""
