"""Reads days that are counted by their weekday: the first Friday of April, the last Monday of the month."""

from __future__ import annotations

import re
from datetime import date

from gen.values.read_calendar import MONTH, WEEKDAY, add_days, dates_hit, in_years, month_number, month_of, weekday_number
from gen.values.read_span import Hit

_RANKS = {"first": 0, "1st": 0, "second": 1, "2nd": 1, "third": 2, "3rd": 2, "fourth": 3, "4th": 3, "last": -1}
RANK_WORDS = frozenset(rank for rank in _RANKS if rank.isalpha())
_STEPS = {"last": -1, "previous": -1, "next": 1, "coming": 1, "following": 1}
_WEEKDAY_OF = re.compile(
    rf"(?P<rank>{'|'.join(_RANKS)})\s+(?P<day>{WEEKDAY})\s+(?:of|in)\s+(?:the\s+)?"
    rf"(?:(?:(?P<which>this|next|last|previous|coming|following)\s+)?month\b|(?P<month>{MONTH})(?:,?\s+(?P<year>20[0-9]{{2}})\b)?)"
)


def read_weekday_of(low: str, at: int, today: date) -> Hit | None:
    """the first Friday of April, the last Monday of the month."""
    found = _WEEKDAY_OF.match(low, at)
    if found is None:
        return None
    if found["month"]:
        firsts = in_years(month_number(found["month"]), 1, found["year"], today)
    else:
        steps = [_STEPS.get(found["which"] or "", 0)] if found["which"] else [0, 1, -1]
        firsts = [month_of(today, step)[0] for step in steps]
    days = [_ranked(*month_of(first), _RANKS[found["rank"]], weekday_number(found["day"])) for first in firsts]
    return dates_hit(at, found.end(), *days)


def _ranked(first: date, last: date, rank: int, weekday: int) -> date:
    if rank < 0:
        return add_days(last, -((last.weekday() - weekday) % 7))
    return add_days(first, (weekday - first.weekday()) % 7 + 7 * rank)
