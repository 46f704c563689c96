"""A day or a stretch of days as people say it, and as the assistant states it.

Relative forms are used only where a careful listener, who knows what day it is, finds the same day again: "last
Tuesday" is the Tuesday of the week before, at most seven days back; "next Friday" the Friday of the week to come;
"this Friday" the coming one of this week; "the 10th" the nearest 10th on the side that is meant, at most twenty days
off; "10 March" without a year at most 180 days off; numbers only where day and month cannot be confused. Weeks begin
on Monday.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from functools import lru_cache
from typing import NamedTuple

from gen.dice import Dice
from gen.values.speak_voice import Form, Table, Voice, cardinal, manner, ordinal, ordinal_words, table

MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December")
MONTHS_SHORT = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sept", "Oct", "Nov", "Dec")
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
WEEKDAYS_SHORT = ("Mon", "Tues", "Wed", "Thurs", "Fri", "Sat", "Sun")
WEEKDAYS_SHORTER = ("Mon", "Tue", "Weds", "Thu", "Fri", "Sat", "Sun")

YEAR_NEEDED_BEYOND = 180
DAY_OF_MONTH_WITHIN = 20


class Day(NamedTuple):
    """A day seen from today. ``off`` is in days, negative in the past; ``week`` in weeks from this one."""

    when: date
    today: date
    off: int
    week: int

    @property
    def weekday(self) -> int:
        return self.when.weekday()

    @property
    def month(self) -> str:
        return MONTHS[self.when.month - 1]

    @property
    def month_short(self) -> str:
        return MONTHS_SHORT[self.when.month - 1]


def say_date(day: str, today: str, voice: Voice, dice: Dice) -> str:
    """A day without preposition, fit to follow "from": "10 March", "last Tuesday", "yesterday", "the 10th"."""
    text = _date_table(day, today, voice.us, manner(voice), False).draw(dice)
    return text.lower() if voice.lower else text


def say_on(day: str, today: str, voice: Voice, dice: Dice) -> str:
    """A day as an adverbial: "on 10 March", "last Tuesday", "yesterday", "on the 10th", "in three days"."""
    text = _date_table(day, today, voice.us, manner(voice), True).draw(dice)
    return text.lower() if voice.lower else text


def say_period(start: str, end: str, today: str, voice: Voice, dice: Dice) -> str:
    """The days from ``start`` to ``end``, both included, as an adverbial: "last month", "between 1 and 10 March"."""
    if start == end:
        return say_on(start, today, voice, dice)
    text = _period_table(start, end, today, voice.us, manner(voice)).draw(dice)
    return text.lower() if voice.lower else text


@lru_cache(maxsize=8192)
def state_date(day: str, today: str) -> str:
    """A day as the assistant states it: "10 March 2026"."""
    moment = date.fromisoformat(day)
    return f"{moment.day} {MONTHS[moment.month - 1]} {moment.year}"


@lru_cache(maxsize=8192)
def state_date_short(day: str, today: str) -> str:
    """ "10 March" where that is clear (within 180 days of today), else with the year."""
    moment = date.fromisoformat(day)
    if abs((moment - date.fromisoformat(today)).days) > YEAR_NEEDED_BEYOND:
        return state_date(day, today)
    return f"{moment.day} {MONTHS[moment.month - 1]}"


@lru_cache(maxsize=65536)
def _date_table(day: str, today: str, us: bool, manner: int, adverbial: bool) -> Table[str]:
    seen = _see(date.fromisoformat(day), date.fromisoformat(today))
    on = "on " if adverbial else ""
    forms = [Form(on + how, formal, casual, worded) for how, formal, casual, worded in _absolute(seen, us)]
    forms += _relative(seen)
    if adverbial:
        forms += _distance(seen)
    return table(forms, manner)


def _see(day: date, today: date) -> Day:
    off = (day - today).days
    return Day(day, today, off, (off + today.weekday()) // 7)


def _absolute(day: Day, us: bool) -> Iterator[Form[str]]:
    """Forms that follow "on": calendar dates, bare weekdays, days of the month."""
    yield from _calendar(day, us)
    yield from _numeric(day, us)
    if 2 <= abs(day.off) <= DAY_OF_MONTH_WITHIN:
        yield Form(f"the {ordinal(day.when.day)}", 2, 7, False)
        yield Form(f"the {ordinal_words(day.when.day)}", 2, 6, True)
    if 2 <= abs(day.off) <= 6:
        yield Form(WEEKDAYS[day.weekday], 3, 6)
        yield Form(WEEKDAYS_SHORT[day.weekday], 0, 2)
        yield Form(WEEKDAYS_SHORTER[day.weekday], 0, 1)
        yield Form(f"{WEEKDAYS[day.weekday]} the {ordinal(day.when.day)}", 1.5, 1)


def _calendar(day: Day, us: bool) -> Iterator[Form[str]]:
    number, month, short, year = day.when.day, day.month, day.month_short, day.when.year
    name = WEEKDAYS[day.weekday]
    plain, brief, full, long = (
        (f"{month} {number}", f"{short} {number}", f"{month} {number}, {year}", f"{month} {ordinal(number)}, {year}")
        if us
        else (f"{number} {month}", f"{number} {short}", f"{number} {month} {year}", f"{ordinal(number)} {month} {year}")
    )
    clear = abs(day.off) <= YEAR_NEEDED_BEYOND
    yield Form(full, 4 if clear else 8, 0.2 if clear else 4)
    yield Form(long, 1.5, 0.1 if clear else 2)
    yield Form(f"{brief}{',' if us else ''} {year}", 0.7, 0.1 if clear else 4)
    if not clear:
        return
    yield Form(plain, 8, 6)
    yield Form(f"{month} {ordinal(number)}" if us else f"{ordinal(number)} {month}", 3, 4, False)
    yield Form(f"the {ordinal(number)} of {month}", 3, 1.5, False)
    yield Form(f"the {ordinal_words(number)} of {month}", 2, 2, True)
    yield Form(brief, 1, 5)
    yield Form(f"{number} {month}" if us else f"{month} {ordinal(number)}", 0.3, 1)
    if abs(day.off) <= 60:
        yield Form(f"{name}, {plain}" if us else f"{name} {plain}", 3, 0.7)
        yield Form(f"{WEEKDAYS_SHORT[day.weekday]} {brief}", 0.3, 1)


def _numeric(day: Day, us: bool) -> Iterator[Form[str]]:
    number, month, year = day.when.day, day.when.month, day.when.year
    yield Form(day.when.isoformat(), 0.8, 0.1)
    if number <= 12 and number != month:
        return
    first, second = (month, number) if us else (number, month)
    yield Form(f"{first:02}/{second:02}/{year}", 1.5, 0.4)
    if not us:
        yield Form(f"{first:02}.{second:02}.{year}", 0.6, 0.2)
    if abs(day.off) <= YEAR_NEEDED_BEYOND and number > 12:
        yield Form(f"{first}/{second}", 0.2, 3)


def _relative(day: Day) -> Iterator[Form[str]]:
    """Forms that need no preposition and yet follow "from"."""
    off, name, short = day.off, WEEKDAYS[day.weekday], WEEKDAYS_SHORT[day.weekday]
    near = {0: "today", -1: "yesterday", 1: "tomorrow", -2: "the day before yesterday", 2: "the day after tomorrow"}.get(off)
    if near:
        weight = 14 if abs(off) < 2 else 2
        yield Form(near, weight, 2 * weight)
    if day.week == -1 and off >= -7:
        yield Form(f"last {name}", 4, 9)
        yield Form(f"last {short}", 0, 5)
    if day.week == 1:
        yield Form(f"next {name}", 4, 9)
        yield Form(f"next {short}", 0, 4)
    if day.week == 0 and off >= 2:
        yield Form(f"this {name}", 3, 6)
        yield Form(f"this {short}", 0, 2)
    if day.week in (-1, 1) and abs(off) > 6:
        yield Form(f"{name} {'last' if off < 0 else 'next'} week", 1.5, 2.5)
    yield from _ago(off)


def _ago(off: int) -> Iterator[Form[str]]:
    if off in (-7, -14, -21, -28):
        weeks = -off // 7
        yield Form("a week ago" if weeks == 1 else f"{cardinal(weeks)} weeks ago", 2, 5)
    elif -13 <= off <= -3:
        yield Form(f"{-off} days ago", 1, 2, False)
        yield Form(f"{cardinal(-off)} days ago", 1, 3, True)


def _distance(day: Day) -> Iterator[Form[str]]:
    """Forms that bring their own preposition: "in three days"."""
    off = day.off
    if off in (7, 14, 21, 28):
        weeks = off // 7
        yield Form("in a week" if weeks == 1 else f"in {cardinal(weeks)} weeks", 1, 3)
    elif 3 <= off <= 13:
        yield Form(f"in {off} days", 1, 2, False)
        yield Form(f"in {cardinal(off)} days", 1, 3, True)


@lru_cache(maxsize=16384)
def _period_table(start: str, end: str, today: str, us: bool, manner: int) -> Table[str]:
    now = date.fromisoformat(today)
    first, last = (_see(date.fromisoformat(start), now), _see(date.fromisoformat(end), now))
    return table([*_span(first, last, us), *_open_ended(first, last, us), *_whole(first, last)], manner)


def _dated(day: Day, us: bool, clear: bool) -> str:
    """A calendar date, with its year where it is not clear without."""
    text = f"{day.month} {day.when.day}" if us else f"{day.when.day} {day.month}"
    if clear:
        return text
    return f"{text}, {day.when.year}" if us else f"{text} {day.when.year}"


def _span(first: Day, last: Day, us: bool) -> Iterator[Form[str]]:
    clear = max(abs(first.off), abs(last.off)) <= YEAR_NEEDED_BEYOND
    start, end = _dated(first, us, clear), _dated(last, us, clear)
    yield Form(f"between {start} and {end}", 3, 2)
    yield Form(f"from {start} to {end}", 3, 3)
    if clear and first.when.year == last.when.year and first.when.month == last.when.month:
        a, b, month = first.when.day, last.when.day, first.month
        yield Form(f"between {month} {a} and {b}" if us else f"between {a} and {b} {month}", 4, 4)
        yield Form(f"from {month} {a} to {b}" if us else f"from {a} to {b} {month}", 2, 3)
        yield Form(f"between the {ordinal(a)} and the {ordinal(b)} of {month}", 3, 2, False)
        yield Form(f"from the {ordinal(a)} to the {ordinal(b)} of {month}", 2, 1, False)


def _open_ended(first: Day, last: Day, us: bool) -> Iterator[Form[str]]:
    """Stretches that end today: "since 3 March", "in the last 30 days"."""
    if last.off != 0 or first.off > -2:
        return
    start = _dated(first, us, -first.off <= YEAR_NEEDED_BEYOND)
    yield Form(f"since {start}", 4, 5)
    yield Form(f"from {start} until today", 2, 1)
    if first.off >= -DAY_OF_MONTH_WITHIN:
        yield Form(f"since the {ordinal(first.when.day)}", 1, 4)
    if first.week == -1 and first.off >= -7:
        yield Form(f"since last {WEEKDAYS[first.weekday]}", 1, 4)
    days = -first.off
    if days <= 10 or days % 10 == 0 or days % 7 == 0:  # nobody counts "the last 16 days"
        yield from _last_days(days)


def _last_days(days: int) -> Iterator[Form[str]]:
    for word in ("last", "past"):
        yield Form(f"in the {word} {days} days", 3, 3, False)
        yield Form(f"over the {word} {days} days", 2, 1, False)
        if days <= 30:
            yield Form(f"in the {word} {cardinal(days)} days", 3, 4, True)
        if days in (14, 21, 28):
            yield Form(f"in the {word} {cardinal(days // 7)} weeks", 2, 4)


def _whole(first: Day, last: Day) -> Iterator[Form[str]]:
    """Calendar weeks, months and years; those that run may end today."""
    now = first.today
    ends = (last.when, last.when + timedelta(days=1))
    if first.weekday == 0 and (last.off == first.off + 6 or (first.week == 0 and last.off == 0)):
        name = {-1: "last week", 0: "this week", 1: "next week"}.get(first.week)
        if name:
            yield Form(name, 12, 30)
    if first.when.day == 1 and (_next_month(first.when) == ends[1] or (_months_off(first) == 0 and last.when == now)):
        yield from _month(first)
    if (first.when.month, first.when.day) == (1, 1):
        year = first.when.year
        if ends[1] == date(year + 1, 1, 1) or (year == now.year and last.when == now):
            yield Form(f"in {year}", 8, 4)
            name = {-1: "last year", 0: "this year", 1: "next year"}.get(year - now.year)
            if name:
                yield Form(name, 10, 20)


def _month(first: Day) -> Iterator[Form[str]]:
    away = _months_off(first)
    name = {-1: "last month", 0: "this month", 1: "next month"}.get(away)
    if name:
        yield Form(name, 12, 30)
    if away and abs(away) <= 6:
        yield Form(f"in {first.month}", 12, 14)
        yield Form(f"in {first.month_short}", 0, 6)
    yield Form(f"in {first.month} {first.when.year}", 6 if abs(away) <= 6 else 20, 1 if abs(away) <= 6 else 20)


def _months_off(day: Day) -> int:
    return (day.when.year - day.today.year) * 12 + day.when.month - day.today.month


def _next_month(first: date) -> date:
    return (first + timedelta(days=31)).replace(day=1)
