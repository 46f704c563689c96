"""Goals and entities of a domain, as ``environment.yaml`` declares them, validated with file:line.

What a user may want, what it is about, and how the thing it is about can be found when the user describes it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from gen.conversation import JsonObject
from gen.environments.declaration import Declaration
from gen.errors import BadInput, did_you_mean, unknown_name
from gen.planning.draws import DRAWS, Drawing, drawing
from gen.tools.shapes import TEXT, TEXTS, WEIGHT, check_shape, each
from gen.yaml_file import YamlFile

LAST = "last"
"""The way of describing something that says only that it is the latest."""

_GOAL_KEYS = ("tool", "subject", "where", "refused", "arguments", "confirm", "tells", "not_after", "weight")
_ENTITY_KEYS = ("table", "id", "owner", "find")
_FIND_KEYS = ("by", "tool", "arguments", "rows")

_FIND = {
    "type": "object",
    "properties": {"by": TEXTS | {"minItems": 1}, "tool": TEXT, "rows": TEXT, "arguments": {"type": "object"}},
}
_ENTITIES = each({"type": "object", "properties": {"table": TEXT, "id": TEXT, "owner": TEXT, "find": {"type": "array", "items": _FIND}}})
_GOALS = each(
    {
        "type": "object",
        "properties": {
            "tool": TEXT,
            "subject": TEXT,
            "where": {"type": ["string", "integer"]},
            "refused": each(TEXT),
            "arguments": each({"items": TEXT}),
            "confirm": {"type": "boolean"},
            "tells": TEXTS,
            "not_after": TEXTS,
            "weight": WEIGHT,
        },
    }
)


Source = tuple[str, str, Any]
"""Of an argument: its name, where it comes from, and what is taken there.

A column of "it" or "me"; a list ("each") of (whose, column); a "value"; or what was "drawn" under a name.
"""


@dataclass(frozen=True)
class Find:
    """One way to find an entity: the user says the columns ``by``; ``tool`` is called; matches stand in ``rows`` of its result.

    ``parameters`` are the properties of the tool's parameters.
    """

    by: tuple[str, ...]
    tool: str
    arguments: Mapping[str, Any]
    rows: str
    where: str
    parameters: Mapping[str, JsonObject]

    @property
    def said(self) -> str:
        """The key of ``described`` in phrases.yaml: ``"amount+created_on"``."""
        return "+".join(self.by)

    @cached_property
    def searched(self) -> frozenset[str]:
        """The columns whose values are given to the tool."""
        return frozenset(spec[3:] for spec in self.arguments.values() if isinstance(spec, str) and spec.startswith("it."))

    @cached_property
    def sources(self) -> Sequence[Source]:
        """Where each argument of the call comes from, in the order of the tool's parameters."""
        return [_source(name, self.arguments[name]) for name in self.parameters if name in self.arguments]


@dataclass(frozen=True, slots=True)
class Entity:
    """A kind of thing that people talk about: rows of a table, with an id and perhaps an owner."""

    name: str
    table: str
    id: str
    owner: str | None
    finds: tuple[Find, ...]
    place: str


@dataclass(frozen=True, eq=False)
class Goal:
    """What a user may want; it ends in one call of ``tool``, whose parameters have the properties ``parameters``.

    ``not_after`` names goals after which nobody wants this of the same thing: the refund of what was just cancelled.
    """

    name: str
    tool: str
    subject: str | None
    where: str
    refused: Mapping[str, str]
    arguments: Mapping[str, Any]
    confirm: bool
    tells: tuple[str, ...]
    not_after: tuple[str, ...]
    weight: float
    writes: bool
    place: str
    parameters: Mapping[str, JsonObject]

    @cached_property
    def subject_argument(self) -> str | None:
        """The argument that carries the subject's id, if the call names it."""
        return next((name for name, spec in self.arguments.items() if str(spec).removeprefix("['").startswith("it.")), None)

    @cached_property
    def drawn(self) -> dict[str, JsonObject]:
        """The arguments that are drawn for the plan and said by the user."""
        return {name: spec for name, spec in self.arguments.items() if isinstance(spec, dict) and "value" not in spec}

    @cached_property
    def drawings(self) -> dict[str, Drawing]:
        """How these are drawn."""
        return {name: drawing(spec, self.parameters.get(name, {})) for name, spec in self.drawn.items()}

    @cached_property
    def sources(self) -> Sequence[Source]:
        """Where each argument of the call comes from, in the order of the tool's parameters."""
        drawn = {part for name in self.drawn for part in name.split("+")}
        return [
            (name, "drawn", name) if name in drawn else _source(name, self.arguments[name])
            for name in self.parameters
            if name in drawn or name in self.arguments
        ]

    @cached_property
    def told(self) -> Sequence[Sequence[str]]:
        """The paths of ``tells``, each in its parts."""
        return [path.split(".") for path in self.tells]

    @cached_property
    def needs_person(self) -> bool:
        return any("me." in str(spec) for spec in self.arguments.values())


