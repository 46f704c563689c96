"""What ``environment.yaml`` declares of tables and tools, validated with file:line.

Goals and entities stand in the same file and are validated by the planner, readings by the checks.
"""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gen.conversation import JsonObject
from gen.environments.filling import check_column
from gen.errors import BadInput, did_you_mean, unknown_name
from gen.tools.catalogue import Domain
from gen.tools.schema import ToolSchema
from gen.yaml_file import YamlFile

SECTIONS = ("description", "person", "tables", "tools", "passing_errors", "readings", "entities", "goals")
_TOOL_KEYS = ("guards", "statements", "result", "stands_in_for")
_TABLE_KEYS = ("rows", "per", "columns")
_FORMS = ("one", "each", "list", "value")
_PARAMETER = re.compile(r"(?<![:\w]):([a-z_]\w*)")
_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Guard:
    """A query that must find a row, else the call ends in ``refusal`` (``{parameter}`` stands for an argument)."""

    name: str
    find: str
    refusal: str
    where: str


@dataclass(frozen=True, slots=True)
class Part:
    """One key of a result: ``form`` is "one" (object), "each" (list of objects), "list" (of first columns) or "value"."""

    key: str
    form: str
    sql: str
    where: str


@dataclass(frozen=True, slots=True)
class SqlTool:
    """A tool as SQL: guards, then statements, then the result (one query of one row, or parts)."""

    schema: ToolSchema
    guards: tuple[Guard, ...]
    statements: tuple[tuple[str, str], ...]
    result: tuple[Part, ...]
    stands_in_for: tuple[str, ...]
    where: str

    @property
    def writes(self) -> bool:
        return bool(self.statements)


@dataclass(frozen=True, slots=True)
class Declaration:
    """A domain's environment. ``person`` is the table of people and its id column, or None."""

    source: YamlFile
    person: tuple[str, str] | None
    tables: Mapping[str, JsonObject]
    tools: Mapping[str, SqlTool]
    passing_errors: tuple[str, ...]


def declare(domain: Domain) -> Declaration:
    """Read and validate the environment of a domain (not yet its SQL: the engine prepares that)."""
    source = domain.environment
    data = source.data
    for key in data:
        if key not in SECTIONS:
            raise BadInput(f"unknown key {key!r}", where=source.where(key), allowed=", ".join(SECTIONS), hint=did_you_mean(key, SECTIONS))
    tables = _tables(source)
    declared = _mapping(source, "tools")
    for name in declared:
        if name not in domain.tools:
            raise unknown_name("tool", name, domain.tools, where=source.where("tools", name))
    for name in domain.tools:
        if name not in declared:
            raise BadInput(
                f"the tool {name!r} of tools.json has no declaration", where=source.where("tools"), hint=f"add {name}: under tools:"
            )
    person = data.get("person")
    if person is not None and person not in list(tables):
        raise unknown_name("table", str(person), tables, where=source.where("person"))
    return Declaration(
        source=source,
        person=None if person is None else (person, next(iter(tables[person]["columns"]))),
        tables=tables,
        tools={name: _tool(source, name, domain) for name in domain.tools},
        passing_errors=tuple(_texts(source, data, "passing_errors")),
    )


def _mapping(source: YamlFile, *keys: str) -> JsonObject:
    value: Any = source.data
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    if not isinstance(value, dict):
        raise BadInput(f"{'.'.join(keys)!r} holds no mapping", where=source.where(*keys))
    return value


def _list(source: YamlFile, data: JsonObject, key: str, *keys: str) -> list[Any]:
    value: Any = data.get(key, [])
    if not isinstance(value, list):
        raise BadInput(f"{'.'.join((*keys[1:], key))} holds no list", where=source.where(*keys, key))
    return value


def _texts(source: YamlFile, data: JsonObject, key: str, *keys: str) -> list[str]:
    values = _list(source, data, key, *keys)
    for i, value in enumerate(values):
        if not isinstance(value, str):
            raise BadInput(f"{'.'.join((*keys[1:], key))} holds {value!r}", where=source.where(*keys, key, i), allowed="texts")
    return values


def _tables(source: YamlFile) -> JsonObject:
    tables = _mapping(source, "tables")
    for name, table in tables.items():
        columns = _mapping(source, "tables", name, "columns")
        if not columns:
            raise BadInput(f"the table {name!r} has no columns", where=source.where("tables", name, "columns"))
        for unknown in [key for key in table if key not in _TABLE_KEYS]:
            raise BadInput(
                f"unknown key {unknown!r} of a table", where=source.where("tables", name, unknown), allowed=", ".join(_TABLE_KEYS)
            )
        _check_rows(source, name, table.get("rows"))
        _check_name(name, source.where("tables", name))
        for column in columns:
            _check_name(column, source.where("tables", name, "columns", column))
        for column, spec in columns.items():
            check_column(source, ("tables", name, "columns", column), spec)
    return tables


