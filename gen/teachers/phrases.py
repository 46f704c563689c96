"""A domain's ``phrases.yaml``, compiled and validated: how its users ask, and how its assistant asks back and answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from gen.conversation import JsonObject
from gen.environments.declaration import SqlTool
from gen.errors import BadInput, did_you_mean
from gen.planning.goals import Entity, Goal
from gen.teachers.grammar import Grammar, Phrase
from gen.tools.shapes import TEXT, WEIGHT, check_shape, each
from gen.yaml_file import Keys, YamlFile, read_yaml

FORMS = ("do", "want", "know", "ask", "say", "short")
_SECTIONS = (
    "company",
    "system",
    "person",
    "knowledge",
    "parameters",
    "entities",
    "goals",
    "values",
    "answers",
    "errors",
    "unsupported",
    "decline",
    "rules",
)
_GOAL_LISTS = ("why", "confirm", "gist", "cannot", "done")
_GOAL_MAPS = ("with", "clarify", "supply")
_ENTITY_LISTS = ("one", "many", "id", "again", "named", "named_described", "ask", "which", "my")

_PHRASE = {
    "type": ["string", "number", "boolean", "object"],
    "properties": {"say": {"type": ["string", "number", "boolean"]}, "weight": WEIGHT, "when": {"type": "object"}},
}
_PHRASES: JsonObject = {"type": "array", "minItems": 1, "items": _PHRASE}
_SHAPES: Mapping[str, JsonObject] = {
    "company": TEXT,
    "system": _PHRASES,
    "person": _PHRASES,
    "knowledge": each(each(_PHRASES)),
    "parameters": each(TEXT),
    "entities": each({"type": "object"}),
    "goals": each({"type": "object", "properties": {key: each(_PHRASES) for key in _GOAL_MAPS}, "additionalProperties": _PHRASES}),
    "values": each(each(_PHRASES)),
    "answers": each(_PHRASES),
    "errors": each(each(_PHRASES)),
    "unsupported": {"type": "array", "items": each(_PHRASES)},
    "decline": _PHRASES,
    "rules": each(_PHRASES),
}

Phrases = Sequence[Phrase]


@dataclass(frozen=True, slots=True)
class GoalPhrases:
    """How a goal is asked for and spoken of. ``forms`` has the forms of a request; ``maps`` phrases by argument."""

    forms: Mapping[str, Phrases]
    lists: Mapping[str, Phrases]
    maps: Mapping[str, Mapping[str, Phrases]]


@dataclass(frozen=True, slots=True)
class EntityPhrases:
    """How an entity is spoken of. ``described`` is by what the user says of it."""

    lists: Mapping[str, Phrases]
    described: Mapping[str, Phrases]


@dataclass(frozen=True, slots=True)
class Knowledge:
    """A fact that a system message may state, questions that it answers, and the answers."""

    fact: Phrases
    ask: Phrases
    answer: Phrases


@dataclass(frozen=True, slots=True)
class Unsupported:
    """Something people ask for that no tool does."""

    ask: Phrases
    cannot: Phrases


@dataclass(frozen=True)
class DomainPhrases:
    """Everything a domain's phrases say."""

    grammar: Grammar
    company: str
    system: Phrases
    person: Phrases
    knowledge: Mapping[str, Knowledge]
    parameters: Mapping[str, str]
    entities: Mapping[str, EntityPhrases]
    goals: Mapping[str, GoalPhrases]
    values: Mapping[str, Mapping[str, Phrases]]
    answers: Mapping[str, Phrases]
    errors: Mapping[str, Mapping[str, Phrases]]
    unsupported: Sequence[Unsupported]
    decline: Phrases
    smalltalk: Sequence[tuple[Phrases, Phrases]]


@cache
def english() -> YamlFile:
    """The English that all domains share."""
    return read_yaml(Path(__file__).with_name("english.yaml"))


@cache
def _acts() -> YamlFile:
    return read_yaml(Path(__file__).with_name("acts.yaml"))


def read_phrases(
    source: YamlFile, goals: Mapping[str, Goal], entities: Mapping[str, Entity], tools: Mapping[str, SqlTool]
) -> DomainPhrases:
    """Compile a domain's phrases. Raises BadInput with file:line where something is malformed, unknown or missing."""
    _known(source, source.data, _SECTIONS)
    for section, shape in _SHAPES.items():
        check_shape(source, section, shape)
    grammar = Grammar()
    for shared in (english(), _acts()):
        grammar.add_rules(shared)
    grammar.rules["offtopic"] = grammar.phrases(english(), english().data["offtopic"], ("offtopic",))
    grammar.add_rules(source)
    reader = _Reader(source, grammar)
    phrases = DomainPhrases(
        grammar=grammar,
        company=str(source.data.get("company", "")),
        system=reader.list("system"),
        person=reader.list("person") if goals and any(goal.needs_person for goal in goals.values()) else reader.list_or_none("person"),
        knowledge={k: reader.knowledge(k) for k in source.data.get("knowledge") or {}},
        parameters=source.data.get("parameters") or {},
        entities=reader.each("entities", entities, reader.entity),
        goals=reader.each("goals", goals, reader.goal),
        values={field: reader.map("values", field) for field in source.data.get("values") or {}},
        answers=reader.each("answers", _needed(goals, entities, tools), lambda name: reader.list("answers", name)),
        errors={tool: reader.map("errors", tool) for tool in source.data.get("errors") or {}},
        unsupported=[
            Unsupported(reader.list("unsupported", i, "ask"), reader.list("unsupported", i, "cannot"))
            for i in range(len(source.data.get("unsupported") or []))
        ],
        decline=reader.list("decline"),
        smalltalk=_smalltalk(grammar),
    )
    grammar.check(source)
    _check_references(source, phrases, goals, entities, tools)
    return phrases


