"""FC7xx: what only shows between rows: near-duplicates, leaks between the splits, ids, the mix.

The rules see a ``Trace`` of each row, in the order of the rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from gen.checks.context import Context
from gen.checks.near_duplicates import NearDuplicates
from gen.checks.rule import Rule
from gen.checks.trace import Trace
from gen.conversation import Problem

_TOLERANCE = 1.0
"""Rows by which a scenario may miss its share: what rounding to whole rows can cost."""


def near_duplicates(traces: Sequence[Trace], context: Context) -> Iterator[Problem]:
    index = NearDuplicates(context.near_duplicates)
    for trace in traces:
        earlier = index.add(trace.id, trace.said)
        if earlier is not None:
            yield trace.id, f"its user says nearly what the user of {earlier} says: {trace.said[:80]!r}"


def wordings_on_one_side(traces: Sequence[Trace], context: Context) -> Iterator[Problem]:
    yield from _on_one_side(traces, [trace.wording for trace in traces], "the wording of its first message")


def people_on_one_side(traces: Sequence[Trace], context: Context) -> Iterator[Problem]:
    yield from _on_one_side(traces, [trace.person for trace in traces], "the person")


def _on_one_side(traces: Sequence[Trace], marks: Sequence[str], what: str) -> Iterator[Problem]:
    first: dict[str, Trace] = {}
    for trace, mark in zip(traces, marks, strict=True):
        earlier = first.setdefault(mark, trace) if mark else trace
        if earlier.split != trace.split:
            yield trace.id, f"{what}, {mark!r}, is in {trace.split!r} here and in {earlier.split!r} in {earlier.id}"


def ids_differ(traces: Sequence[Trace], context: Context) -> Iterator[Problem]:
    for identifier, count in Counter([trace.id for trace in traces]).items():
        if count > 1:
            yield identifier, f"{count} rows have the id {identifier!r}"


def mix(traces: Sequence[Trace], context: Context) -> Iterator[Problem]:
    weights = context.scenarios
    total = sum(weights.values())
    if not traces or total <= 0:
        return
    counts = Counter([trace.scenario for trace in traces])
    for scenario in sorted(counts.keys() | weights.keys()):
        asked = weights.get(scenario, 0.0) / total * len(traces)
        if abs(counts[scenario] - asked) > _TOLERANCE:
            yield "corpus", f"{counts[scenario]} of {len(traces)} rows are of the scenario {scenario!r}; the recipe asks for {asked:.1f}"


RULES = (
    Rule(
        "FC701", "near-duplicates",
        summary="No two rows have users who say nearly the same.",
        why="Copies add cost and no skill, and the model learns the sentence instead of the task.",
        example_bad='"refund my payment T1001 please" and "refund my payment T1002 please"',
        example_good='"refund my payment T1001 please" and "T1002 was charged twice, can I get it back?"',
        corpus_function=near_duplicates,
    ),
    Rule(
        "FC702", "wordings-on-one-side",
        summary="No wording of a first message, its values masked, is in two splits.",
        why="A test row whose sentence was seen in training measures memory.",
        example_bad='train: "status of T1001?", test: "status of T2040?"',
        example_good='train: "status of T1001?", test: "has T2040 gone through?"',
        corpus_function=wordings_on_one_side,
    ),
    Rule(
        "FC703", "people-on-one-side",
        summary="No person of the environment is in two splits.",
        why="Their data would be in both, and the test would know it.",
        example_bad="C2041 in train and in test",
        example_good="C2041 in train only",
        corpus_function=people_on_one_side,
    ),
    Rule(
        "FC704", "ids-differ",
        summary="Every row has an id of its own.",
        why="Findings, splits and joins name rows by id.",
        example_bad="payments-000017, payments-000017",
        example_good="payments-000017, payments-000018",
        corpus_function=ids_differ,
    ),
    Rule(
        "FC705", "mix",
        summary="The scenarios have the shares that the recipe asks for.",
        why="The mix is what the corpus was ordered for; rejecting hard scenarios in silence would shift it.",
        example_bad="asked: 20 % parallel; there: 3 %",
        example_good="asked: 20 % parallel; there: 20 %",
        corpus_function=mix,
    ),
)  # fmt: skip
