"""Shares are exact in every prefix, and what is on both sides of a split is found."""

from __future__ import annotations

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gen.checks.wording import wording
from gen.conversation import Conversation, Message, Plan, ToolCall
from gen.corpus.splits import SmoothRoundRobin, leaks, split_of_slot
from gen.errors import BadInput

weights = st.dictionaries(st.sampled_from("abcdefghijklmn"), st.integers(0, 40), min_size=1).filter(lambda w: any(w.values()))


@given(weights)
def test_every_prefix_has_the_asked_mix_within_one(asked: dict[str, int]) -> None:
    total = sum(asked.values())
    counts: Counter[str] = Counter()
    sequence = SmoothRoundRobin(asked)
    for n, name in enumerate(sequence.upto(2 * sequence.period + 3), 1):
        counts[name] += 1
        assert all(abs(counts[other] * total - n * weight) < total for other, weight in asked.items())


@given(weights, st.integers(0, 500))
def test_one_place_is_what_the_sequence_says(asked: dict[str, int], k: int) -> None:
    assert SmoothRoundRobin(asked).at(k) == SmoothRoundRobin(asked).upto(k + 1)[k]


def test_fractions_are_taken_as_they_are_written() -> None:
    assert SmoothRoundRobin({"train": 0.9, "test": 0.1}).period == 10
    assert Counter(split_of_slot(k, {"train": 0.9, "test": 0.1}) for k in range(1000)) == {"train": 900, "test": 100}


def test_a_long_period_costs_only_what_is_asked_of_it() -> None:
    sequence = SmoothRoundRobin({"a": 0.123456789, "b": 0.876543211})
    assert sequence.period == 10**9
    assert len(sequence.upto(100)) == 100


def test_the_order_is_smooth() -> None:
    assert "".join(SmoothRoundRobin({"a": 2, "b": 1, "c": 1}).upto(8)) == "abacabac"


@pytest.mark.parametrize(
    ("shares", "said"), [({"a": -1}, "'a' is -1"), ({"a": math.nan}, "'a' is nan"), ({"a": 0}, "no share is above zero"), ({}, "no share")]
)
def test_what_are_no_shares_is_refused(shares: dict[str, float], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        SmoothRoundRobin(shares)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("Status of T1001?", ["T1001"]), ("status of  T2044 ?", ["T2044"])),
        (("Refund the €42.10 one", []), ("Refund the €7 one!", [])),
        (("Send it to Ana Whitlock.", ["Ana Whitlock"]), ("Send it to Zoë Åberg", ["Zoë Åberg"])),
    ],
)
def test_wordings_that_differ_in_values_only_are_one(one: tuple[str, list[str]], other: tuple[str, list[str]]) -> None:
    assert wording(*one) == wording(*other)


def test_other_words_are_another_wording() -> None:
    assert wording("Status of T1001?", ["T1001"]) != wording("State of T1001?", ["T1001"])


def row(id: str, split: str, text: str, person: str = "", arguments: dict[str, object] | None = None) -> Conversation:
    call = ToolCall("VvvODy9mT", "pay", arguments or {})
    plan = Plan(today="2026-03-17", person=person) if person else None
    return Conversation(id, (Message("user", text), Message("assistant", "", tool_calls=(call,))), split=split, plan=plan)


def test_leaks_names_both_rows_of_a_wording_and_of_a_person() -> None:
    rows = [
        row("r0", "train", "Status of T1001?", "C1", {"ids": ["T1001"]}),
        row("r1", "train", "status of T2002", "C1", {"ids": ["T2002"]}),
        row("r2", "test", "Status of T3!", "C2", {"ids": ["T3"]}),
        row("r3", "test", "Something else", "C1"),
        row("r4", "test", "Something different"),
    ]
    found = list(leaks(rows))
    assert len(found) == 2
    assert found[0].startswith("r2 (test) begins with the wording of r0 (train)")
    assert found[1] == "r3 (test) has the person of r0 (train): 'C1'"
