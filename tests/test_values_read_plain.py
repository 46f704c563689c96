"""What a text says plainly is found without the readers, and agrees with them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from gen.values.read import read
from gen.values.read_plain import is_nearest, may_say, read_plain, says_plainly

TODAY = "2026-03-17"

COMPLETE = [
    ("Done: €42.10 for T1188 is on its way. The refund number is R508.", {42.1}, {"t1188", "r508"}, set(), set()),
    ("The first payment, $1,250.00, goes out on 25 March 2026.", {1250.0}, set(), {"2026-03-25"}, set()),
    ("LX312 leaves on May 3 at 7:05 for 3 people.", {3.0}, {"lx312"}, {"05-03"}, {"07:05"}),
    ("I found three, all of 2026-03-10.", {3.0}, set(), {"2026-03-10"}, set()),
    ("May I help you with one thing? Have a nice day.", set(), set(), set(), set()),
    ("Write to ann.b@example.com.", set(), {"annbexamplecom"}, set(), set()),
]


@pytest.mark.parametrize(("text", "numbers", "names", "days", "times"), COMPLETE)
def test_what_is_said_plainly_is_all_that_is_said(text: str, numbers: set[float], names: set[str], days: set[str], times: set[str]) -> None:
    plain = read_plain(text)
    assert plain.complete
    assert (plain.amounts | plain.counts, plain.names, plain.days, plain.times) == (numbers, names, days, times)


@pytest.mark.parametrize(
    "text",
    [
        "It was paid last Tuesday.", "in 3 days", "a week ago", "by the end of the month", "on the first of April", "twenty-one euros",
        "half past three", "on 10/03", "from 3 to 5-6", "at 3pm", "+44 20 7946 0018", "fifty", "three thirty", "in May", "42,10",
        "see https://example.com/7",
    ],
)  # fmt: skip
def test_what_may_mean_something_else_is_left_to_the_readers(text: str) -> None:
    assert not read_plain(text).complete


@pytest.mark.parametrize(("text", "numbers", "names", "days", "times"), COMPLETE)
def test_the_readers_say_the_same(text: str, numbers: set[float], names: set[str], days: set[str], times: set[str]) -> None:
    readings = read(text, TODAY)
    assert {Decimal(repr(number)) for number in numbers} <= readings.numbers
    assert times <= readings.times
    assert all(any(value.endswith(day) for value in readings.dates) for day in days)


def test_a_day_without_a_year_is_the_nearest_one() -> None:
    assert is_nearest("2026-03-10", "03-10", TODAY)
    assert is_nearest("2027-03-10", "03-10", TODAY)
    assert is_nearest("2025-12-24", "12-24", TODAY)
    assert not is_nearest("2027-12-24", "12-24", TODAY)
    assert not is_nearest("2026-03-11", "03-10", TODAY)


def test_values_as_data_has_them() -> None:
    assert says_plainly("€42.10 to Ana", 42.1, TODAY)
    assert says_plainly("on 10 March", "2026-03-10", TODAY)
    assert says_plainly("at 9:30", "09:30", TODAY)
    assert says_plainly("status of t1001", "T1001", TODAY)
    assert not says_plainly("order 42", "4", TODAY)
    assert not says_plainly("true", True, TODAY)


def test_what_cannot_be_said_is_seen_at_once() -> None:
    assert not may_say("status of T1001?", "C2041")
    assert may_say("status of 1001?", "T1001")
    assert may_say("status of one oh oh one?", "T1001")
    assert not may_say("the one from just now, and the other two", "T1001")
    assert not may_say("hello there", 7)
