"""FC6xx: was the plan's goal reached? The required calls, in an order that works, and the final state.

How a thing that was described is found is the assistant's business: another read may stand in for a search (``_stand_in``). The
third part of the goal, the facts that the user asked for, is FC403. A row without a plan has no goal to miss.
"""

from __future__ import annotations

from collections.abc import Iterator

from gen.checks.context import Context
from gen.checks.grounding import returned, trace_row
from gen.checks.row import Executed, Match, Row
from gen.checks.rule import Rule
from gen.checks.states import ID
from gen.checks.values import same
from gen.conversation import ExpectedCall, JsonObject, Plan, Problem


def match_calls(row: Row) -> Match:
    """Pair each expected call with the first made one that means the same, came out as expected and serves no other."""
    if row.matched is None:
        row.matched = _matched(row)
    return row.matched


def _matched(row: Row) -> Match:
    plan = row.conversation.plan
    if plan and [executed.key for executed in row.calls] == row.expected and all(map(_came_out, row.calls, plan.calls)):
        return Match(tuple(row.calls), ())
    served: list[Executed | None] = []
    taken: set[int] = set()
    for expected, key in zip(plan.calls if plan else (), row.expected, strict=True):
        candidates = (e for e in row.calls if e.key == key and _came_out(e, expected) and e.ordinal not in taken)
        chosen = next(candidates, None)
        served.append(chosen)
        if chosen is not None:
            taken.add(chosen.ordinal)
    if plan and None in served:
        _stand_in(row, plan, served)
    wanted = set(row.expected)
    return Match(tuple(served), tuple([executed for executed in row.calls if executed.key not in wanted]))


def _stand_in(row: Row, plan: Plan, served: list[Executed | None]) -> None:
    """Let searches that were not made be served by other reads that found what the calls after them act on.

    All of these calls have to be served, and what they take from results has to stand in the result of a read before them.
    """
    for index in range(len(served) - 1, -1, -1):  # the last first: the search for a search may have become needless with it
        if served[index] is None and _only_finds(row, plan, index):
            later = [served[i] for i, call in enumerate(plan.calls) if index in call.after]
            finds = [_found_by(row, executed) if executed is not None else None for executed in later]
            if finds and all(finds):
                served[index] = finds[0]


def _only_finds(row: Row, plan: Plan, index: int) -> bool:
    """Whether the plan's call reads, returns something, and holds no fact that the user asked for."""
    expected = plan.calls[index]
    return expected.outcome == "result" and not row.writes(expected.name) and all(fact.call != index for fact in plan.facts)


def _found_by(row: Row, executed: Executed) -> Executed | None:
    """The read whose result holds all that the arguments of a call take from results; None where they take nothing, or no read does.

    An id that the user has said as well (of another matter, or because it was read to them) counts where nothing else is taken.
    """
    sources = {source.path: source.kind for source in trace_row(row)[0] if source.call == executed.ordinal}
    taken = [value for path, _, value in executed.leaves if sources.get(path) == "result"]
    if not taken:
        said = [value for path, _, value in executed.leaves if sources.get(path) == "user"]
        taken = [value for value in said if isinstance(value, str) and ID.fullmatch(value)]
    reads = [e for e in row.calls if e.succeeded and 0 <= e.answered < executed.message and not row.writes(e.call.name)]
    return next((e for e in reads if taken and all(returned(row, e.answered, value) for value in taken)), None)


def _came_out(executed: Executed, expected: ExpectedCall) -> bool:
    return executed.succeeded == (expected.outcome == "result")


def required_calls(row: Row, context: Context) -> Iterator[Problem]:
    plan = row.conversation.plan
    if plan is None:
        return
    match = match_calls(row)
    for index, (expected, executed) in enumerate(zip(plan.calls, match.served, strict=True)):
        if executed is None:
            yield from _missing(row, index, expected, match)
            continue
        for needed in expected.after:
            before = match.served[needed] if 0 <= needed < len(match.served) else None
            if before is None or before.ordinal < executed.ordinal:
                continue
            if not (_only_finds(row, plan, needed) and _found_by(row, executed)):
                yield executed.where, f"{expected.name!r} was called before {plan.calls[needed].name!r}, which it needs"