def _check_rows(source: YamlFile, table: str, rows: Any) -> None:
    bounds = [rows.get("min"), rows.get("max")] if isinstance(rows, dict) else [rows]
    if not all(isinstance(bound, int) and bound >= 0 for bound in bounds):
        raise BadInput(
            f"the number of rows of {table!r} is {rows!r}", where=source.where("tables", table, "rows"), allowed="3, or {min: 1, max: 4}"
        )


def _check_name(name: str, where: str) -> None:
    if not _NAME.fullmatch(name):
        raise BadInput(f"{name!r} is no name", where=where, allowed="lower-case letters, digits, _")


def _tool(source: YamlFile, name: str, domain: Domain) -> SqlTool:
    keys = ("tools", name)
    data = _mapping(source, *keys)
    for key in data:
        if key not in _TOOL_KEYS:
            raise BadInput(
                f"unknown key {key!r} of a tool",
                where=source.where(*keys, key),
                allowed=", ".join(_TOOL_KEYS),
                hint=did_you_mean(key, _TOOL_KEYS),
            )
    if "result" not in data:
        raise BadInput(f"{name} declares no result", where=source.where(*keys))
    stands_in_for = _texts(source, data, "stands_in_for", *keys)
    for other in stands_in_for:
        if other not in domain.tools:
            raise unknown_name("tool", other, domain.tools, where=source.where(*keys, "stands_in_for"))
    schema = domain.tools[name]
    tool = SqlTool(
        schema=schema,
        guards=tuple(_guard(source, name, i, guard) for i, guard in enumerate(_list(source, data, "guards", *keys))),
        statements=tuple((sql, source.where(*keys, "statements", i)) for i, sql in enumerate(_texts(source, data, "statements", *keys))),
        result=_result(source, name, data["result"]),
        stands_in_for=tuple(stands_in_for),
        where=source.where(*keys),
    )
    _check_parameters(tool)
    return tool


def _guard(source: YamlFile, tool: str, index: int, data: JsonObject) -> Guard:
    where = source.where("tools", tool, "guards", index)
    if not isinstance(data, dict) or set(data) != {"name", "find", "else"} or not all(isinstance(text, str) for text in data.values()):
        raise BadInput(f"a guard of {tool} is not complete", where=where, allowed="name, find and else, each a text")
    return Guard(data["name"], data["find"], data["else"], where)


def _result(source: YamlFile, tool: str, data: Any) -> tuple[Part, ...]:
    keys = ("tools", tool, "result")
    if isinstance(data, str):
        return (Part("", "one", data, source.where(*keys)),)
    if not isinstance(data, dict) or not data:
        raise BadInput(f"{tool}.result is {data!r}", where=source.where(*keys), allowed="SQL, or a mapping of keys to SQL")
    parts = []
    for key, form in data.items():
        where = source.where(*keys, key)
        if not isinstance(form, dict) or len(form) != 1 or next(iter(form)) not in _FORMS or not isinstance(next(iter(form.values())), str):
            raise BadInput(
                f"{tool}.result.{key} is {form!r}", where=where, allowed="one key of " + ", ".join(f"{{{f}: SQL}}" for f in _FORMS)
            )
        ((kind, sql),) = form.items()
        parts.append(Part(key, kind, sql, where))
    return tuple(parts)


def _check_parameters(tool: SqlTool) -> None:
    known = {*tool.schema.parameters.get("properties", {}), "today"}
    queries = [(g.find, g.where) for g in tool.guards] + list(tool.statements) + [(p.sql, p.where) for p in tool.result]
    for sql, where in queries:
        for name in _PARAMETER.findall(_without_strings(sql)):
            if name not in known:
                raise unknown_name(f"parameter of {tool.schema.name}", name, known, where=where)
    for guard in tool.guards:
        for name in _shown(guard):
            if name not in known - {"today"}:
                raise unknown_name(f"parameter of {tool.schema.name}", name, known - {"today"}, where=guard.where)


def _shown(guard: Guard) -> list[str]:
    """The names in the braces of a refusal."""
    try:
        return [name for _, name, _, _ in string.Formatter().parse(guard.refusal) if name is not None]
    except ValueError as error:
        raise BadInput(f"{guard.refusal!r}: {error}", where=guard.where, allowed="a text with {parameter} in it") from error


def _without_strings(sql: str) -> str:
    return re.sub(r"'(?:[^']|'')*'", "''", sql)
