"""The calendar as the readers of dates use it: months and weekdays by name, steps in it, days as ISO strings.

No step leaves the calendar: it stops at year 1 and year 9999.
"""

from __future__ import annotations

from calendar import isleap
from collections.abc import Iterable
from datetime import date

from gen.values.read_span import Hit, any_of

MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|"
    r"dec(?:ember)?)\b"
)
_MONTHS = ["january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"]
_MONTH_NUMBER = {name[:3]: n for n, name in enumerate(_MONTHS, start=1)}
MONTH_WORDS = frozenset({*_MONTHS, *_MONTH_NUMBER, "sept"})

_LENGTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)

_WEEKDAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
_WEEKDAY_NUMBER = {name[:3]: n for n, name in enumerate(_WEEKDAYS)}
WEEKDAY_WORDS = frozenset({*_WEEKDAYS, *(f"{name}s" for name in _WEEKDAYS), *_WEEKDAY_NUMBER, "tues", "weds", "thur", "thurs"})
WEEKDAY = rf"(?:{any_of(WEEKDAY_WORDS)})\b"


def month_number(word: str) -> int:
    """1 for jan, January."""
    return _MONTH_NUMBER[word[:3]]


def weekday_number(word: str) -> int:
    """0 for mon, Monday."""
    return _WEEKDAY_NUMBER[word[:3]]


def iso_days(days: Iterable[date | None]) -> tuple[str, ...]:
    """Days as ISO strings, without those that are not in the calendar and without repetition."""
    return tuple(dict.fromkeys(day.isoformat() for day in days if day is not None))


def day_of(year: int, month: int, day: int) -> date | None:
    """The day, or None where the calendar has none."""
    if not (1 <= month <= 12 and 1 <= year <= 9999 and 1 <= day <= _length(year, month)):
        return None
    return date(year, month, day)


def _length(year: int, month: int) -> int:
    return 29 if month == 2 and isleap(year) else _LENGTHS[month - 1]


def add_days(day: date, days: int) -> date:
    """The day so many days on, held within the calendar."""
    return date.fromordinal(min(max(day.toordinal() + days, 1), date.max.toordinal()))


def add_months(day: date, months: int) -> date:
    """The same day of another month, or that month's last."""
    count = min(max(day.year * 12 + day.month - 1 + months, 12), 9999 * 12 + 11)
    year, month = count // 12, count % 12 + 1
    return date(year, month, min(day.day, _length(year, month)))


def month_of(day: date, months: int = 0) -> tuple[date, date]:
    """First and last day of the month that lies so many months from this day's."""
    first = add_months(day.replace(day=1), months)
    return first, first.replace(day=_length(first.year, first.month))


def in_years(month: int, day: int, year: str | None, today: date) -> list[date]:
    """The day in the year that was said (``"2026"``, ``"'26"``, ``"26"``), else the nearest before and after today."""
    if year:
        digits = year.lstrip("'")
        found = day_of(int(digits) + (2000 if len(digits) == 2 else 0), month, day)
        return [found] if found else []
    span = range(today.year - 4, today.year + 5) if (month, day) == (2, 29) else range(today.year - 1, today.year + 2)
    days = [found for y in span if (found := day_of(y, month, day))]
    past = [found for found in days if found <= today][-1:]
    future = [found for found in days if found >= today][:1]
    return sorted({*past, *future}, key=lambda found: abs((found - today).days))


def next_weekday(weekday: int, today: date) -> date:
    """The coming such weekday, after today."""
    return add_days(today, (weekday - today.weekday() - 1) % 7 + 1)


def last_weekday(weekday: int, today: date) -> date:
    """The latest such weekday before today."""
    return add_days(today, (weekday - today.weekday()) % 7 - 7)


def shifted(unit: str, n: int, day: date) -> date:
    """The day so many days, nights, weeks, fortnights, months or years on."""
    if unit in ("month", "year"):
        return add_months(day, n * (12 if unit == "year" else 1))
    return add_days(day, n * {"week": 7, "fortnight": 14}.get(unit, 1))


def dates_hit(at: int, end: int, *days: date) -> Hit:
    """A hit that means one of these days."""
    return Hit("date", at, end, iso_days(days))


def period_hit(at: int, end: int, *pairs: tuple[date, date]) -> Hit:
    """A hit that means one of these periods, both ends inclusive."""
    return Hit("period", at, end, tuple(dict.fromkeys((a.isoformat(), b.isoformat()) for a, b in pairs)))
