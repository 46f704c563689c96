"""Reads periods out of English text: last month, the last 30 days, Q1, over the weekend; and the edges of them (end of March).

``unit_from``, ``month_from`` and ``many_from`` read what ``read_relative`` found behind "last", "this" or "next"; ``join`` makes
periods of what stands side by side (from 3 March to 9 March, since the 1st). Where a period is still running, both its end and
today are candidates.
"""

from __future__ import annotations

import re
from datetime import date

from gen.values.read_calendar import (
    MONTH,
    add_days,
    add_months,
    dates_hit,
    in_years,
    month_number,
    month_of,
    period_hit,
    shifted,
    weekday_number,
)
from gen.values.read_numbers import numeral
from gen.values.read_span import Hit, before

_EDGE = re.compile(
    r"(?P<edge>end|close|eom|start|beginning|begining|middle|mid|last\s+day|last(?=\s+of\b)|first\s+day|turn)"
    r"(?:[\s-]+(?:of\s+)?(?:the\s+)?(?:(?P<which>this|next|last|current|coming|following)\s+)?"
    rf"(?:(?P<unit>week|month|year|quarter)\b|(?P<quarter>q[1-4]|(?:first|second|third|fourth)\s+quarter)\b|(?P<month>{MONTH})(?!\s+(?:the\s+)?[0-9]{{1,2}}(?:st|nd|rd|th)?\b(?!:))(?:\s+(?P<year>20[0-9]{{2}})\b)?))?"
)
_UNIT_END = re.compile(r"(?P<unit>month|quarter|year)(?:'s)?[\s-]end\b")
_QUARTER = re.compile(r"(?:q[1-4]|(?:first|second|third|fourth)\s+quarter)\b(?:\s+(?:of\s+)?(?P<year>20[0-9]{2}))?")
_YEAR = re.compile(
    r"(?P<year>(?:19|20)[0-9]{2})(?![0-9]|[.,:/-][0-9]|\w|\s?(?:[€£$¥%]|(?:eur|euros?|gbp|pounds?|quid|usd|dollars?|bucks)\b))"
)
_YEAR_BEFORE = re.compile(r"\b(?:in|since|year|during|of|throughout|all)\s+$")
_WEEKEND = re.compile(r"week-?end\b")
_BETWEEN_SPANS = re.compile(r"\s*,?\s*(?:-|–|—|\bto\b|\buntil\b|\btill?\b|\bthrough\b|\bthru\b|\bup to\b)\s*(?:the\s+)?$")
_AND = re.compile(r"\s*\band\s+(?:the\s+)?$")
_SINCE = re.compile(r"\bsince\s+(?:last\s+)?(?:the\s+)?(?:start\s+of\s+)?$")
_BETWEEN = re.compile(r"\bbetween\s+(?:the\s+)?$")
_WEEK_OF = re.compile(
    r"\b(?:(?<!each )(?<!every )(?<!a )(?<!per )(?<!by )week\s+(?:of|starting|beginning|commencing|from)|w/c)"
    r"\s+(?:the\s+)?(?:mon(?:day)?,?\s+)?$"
)
"""The week of a day; "once a week starting 4 May" says how often, and the day."""


def unit_from(found: re.Match[str], step: int, which: str, today: date) -> Hit | None:
    """last week, this month, past year, next week Friday; ``step`` is -1, 0 or 1, ``which`` the word itself."""
    at, end, unit = found.start(), found.end(), found["unit"].replace("-", "")
    monday = add_days(today, -today.weekday() + 7 * step)
    if found["week_day"] and unit == "week":
        return dates_hit(at, end, add_days(monday, weekday_number(found["week_day"])))
    end = found.end("unit")
    if unit in ("morning", "afternoon", "evening", "night"):
        return dates_hit(at, end, add_days(today, step)) if unit != "night" or step <= 0 else None
    if unit == "week":
        pairs = [(monday, add_days(monday, 6)), (add_days(monday, -1), add_days(monday, 5))]
        pairs += {0: [(monday, today), (today, add_days(monday, 6))], -1: _rolling(7, today)}.get(step, [(today, add_days(today, 7))])
        return period_hit(at, end, *pairs)
    if unit == "weekend":
        return period_hit(at, end, *_weekends(step, today))
    if unit == "fortnight":
        return period_hit(at, end, *(_rolling(14, today) if step < 0 else [(today, add_days(today, 14))]))
    months = {"month": 1, "quarter": 3, "year": 12}[unit]
    first, last = _block(today, months, step)
    pairs = [(first, last)]
    if step == 0:
        pairs += [(first, today), (today, last)]
    if which == "past":
        pairs += [(add_months(today, -months), today), *_rolling(30 * months, today)]
    return period_hit(at, end, *pairs)