def _missing(row: Row, index: int, expected: ExpectedCall, match: Match) -> Iterator[Problem]:
    for executed in row.calls:
        if executed.key == row.expected[index] and executed not in match.served:
            came = "an error" if executed.error is not None else "a result" if executed.succeeded else "nothing"
            yield executed.where, f"the plan's call of {expected.name!r} was to end in {_OUTCOME[expected.outcome]}, but {came} came back"
            return
    for executed in match.extra:
        if executed.call.name == expected.name:
            differences = _differences(row, expected, executed.call.arguments)
            yield f"{executed.where}.arguments", f"the plan calls {expected.name!r} with other arguments: {differences}"
            return
    yield f"plan.calls[{index}]", f"the required call of {expected.name!r} with {expected.arguments!r} was not made"


_OUTCOME = {"result": "a result", "error": "an error"}


def _differences(row: Row, expected: ExpectedCall, made: JsonObject) -> str:
    defaults = row.defaults(expected.name)
    planned, made = {**defaults, **expected.arguments}, {**defaults, **made}
    parts = []
    for name in sorted(planned.keys() | made.keys()):
        if name not in made:
            parts.append(f"{name}={planned[name]!r} is left out")
        elif name not in planned:
            parts.append(f"{name}={made[name]!r} is not in the plan")
        elif not same(planned[name], made[name]):
            parts.append(f"{name}={made[name]!r} instead of {planned[name]!r}")
    return ", ".join(parts)


def final_state(row: Row, context: Context) -> Iterator[Problem]:
    plan = row.conversation.plan
    if plan is None or not plan.state:
        return
    state = row.replay.state if row.replay else context.state
    if state and state != plan.state:
        yield "plan.state", f"the environment ends in state {state[:12]}…, the plan's is {plan.state[:12]}…"


def extra_reads(row: Row, context: Context) -> Iterator[Problem]:
    for executed in _extra(row):
        if not row.writes(executed.call.name):
            yield executed.where, f"the plan does not ask for this call of {executed.call.name!r}; it only reads"


def extra_writes(row: Row, context: Context) -> Iterator[Problem]:
    for executed in _extra(row):
        if row.writes(executed.call.name):
            yield executed.where, f"the plan does not ask for this call of {executed.call.name!r}, which changes things"


def _extra(row: Row) -> tuple[Executed, ...]:
    return match_calls(row).extra if row.conversation.plan else ()


RULES = (
    Rule(
        "FC601", "required-calls",
        summary="The calls that the plan requires were made, with its arguments, to the outcome and in the order it needs; instead of "
        "a search that only finds what a later call acts on, any earlier read will do whose result holds it.",
        why="A plausible conversation that did something else teaches the wrong thing; how a described thing is found is free.",
        example_bad="plan: refund_payment(T1188); made: refund_payment(T1187)",
        example_good="plan: refund_payment(T1188); made: refund_payment(T1188)",
        function=required_calls,
    ),
    Rule(
        "FC602", "final-state",
        summary="The environment ends in the state that the plan ends in.",
        why="What was changed besides the required calls shows only there.",
        example_bad="state 5e9c…, plan 77ab…",
        example_good="state 77ab…, plan 77ab…",
        function=final_state,
    ),
    Rule(
        "FC603", "extra-reads",
        summary="The assistant makes no call that the plan has no use for (it only reads).",
        why="It does no harm, but it trains a model that looks around instead of acting.",
        example_bad="asked for the status; the receipts are listed too",
        example_good="asked for the status; the status is retrieved",
        function=extra_reads,
        severity="warning",
    ),
    Rule(
        "FC604", "extra-writes",
        summary="The assistant changes nothing that the plan does not ask to be changed.",
        why="Acting without being asked is the worst thing such a model can learn.",
        example_bad="asked for the status; the payment is cancelled",
        example_good="asked for the status; the status is retrieved",
        function=extra_writes,
    ),
)  # fmt: skip
