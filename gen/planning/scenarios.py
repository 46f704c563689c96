"""The scenarios: one small function each, in the table ``SCENARIOS``.

A scenario draws wants and lays down the steps of the talk on a draft. It raises NothingFits where this attempt's world
holds nothing that fits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from gen.planning.draft import Change, Draft, Step, Want
from gen.planning.draws import NothingFits, Reference
from gen.planning.following import DIGRESSIONS, follow, sensible

AMENDABLE = frozenset(("money", "date", "integer", "time"))
"""Kinds of values that people correct in passing."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A kind of conversation. ``near`` is the share of near distractors, None for the recipe's."""

    make: Callable[[Draft], None]
    summary: str
    near: float | None = None
    policy: bool = False


def single(draft: Draft) -> None:
    want = draft.want()
    draft.ask(want)
    draft.serve(want)
    _close(draft)


def parallel(draft: Draft) -> None:
    want = draft.want(count=3 if draft.die.chance(0.25) else 2)
    draft.ask(want)
    draft.serve(want)
    _close(draft)


def parallel_multiple(draft: Draft) -> None:
    first = draft.want()
    others = [goal for goal in draft.planner.goals_for("id", 1) if goal.tool != first.goal.tool and not (goal.writes and first.goal.writes)]
    second = draft.want(goals=others)
    if _same_subject(first, second) and (first.goal.writes or second.goal.writes):
        raise NothingFits("one call would change what the other reads")
    draft.ask(first, second)
    draft.serve(first, second)
    _close(draft)


def chained(draft: Draft) -> None:
    want = draft.want("described")
    draft.ask(want)
    draft.serve(want)
    _close(draft)


def multi_turn(draft: Draft) -> None:
    want = draft.want("described" if draft.die.chance(0.3) else "id")
    draft.ask(want)
    draft.serve(want)
    for _ in range(draft.die.between(1, 3)):
        want = follow(draft, want)
    _close(draft)


def missing_parameter(draft: Draft) -> None:
    want, argument = _with_gap(draft)
    draft.ask(want, withheld=argument)
    draft.say("assistant", "clarify", wants=(want,), argument=argument)
    draft.say("user", "supply", wants=(want,), argument=argument)
    draft.serve(want)
    _close(draft)


def missing_tool(draft: Draft) -> None:
    if draft.planner.unsupported and draft.die.chance(0.45):
        draft.say("user", "unsupported")
        draft.say("assistant", "unsupported")
    else:
        want = draft.want("described" if draft.die.chance(0.3) else "id")
        draft.missing.add(want.goal.tool)
        draft.ask(want)
        draft.goals.clear()
        draft.say("assistant", "cannot", wants=(want,))
    if draft.die.chance(0.3):
        others = [goal for goal in draft.planner.goals_for("id", 1) if not draft.planner.could_serve(goal.tool, draft.missing)]
        second = draft.want(goals=others)
        draft.ask(second, act="instead")
        draft.serve(second)
    _close(draft, 0.35)


def irrelevant(draft: Draft) -> None:
    draft.say("user", "offtopic")
    draft.say("assistant", "decline")
    if draft.die.chance(0.25):
        want = draft.want()
        draft.ask(want, act="instead")
        draft.serve(want)
    _close(draft, 0.25)


def no_call(draft: Draft) -> None:
    kind = draft.die.random()
    if kind < 0.62 and draft.planner.knowledge:
        draft.say("user", "question")
        draft.say("assistant", "know")
    elif kind < 0.9:
        want = draft.want()
        draft.ask(want)
        draft.serve(want)
        draft.say("user", "again", wants=(want,))
        draft.say("assistant", "repeat", wants=(want,))
    else:
        draft.say("user", "smalltalk")
        draft.say("assistant", "smalltalk")
    _close(draft, 0.3)


def amended(draft: Draft) -> None:
    if draft.die.chance(0.45):
        _amended_after(draft)
    else:
        _amended_before(draft)
    _close(draft)


def confirmed_write(draft: Draft) -> None:
    mode = "described" if draft.die.chance(0.35) else "id"
    want = draft.want(mode, goals=[goal for goal in draft.planner.goals_for(mode, 1) if goal.confirm])
    draft.ask(want)
    draft.find(want)
    draft.say("assistant", "confirm", wants=(want,))
    if draft.die.chance(0.82):
        draft.say("user", "yes", wants=(want,))
        draft.serve(want, confirm=False)
    else:
        draft.say("user", "no", wants=(want,))
        draft.say("assistant", "leave", wants=(want,))
        draft.goals.clear()
    _close(draft, 0.3)


