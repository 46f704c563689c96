"""One domain as the planner sees it: its goals and entities, its people by split, and the rows that a goal can be about.

Everything here does not depend on the slot, and is prepared or remembered once in a process.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence, Set
from functools import cached_property
from sqlite3 import Row
from typing import Any

from gen.conversation import JsonObject
from gen.corpus.splits import SmoothRoundRobin
from gen.dice import Weighted, dice
from gen.environments.declaration import Declaration, SqlTool
from gen.environments.filling import draw_faker
from gen.environments.sql import SqlEngine
from gen.planning.goals import Entity, Goal, read_entities, read_goals
from gen.recipe import Recipe
from gen.tools.catalogue import Domain
from gen.tools.sampling import ToolSampler
from gen.tools.schema import ToolSchema

_REMEMBERED = 50_000
"""Queries whose rows are kept at most."""


class DomainPlanner:
    """One domain as the planner sees it: goals, entities, people, and its worlds."""

    def __init__(
        self, domain: Domain, declaration: Declaration, worlds: Sequence[SqlEngine], recipe: Recipe, others: Sequence[ToolSchema]
    ) -> None:
        self.domain = domain
        self.worlds = worlds
        self.tools: Mapping[str, SqlTool] = declaration.tools
        self.passing_errors = declaration.passing_errors
        self.entities: dict[str, Entity] = read_entities(declaration)
        self._seed = recipe.model.seed
        only = recipe.model.tools.only
        self.declared = read_goals(declaration, self.entities)
        self.goals = {name: goal for name, goal in self.declared.items() if not only or goal.tool in only}
        offered = {name: tool.schema for name, tool in self.tools.items() if not only or name in only}
        self.sampler = ToolSampler(offered, others, {name: tool.stands_in_for for name, tool in self.tools.items()})
        phrases = domain.phrases.data
        self.knowledge = bool(phrases.get("knowledge"))
        self.unsupported = bool(phrases.get("unsupported"))
        self.person = declaration.person
        self._candidates_sql: dict[tuple[str, str], str] = {}
        self._rows: dict[tuple[int, str, str], list[Row]] = {}
        self._whole: dict[tuple[int, str, int], JsonObject] = {}
        self._fakers: dict[str, list[Any]] = {}
        self._feasible: dict[tuple[str, int], list[Goal]] = {}
        self._choices: dict[tuple[str, int], Weighted[Goal]] = {}
        self._try_conditions()

    def _try_conditions(self) -> None:
        """Let SQLite compile what goals say of their subjects, so that a wrong condition is named before any row is made."""
        for goal in self.declared.values():
            for condition in (goal.where, *goal.refused.values()) if goal.subject else ():
                sql = self.candidates_sql(self.entities[goal.subject or ""], condition)
                self.worlds[0].rows(sql, {"me": "", "today": self.worlds[0].today}, where=goal.place)

    # -- goals

    def goals_for(self, mode: str, count: int) -> list[Goal]:
        """Goals that fit: "id" needs no finding first, "described" does; ``count`` above one needs a subject for each."""
        key = (mode, count)
        if key not in self._feasible:
            fits = [goal for goal in self.goals.values() if self._can_be(goal, mode, count)]
            self._feasible[key] = fits
        return list(self._feasible[key])

    def choice(self, mode: str, count: int) -> Weighted[Goal]:
        """The same, to be drawn from."""
        key = (mode, count)
        if key not in self._choices:
            self._choices[key] = Weighted({goal: goal.weight for goal in self.goals_for(mode, count)})
        return self._choices[key]

    @cached_property
    def goals_with_gap(self) -> list[Goal]:
        return [goal for goal in self.goals_for("id", 1) if goal.subject_argument or goal.drawn]

    def _can_be(self, goal: Goal, mode: str, count: int) -> bool:
        finding = self.needs_finding(goal)
        if mode == "described":
            if finding:
                return all(self._findable(name) for spec in goal.drawn.values() for name in _entities(spec))
            return goal.subject is not None and self._findable(goal.subject)
        if finding:
            return False
        return count == 1 or (goal.subject_argument is not None and not any(_about_subject(spec) for spec in goal.drawn.values()))

    def needs_finding(self, goal: Goal) -> bool:
        """Whether an argument is another entity, which people describe."""
        return any(self.entities[name].finds for spec in goal.drawn.values() for name in _entities(spec))

    def _findable(self, entity: str) -> bool:
        return any(self._offers(find.tool) for find in self.entities[entity].finds)

    def _offers(self, tool: str) -> bool:
        return tool in self.sampler.names

    def could_serve(self, tool: str, missing: Set[str]) -> bool:
        """Whether offering this tool would give the missing ones back."""
        return tool in missing or bool(set(self.tools[tool].stands_in_for) & missing)

    def guard_of(self, tool: str, error: str, arguments: JsonObject) -> str:
        """The name of the guard that gave this error, or "" where it was none."""
        shown = {**self.tools[tool].schema.defaults, **arguments}
        for guard in self.tools[tool].guards:
            try:
                if guard.refusal.format_map(shown) == error:
                    return guard.name
            except KeyError:
                continue
        return ""

    # -- rows

    def candidates_sql(self, entity: Entity, condition: str) -> str:
        """The query for the rows of an entity that fit: rowid and id, in order; of the person's own, where there is an owner."""
        key = (entity.name, condition)
        if key not in self._candidates_sql:
            owner = f"{entity.table}.{entity.owner} = :me AND " if entity.owner else ""
            sql = f"SELECT rowid, {entity.id} FROM {entity.table} WHERE {owner}({condition}) ORDER BY rowid"
            self._candidates_sql[key] = sql
        return self._candidates_sql[key]

    def cached_rows(self, engine: SqlEngine, sql: str, me: str, where: str) -> list[Row]:
        """Rows of a query about a person: remembered while the running conversation has written nothing."""
        if engine.changed:
            return engine.rows(sql, {"me": me, "today": engine.today}, where=where)
        key = (id(engine), sql, me)
        rows = self._rows.get(key)
        if rows is None:
            if len(self._rows) >= _REMEMBERED:
                self._rows.clear()
            rows = self._rows[key] = engine.rows(sql, {"me": me, "today": engine.today}, where=where)
        return rows

    def row(self, engine: SqlEngine, entity: Entity, at: int) -> JsonObject:
        """The whole row of an entity, by its rowid: remembered likewise, and not to be changed."""
        key = (id(engine), entity.table, at)
        row = None if engine.changed else self._whole.get(key)
        if row is None:
            row = dict(engine.rows(f"SELECT * FROM {entity.table} WHERE rowid = :at", {"at": at}, where=entity.place)[0])
            if not engine.changed:
                self._whole[key] = row
        return row

    def faker_pool(self, method: str) -> list[Any]:
        """Values of a Faker method for this domain, drawn once."""
        if method not in self._fakers:
            seed = int.from_bytes(hashlib.blake2b(f"{self._seed} {self.domain.name} {method}".encode(), digest_size=4).digest(), "big")
            self._fakers[method] = draw_faker(method, 2000, seed=seed, where=str(self.domain.environment.path))
        return self._fakers[method]

    def people(self, world: int, split: str, shares: Mapping[str, float]) -> list[JsonObject]:
        """The people of a split: divided by the exact shares, in a drawn order, the same in every world."""
        if self.person is None:
            return [{}]
        table, column = self.person
        rows = self.cached_rows(self.worlds[world], f"SELECT * FROM {table} ORDER BY rowid", "", "")
        order = dice(self._seed, "people", self.domain.name).shuffled(range(len(rows)))
        splits = SmoothRoundRobin(shares)
        chosen = {rows[i][column] for k, i in enumerate(order) if splits.at(k) == split}
        return [dict(row) for row in rows if row[column] in chosen]


def _about_subject(spec: Any) -> bool:
    return "it." in str(spec) or bool({"money", "entity", "entities", "object"} & set(spec))


def _entities(spec: Any) -> list[str]:
    return [spec["entity"]] if "entity" in spec else []
