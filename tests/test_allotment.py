"""Every prefix of a corpus has the asked mix: scenarios within one row, splits within two, whatever the number of rows."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gen.planning.allotment import Allotment
from gen.recipe import load_recipe
from gen.shipped import shipped

WEIGHTS = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 40).map(float), min_size=1).filter(
    lambda weights: sum(weights.values()) > 0
)
SPLITS = st.sampled_from(
    [{"train": 0.9, "test": 0.1}, {"train": 1.0}, {"train": 8, "validation": 1, "test": 1}, {"train": 0.5, "test": 0.5, "none": 0}]
)


def shares(weights: dict[str, float]) -> dict[str, float]:
    return {name: weight / sum(weights.values()) for name, weight in weights.items()}


@given(WEIGHTS, SPLITS)
def test_every_prefix_has_every_scenario_within_one_row(weights: dict[str, float], splits: dict[str, float]) -> None:
    allotment = Allotment(weights, splits)
    seen: Counter[str] = Counter()
    for slot in range(150):
        seen[allotment.scenario(slot)] += 1
        for name, share in shares(weights).items():
            assert abs(seen[name] - share * (slot + 1)) <= 1 + 1e-9


@given(WEIGHTS, SPLITS)
def test_what_weighs_nothing_is_never_allotted(weights: dict[str, float], splits: dict[str, float]) -> None:
    allotment = Allotment(weights, splits)
    assert set(map(allotment.scenario, range(100))) <= {name for name, weight in weights.items() if weight > 0}
    assert set(map(allotment.split, range(100))) <= {name for name, share in splits.items() if share > 0}


def within_two(allotment: Allotment, splits: dict[str, float], rows: int) -> None:
    overall: Counter[str] = Counter()
    within: dict[str, Counter[str]] = {}
    for slot in range(rows):
        scenario, split = allotment.scenario(slot), allotment.split(slot)
        overall[split] += 1
        within.setdefault(scenario, Counter())[split] += 1
        for name, share in shares(splits).items():
            assert abs(overall[name] - share * (slot + 1)) <= 2 + 1e-9
            assert abs(within[scenario][name] - share * within[scenario].total()) <= 2 + 1e-9


@pytest.mark.parametrize("path", sorted(shipped("recipes").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_prefix_of_our_recipes_has_every_split_within_two_rows_overall_and_within_each_scenario(path: object) -> None:
    model = load_recipe(str(path)).model
    within_two(Allotment(model.scenarios, model.splits), model.splits, 2000)


@pytest.mark.parametrize(
    "splits", [{"train": 0.9, "test": 0.1}, {"train": 8.0, "validation": 1.0, "test": 1.0}, {"train": 0.5, "test": 0.5}]
)
@pytest.mark.parametrize(
    "weights", [{"a": 9.0, "b": 1.0}, {"a": 10.0, "b": 10.0}, {"a": 1.0}, dict.fromkeys("abcdefghij", 1.0), {"a": 90.0, "b": 9.0, "c": 1.0}]
)
def test_no_period_of_scenarios_beats_against_that_of_splits(weights: dict[str, float], splits: dict[str, float]) -> None:
    within_two(Allotment(weights, splits), splits, 1000)


@given(WEIGHTS, SPLITS, st.integers(0, 300))
def test_a_slot_is_the_same_whatever_was_asked_before(weights: dict[str, float], splits: dict[str, float], slot: int) -> None:
    one, other = Allotment(weights, splits), Allotment(weights, splits)
    alone = one.scenario(slot), one.split(slot)
    walked = [(other.scenario(k), other.split(k)) for k in range(slot + 1)][-1]
    assert alone == walked