def _block(today: date, months: int, step: int) -> tuple[date, date]:
    """The calendar month, quarter or year that lies ``step`` of them from today's."""
    into = (today.month - 1) % months
    return month_of(today, step * months - into)[0], month_of(today, step * months - into + months - 1)[1]


def _weekends(step: int, today: date) -> list[tuple[date, date]]:
    saturday = add_days(today, 5 - today.weekday())
    starts = {0: [saturday], 1: [saturday, add_days(saturday, 7)], -1: [add_days(saturday, -7)]}[step]
    if step == -1 and today.weekday() == 6:
        starts.append(add_days(saturday, -14))
    return [(add_days(start, lead), add_days(start, 1)) for start in starts for lead in (0, -1)]


def read_weekend(low: str, at: int, today: date) -> Hit | None:
    """(over) the weekend."""
    found = _WEEKEND.match(low, at)
    return period_hit(at, found.end(), *_weekends(-1, today), *_weekends(0, today)) if found else None


def month_from(found: re.Match[str], step: int, today: date) -> Hit:
    """last March, next April."""
    number = month_number(found["month"])
    firsts = in_years(number, 1, None, today)
    here = today.replace(day=1)
    fitting = [first for first in firsts if (first < here if step < 0 else first >= here if step == 0 else first > here)]
    if not fitting:
        fitting = [add_months(firsts[0], 12 * step)]
    return period_hit(found.start(), found.end(), *map(month_of, fitting))


def _rolling(days: int, today: date) -> list[tuple[date, date]]:
    yesterday = add_days(today, -1)
    return [(add_days(today, -days), today), (add_days(today, 1 - days), today), (add_days(today, -days), yesterday)]


def many_from(found: re.Match[str], low: str, step: int, today: date) -> Hit | None:
    """the last 30 days, the past two weeks, the next couple of months."""
    number = numeral(low, found.start("n"))
    if number is None and not found["n"].startswith("couple"):
        return None
    n, unit = int(number.values[0]) if number else 2, found["units"].rstrip("s")
    if step >= 0:
        to = add_days(today, n * {"week": 7, "weekend": 7}.get(unit, 1)) if unit not in ("month", "year") else shifted(unit, n, today)
        return period_hit(found.start(), found.end(), (today, to), (add_days(today, 1), to))
    if unit in ("month", "year"):
        months = n * (12 if unit == "year" else 1)
        start = add_months(today, -months)
        pairs = [
            (start, today),
            (add_days(start, 1), today),
            (start, add_days(today, -1)),
            (month_of(today, -months)[0], month_of(today, -1)[1]),
        ]
        return period_hit(found.start(), found.end(), *pairs, (month_of(today, 1 - months)[0], today), (month_of(today, -months)[0], today))
    days = n * (7 if unit.startswith("week") else 1)
    monday = add_days(today, -today.weekday())
    weeks = [(add_days(monday, -days), add_days(monday, -1))] if unit == "week" else []
    return period_hit(found.start(), found.end(), *_rolling(days, today), *weeks)


def read_edge(low: str, at: int, today: date) -> Hit | None:
    """end of the month, beginning of next month, month end; mid March is a period."""
    if found := _UNIT_END.match(low, at):
        months = {"month": 1, "quarter": 3, "year": 12}[found["unit"]]
        return dates_hit(at, found.end(), _block(today, months, 0)[1], _block(today, months, -1)[1])
    found = _EDGE.match(low, at)
    if found is None or not (found["unit"] or found["month"] or found["quarter"] or found["edge"] == "eom"):
        return None
    edge = {"last day": "end", "last": "end", "eom": "end", "close": "end", "mid": "middle"}.get(" ".join(found["edge"].split()), "start")
    edge = found["edge"] if found["edge"] in ("end", "middle") else edge
    step = {"next": 1, "coming": 1, "following": 1, "last": -1}.get(found["which"] or "", 0)
    if edge == "middle":
        return period_hit(at, found.end(), *(_middle(first, last) for first, last in _edged(found, step, today)))
    days: list[date] = []
    for first, last in _edged(found, step, today):
        days.append(last if edge == "end" else first)
        if found["unit"] == "week" and edge == "end":
            days.append(add_days(first, 4))
    return dates_hit(at, found.end(), *days)


