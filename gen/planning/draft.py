"""The draft of one conversation: wants are drawn, calls are executed once, and the steps of the talk are laid down.

Scenarios drive it. What it holds at the end becomes the plan, and a script of steps that the simulator speaks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from sqlite3 import Row
from typing import Any, Literal

from gen.conversation import ExpectedCall, Fact, Json, JsonObject
from gen.dice import Dice, Weighted
from gen.environments.sql import SqlEngine
from gen.planning.domain import DomainPlanner
from gen.planning.draws import NothingFits, Reference, Said
from gen.planning.goals import LAST, Entity, Find, Goal, arguments_of


@dataclass(slots=True)
class Change:
    """The user first says ``old`` for an argument, and then ``new``."""

    argument: str
    old: Said
    new: Said


@dataclass(slots=True)
class Want:
    """One goal of this conversation: what it is about, the arguments, and what became of it.

    ``arguments`` holds one object for each subject (one, where there is no subject); ``fed_by`` the indexes of the calls that
    found what the user described, None as long as nobody looked.
    """

    goal: Goal
    subjects: list[Reference]
    arguments: list[JsonObject]
    said: dict[str, Said]
    calls: list[int] = field(default_factory=list)
    results: list[Json] = field(default_factory=list)
    fed_by: Sequence[int] | None = None
    changed: Change | None = None

    @property
    def found(self) -> bool:
        """Whether the assistant has looked for what the user described."""
        return self.fed_by is not None


@dataclass(slots=True)
class Step:
    """One act of the talk. Which fields an act uses is said where it is spoken, in gen/teachers."""

    speaker: str
    act: str
    wants: tuple[Want, ...] = ()
    argument: str = ""
    calls: tuple[ExpectedCall, ...] = ()
    change: Change | None = None
    detail: Any = None


class Draft:
    """What a scenario works on."""

    def __init__(self, planner: DomainPlanner, engine: SqlEngine, die: Dice, me: JsonObject, faults: dict[int, str]) -> None:
        self.planner = planner
        self.engine = engine
        self.die = die
        self.me = me
        self.my_id: str = next(iter(me.values()), "")
        self.faults = faults
        self.today = engine.today
        self.steps: list[Step] = []
        self.calls: list[ExpectedCall] = []
        self.facts: list[Fact] = []
        self.goals: list[str] = []
        self.policy = False
        self.missing: set[str] = set()
        self.executed: list[tuple[str, JsonObject, Json]] = []

    # -- what a user wants

    def want(self, mode: str = "id", *, count: int = 1, goals: Sequence[Goal] | None = None, refused: str = "") -> Want:
        """Draw a goal and everything it needs. ``mode`` is how subjects are spoken of; ``refused`` names a guard that says no."""
        options = self.planner.choice(mode, count) if goals is None else Weighted({goal: goal.weight for goal in goals})
        for _ in range(8):
            if not options.options:
                break
            goal = self.die.among(options)
            try:
                return self._want(goal, mode, count, refused)
            except NothingFits:
                options = Weighted({other: other.weight for other in options.options if other is not goal})
        raise NothingFits(f"no goal fits ({mode}, {count})")

    def want_about(self, goal: Goal, subject: Reference, *, plain: bool = False) -> Want:
        """The same, of this goal and this subject; ``plain``: without optional arguments, which nobody would say."""
        return self._fill(goal, [subject], plain=plain)

    def _want(self, goal: Goal, mode: str, count: int, refused: str) -> Want:
        if goal.subject is None:
            return self._fill(goal, [])
        rows = self.candidates(goal, goal.refused[refused] if refused else goal.where)
        if len(rows) < count:
            raise NothingFits(f"too few rows for {goal.name}")
        entity = self.planner.entities[goal.subject]
        return self._fill(goal, [self.reference(entity, self.row(entity, at), mode) for at, _ in self.die.sample(rows, count)])

    def _fill(self, goal: Goal, subjects: list[Reference], *, plain: bool = False) -> Want:
        said: dict[str, Said] = {}
        drawn: JsonObject = {}
        it = subjects[0].row if subjects else {}
        for name, drawing in goal.drawings.items():
            if drawing.optional is not None and not self.die.chance(0.0 if plain else drawing.optional):
                continue
            value, spoken = drawing.draw(self, self.die, it)
            if "+" in name:
                drawn.update(zip(name.split("+"), value, strict=True))
            else:
                drawn[name] = value
            said[name] = spoken
        rows = [subject.row for subject in subjects] or [{}]
        return Want(goal, subjects, [arguments_of(goal.sources, row, self.me, drawn) for row in rows], said)

    def redraw(self, want: Want, argument: str) -> Said:
        """Give one drawn argument another value; returns what was said before. Raises NothingFits where it comes out the same."""
        old = want.said[argument]
        it = want.subjects[0].row if want.subjects else {}
        for _ in range(6):
            value, spoken = want.goal.drawings[argument].draw(self, self.die, it)
            if spoken.value != old.value:
                want.said[argument] = spoken
                for arguments in want.arguments:
                    arguments[argument] = value
                return old
        raise NothingFits(f"no other {argument}")

    # -- the world, as draws see it

    def candidates(self, goal: Goal, condition: str) -> list[Row]:
        """Rows that the goal can be about, as (rowid, id): the person's own, where there is an owner."""
        return [] if goal.subject is None else self.rows_of(self.planner.entities[goal.subject], condition)

    def rows_of(self, entity: Entity, condition: str) -> list[Row]:
        return self.planner.cached_rows(self.engine, self.planner.candidates_sql(entity, condition), self.my_id, entity.place)

    def row(self, entity: Entity, at: int) -> JsonObject:
        """The whole row of a candidate, by its rowid."""
        return self.planner.row(self.engine, entity, at)

    def query(self, sql: str, where: str) -> list[Row]:
        return self.planner.cached_rows(self.engine, sql, self.my_id, where)

    def faker(self, method: str, die: Dice) -> Json:
        return die.pick(self.planner.faker_pool(method))

    def refer(self, entity: str, condition: str, count: int, *, by_id: bool) -> list[Reference]:
        """References to rows of an entity, for an argument of a goal."""
        declared = self.planner.entities[entity]
        rows = self.rows_of(declared, condition)
        if len(rows) < count:
            raise NothingFits(f"too few rows of {entity}")
        mode = "described" if declared.finds and not by_id else "id"
        return [self.reference(declared, self.row(declared, at), mode) for at, _ in self.die.sample(rows, count)]

    def reference(self, entity: Entity, row: JsonObject, mode: str) -> Reference:
        """How the user speaks of this row. Raises NothingFits where it cannot be described so that one row fits."""
        identifier = row[entity.id]
        if mode != "described":
            return Reference(entity.name, row, identifier, mode)
        for find in self.die.shuffled(entity.finds):
            if self._finds(entity, find, row):
                return Reference(entity.name, row, identifier, "described", find.by)
        raise NothingFits(f"no way to find {identifier}")

    def _finds(self, entity: Entity, find: Find, row: JsonObject) -> bool:
        if any(row.get(column) is None for column in find.by if column != LAST):
            return False
        try:
            result = self.engine.look(find.tool, self.find_arguments(find, row))
        except KeyError:
            return False
        matches = result.get(find.rows, []) if isinstance(result, dict) else []
        if find.by == (LAST,):
            return bool(matches) and matches[0].get(entity.id) == row[entity.id]
        told = [m for m in matches if all(m.get(column, row[column]) == row[column] for column in find.by)]
        silent = [column for column in find.by if matches and column not in matches[0] and column not in find.searched]
        return len(told) == 1 and told[0].get(entity.id) == row[entity.id] and not silent

    def find_arguments(self, find: Find, row: JsonObject) -> JsonObject:
        """The arguments of the call that finds this row; what is null there is not searched for."""
        return {name: value for name, value in arguments_of(find.sources, row, self.me, {}).items() if value is not None}

    def find_of(self, reference: Reference) -> Find:
        entity = self.planner.entities[reference.entity]
        return next(find for find in entity.finds if find.by == reference.by)

    # -- calls

    def execute(self, name: str, arguments: JsonObject, after: Sequence[int] = (), *, expected: str = "result") -> tuple[int, Json]:
        """Execute a call that the plan requires. Raises NothingFits where it does not come out as expected."""
        result = self._call(name, arguments)
        outcome: Literal["error", "result"] = "error" if isinstance(result, dict) and set(result) == {"error"} else "result"
        if outcome != expected:
            raise NothingFits(f"{name}: {result}")
        self.calls.append(ExpectedCall(name, arguments, outcome, tuple(after)))
        return len(self.calls) - 1, result

    def _call(self, name: str, arguments: JsonObject) -> Json:
        result = self.engine.call(name, arguments)
        self.executed.append((name, arguments, result))
        return result

    # -- steps

    def say(self, speaker: str, act: str, **fields: Any) -> None:
        self.steps.append(Step(speaker, act, **fields))

    def ask(self, *wants: Want, act: str = "request", withheld: str = "", before: Change | None = None) -> None:
        """The user asks for these; without the argument that is withheld, and with the old value of what they will change."""
        self.goals.extend(want.goal.name for want in wants)
        self.say("user", act, wants=wants, argument=withheld, change=before)

    def serve(self, *wants: Want, confirm: bool | None = None) -> None:
        """The assistant finds what was described, confirms where the policy says so, calls, and answers."""
        for want in wants:
            self.find(want)
        if self.policy and any(want.goal.confirm for want in wants) and confirm is None:
            self.say("assistant", "confirm", wants=wants)
            self.say("user", "yes", wants=wants)
        self.act(*wants)
        self.say("assistant", "answer", wants=wants)

    def find(self, want: Want) -> list[int]:
        """Call what is needed to find the things that the user described. Returns the indexes of these calls."""
        if want.fed_by is not None:
            return []
        want.fed_by = indexes = []
        for reference in self.described(want):
            find = self.find_of(reference)
            arguments = self.find_arguments(find, reference.row)
            index, _ = self.execute(find.tool, arguments)
            indexes.append(index)
            self.say("assistant", "call", wants=(want,), calls=(self.calls[index],), detail=("find", reference))
        return indexes

    def described(self, want: Want) -> list[Reference]:
        """The references of a want that have to be found first."""
        return [reference for reference in references_of(want) if reference.mode == "described"]

    def stumble(self, want: Want, error: str) -> None:
        """The want's call meets a passing error."""
        self.faults[len(self.executed)] = error
        self._call(want.goal.tool, want.arguments[0])
        self.say("assistant", "call", wants=(want,), calls=(ExpectedCall(want.goal.tool, want.arguments[0]),), detail=("act", None))

    def act(self, *wants: Want, expected: str = "result", reason: str = "act") -> None:
        """The calls that end these wants, in one turn."""
        made: list[ExpectedCall] = []
        for want in wants:
            after = want.fed_by or ()
            for arguments in want.arguments:
                index, result = self.execute(want.goal.tool, arguments, after, expected=expected)
                want.calls.append(index)
                want.results.append(result)
                made.append(self.calls[index])
                if expected == "result":
                    self._tell(want.goal, index, result)
        self.say("assistant", "call", wants=wants, calls=tuple(made), detail=(reason, None))

    def _tell(self, goal: Goal, index: int, result: Json) -> None:
        for path in goal.told:
            self.facts += [Fact(index, place, value) for place, value in leaves_at(result, path)]