def read_entities(declaration: Declaration) -> dict[str, Entity]:
    """The declared entities, by name. Raises BadInput with file:line."""
    source = declaration.source
    check_shape(source, "entities", _ENTITIES)
    return {name: _entity(declaration, source, name, data) for name, data in source.data.get("entities", {}).items()}


def read_goals(declaration: Declaration, entities: Mapping[str, Entity]) -> dict[str, Goal]:
    """The declared goals, by name. Raises BadInput with file:line."""
    source = declaration.source
    check_shape(source, "goals", _GOALS)
    goals = source.data.get("goals", {})
    if not goals:
        raise BadInput("the environment declares no goals", where=source.where("goals"))
    return {name: _goal(declaration, source, entities, name, data) for name, data in goals.items()}


def _entity(declaration: Declaration, source: YamlFile, name: str, data: JsonObject) -> Entity:
    keys = ("entities", name)
    _known(source, data, _ENTITY_KEYS, *keys)
    table = _one_of(source, data.get("table"), declaration.tables, "table", *keys, "table")
    columns = declaration.tables[table]["columns"]
    for key in ("id", "owner"):
        if data.get(key) is not None or key == "id":
            _one_of(source, data.get(key), columns, f"column of {table}", *keys, key)
    finds = []
    for i, find in enumerate(data.get("find", ())):
        where = source.where(*keys, "find", i)
        _known(source, find, _FIND_KEYS, *keys, "find", i)
        for key in ("by", "tool", "rows"):
            if key not in find:
                raise BadInput(f"a way to find {name} has no {key!r}", where=where, allowed=", ".join(_FIND_KEYS))
        by = tuple(find["by"])
        for column in by:
            if column != LAST:
                _one_of(source, column, columns, f"column of {table}", *keys, "find", i, "by")
        _one_of(source, find["tool"], declaration.tools, "tool", *keys, "find", i, "tool")
        if declaration.tools[find["tool"]].writes:
            raise BadInput(f"{find['tool']} writes, so nothing can be found with it", where=where, allowed="tools without statements")
        parameters = declaration.tools[find["tool"]].schema.parameters.get("properties", {})
        for argument, spec in find.get("arguments", {}).items():
            _one_of(source, argument, parameters, f"parameter of {find['tool']}", *keys, "find", i, "arguments")
            _reference(declaration, source, spec, table, *keys, "find", i, "arguments", argument)
        finds.append(Find(by, find["tool"], find.get("arguments", {}), find["rows"], where, parameters))
    return Entity(name, table, data["id"], data.get("owner"), tuple(finds), source.where(*keys))


