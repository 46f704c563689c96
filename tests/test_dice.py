"""Chance follows from labels alone: pinned draws (the same on every Python), exact bounds, and no favourites."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gen.dice import ALPHANUMERIC, Dice, Weighted, dice, number

SEEDS = st.integers(0, 2**64)


def die() -> Dice:
    return dice(7, "slot", 17, "attempt", 0)


@pytest.mark.parametrize(
    ("draw", "expected"),
    [
        (lambda d: [d.random().hex() for _ in range(4)][-1], "0x1.a8e2c547bcd40p-7"),
        (lambda d: [d.below(100) for _ in range(8)], [78, 78, 7, 1, 48, 64, 43, 73]),
        (lambda d: [d.between(-3, 3) for _ in range(8)], [2, 2, -3, -3, 0, 1, 0, 2]),
        (lambda d: d.pick("abcdef"), "e"),
        (lambda d: [d.weighted({"a": 1, "b": 2, "c": 0.5}) for _ in range(8)], ["b", "b", "a", "a", "b", "b", "b", "b"]),
        (lambda d: d.shuffled(range(8)), [2, 4, 3, 1, 7, 0, 5, 6]),
        (lambda d: d.sample(range(20), 5), [15, 0, 3, 2, 11]),
        (lambda d: d.letters(9), "WWeaDNBTl"),
        (lambda d: [d.chance(0.5) for _ in range(8)], [False, False, True, True, True, False, True, False]),
    ],
)
def test_the_draws_of_these_labels_never_change(draw: Callable[[Dice], object], expected: object) -> None:
    assert draw(die()) == expected


def test_the_same_labels_give_the_same_draws_and_other_labels_others() -> None:
    def letters(*labels: str | int) -> str:
        return dice(7, *labels).letters(20)

    assert letters("slot", 1) == letters("slot", 1)
    assert len({letters(), letters("slot"), letters("slot", 1), letters("slot", 11), letters("slot", 1, 1), letters("slo", "t1")}) == 6
    assert dice(8, "slot", 1).letters(20) != letters("slot", 1)


@given(SEEDS, st.integers(1, 50), st.integers(-20, 20))
def test_draws_keep_their_bounds(seed: int, n: int, low: int) -> None:
    d = Dice(seed)
    assert 0 <= d.below(n) < n
    assert low <= d.between(low, low + n) <= low + n
    assert d.between(low, low) == low
    assert set(d.letters(n)) <= set(ALPHANUMERIC)


@given(SEEDS, st.lists(st.integers(), min_size=1, max_size=12), st.data())
def test_shuffles_and_samples_hold_what_was_given(seed: int, options: list[int], data: st.DataObject) -> None:
    k = data.draw(st.integers(0, len(options)))
    d = Dice(seed)
    assert Counter(d.shuffled(options)) == Counter(options)
    assert not Counter(d.sample(options, k)) - Counter(options)
    assert len(d.sample(options, k)) == k
    assert d.pick(options) in options


@given(SEEDS)
def test_a_chance_of_nought_is_never_and_of_one_always_and_each_costs_one_draw(seed: int) -> None:
    one, other = Dice(seed), Dice(seed)
    assert not one.chance(0.0) and one.chance(1.0)
    other.random(), other.random()
    assert one.random() == other.random()


@given(SEEDS)
def test_what_weighs_nothing_is_never_drawn(seed: int) -> None:
    assert Dice(seed).weighted({"never": 0, "always": 1, "nor": -1.0 * 0}) == "always"


@given(SEEDS, st.dictionaries(st.text(max_size=3), st.integers(0, 9), min_size=1).filter(lambda weights: any(weights.values())))
def test_weights_added_up_once_draw_the_same(seed: int, weights: dict[str, int]) -> None:
    one, other, prepared = Dice(seed), Dice(seed), Weighted(weights)
    assert [one.among(prepared) for _ in range(20)] == [other.weighted(weights) for _ in range(20)]


def test_a_number_follows_from_its_labels() -> None:
    assert number(7, "fresh", 1) == number(7, "fresh", 1) < 2**128
    assert len({number(7, "fresh", n) % 9000 for n in range(50)}) > 40


def test_nothing_can_be_drawn_from_nothing() -> None:
    with pytest.raises(ValueError, match="above zero"):
        die().weighted({"a": 0})
    with pytest.raises(ValueError, match="cannot draw 3 of 2"):
        die().sample([1, 2], 3)
    with pytest.raises(IndexError):
        die().pick([])
    with pytest.raises(IndexError):
        die().among(Weighted({"a": 0}))


def chi_squared(counts: Counter[object], expected: dict[object, float]) -> float:
    total = counts.total()
    return sum((counts[key] - total * share) ** 2 / (total * share) for key, share in expected.items())


@pytest.mark.parametrize(
    ("draw", "shares"),
    [
        (lambda d: d.below(6), dict.fromkeys(range(6), 1 / 6)),
        (lambda d: d.between(3, 8), dict.fromkeys(range(3, 9), 1 / 6)),
        (lambda d: d.pick("abcd"), dict.fromkeys("abcd", 1 / 4)),
        (lambda d: d.weighted({"a": 1, "b": 2, "c": 5}), {"a": 1 / 8, "b": 2 / 8, "c": 5 / 8}),
        (
            lambda d: tuple(d.shuffled("abc")),
            dict.fromkeys((tuple("abc"), tuple("acb"), tuple("bac"), tuple("bca"), tuple("cab"), tuple("cba")), 1 / 6),
        ),
        (lambda d: frozenset(d.sample("abcd", 2)), {frozenset(p): 1 / 6 for p in ("ab", "ac", "ad", "bc", "bd", "cd")}),
        (lambda d: d.chance(0.3), {True: 0.3, False: 0.7}),
        (lambda d: dice(7, "x", d.below(10**9)).below(6), dict.fromkeys(range(6), 1 / 6)),
    ],
)
def test_there_are_no_favourites(draw: Callable[[Dice], object], shares: dict[object, float]) -> None:
    d = dice(1, "uniform")
    counts = Counter(draw(d) for _ in range(6_000))
    assert set(counts) == set(shares)
    assert chi_squared(counts, shares) < 20.5  # five degrees of freedom: one in a thousand; the draws are pinned, so this never wavers
