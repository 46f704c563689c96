"""What is said of a value is true, lets a careful listener find it again, and follows from the die alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gen.dice import dice
from gen.values import speak
from gen.values.speak import ASSISTANT, Voice

TODAY = "2026-03-17"  # a Tuesday
FORMAL = Voice(casual=0.0, words=0.0, lower=False, us=False)
CASUAL = Voice(casual=1.0, words=0.5, lower=True, us=False)
AMERICAN = Voice(casual=0.5, words=0.3, lower=False, us=True)
WEEKDAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]

rates = st.floats(0, 1)
voices = st.builds(Voice, casual=rates, words=rates, lower=st.booleans(), us=st.booleans())
seeds = st.integers(0, 10_000)
days = st.dates(date(2024, 1, 1), date(2028, 12, 31))
near_days = st.integers(-40, 40)
cents = st.one_of(st.integers(0, 20_000), st.integers(0, 100_000_00), st.integers(0, 3000).map(lambda n: n * 100))
currencies = st.sampled_from(["EUR", "GBP", "USD", "JPY", "CHF", "NOK", "KWD"])
times = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59))


def every(say: Callable[..., str], *value: object, voice: Voice) -> set[str]:
    """Everything this voice says of a value, in 400 draws."""
    return {say(*value, voice, dice(1, k)) for k in range(400)}


def number_in(text: str) -> float:
    """The amount that digits in a text mean."""
    if broken := re.search(r"(\d+) (?:euros?|pounds?|dollars?) (?:and )?(\d+)", text):
        return int(broken[1]) + int(broken[2]) / 100
    digits = re.search(r"\d[\d.,]*", text)
    assert digits, text
    plain = re.sub(r",(\d\d)$", r".\1", digits[0]).replace(",", "")
    if re.search(r"\d(p| (cents?|pence|penny))$", text):
        return float(plain) / 100
    return float(plain) * (1000 if re.search(r"\dk", text) else 1)


@given(voices, seeds, cents, currencies)
def test_an_amount_in_digits_keeps_every_cent(voice: Voice, seed: int, minor: int, currency: str) -> None:
    amount = minor / (1 if currency == "JPY" else 100)
    said = speak.say_money(amount, currency, voice, dice(seed))
    if re.search(r"\d", said):
        assert number_in(said) == pytest.approx(amount, abs=1e-9), said
    assert "  " not in said and said == said.strip()


@given(voices, seeds, st.floats(-1e6, 1e9, allow_nan=False), currencies)
def test_no_amount_is_too_odd_to_be_said(voice: Voice, seed: int, amount: float, currency: str) -> None:
    assert speak.say_money(amount, currency, voice, dice(seed))
    assert speak.state_money(amount, currency)


def test_amounts_are_said_in_the_ways_people_say_them() -> None:
    assert {"€42.10", "42,10", "42.10", "forty-two ten", "42.10 euros"} <= every(speak.say_money, 42.10, "EUR", voice=CASUAL)
    assert {"£30", "30 quid", "thirty pounds"} <= every(speak.say_money, 30.0, "GBP", voice=CASUAL)
    assert {"€1.2k", "1.2k"} <= every(speak.say_money, 1200.0, "EUR", voice=CASUAL)
    assert not any("k" in said for said in every(speak.say_money, 1250.0, "EUR", voice=CASUAL))
    assert "forty-two euros and ten cents" in every(speak.say_money, 42.10, "EUR", voice=Voice(0.0, 1.0, False, False))


def test_short_amounts_in_words_are_not_said_where_they_mislead() -> None:
    for amount in (42.05, 5.10, 120.10, 1.20):  # "forty-two five", "five ten", "one twenty"
        said = every(speak.say_money, amount, "EUR", voice=CASUAL)
        assert not any(re.fullmatch(r"[a-z-]+ [a-z-]+", text) and "cents" not in text for text in said), said


@pytest.mark.parametrize(
    ("amount", "currency", "stated"),
    [
        (42.1, "EUR", "€42.10"),
        (1250, "GBP", "£1,250.00"),
        (42.1, "USD", "$42.10"),
        (42.1, "NOK", "42.10 NOK"),
        (1200, "JPY", "¥1,200"),
        (1.5, "KWD", "1.500 KWD"),
        (-5, "EUR", "-€5.00"),
        (0.125, "EUR", "€0.125"),
    ],
)
def test_the_assistant_states_amounts_in_full(amount: float, currency: str, stated: str) -> None:
    assert speak.state_money(amount, currency) == stated


def spoken_weekday(text: str) -> int | None:
    found = re.search(r"\b(mon|tue|wed|thu|fri|sat|sun)", text)
    return None if found is None else [name[:3] for name in WEEKDAYS].index(found[1])


@given(voices, seeds, days, near_days)
def test_relative_days_are_used_only_where_they_are_right(voice: Voice, seed: int, today: date, off: int) -> None:
    day = today + timedelta(days=off)
    monday = today - timedelta(days=today.weekday())
    for say in (speak.say_date, speak.say_on):
        said = say(day.isoformat(), today.isoformat(), voice, dice(seed)).lower()
        assert "  " not in said
        weekday = spoken_weekday(said)
        if weekday is not None:
            assert weekday == day.weekday()
        if said.startswith("last "):
            assert -7 <= off < 0 and monday - timedelta(7) <= day < monday
        elif said.startswith("next "):
            assert monday + timedelta(7) <= day < monday + timedelta(14)
        elif said.startswith("this "):
            assert off > 0 and day < monday + timedelta(7)
        elif said.endswith("last week"):
            assert monday - timedelta(7) <= day < monday
        elif said.endswith("next week"):
            assert monday + timedelta(7) <= day < monday + timedelta(14)
        elif re.fullmatch(r"(on )?the (\d+..|[a-z]+|twenty-[a-z]+|thirty-first)", said):
            assert abs(off) <= 20
        elif re.fullmatch(r"(on )?[a-z]+", said) and said not in ("today", "yesterday", "tomorrow"):
            assert abs(off) <= 6


@given(voices, seeds, days, st.integers(-900, 900))
def test_calendar_dates_name_the_right_day_and_the_year_where_it_is_needed(voice: Voice, seed: int, today: date, off: int) -> None:
    day = today + timedelta(days=off)
    said = speak.say_date(day.isoformat(), today.isoformat(), voice, dice(seed))
    assert speak.say_on(day.isoformat(), today.isoformat(), voice, dice(seed))
    if abs(off) > 180:
        assert str(day.year) in said
    if slashed := re.fullmatch(r"(\d+)[/.](\d+)(?:[/.](\d+))?", said):
        pair = (day.month, day.day) if voice.us else (day.day, day.month)
        assert (int(slashed[1]), int(slashed[2])) == pair
        assert day.day > 12 or day.day == day.month


def test_days_are_said_in_the_ways_people_say_them() -> None:
    assert {"last tues", "last tuesday", "10 march", "10 mar", "the 10th", "a week ago"} <= every(
        speak.say_date, "2026-03-10", TODAY, voice=CASUAL
    )
    assert {"on 10 March", "on Tuesday 10 March", "last Tuesday"} <= every(speak.say_on, "2026-03-10", TODAY, voice=FORMAL)
    assert {"March 10", "Mar 10", "March 10, 2026"} <= every(speak.say_date, "2026-03-10", TODAY, voice=AMERICAN)
    assert {"yesterday", "on 16 march"} <= every(speak.say_on, "2026-03-16", TODAY, voice=CASUAL)
    assert {"tomorrow"} <= every(speak.say_on, "2026-03-18", TODAY, voice=CASUAL)
    assert {"next friday", "in ten days"} <= every(speak.say_on, "2026-03-27", TODAY, voice=CASUAL)
    assert not any(said.startswith("in ") for said in every(speak.say_date, "2026-03-27", TODAY, voice=CASUAL))


def test_the_assistant_states_days_without_doubt() -> None:
    assert speak.state_date("2026-03-10", TODAY) == "10 March 2026"
    assert speak.state_date_short("2026-03-10", TODAY) == "10 March"
    assert speak.state_date_short("2025-03-10", TODAY) == "10 March 2025"


@given(voices, seeds, days, st.integers(-500, 60), st.integers(0, 400))
def test_periods_have_a_name_only_where_it_fits(voice: Voice, seed: int, today: date, off: int, length: int) -> None:
    start = today + timedelta(days=off)
    end = start + timedelta(days=length)
    said = speak.say_period(start.isoformat(), end.isoformat(), today.isoformat(), voice, dice(seed)).lower()
    assert "  " not in said
    if said.startswith("since"):
        assert end == today
    if said == "last month":
        assert start.day == 1 and (end + timedelta(1)).day == 1 and end < today
    if counted := re.fullmatch(r"(?:in|over) the (?:last|past) (\d+) days", said):
        assert end == today and length == int(counted[1])


@pytest.mark.parametrize(
    ("start", "end", "said"),
    [
        ("2026-02-01", "2026-02-28", {"last month", "in february"}),
        ("2026-03-01", "2026-03-17", {"this month", "since the 1st"}),
        ("2026-03-09", "2026-03-15", {"last week"}),
        ("2026-03-16", "2026-03-22", {"this week"}),
        ("2026-02-15", "2026-03-17", {"in the last 30 days", "since 15 february"}),
        ("2026-03-01", "2026-03-10", {"between 1 and 10 march", "from 1 to 10 march"}),
        ("2025-01-01", "2025-12-31", {"last year", "in 2025", "from 1 january 2025 to 31 december 2025"}),
        ("2026-03-16", "2026-03-16", {"yesterday"}),
    ],
)
def test_periods_are_said_in_the_ways_people_say_them(start: str, end: str, said: set[str]) -> None:
    assert said <= every(speak.say_period, start, end, TODAY, voice=CASUAL)


@given(voices, seeds, times)
def test_a_clock_time_can_be_found_again(voice: Voice, seed: int, hhmm: str) -> None:
    said = speak.say_time(hhmm, voice, dice(seed)).lower()
    assert "  " not in said
    digits = re.fullmatch(r"(\d+)(?:[:.](\d\d))?( ?[ap]m)?", said)
    if digits:
        hour, minute, half = int(digits[1]), int(digits[2] or 0), (digits[3] or "").strip()
        if half:
            hour = hour % 12 + (12 if half == "pm" else 0)
        elif not said.startswith(hhmm) and hour < 8:
            hour += 12
        assert f"{hour:02}:{minute:02}" == hhmm


def test_times_are_said_in_the_ways_people_say_them() -> None:
    assert {"7:30pm", "19:30", "half past seven", "7.30"} <= every(speak.say_time, "19:30", voice=CASUAL)
    assert "half past seven" not in every(speak.say_time, "07:30", voice=CASUAL)  # the evening is meant without more
    assert {"noon", "midday"} <= every(speak.say_time, "12:00", voice=CASUAL)
    assert speak.state_time("07:05") == "7:05"


def test_ids_are_shortened_only_where_they_are_short() -> None:
    assert {"t1001", "1001", "#1001", "t-1001"} == every(speak.say_id, "T1001", voice=CASUAL)
    assert {"QX7R2M", "qx7r2m"} == every(speak.say_id, "QX7R2M", voice=AMERICAN)
    assert every(speak.say_id, "BK7719204", voice=CASUAL) == {"bk7719204"}
    assert "77" not in every(speak.say_id, "P77", voice=CASUAL)
    assert every(speak.say_id, "T1001", voice=ASSISTANT) == {"T1001"}


def test_numbers_names_and_lists() -> None:
    assert every(speak.say_integer, 2, voice=CASUAL) == {"2", "two"}
    assert speak.say_text("Brightleaf Books", CASUAL, dice(1)) == "brightleaf books"
    assert speak.say_list(["a", "b", "c"]) == "a, b and c"
    assert speak.say_list(["a", "b"], "or") == "a or b"
    assert speak.say_list([]) == ""
    assert (speak.state_integer(1250), speak.state_count(2), speak.state_count(11)) == ("1,250", "two", "11")


@given(seeds, rates, rates, st.booleans(), cents, days, times)
def test_lower_voices_write_all_in_lower_case_and_dice_decide(
    seed: int, casual: float, words: float, us: bool, minor: int, day: date, hhmm: str
) -> None:
    voice = Voice(casual, words, True, us)

    def say() -> list[str]:
        d = dice(seed)
        return [
            speak.say_money(minor / 100, "EUR", voice, d),
            speak.say_date(day.isoformat(), TODAY, voice, d),
            speak.say_on(day.isoformat(), TODAY, voice, d),
            speak.say_period(day.isoformat(), "2029-01-01", TODAY, voice, d),
            speak.say_time(hhmm, voice, d),
            speak.say_id("T1001", voice, d),
            speak.say_integer(minor, voice, d),
        ]

    said = say()
    assert said == say()
    assert all(text == text.lower() and text for text in said)