def tool_error(draft: Draft) -> None:
    draft.die.pick((_refused, _refused, _not_found, _passing))(draft)
    _close(draft, 0.3)


def long(draft: Draft) -> None:
    want = draft.want("described" if draft.die.chance(0.4) else "id")
    draft.ask(want)
    draft.serve(want)
    turns = draft.die.between(10, 13)
    while sum(step.speaker == "user" for step in draft.steps) < turns:
        want = _go_on(draft, want)
    draft.say("user", "bye")
    draft.say("assistant", "welcome")


def _go_on(draft: Draft, want: Want) -> Want:
    """One more turn of a long talk; what was just said is not asked for a second time, and no digression follows another."""
    kind = draft.die.random()
    last = draft.steps[-1].act
    if 0.62 <= kind < 0.74 and draft.planner.knowledge and last not in DIGRESSIONS:
        draft.say("user", "question")
        draft.say("assistant", "know")
    elif 0.74 <= kind < 0.84 and last == "answer":
        draft.say("user", "again", wants=(want,))
        draft.say("assistant", "repeat", wants=(want,))
    elif 0.84 <= kind < 0.92:
        want = sensible(draft, lambda: draft.want("described"))
        draft.ask(want, act="next")
        draft.serve(want)
    elif kind >= 0.92 and last not in DIGRESSIONS:
        draft.say("user", "offtopic")
        draft.say("assistant", "decline")
    else:
        want = follow(draft, want)
    return want


# -- parts of scenarios


def _close(draft: Draft, share: float = 0.22) -> None:
    """Sometimes people say thanks, and are answered; less gladly where they did not get what they came for."""
    if draft.die.chance(share):
        mood = "let_down" if _disappoints(draft.steps[-1]) else None
        draft.say("user", "bye", detail=mood)
        draft.say("assistant", "welcome", detail=mood)


def _disappoints(last: Step) -> bool:
    """Whether the last reply is not what people hope for: a refusal, or nothing found."""
    if last.act in ("cannot", "unsupported", "explain", "decline"):
        return True
    results = [result for want in last.wants for result in want.results if isinstance(result, dict)]
    return last.act == "answer" and any(value == [] for result in results for value in result.values())


def _with_gap(draft: Draft) -> tuple[Want, str]:
    """A want and an argument of it that the user leaves out at first."""
    for _ in range(4):
        want = draft.want("described" if draft.die.chance(0.15) else "id", goals=draft.planner.goals_with_gap)
        required = draft.planner.tools[want.goal.tool].schema.required
        gaps = [name for name in want.said if all(part in required for part in name.split("+"))]
        if want.subjects and want.subjects[0].mode == "id" and want.goal.subject_argument:
            gaps += [want.goal.subject_argument] * 2
        if gaps:
            return want, draft.die.pick(gaps)
    raise NothingFits("nothing to leave out")


def _amended_before(draft: Draft) -> None:
    """The user changes a value before anything was done: in the same breath, when asked for something else, or to confirm."""
    goals = [
        goal
        for goal in draft.planner.goals_for("id", 1)
        if any(AMENDABLE & set(spec) and "optional" not in spec for spec in goal.drawn.values())
    ]
    want = draft.want(goals=goals)
    arguments = [name for name, said in want.said.items() if said.kind in AMENDABLE]
    if not arguments:
        raise NothingFits("nothing to amend")
    argument = draft.die.pick(arguments)
    old = draft.redraw(want, argument)
    change = Change(argument, old, want.said[argument])
    want.changed = change
    required = draft.planner.tools[want.goal.tool].schema.required
    gaps = [name for name in want.said if name != argument and name in required]
    if gaps and draft.die.chance(0.5):
        gap = draft.die.pick(gaps)
        draft.ask(want, withheld=gap, before=change)
        draft.say("assistant", "clarify", wants=(want,), argument=gap, change=change)
        draft.say("user", "supply", wants=(want,), argument=gap, change=change)
    elif want.goal.confirm:
        draft.policy = True
        draft.ask(want, before=change)
        draft.say("assistant", "confirm", wants=(want,), change=change)
        draft.say("user", "amend", wants=(want,), change=change)
    else:
        draft.ask(want, before=change)
        draft.steps[-1] = replace(draft.steps[-1], detail="amend")
    draft.serve(want, confirm=False)


