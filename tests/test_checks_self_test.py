"""The mutation test of the rules: corruptions are caught, harmless changes pass, and a rule set that is blind is found out."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from gen.checks import self_test as module
from gen.checks.context import Context, DomainKnowledge
from gen.checks.mutations import HARMLESS, MUTATIONS
from gen.checks.self_test import Recall, overall, self_test
from gen.checks.table import Examination, check_row
from gen.conversation import Conversation
from gen.dice import dice

EXAMPLES = json.loads((Path(__file__).parent / "checks_examples.json").read_text(encoding="utf-8"))
ROWS = [Conversation.from_wire(wire) for wire in EXAMPLES["conversations"]]
CONTEXT = Context(
    domains={
        "payments": DomainKnowledge(
            readings=EXAMPLES["readings"],
            returns=EXAMPLES["returns"],
            writes=frozenset(EXAMPLES["writes"]),
            passing_errors=frozenset(EXAMPLES["passing_errors"]),
        )
    }
)
RECALLS = {recall.kind: recall for recall in self_test(ROWS, CONTEXT)}


@pytest.mark.parametrize("kind", MUTATIONS)
def test_every_corruption_is_caught(kind: str) -> None:
    recall = RECALLS[kind]
    assert recall.applied > 0, "none of the examples can be corrupted so: the kind is not tested"
    assert recall.caught == recall.applied, recall.missed


@pytest.mark.parametrize("kind", HARMLESS)
def test_a_harmless_change_passes(kind: str) -> None:
    assert RECALLS[kind].applied > 0
    assert RECALLS[kind].caught == 0, RECALLS[kind].missed


@pytest.mark.parametrize("kind", MUTATIONS | HARMLESS)
def test_a_mutation_is_drawn_from_the_dice_alone_and_leaves_the_original(kind: str) -> None:
    mutation = (MUTATIONS | HARMLESS)[kind]
    for row in ROWS:
        before = row.to_wire()
        mutants = [mutation(row, dice(3, kind, row.id)) for _ in range(2)]
        assert mutants[0] == mutants[1]
        assert row.to_wire() == before


def test_rows_that_are_rejected_are_not_corrupted() -> None:
    bad = replace(ROWS[0], messages=ROWS[0].messages[:-1])
    assert check_row(bad, CONTEXT)
    assert all(recall.applied == 0 for recall in self_test([bad], CONTEXT))


def test_blind_rules_are_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "examine", lambda row, context: Examination((), ()))
    assert overall(self_test(ROWS[:2], CONTEXT)) == 0


def test_the_share_counts_corruptions_only() -> None:
    recalls = [Recall("a", 3, 3), Recall("b", 1, 0), Recall("c", 5, 5, harmless=True)]
    assert overall(recalls) == 0.75
    assert [recall.share for recall in recalls] == [1.0, 0.0, 0.0]
    assert overall([]) == 1.0
