"""The planner: (recipe, slot, attempt) → a plan, and the script of steps that reaches its goal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gen.conversation import Json, JsonObject, Plan
from gen.dice import Dice, Weighted, dice
from gen.errors import unknown_name
from gen.planning.allotment import Allotment
from gen.planning.domain import DomainPlanner
from gen.planning.draft import Draft, Step, Want
from gen.planning.draws import NothingFits
from gen.planning.personas import Persona, personas
from gen.planning.scenarios import SCENARIOS
from gen.recipe import Recipe
from gen.tools.sampling import Distractors
from gen.tools.schema import ToolSchema


@dataclass(slots=True)
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
        self._personas = Weighted({name: w for name, w in model.personas.items() if w > 0} or dict.fromkeys(personas(), 1.0))
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
        persona = personas()[die.among(self._personas)]
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


_UNTIED = frozenset(("money", "integer", "choice", "flag", "text", "choices"))
"""Kinds of what is said that mean the same whoever says it, on whatever day."""


def _needs_system(draft: Draft) -> bool:
    """Whether the talk needs what only a system message says: who is signed in, what day it is, what is known, the policy."""
    if draft.policy or any(step.act in ("question", "unsupported", "know") for step in draft.steps):
        return True
    return any(_tied(draft, want) for step in draft.steps if step.speaker == "user" for want in step.wants)


def _tied(draft: Draft, want: Want) -> bool:
    if want.goal.needs_person or any(said.kind not in _UNTIED for said in want.said.values()):
        return True
    return bool(draft.described(want))