def references_of(want: Want) -> list[Reference]:
    """Everything that a want refers to: its subjects and its arguments that are other entities."""
    references = want.subjects.copy()
    for said in want.said.values():
        if said.kind in _REFERRING:
            references += _references(said)
    return references


_REFERRING = frozenset(("reference", "references", "values"))
"""Kinds of what is said that are, or hold, references."""


def _references(said: Said) -> list[Reference]:
    if said.kind == "reference":
        return [said.value]
    if said.kind == "references":
        return list(said.value)
    return [r for _, inner in said.value for r in _references(inner)] if said.kind == "values" else []


def leaves_at(value: Json, path: Sequence[str], place: str = "") -> list[tuple[str, Json]]:
    """The scalar leaves at a path such as ``transactions.*.amount``, each with its place; nulls are left out."""
    if not path:
        if isinstance(value, dict):
            return [leaf for key, child in value.items() for leaf in leaves_at(child, (), _join(place, key))]
        if isinstance(value, list):
            return [leaf for i, child in enumerate(value) for leaf in leaves_at(child, (), _join(place, i))]
        return [] if value is None else [(place, value)]
    head, tail = path[0], path[1:]
    if isinstance(value, list):
        return [leaf for i, child in enumerate(value) for leaf in leaves_at(child, tail if head == "*" else path, _join(place, i))]
    if isinstance(value, dict) and head in value:
        return leaves_at(value[head], tail, _join(place, head))
    return []


def _join(place: str, key: str | int) -> str:
    return f"{place}.{key}" if place else str(key)