def _middle(first: date, last: date) -> tuple[date, date]:
    """The second third of a period: nobody means a day by mid March."""
    third = ((last - first).days + 1) // 3
    return add_days(first, third), add_days(last, -third)


def _edged(found: re.Match[str], step: int, today: date) -> list[tuple[date, date]]:
    if found["month"]:
        return [month_of(first) for first in in_years(month_number(found["month"]), 1, found["year"], today)]
    if found["quarter"]:
        return [(first, month_of(first, 2)[1]) for first in in_years(3 * _quarter(found["quarter"]) - 2, 1, None, today)]
    if found["unit"] == "week":
        monday = add_days(today, -today.weekday() + 7 * step)
        return [(monday, add_days(monday, 6))]
    months = {"quarter": 3, "year": 12}.get(found["unit"] or "", 1)
    blocks = [_block(today, months, step)]
    if not found["which"]:
        blocks += [_block(today, months, 1), _block(today, months, -1)]
    return blocks


def read_quarter(low: str, at: int, today: date) -> Hit | None:
    """Q1, the first quarter of 2026."""
    found = _QUARTER.match(low, at)
    if found is None:
        return None
    firsts = in_years(3 * _quarter(found.group()) - 2, 1, found["year"], today)
    return period_hit(at, found.end(), *((first, month_of(first, 2)[1]) for first in firsts))


def _quarter(said: str) -> int:
    """1 of Q1 and of the first quarter."""
    return int(said[1]) if said[1].isdigit() else ["first", "second", "third", "fourth"].index(said.split()[0]) + 1


def read_year(low: str, at: int, today: date) -> Hit | None:
    """in 2025; a bare 2025 is a number."""
    found = _YEAR.match(low, at)
    if found is None or not before(low, at, _YEAR_BEFORE):
        return None
    year = int(found["year"])
    return period_hit(at, found.end(), (date(year, 1, 1), date(year, 12, 31)))


def join(low: str, hits: list[Hit], today: date) -> list[Hit]:
    """Makes periods of neighbours: from A to B, between A and B, since A, the week of A."""
    joined: list[Hit] = []
    for hit in hits:
        if hit.kind in ("date", "period"):
            last = joined[-1] if joined else None
            if last and last.kind in ("date", "period") and _belong(low, last, hit) and (pairs := _pairs(last, hit)):
                joined[-1] = Hit("period", last.start, hit.end, pairs)
                continue
            hit = _opened(low, hit, today)
        joined.append(hit)
    return joined


def _belong(low: str, a: Hit, b: Hit) -> bool:
    gap = low[a.end : b.start]
    if len(gap) > 16:
        return False
    return bool(_BETWEEN_SPANS.match(gap)) or bool(_AND.match(gap) and before(low, a.start, _BETWEEN))


def _pairs(a: Hit, b: Hit) -> tuple[tuple[str, str], ...]:
    starts = [v[0] if isinstance(v, tuple) else str(v) for v in a.values]
    ends = [v[1] if isinstance(v, tuple) else str(v) for v in b.values]
    spans = [(s, e, (date.fromisoformat(e) - date.fromisoformat(s)).days) for s in starts for e in ends]
    return tuple(dict.fromkeys((s, e) for s, e, days in spans if 0 <= days <= 300))


def _opened(low: str, hit: Hit, today: date) -> Hit:
    now = today.isoformat()
    if hit.kind == "date" and before(low, hit.start, _WEEK_OF):
        mondays = [add_days(day, -day.weekday()) for day in map(date.fromisoformat, map(str, hit.values))]
        return period_hit(hit.start, hit.end, *((monday, add_days(monday, 6)) for monday in mondays))
    if not before(low, hit.start, _SINCE):
        return hit
    starts = [v[0] if isinstance(v, tuple) else str(v) for v in hit.values]
    open_ones = tuple(dict.fromkeys((start, now) for start in starts if start <= now))
    return Hit("period", hit.start, hit.end, open_ones) if open_ones else hit
