"""What people ask for next: the same thing, the same wish for another, or something new; in view of what was done already.

Used by the scenarios of several turns (``scenarios.py``). Lays down the steps of one more request on the draft.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gen.conversation import Json
from gen.planning.draft import Draft, Want, leaves_at
from gen.planning.draws import NothingFits, Reference
from gen.planning.goals import Goal

DIGRESSIONS = frozenset(("know", "decline"))
"""Replies after which "that one" and "the same for T1004" would mean nothing."""


def follow(draft: Draft, last: Want) -> Want:
    """Another want that refers back where it can: the same thing, the same wish for another, or something new."""
    kind = draft.die.random() if draft.steps[-1].act not in DIGRESSIONS else 1.0
    if kind < 0.45 and (want := _same_thing(draft, last)):
        draft.ask(want, act="next")
    elif kind < 0.65 and (want := _same_wish(draft, last)):
        draft.ask(want, act="same")
    else:
        fresh = [goal for goal in draft.planner.goals_for("id", 1) if goal.name not in draft.goals]
        want = sensible(draft, lambda: draft.want(goals=fresh or draft.planner.goals_for("id", 1)))
        draft.ask(want, act="next")
    draft.serve(want)
    return want


def sensible(draft: Draft, drawn: Callable[[], Want]) -> Want:
    """A want that does not come too late, after what was done to the same thing or told of it."""
    for _ in range(4):
        want = drawn()
        histories = [_history(draft, subject.id) for subject in want.subjects]
        if not any(history.rules_out(want.goal) or want.goal.tool in _told(draft, history.served) for history in histories):
            return want
    raise NothingFits("everything comes too late")


@dataclass(frozen=True, slots=True)
class History:
    """What happened to a thing in this talk: what was served about it, the goals of that and of what made it, and whether it is new."""

    served: list[Want]
    goals: frozenset[str]
    made: bool

    def rules_out(self, goal: Goal) -> bool:
        """Whether nobody wants this of it any more; what is new was just told of."""
        return (self.made and not goal.writes) or not self.goals.isdisjoint(goal.not_after)


def _history(draft: Draft, identifier: str) -> History:
    served: list[Want] = []
    makers: list[Want] = []
    for want in _answered(draft):
        if identifier in [subject.id for subject in want.subjects]:
            served.append(want)
        elif want.goal.writes and _says(want.results, identifier):
            makers.append(want)
    return History(served, frozenset([want.goal.name for want in [*served, *makers]]), bool(makers))


def _answered(draft: Draft) -> list[Want]:
    return [want for step in draft.steps if step.act == "answer" for want in step.wants]


def _says(results: list[Json], identifier: str) -> bool:
    return any(identifier == value for result in results for _, value in leaves_at(result, ()))


def _same_thing(draft: Draft, last: Want) -> Want | None:
    """Something else about what was just spoken of: "and when was it paid?"."""
    if not last.subjects:
        return None
    subject = last.subjects[-1]
    history = _history(draft, subject.id)
    told = _told(draft, history.served)
    weights = {
        goal: goal.weight
        for goal in draft.planner.goals.values()
        if goal.subject == subject.entity
        and goal.name not in draft.goals
        and goal.tool not in told
        and not history.rules_out(goal)
        and not draft.planner.needs_finding(goal)
    }
    while weights:
        goal = draft.die.weighted(weights)
        if any(identifier == subject.id for _, identifier in draft.candidates(goal, goal.where)):
            mode = "again" if len(last.subjects) == 1 else "id"
            return draft.want_about(goal, Reference(subject.entity, subject.row, subject.id, mode))
        del weights[goal]
    return None


def _told(draft: Draft, served: list[Want]) -> set[str]:
    """The tools that could tell nothing new of what this was about: they, or one that says as much, did since it was last changed."""
    tools: set[str] = set()
    for want in served:
        if want.goal.writes:
            tools.clear()
        tools |= {want.goal.tool, *draft.planner.tools[want.goal.tool].stands_in_for}
    return tools


def _same_wish(draft: Draft, last: Want) -> Want | None:
    """The same for another: "and T1004?"."""
    if not last.subjects or last.said:
        return None
    entity = draft.planner.entities[last.subjects[0].entity]
    spoken = {subject.id for want in _answered(draft) for subject in want.subjects}
    places = [at for at, identifier in draft.candidates(last.goal, last.goal.where) if identifier not in spoken]
    if not places:
        return None
    return draft.want_about(last.goal, draft.reference(entity, draft.row(entity, draft.die.pick(places)), "id"), plain=True)