def _smalltalk(grammar: Grammar) -> list[tuple[Phrases, Phrases]]:
    """Pairs of what a user says in passing and what the assistant answers."""
    shared = _Reader(english(), grammar)
    return [
        (shared.list("smalltalk", i, "user"), shared.list("smalltalk", i, "assistant")) for i in range(len(english().data["smalltalk"]))
    ]


class _Reader:
    """Compiles parts of a phrases file."""

    def __init__(self, source: YamlFile, grammar: Grammar) -> None:
        self._source = source
        self._grammar = grammar

    def at(self, *keys: str | int) -> Any:
        value: Any = self._source.data
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else value[key] if isinstance(value, list) and isinstance(key, int) else None
        return value

    def list(self, *keys: str | int) -> Phrases:
        if self.at(*keys) is None:
            raise BadInput(f"{'.'.join(map(str, keys))} is missing", where=self._source.where(*keys), allowed="a list of alternatives")
        return self._grammar.phrases(self._source, self.at(*keys), keys)

    def list_or_none(self, *keys: str | int) -> Phrases:
        return self.list(*keys) if self.at(*keys) else ()

    def map(self, *keys: str | int) -> Mapping[str, Phrases]:
        mapping = self.at(*keys) or {}
        if not isinstance(mapping, dict):
            raise BadInput(f"{'.'.join(map(str, keys))} holds no mapping", where=self._source.where(*keys))
        return {name: self.list(*keys, name) for name in mapping}

    def each(self, key: str, names: Iterable[str], read: Any) -> Mapping[str, Any]:
        for name in names:
            if self.at(key, name) is None:
                raise BadInput(f"{key} says nothing of {name!r}", where=self._source.where(key), hint=f"add {name}: under {key}:")
        return {name: read(name) for name in self.at(key) or {}}

    def goal(self, name: str) -> GoalPhrases:
        _known(self._source, self.at("goals", name), (*FORMS, *_GOAL_LISTS, *_GOAL_MAPS), "goals", name)
        forms = {form: self.list("goals", name, form) for form in FORMS if self.at("goals", name, form)}
        if not forms:
            raise BadInput(f"the goal {name!r} cannot be asked for", where=self._source.where("goals", name), allowed=", ".join(FORMS))
        lists = {key: self.list("goals", name, key) for key in _GOAL_LISTS if self.at("goals", name, key)}
        return GoalPhrases(forms, lists, {key: self.map("goals", name, key) for key in _GOAL_MAPS})

    def entity(self, name: str) -> EntityPhrases:
        _known(self._source, self.at("entities", name), (*_ENTITY_LISTS, "described", "each"), "entities", name)
        lists = {key: self.list("entities", name, key) for key in _ENTITY_LISTS if self.at("entities", name, key)}
        for key in ("one", "many", "id", "named", "ask"):
            if key not in lists:
                raise BadInput(
                    f"entities.{name}.{key} is missing", where=self._source.where("entities", name), allowed="a list of alternatives"
                )
        return EntityPhrases(lists, self.map("entities", name, "described"))

    def knowledge(self, name: str) -> Knowledge:
        return Knowledge(*(self.list("knowledge", name, part) for part in ("fact", "ask", "answer")))


def _needed(goals: Mapping[str, Goal], entities: Mapping[str, Entity], tools: Mapping[str, SqlTool]) -> list[str]:
    return [name for name in tools if any(goal.tool == name for goal in goals.values())]


def _check_references(
    source: YamlFile, phrases: DomainPhrases, goals: Mapping[str, Goal], entities: Mapping[str, Entity], tools: Mapping[str, SqlTool]
) -> None:
    """Names that lead nowhere, and ways of finding that nobody can say."""
    for section, known in (("goals", goals), ("entities", entities), ("answers", tools), ("errors", tools)):
        for name in source.data.get(section) or {}:
            if name not in known:
                raise BadInput(
                    f"{section}.{name}: environment.yaml knows no such name",
                    where=source.where(section, name),
                    hint=did_you_mean(name, known),
                )
    for entity in entities.values():
        for find in entity.finds:
            if find.said not in phrases.entities[entity.name].described:
                raise BadInput(
                    f"entities.{entity.name}.described does not say {find.said!r}, a way to find it in environment.yaml",
                    where=source.where("entities", entity.name, "described"),
                )
    for tool, guards in (source.data.get("errors") or {}).items():
        names = {guard.name for guard in tools[tool].guards}
        for guard in guards:
            if guard not in names:
                raise BadInput(
                    f"errors.{tool}.{guard}: {tool} has no such guard",
                    where=source.where("errors", tool, guard),
                    allowed=", ".join(sorted(names)),
                )


def _known(source: YamlFile, data: Any, allowed: Sequence[str], *keys: str | int) -> None:
    place: Keys = keys
    if not isinstance(data, dict):
        raise BadInput(
            f"{'.'.join(map(str, place)) or 'the file'} holds no mapping", where=source.where(*place), allowed=", ".join(allowed)
        )
    for key in data:
        if key not in allowed:
            raise BadInput(
                f"unknown key {key!r}", where=source.where(*place, key), allowed=", ".join(allowed), hint=did_you_mean(key, allowed)
            )