def _goal(declaration: Declaration, source: YamlFile, entities: Mapping[str, Entity], name: str, data: JsonObject) -> Goal:
    keys = ("goals", name)
    _known(source, data, _GOAL_KEYS, *keys)
    tool = _one_of(source, data.get("tool"), declaration.tools, "tool", *keys, "tool")
    declared = declaration.tools[tool]
    subject = data.get("subject")
    if subject is not None:
        _one_of(source, subject, entities, "entity", *keys, "subject")
    for other in data.get("not_after", ()):
        _one_of(source, other, source.data["goals"], "goal", *keys, "not_after")
    guards = {guard.name for guard in declared.guards}
    for guard in data.get("refused", {}):
        _one_of(source, guard, guards, f"guard of {tool}", *keys, "refused", guard)
    for argument, spec in data.get("arguments", {}).items():
        for part in argument.split("+"):
            _one_of(source, part, declared.schema.parameters.get("properties", {}), f"parameter of {tool}", *keys, "arguments", argument)
        if isinstance(spec, str | list):
            for reference in spec if isinstance(spec, list) else [spec]:
                _reference(declaration, source, reference, entities[subject].table if subject else "", *keys, "arguments", argument)
        else:
            _draw(source, entities, spec, *keys, "arguments", argument)
    given = {part for argument in data.get("arguments", {}) for part in argument.split("+")}
    for parameter in declared.schema.required:
        if parameter not in given:
            raise BadInput(f"the goal {name!r} gives no {parameter!r}, which {tool} requires", where=source.where(*keys, "arguments"))
    return Goal(
        name=name,
        tool=tool,
        subject=subject,
        where=str(data.get("where", "1")),
        refused=data.get("refused", {}),
        arguments=data.get("arguments", {}),
        confirm=bool(data.get("confirm", False)),
        tells=tuple(data.get("tells", ())),
        not_after=tuple(data.get("not_after", ())),
        weight=float(data.get("weight", 1)),
        writes=declared.writes,
        place=source.where(*keys),
        parameters=declared.schema.parameters.get("properties", {}),
    )


def _source(name: str, spec: Any) -> Source:
    if isinstance(spec, str):
        return name, spec[:2], spec[3:]
    if isinstance(spec, list):
        return name, "each", [(one[:2], one[3:]) for one in spec]
    return name, "value", spec["value"] if isinstance(spec, dict) else spec


def arguments_of(sources: Sequence[Source], it: JsonObject, me: JsonObject, drawn: JsonObject) -> JsonObject:
    """The arguments of a call, without those that were not drawn."""
    given: JsonObject = {}
    for name, whence, what in sources:
        if whence == "drawn":
            if what in drawn:
                given[name] = drawn[what]
        elif whence == "it":
            given[name] = it[what]
        elif whence == "me":
            given[name] = me[what]
        elif whence == "each":
            given[name] = [(it if whose == "it" else me)[column] for whose, column in what]
        else:
            given[name] = what
    return given


def _draw(source: YamlFile, entities: Mapping[str, Entity], spec: Any, *keys: str | int) -> None:
    kinds = [kind for kind in (*DRAWS, "value") if isinstance(spec, dict) and kind in spec]
    if len(kinds) != 1:
        raise BadInput(
            f"{keys[-1]!r} is declared as {spec!r}",
            where=source.where(*keys),
            allowed="it.column, me.column, or one of " + ", ".join(DRAWS),
        )
    for kind in ("entity", "entities"):
        if kind in spec:
            _one_of(source, spec[kind], entities, "entity", *keys)


def _reference(declaration: Declaration, source: YamlFile, spec: Any, table: str, *keys: str | int) -> None:
    if not isinstance(spec, str):
        return
    whose, dot, column = spec.partition(".")
    if not dot or whose not in ("it", "me"):
        raise BadInput(f"{spec!r} names nothing", where=source.where(*keys), allowed="it.column, me.column, or {value: ...} for a constant")
    if whose == "me":
        if declaration.person is None:
            raise BadInput(f"{spec!r} needs `person:` to name the table of people", where=source.where(*keys))
        table = declaration.person[0]
    if table not in declaration.tables:
        raise BadInput(f"{spec!r} needs a subject", where=source.where(*keys))
    _one_of(source, column, declaration.tables[table]["columns"], f"column of {table}", *keys)


def _known(source: YamlFile, data: Any, allowed: tuple[str, ...], *keys: str | int) -> None:
    if not isinstance(data, dict):
        raise BadInput(f"{keys[-1]!r} holds no mapping", where=source.where(*keys), allowed=", ".join(allowed))
    for key in data:
        if key not in allowed:
            raise BadInput(
                f"unknown key {key!r}", where=source.where(*keys, key), allowed=", ".join(allowed), hint=did_you_mean(key, allowed)
            )


def _one_of(source: YamlFile, value: Any, options: Any, kind: str, *keys: str | int) -> str:
    if value not in options:
        raise unknown_name(kind, str(value), options, where=source.where(*keys))
    return str(value)
