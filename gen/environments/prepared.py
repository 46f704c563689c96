"""A declared tool made ready to execute: arguments bound, guards in one query, and SQL rows turned into what ``returns`` declares."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
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

    __slots__ = ("_columns", "_conversions", "_names", "_required", "all_guards", "tool", "validator")

    def __init__(self, tool: SqlTool) -> None:
        self.tool = tool
        finds = [guard.find.strip().rstrip(";") for guard in tool.guards]
        self.all_guards = f"SELECT {' AND '.join(f'EXISTS ({find})' for find in finds)}" if finds else ""
        self.validator: Validator = validator(tool.schema.name, tool.schema.parameters)
        self._names = {name: tool.schema.defaults.get(name) for name in tool.schema.parameters.get("properties", {})}
        self._required = frozenset((tool.schema.returns or {}).get("required", ()))
        self._conversions = {part.key: _Conversion(_schema_of(part, tool)) for part in tool.result}
        self._columns: dict[str, Sequence[_Column]] = {}

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
        if part.form == "value":
            return _leaf(self._conversions[part.key].own, rows[0][0] if rows else None)
        if part.form == "list":
            return [row[0] for row in rows]
        columns = self._columns.get(part.key)
        if columns is None:
            columns = self._columns[part.key] = self._conversions[part.key].columns(name for name, *_ in cursor.description)
        objects = [_object(columns, row) for row in rows]
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


Leaf = Callable[[Any], Json]
_Column = tuple[str, str, bool, Leaf | None]
"""A column of a result: its key, the key inside where it is nested, whether null is kept, and what makes it JSON."""


class _Conversion:
    """How SQL columns become JSON: by the properties that ``returns`` declares."""

    __slots__ = ("_leaves", "_required", "own")

    def __init__(self, schema: JsonObject) -> None:
        self.own = _LEAVES.get(_kind(schema))
        self._required = frozenset(schema.get("required", ()))
        self._leaves: dict[str, Leaf | None] = {}
        for name, child in schema.get("properties", {}).items():
            self._leaves[name] = _LEAVES.get(_kind(child))
            for inner, grandchild in child.get("properties", {}).items():
                self._leaves[f"{name}.{inner}"] = _LEAVES.get(_kind(grandchild))

    def columns(self, names: Iterable[str]) -> Sequence[_Column]:
        """The columns of a query by their names; ``a.b`` is the key b of the object a."""
        split = ((name, *name.partition(".")[::2]) for name in names)
        return [(head, tail, name in self._required, self._leaves.get(name)) for name, head, tail in split]


def _object(columns: Sequence[_Column], row: Sequence[Any]) -> JsonObject:
    result: JsonObject = {}
    for (key, inner, keeps_null, leaf), value in zip(columns, row, strict=True):
        if value is None and not keeps_null:
            continue
        shown = _leaf(leaf, value)
        if inner:
            result.setdefault(key, {})[inner] = shown
        else:
            result[key] = shown
    return result


def _leaf(leaf: Leaf | None, value: Any) -> Json:
    return value if leaf is None or value is None else leaf(value)


_LEAVES: dict[str, Leaf] = {
    "boolean": bool,
    "json": lambda value: json.loads(value) if isinstance(value, str) else value,
    "integer": lambda value: int(value) if isinstance(value, float) else value,
    "number": lambda value: round(value, 6) if isinstance(value, float) else value,
}
"""What makes a value of SQLite the JSON of a declared type; other types need nothing."""


def _schema_of(part: Part, tool: SqlTool) -> JsonObject:
    schema: JsonObject = tool.schema.returns or {}
    if part.key:
        schema = schema.get("properties", {}).get(part.key, {})
    if part.form == "each":
        schema = schema.get("items", {})
    return schema


def _kind(schema: JsonObject) -> str:
    declared = schema.get("type")
    kinds = set(declared) if isinstance(declared, list) else {declared}
    for kind in ("boolean", "integer", "number"):
        if kind in kinds:
            return kind
    return "json" if kinds & {"array", "object"} else ""
