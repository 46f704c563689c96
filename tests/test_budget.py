"""What a run has used, and which limit it reached."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gen.errors import BadInput
from gen.teachers.budget import Budget, Price, Usage, Used, parse_tokens, tokens_text
from gen.teachers.request import Completion


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("50M", 50_000_000),
        ("1.5M", 1_500_000),
        ("200k", 200_000),
        ("2B", 2_000_000_000),
        ("12345", 12345),
        ("1_000", 1000),
        ("50,012,345", 50_012_345),
        (" 3 m ", 3_000_000),
        ("0.5k", 500),
        ("1.50K", 1500),
    ],
)
def test_numbers_of_tokens(text: str, count: int) -> None:
    assert parse_tokens(text) == count


@pytest.mark.parametrize("text", ["", "M", "-5", "0", "0.0M", "1.0005k", "1.5", "5 T", "1e6", "٣x", "1.5.2M", "five"])
def test_what_is_no_number_of_tokens(text: str) -> None:
    with pytest.raises(BadInput, match="no number of tokens") as caught:
        parse_tokens(text, where="--token-budget")
    assert caught.value.where == "--token-budget"
    assert "50M" in caught.value.allowed


@given(st.integers(1, 10**13))
def test_a_number_that_was_said_is_read_again(count: int) -> None:
    assert parse_tokens(tokens_text(count)) == count


def test_numbers_are_said_short() -> None:
    assert [tokens_text(n) for n in (50_000_000, 1_500_000, 200_000, 2_000_000_000, 50_012_345, 999)] == [
        "50M", "1.5M", "200k", "2B", "50,012,345", "999",
    ]  # fmt: skip


def usage() -> Usage:
    counted = Usage()
    counted.count(Completion("a", tokens_in=100, tokens_out=10, tokens_cached=60, seconds=0.5), role="user", model="small")
    counted.count(Completion("b", tokens_in=200, tokens_out=20, seconds=1.5), role="assistant", model="large")
    counted.count(Completion("c", tokens_in=300, tokens_out=30, seconds=2), role="assistant", model="large")
    counted.count(Completion("d", tokens_in=9000, tokens_out=900, seconds=9), role="assistant", model="large", reused=True)
    return counted


def test_what_was_paid_for_and_what_was_reused_are_counted_apart() -> None:
    assert usage().total == Used(3, 600, 60, 60, 4.0)
    assert usage().total.tokens == 660
    assert usage().by_role() == {"assistant": Used(2, 500, 50, 0, 3.5), "user": Used(1, 100, 10, 60, 0.5)}
    assert usage().by_model() == {"large": Used(2, 500, 50, 0, 3.5), "small": Used(1, 100, 10, 60, 0.5)}
    assert usage().reused == {("assistant", "large"): Used(1, 9000, 900, 0, 9.0)}


def test_usage_goes_through_json_and_adds_up() -> None:
    again = Usage.from_json(json.loads(json.dumps(usage().to_json())))
    assert again == usage()
    again.add(usage())
    assert again.total == Used(6, 1200, 120, 120, 8.0)
    assert Usage.from_json(Usage().to_json()) == Usage()


def test_the_limit_that_is_reached_is_said() -> None:
    price = Price(tokens_in=1000.0, tokens_out=10_000.0)
    assert Budget().spent(usage(), seconds=1e9) == ""
    assert Budget(tokens=661).spent(usage()) == ""
    assert Budget(tokens=660).spent(usage()) == "the token budget of 660 is used up: 660 tokens"
    assert Budget(cost=1.21, price=price).spent(usage()) == ""
    assert Budget(cost=1.2, price=price).spent(usage()) == "the cost limit of 1.20 is reached: 1.20"
    assert Budget(hours=8).spent(usage(), seconds=28_799) == ""
    assert Budget(hours=8).spent(usage(), seconds=28_800) == "the time limit of 8 hours is reached: 8.00 hours"


def test_what_the_store_had_costs_nothing() -> None:
    reused = Usage(reused={("user", "m"): Used(1, 10**9, 10**9, 0, 1.0)})
    assert Budget(tokens=1, cost=0.01, price=Price(1, 1)).spent(reused) == ""


def test_a_limit_of_cost_needs_prices() -> None:
    with pytest.raises(BadInput, match="needs prices") as caught:
        Budget(cost=20)
    assert caught.value.where == "--max-cost"
    assert "teacher.price.in" in caught.value.allowed and "teacher.price.out" in caught.value.allowed
