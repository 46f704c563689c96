"""The planner: (recipe, slot, attempt) → a plan, and the script of steps that reaches its goal.

Everything that does not depend on the slot is prepared once in a process: goals, people by split, candidate rows, tools.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from sqlite3 import Row
from typing import Any

from gen.conversation import Json, JsonObject, Plan
from gen.corpus.splits import SmoothRoundRobin
from gen.dice import Dice, dice
from gen.environments.declaration import Declaration, SqlTool
from gen.environments.filling import draw_faker
from gen.environments.sql import SqlEngine
from gen.errors import unknown_name
from gen.planning.allotment import Allotment
from gen.planning.draft import Draft, Step, Want
from gen.planning.draws import NothingFits
from gen.planning.goals import Entity, Goal, read_entities, read_goals
from gen.planning.personas import Persona, personas
from gen.planning.scenarios import SCENARIOS
from gen.recipe import Recipe
from gen.tools.catalogue import Domain
from gen.tools.sampling import Distractors, ToolSampler
from gen.tools.schema import ToolSchema


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan, and what is needed to speak it and to execute it."""

    plan: Plan
    scenario: str
    split: str
    steps: Sequence[Step]
    tools: Sequence[ToolSchema]
    persona: Persona
    me: JsonObject
    system: bool
    policy: bool
    domain: str
    key: str
    slot: int
    attempt: int
    executed: Sequence[tuple[str, JsonObject, Json]] = ()


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
        self._rows: dict[tuple[int, str, str], list[Row]] = {}
        self._fakers: dict[str, list[Any]] = {}
        self._feasible: dict[tuple[str, int], list[Goal]] = {}

    # -- goals

    def goals_for(self, mode: str, count: int) -> list[Goal]:
        """Goals that fit: "id" needs no finding first, "described" does; ``count`` above one needs a subject for each."""
        key = (mode, count)
        if key not in self._feasible:
            fits = [goal for goal in self.goals.values() if self._can_be(goal, mode, count)]
            self._feasible[key] = fits
        return list(self._feasible[key])

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

    def cached_rows(self, engine: SqlEngine, sql: str, me: str, where: str) -> list[Row]:
        """Rows of a query about a person: remembered while the running conversation has written nothing."""
        parameters = {"me": me, "today": engine.today}
        if engine.changed:
            return engine.rows(sql, parameters, where=where)
        key = (id(engine), sql, me)
        if key not in self._rows:
            if len(self._rows) > 200_000:
                self._rows.clear()
            self._rows[key] = engine.rows(sql, parameters, where=where)
        return self._rows[key]

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


class Planner:
    """Plans the conversations of a recipe."""

    def __init__(self, recipe: Recipe, domains: Sequence[DomainPlanner]) -> None:
        model = recipe.model
        for name in model.scenarios:
            if name not in SCENARIOS:
                raise unknown_name("scenario", name, SCENARIOS, where=recipe.where("scenarios", name))
        for name in model.personas:
            if name not in personas():
                raise unknown_name("persona", name, personas(), where=recipe.where("personas", name))
        self._model = model
        self._domains = domains
        self._personas = {name: w for name, w in model.personas.items() if w > 0} or dict.fromkeys(personas(), 1.0)
        self.allotment = Allotment(model.scenarios, model.splits)
        self._numbers = Distractors(
            model.tools.offered.min, model.tools.offered.max, model.tools.distractors.near, model.tools.distractors.far
        )
        self._people: dict[tuple[int, int, str], list[JsonObject]] = {}

    def plan(self, slot: int, attempt: int) -> Planned:
        """The plan of a slot's attempt. Raises NothingFits where this attempt's draws lead nowhere."""
        die = dice(self._model.seed, "slot", slot, "attempt", attempt)
        scenario, split = self.allotment.scenario(slot), self.allotment.split(slot)
        at = die.below(len(self._domains)) if len(self._domains) > 1 else 0
        domain = self._domains[at]
        world = die.below(len(domain.worlds)) if len(domain.worlds) > 1 else 0
        engine = domain.worlds[world]
        me = die.pick(self._people_of(at, world, split))
        persona = personas()[die.weighted(self._personas)]
        faults: dict[int, str] = {}
        key = f"{self._model.name}-{slot:06d}"
        draft = Draft(domain, engine, die, me, faults)
        draft.policy = SCENARIOS[scenario].policy
        engine.begin(key, faults)
        try:
            SCENARIOS[scenario].make(draft)
            state = engine.state()
        finally:
            engine.end()
        system = _needs_system(draft) or not die.chance(0.12)
        plan = Plan(
            today=engine.today,
            goals=tuple(draft.goals),
            calls=tuple(draft.calls),
            facts=tuple(draft.facts),
            state=state,
            person=draft.my_id,
            faults=faults,
            world=world,
        )
        tools = self._offer(domain, draft, scenario, die)
        return Planned(
            plan,
            scenario,
            split,
            draft.steps,
            tools,
            persona,
            me,
            system,
            draft.policy,
            domain.domain.name,
            key,
            slot,
            attempt,
            draft.executed,
        )

    def _offer(self, domain: DomainPlanner, draft: Draft, scenario: str, die: Dice) -> list[ToolSchema]:
        needed = [call.name for step in draft.steps for call in step.calls]
        near = SCENARIOS[scenario].near
        numbers = self._numbers if near is None else Distractors(max(self._numbers.least, 3), self._numbers.most, near, self._numbers.far)
        if draft.missing & set(needed):
            raise NothingFits("the missing tool is needed after all")
        return domain.sampler.offer(needed, numbers, die, without=draft.missing)

    def _people_of(self, at: int, world: int, split: str) -> list[JsonObject]:
        key = (at, world, split)
        if key not in self._people:
            self._people[key] = self._domains[at].people(world, split, self._model.splits)
        return self._people[key]


def _needs_system(draft: Draft) -> bool:
    """Whether the talk needs what only a system message says: who is signed in, what day it is, what is known, the policy."""
    if draft.policy or any(step.act in ("question", "unsupported", "know") for step in draft.steps):
        return True
    return any(_tied(draft, want) for step in draft.steps for want in step.wants)


def _tied(draft: Draft, want: Want) -> bool:
    dated = any(said.kind not in ("money", "integer", "choice", "flag", "text", "choices") for said in want.said.values())
    return want.goal.needs_person or dated or bool(draft.described(want))


def _about_subject(spec: Any) -> bool:
    return "it." in str(spec) or bool({"money", "entity", "entities", "object"} & set(spec))


def _entities(spec: Any) -> list[str]:
    return [spec["entity"]] if "entity" in spec else []
