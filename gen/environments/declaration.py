"""What ``environment.yaml`` declares of tables and tools, validated with file:line.

Goals and entities stand in the same file and are validated by the planner, readings by the checks.
"""

from __future__ import annotations

import re
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
    if person is not None and person not in tables:
        raise unknown_name("table", person, tables, where=source.where("person"))
    return Declaration(
        source=source,
        person=None if person is None else (person, next(iter(tables[person]["columns"]))),
        tables=tables,
        tools={name: _tool(source, name, domain) for name in domain.tools},
        passing_errors=tuple(data.get("passing_errors", ())),
    )


def _mapping(source: YamlFile, *keys: str) -> JsonObject:
    value: Any = source.data
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    if not isinstance(value, dict):
        raise BadInput(f"{'.'.join(keys)!r} holds no mapping", where=source.where(*keys))
    return value


def _tables(source: YamlFile) -> JsonObject:
    tables = _mapping(source, "tables")
    for name, table in tables.items():
        columns = _mapping(source, "tables", name, "columns")
        for unknown in set(table) - {"rows", "per", "columns"}:
            raise BadInput(f"unknown key {unknown!r} of a table", where=source.where("tables", name, unknown), allowed="rows, per, columns")
        for column in (name, *columns):
            if not _NAME.fullmatch(column):
                raise BadInput(
                    f"{column!r} is no name", where=source.where("tables", name, "columns", column), allowed="lower-case letters, digits, _"
                )
        for column, spec in columns.items():
            check_column(source, ("tables", name, "columns", column), spec)
    return tables


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
    for other in data.get("stands_in_for", ()):
        if other not in domain.tools:
            raise unknown_name("tool", other, domain.tools, where=source.where(*keys, "stands_in_for"))
    schema = domain.tools[name]
    tool = SqlTool(
        schema=schema,
        guards=tuple(_guard(source, name, i, guard) for i, guard in enumerate(data.get("guards", ()))),
        statements=tuple((sql, source.where(*keys, "statements", i)) for i, sql in enumerate(data.get("statements", ()))),
        result=_result(source, name, data["result"]),
        stands_in_for=tuple(data.get("stands_in_for", ())),
        where=source.where(*keys),
    )
    _check_parameters(tool)
    return tool


def _guard(source: YamlFile, tool: str, index: int, data: JsonObject) -> Guard:
    where = source.where("tools", tool, "guards", index)
    if not isinstance(data, dict) or set(data) != {"name", "find", "else"}:
        raise BadInput(f"a guard of {tool} is not complete", where=where, allowed="name, find and else")
    return Guard(data["name"], data["find"], data["else"], where)


def _result(source: YamlFile, tool: str, data: Any) -> tuple[Part, ...]:
    keys = ("tools", tool, "result")
    if isinstance(data, str):
        return (Part("", "one", data, source.where(*keys)),)
    parts = []
    for key, form in data.items():
        where = source.where(*keys, key)
        if not isinstance(form, dict) or len(form) != 1 or next(iter(form)) not in _FORMS:
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


def _without_strings(sql: str) -> str:
    return re.sub(r"'(?:[^']|'')*'", "''", sql)
