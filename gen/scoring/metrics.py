"""The metrics: what each counts, over which turns or conversations, and where more is worse; counted by group, compared before and after.

Rates carry Wilson's interval. Turns of one conversation are not independent of each other, so the intervals of metrics over turns are
somewhat too narrow on corpora of long conversations; the tests of before against after pair whole conversations and are exact.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from gen.conversation import JsonObject
from gen.errors import BadInput
from gen.scoring.intervals import Rate, mcnemar
from gen.scoring.outcomes import Outcome
from gen.scoring.pairing import CallOutcome

NO_CALL = "(no call)"
"""In the confusion table: nothing was expected, or nothing was called."""


@dataclass(frozen=True, slots=True)
class Metric:
    """What is counted: the turns or conversations to which a question applies, and those of them for which the answer is yes."""

    title: str
    summary: str
    of: Literal["turns", "conversations"] = "turns"
    more_is_better: bool = True


METRICS: dict[str, Metric] = {
    "call_accuracy": Metric("call accuracy", "turns with expected calls in which exactly these were made"),
    "success": Metric(
        "conversation success",
        "every expected call made in its turn, nothing else changed or called for nothing, asked where it must, end state reached, "
        "answers true; a look more than needed is forgiven",
        "conversations",
    ),
    "end_state": Metric("end state reached", "the environment ends in the state that the plan ends in", "conversations"),
    "answers": Metric("answers hold", "the facts that were asked for are told, and nothing that no result says", "conversations"),
    "parses": Metric("parses", "all of the turn's output could be read"),
    "right_tool": Metric("right tool", "turns with expected calls in which these tools were called, and no others"),
    "schema_valid": Metric("schema-valid", "turns with calls that all fit an offered tool's schema"),
    "arguments_right": Metric("arguments right", "turns with the right tools whose arguments all mean what was expected"),
    "asks": Metric("asks when it must", "turns that need a question first (for what is missing, or before a write) and end in one"),
    "over_calling": Metric("over-calling", "turns without an expected call in which something was called", more_is_better=False),
    "missed_calls": Metric("missed calls", "turns with expected calls in which nothing was called", more_is_better=False),
}


@dataclass(frozen=True, slots=True)
class Group:
    """Rates by metric, those that apply to anything, over so many conversations."""

    conversations: int
    rates: Mapping[str, Rate]

    def to_json(self) -> JsonObject:
        return {"conversations": self.conversations, "metrics": {name: rate.to_json() for name, rate in self.rates.items()}}


@dataclass(frozen=True, slots=True)
class ToolScore:
    """Of the calls in which a tool was expected: how many were of it, and how many right in every argument."""

    named: Rate
    right: Rate

    def to_json(self) -> JsonObject:
        return {"named": self.named.to_json(), "right": self.right.to_json()}


@dataclass(frozen=True, slots=True)
class Scores:
    """How a model did. ``confusion`` counts calls by (expected, made) tool."""

    overall: Group
    by_scenario: Mapping[str, Group]
    by_domain: Mapping[str, Group]
    by_part: Mapping[str, Group]
    by_tool: Mapping[str, ToolScore]
    confusion: Mapping[tuple[str, str], int] = field(default_factory=dict)

    def to_json(self) -> JsonObject:
        groups: dict[str, Mapping[str, Group | ToolScore]] = {
            "by_scenario": self.by_scenario, "by_domain": self.by_domain, "by_part": self.by_part, "by_tool": self.by_tool,
        }  # fmt: skip
        return (
            {"overall": self.overall.to_json()}
            | {key: {name: group.to_json() for name, group in value.items()} for key, value in groups.items()}
            | {"confusion": [{"expected": one, "made": other, "count": count} for (one, other), count in self.confusion.items()]}
        )


def score(outcomes: Sequence[Outcome]) -> Scores:
    """Count. Raises BadInput where there is nothing to count."""
    if not outcomes:
        raise BadInput("there is no conversation to score", hint="does the corpus have rows in the split that is scored?")
    calls = [call for outcome in outcomes for turn in outcome.turns for call in turn.calls]
    return Scores(
        overall=_group(outcomes),
        by_scenario=_grouped(outcomes, lambda outcome: outcome.scenario),
        by_domain=_grouped(outcomes, lambda outcome: outcome.domain),
        by_part=_grouped(outcomes, lambda outcome: outcome.part),
        by_tool=_by_tool(calls),
        confusion=_confusion(outcomes),
    )


def _group(outcomes: Iterable[Outcome]) -> Group:
    members = list(outcomes)
    verdicts: dict[str, list[bool]] = {name: [] for name in METRICS}
    for outcome in members:
        for found in (outcome.verdicts, *[turn.verdicts for turn in outcome.turns]):
            for name, verdict in found.items():
                verdicts[name].append(verdict)
    return Group(len(members), {name: Rate(sum(found), len(found)) for name, found in verdicts.items() if found})


def _grouped(outcomes: Iterable[Outcome], key: Callable[[Outcome], str]) -> dict[str, Group]:
    """Groups by name, sorted; what has no name is in none."""
    members: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        members.setdefault(key(outcome), []).append(outcome)
    return {name: _group(members[name]) for name in sorted(members) if name}


def _by_tool(calls: Sequence[CallOutcome]) -> dict[str, ToolScore]:
    expected: dict[str, list[CallOutcome]] = {}
    for call in calls:
        if call.expected:
            expected.setdefault(call.expected, []).append(call)
    return {
        tool: ToolScore(
            named=Rate(sum(call.made == tool for call in found), len(found)), right=Rate(sum(call.right for call in found), len(found))
        )
        for tool, found in sorted(expected.items())
    }


def _confusion(outcomes: Iterable[Outcome]) -> dict[tuple[str, str], int]:
    """Calls by (expected, made); a turn that needs no call and has none counts once."""
    counts: Counter[tuple[str, str]] = Counter()
    for outcome in outcomes:
        for turn in outcome.turns:
            counts.update((call.expected or NO_CALL, call.made or NO_CALL) for call in turn.calls)
            counts[NO_CALL, NO_CALL] += not turn.calls and "over_calling" in turn.verdicts
    return {pair: count for pair, count in sorted(counts.items()) if count}


# -- before and after


@dataclass(frozen=True, slots=True)
class Change:
    """A metric before and after.

    Attributes:
        gained: conversations in which it was wrong before and is right after; ``lost`` the other way round.
        p: of McNemar's exact test on these: how likely such a difference were, had nothing changed.
    """

    before: Rate
    after: Rate
    gained: int
    lost: int
    p: float

    def to_json(self) -> JsonObject:
        return {
            "before": self.before.to_json(), "after": self.after.to_json(), "gained": self.gained, "lost": self.lost, "p": self.p,
        }  # fmt: skip


def compare(before: Sequence[Outcome], after: Sequence[Outcome]) -> dict[str, Change]:
    """The change of each metric, over the same conversations.

    A conversation is right in a metric if all of its turns are. It counts in the test if the metric applies to it both times;
    the rates are those of ``score``. Raises BadInput where the conversations are not the same.
    """
    earlier, later = {outcome.id: outcome for outcome in before}, {outcome.id: outcome for outcome in after}
    if earlier.keys() != later.keys():
        alone = sorted(earlier.keys() ^ later.keys())
        raise BadInput(
            f"before and after are not of the same conversations: {len(alone)} are in one only, such as {alone[0]!r}",
            hint="score both models on the same rows",
        )
    one, other = score(before).overall.rates, score(after).overall.rates
    changes = {}
    for name in [name for name in METRICS if name in one and name in other]:
        pairs = [(_is_right(earlier[key], name), _is_right(later[key], name)) for key in earlier]
        gained, lost = pairs.count((False, True)), pairs.count((True, False))
        changes[name] = Change(one[name], other[name], gained, lost, mcnemar(gained, lost))
    return changes


def _is_right(outcome: Outcome, metric: str) -> bool | None:
    """Whether a conversation is right in a metric throughout; None where it does not apply."""
    found = [verdicts[metric] for verdicts in (outcome.verdicts, *[turn.verdicts for turn in outcome.turns]) if metric in verdicts]
    return all(verdict == METRICS[metric].more_is_better for verdict in found) if found else None


def wrong(outcome: Outcome) -> list[str]:
    """The metrics in which a conversation is not right throughout, in the order of the table."""
    return [name for name in METRICS if _is_right(outcome, name) is False]