def _amended_after(draft: Draft) -> None:
    """The user asked about the wrong thing, and sees it only in the answer."""
    goals = [goal for goal in draft.planner.goals_for("id", 1) if not goal.writes and goal.subject and not goal.drawn]
    want = draft.want(count=1, goals=goals)
    draft.ask(want)
    draft.serve(want)
    entity = draft.planner.entities[want.goal.subject or ""]
    places = [at for at, identifier in draft.candidates(want.goal, want.goal.where) if identifier != want.subjects[0].id]
    if not places:
        raise NothingFits("no other to mean")
    meant = draft.want_about(want.goal, draft.reference(entity, draft.row(entity, draft.die.pick(places)), "id"), plain=True)
    draft.ask(meant, act="correct")
    draft.serve(meant)


def _refused(draft: Draft) -> None:
    """A guard says no, and the assistant says why."""
    want = _want_refused(draft)
    draft.ask(want)
    draft.act(want, expected="error")
    draft.say(
        "assistant", "explain", wants=(want,), detail=draft.planner.guard_of(want.goal.tool, want.results[0]["error"], want.arguments[0])
    )


def _want_refused(draft: Draft) -> Want:
    """A want that one of its tool's guards refuses, about something of this person's."""
    options = [(goal, guard) for goal in draft.planner.goals_for("id", 1) for guard in sorted(goal.refused)]
    for goal, guard in draft.die.shuffled(options)[:12]:
        if draft.candidates(goal, goal.refused[guard]):
            return draft.want(goals=[goal], refused=guard)
    raise NothingFits("nothing is refused")


def _not_found(draft: Draft) -> None:
    """The user gives a wrong id, and then the right one."""
    goals = [goal for goal in draft.planner.goals_for("id", 1) if goal.subject and goal.subject_argument]
    want = draft.want(goals=goals)
    right = want.subjects[0]
    wrong = _misread(draft, right)
    name = str(want.goal.subject_argument)
    given = [wrong] if isinstance(want.arguments[0][name], list) else wrong
    asked = Want(want.goal, [replace(right, id=wrong)], [{**want.arguments[0], name: given}], want.said)
    draft.ask(asked)
    draft.act(asked, expected="error")
    draft.say(
        "assistant",
        "explain",
        wants=(asked,),
        detail=draft.planner.guard_of(asked.goal.tool, asked.results[0]["error"], asked.arguments[0]),
    )
    draft.say("user", "right_id", wants=(want,))
    draft.serve(want)


def _passing(draft: Draft) -> None:
    """A passing fault: the same call once more."""
    if not draft.planner.passing_errors:
        raise NothingFits("the domain declares no passing errors")
    want = draft.want()
    draft.ask(want)
    draft.stumble(want, draft.die.pick(draft.planner.passing_errors))
    draft.act(want, reason="retry")
    draft.say("assistant", "answer", wants=(want,), detail="retried")


def _misread(draft: Draft, reference: Reference) -> str:
    """The id with two digits swapped or one changed, such that nothing has it."""
    entity = draft.planner.entities[reference.entity]
    known = {row[entity.id] for row in draft.planner.cached_rows(draft.engine, f"SELECT {entity.id} FROM {entity.table}", "", entity.place)}
    places = [i for i, c in enumerate(reference.id) if c.isdigit()]
    for _ in range(12):
        letters = list(reference.id)
        at = draft.die.pick(places)
        letters[at] = str((int(letters[at]) + draft.die.between(1, 9)) % 10)
        wrong = "".join(letters)
        if wrong not in known and not (at == places[0] and letters[at] == "0"):
            return wrong
    raise NothingFits("every near id is taken")


def _same_subject(one: Want, other: Want) -> bool:
    return bool({r.id for r in one.subjects} & {r.id for r in other.subjects})


SCENARIOS: dict[str, Scenario] = {
    "single": Scenario(single, "one call"),
    "multiple": Scenario(single, "one call, to be picked among similar tools", near=1.0),
    "parallel": Scenario(parallel, "independent calls of one tool in one turn"),
    "parallel_multiple": Scenario(parallel_multiple, "independent calls of different tools in one turn"),
    "chained": Scenario(chained, "a result feeds the next call"),
    "multi_turn": Scenario(multi_turn, "several goals, later ones refer back"),
    "missing_parameter": Scenario(missing_parameter, "the assistant asks for what is missing"),
    "missing_tool": Scenario(missing_tool, "the needed tool is not offered; the assistant says so"),
    "irrelevant": Scenario(irrelevant, "nothing to do with the tools"),
    "no_call": Scenario(no_call, "answerable from what was said"),
    "amended": Scenario(amended, "the user changes their mind"),
    "confirmed_write": Scenario(confirmed_write, "a destructive act is confirmed first", policy=True),
    "tool_error": Scenario(tool_error, "not found, refused, or a passing fault"),
    "long": Scenario(long, "ten turns or more"),
}
