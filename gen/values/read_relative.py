"""Reads what is said from where one stands in time: tomorrow, last Tuesday, two weeks ago, last month, for 3 nights.

Beside ``read_dates``, which reads days by their name, and ``read_periods``, which does the periods.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal

from gen.values.read_calendar import (
    MONTH,
    WEEKDAY,
    add_days,
    add_months,
    dates_hit,
    last_weekday,
    next_weekday,
    shifted,
    weekday_number,
)
from gen.values.read_dates import absolute
from gen.values.read_numbers import numeral
from gen.values.read_periods import many_from, month_from, unit_from
from gen.values.read_span import Hit, before

_DAYS = {
    "today": 0, "tonight": 0, "tomorrow": 1, "tommorow": 1, "tomorow": 1, "tommorrow": 1, "tmrw": 1, "tmr": 1, "tmrrw": 1, "tmw": 1,
    "2moro": 1, "2morrow": 1, "yesterday": -1, "yday": -1, "ystd": -1, "yest": -1,
}  # fmt: skip
DAY_WORDS = frozenset(_DAYS)

_WEEKDAY = re.compile(
    rf"(?P<day>{WEEKDAY})\.?(?:'s\b)?(?:,?\s+(?:of\s+)?(?P<which>last|this|next)\s+week\b|\s+(?P<rank>after\s+(?:next|this\s+one)|before\s+last)\b"
    r"|\s+(?P<week>week|(?:a|one)\s+week\s+from\s+(?:now|today))\b(?!\s*end)|\s+in\s+(?P<two>(?:two|2)\s+weeks)\b)?"
)
_TO_DATE = re.compile(r"(?:,?\s+(?:on\s+)?(?:the\s+)?|,)(?=[a-z0-9])")
_VERB_BEFORE = re.compile(r"\b(?:i|we|he|she|they|you|it|been|just|who)\s+$")
_RELATIVE = re.compile(
    r"(?P<which>last|past|previous|prior|preceding|this\s+coming|this\s+past|this\s+last|this\s+next|this|next|coming|upcoming|following|"
    r"current)\s+(?:"
    rf"(?P<day>{WEEKDAY})"
    r"|(?P<time>time|day|date)\s+(?P<then>last|next)\s+(?P<since>week|month|year)\b"
    rf"|(?P<unit>week-?end|week|month|quarter|year|fortnight|morning|afternoon|evening|night)\b(?:'?s?,?\s+(?:on\s+)?(?P<week_day>{WEEKDAY}))?"
    rf"|(?P<month>{MONTH})"
    r"|(?P<n>(?:couple\s+(?:of\s+)?|[a-z]+(?:-[a-z]+)?\s+|[0-9]{1,3}\s+))(?P<units>days|weeks|months|years|nights|weekends)\b)"
)
_SAME = re.compile(r"same\s+(?:time|day|date)\s+(?P<then>last|next)\s+(?P<since>week|month|year)\b")
_ARTICLE = re.compile(
    r"(?:(?P<half>half)\s+an?|an?|the)\s+(?:(?P<couple>couple)\s+(?:of\s+)?)?(?=day|week|fortnight|month|year|hour|night|minute)"
)
_COUPLE = re.compile(r"couple\s+(?:of\s+)?")
_UNIT = re.compile(
    r"[\s-]?(?:more\s+|full\s+|whole\s+|calendar\s+|business\s+|working\s+)?"
    r"(?:(?P<day>days?|nights?)|(?P<week>weeks?|wks?)|(?P<fortnight>fortnights?)|(?P<month>months?|mths?)|(?P<year>years?|yrs?)"
    r"|(?P<hour>hours?|hrs?|h(?=\s?[0-9]{1,2}\s?m))|(?P<minute>minutes?|mins?))\b(?!\s*end)"
)
_SMALLER = {"day": 1, "week": 7, "fortnight": 14, "month": 1, "year": 12, "hour": 60, "minute": 1}
_SHIFT = re.compile(
    r"'?s?'?\s*,?\s+(?:(?P<ago>ago|back|earlier)\b|(?P<hence>(?:out\s+)?from\s+(?:now|today)|hence|later|today|time)\b|(?P<tomorrow>(?:from\s+)?tomorrow)\b"
    rf"|(?P<yesterday>(?:from\s+)?yesterday)\b|(?:on|from|this|come)\s+(?:this\s+)?(?P<day>{WEEKDAY}))"
)
_IN = re.compile(r"\b(?P<past>(?:with)?in\s+the\s+)?(?:in|after)\s+(?:about\s+|around\s+|exactly\s+|like\s+)?$")
_HOURS_OF_CLOCK = re.compile(r"(?:1[0-9]|2[0-3])[0-5][0-9]\s(?:hours|hrs)\b")
_OF_CLOCK = re.compile(
    r"\s+(?:past|to|before|after|til)\s+"
    r"(?:[1-9]|1[0-2]|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)\b(?!\s+[a-z]+s\b)"
)
"""Behind minutes that are counted from an hour: five minutes past two."""

_AND_A_HALF = re.compile(r"\s+and\s+a\s+half\b")
_MORE_MINUTES = re.compile(r"(?:\s+and\s+|,?\s*)(?=[0-9a-z])")
_MINUTES = re.compile(r"\s?(?:minutes?|mins?|m)\b")
_A_WEEK_ON = re.compile(r"(?:today|tomorrow)\s+week\b")
_ABOUT_DAY = re.compile(r"(?:the\s+)?day\s+(?P<which>before|after)\s+(?P<from>yesterday|tomorrow|tmrw|tmr|today)\b")


def read_day_word(low: str, at: int, today: date) -> Hit | None:
    """today, tmrw, yesterday, today week."""
    end = at
    while end < len(low) and low[end].isalnum():
        end += 1
    day = add_days(today, _DAYS[low[at:end]])
    if low.startswith(" week", end) and (later := _A_WEEK_ON.match(low, at)):
        return dates_hit(at, later.end(), add_days(day, 7))
    return dates_hit(at, end, day)


def read_day_after(low: str, at: int, today: date) -> Hit | None:
    """(the) day before yesterday, day after tomorrow."""
    found = _ABOUT_DAY.match(low, at)
    if found is None:
        return None
    return dates_hit(at, found.end(), add_days(today, _DAYS[found["from"]] + (1 if found["which"] == "after" else -1)))


def read_weekday(low: str, at: int, today: date) -> Hit | None:
    """Tuesday, Tuesday 10 March, Friday week, Monday next week."""
    found = _WEEKDAY.match(low, at)
    if (
        found is None
        or (len(found["day"]) == 3 and before(low, at, _VERB_BEFORE))
        or (found["day"] == "sun" and low.endswith("the ", 0, at))
    ):
        return None
    weekday = weekday_number(found["day"])
    gap = _TO_DATE.match(low, found.end("day"))
    if gap and (named := absolute(low, gap.end(), today)):
        fitting = tuple(v for v in named.values if isinstance(v, str) and date.fromisoformat(v).weekday() == weekday)
        if fitting or not low[found.end("day") : gap.end()].strip().startswith("on"):
            return Hit("date", at, named.end, fitting or named.values)
    nearest, past = next_weekday(weekday, today), last_weekday(weekday, today)
    if found["which"]:
        monday = add_days(today, -today.weekday() + {"last": -7, "this": 0, "next": 7}[found["which"]])
        return dates_hit(at, found.end(), add_days(monday, weekday))
    if found["week"]:
        return dates_hit(at, found.end(), add_days(nearest, 7))
    if found["two"]:
        return dates_hit(at, found.end(), add_days(nearest, 7), add_days(nearest, 14))
    if found["rank"]:
        day, step = (nearest, 7) if found["rank"].startswith("after") else (past, -7)
        return dates_hit(at, found.end(), add_days(day, step), add_days(day, 2 * step))
    here = [today] if weekday == today.weekday() else []
    return dates_hit(at, found.end(), *here, past, nearest)


def read_relative(low: str, at: int, today: date) -> Hit | None:
    """What begins with last, past, this, next, coming: a weekday, a week, month, ..., or N days."""
    found = _RELATIVE.match(low, at)
    if found is None:
        return None
    end = found.end()
    which = found["which"].split()[-1]
    step = {"this": 0, "current": 0, "next": 1, "coming": 1, "upcoming": 1, "following": 1}.get(which, -1)
    if found["day"]:
        return dates_hit(at, end, *_weekday_from(step, weekday_number(found["day"]), which, today))
    if found["time"]:
        return _this_time(found, today)
    if found["unit"]:
        return unit_from(found, step, which, today)
    if found["month"]:
        return month_from(found, step, today)
    return many_from(found, low, step, today)


def _weekday_from(step: int, weekday: int, which: str, today: date) -> list[date]:
    coming, past = next_weekday(weekday, today), last_weekday(weekday, today)
    monday = add_days(today, -today.weekday())
    if step == 0:
        return [add_days(monday, weekday), coming]
    if step > 0:
        return [coming] if which == "coming" else [coming, add_days(coming, 7)]
    return [past] if which == "past" else [past, add_days(monday, weekday - 7)]


def _this_time(found: re.Match[str], today: date) -> Hit:
    """this time last week, same day last month."""
    sign = -1 if found["then"] == "last" else 1
    unit = found["since"]
    day = add_days(today, 7 * sign) if unit == "week" else add_months(today, sign * (1 if unit == "month" else 12))
    return dates_hit(found.start(), found.end(), day)


def read_same(low: str, at: int, today: date) -> Hit | None:
    """same time last week."""
    found = _SAME.match(low, at)
    return _this_time(found, today) if found else None


def read_duration(low: str, at: int, today: date) -> Hit | None:
    """3 weeks, couple of nights; as a date where it is one: 3 days ago, in 2 weeks, two weeks on Friday."""
    if couple := _COUPLE.match(low, at):
        return _lasting(low, at, Decimal(2), couple.end() - 1, today)
    number = numeral(low, at)
    if number is None or (low[at] == "0" and number.digits not in ("", "0")):  # 0730 hrs is a time
        return None
    if len(number.digits) == len("2130") and _HOURS_OF_CLOCK.match(low, at):
        return None
    return _lasting(low, at, number.values[0], number.end, today)


def read_one_duration(low: str, at: int, today: date) -> Hit | None:
    """a fortnight, an hour, half an hour, a couple of nights, a week ago, the week after; not "the week" alone."""
    article = _ARTICLE.match(low, at)
    if article is None:
        return None
    count = Decimal(2) if article["couple"] else Decimal("0.5") if article["half"] else Decimal(1)
    hit = _lasting(low, at, count, article.end() - 1, today)
    return None if hit and hit.kind == "duration" and low.startswith("the", at) else hit


def _lasting(low: str, at: int, count: Decimal, end: int, today: date) -> Hit | None:
    """The unit behind a count that ends at ``end``, and where it leads from today, if it leads anywhere."""
    found = _UNIT.match(low, end)
    if found is None or found.lastgroup is None:
        return None
    unit, end = found.lastgroup, found.end()
    if unit not in ("hour", "minute") and count <= 10_000:
        shift = _SHIFT.match(low, end)
        moved = _moved(low, at, int(count), unit, shift, today)
        if moved:
            return dates_hit(at, shift.end() if shift else end, *moved)
    elif unit == "hour":
        return _hours(low, at, count, end)
    elif unit == "minute" and _OF_CLOCK.match(low, end):
        return None
    return Hit("duration", at, end, tuple(dict.fromkeys((count, count * _SMALLER[unit]))))


def _hours(low: str, at: int, count: Decimal, end: int) -> Hit:
    """An hour and a half, 1 hour 30 minutes, 1h 30m: in hours, then in minutes."""
    if half := _AND_A_HALF.match(low, end):
        count, end = count + Decimal("0.5"), half.end()
    elif count == int(count) and (gap := _MORE_MINUTES.match(low, end)) and (number := numeral(low, gap.end())):
        minutes = _MINUTES.match(low, number.end)
        if minutes and number.values[0] < 60:
            whole = count * 60 + number.values[0]
            return Hit("duration", at, minutes.end(), (whole, whole / 60))
    return Hit("duration", at, end, (count, count * 60))


def _moved(low: str, at: int, n: int, unit: str, shift: re.Match[str] | None, today: date) -> list[date]:
    if shift is None:
        inside = before(low, at, _IN)
        return [shifted(unit, n, today)] if inside and not inside["past"] else []
    if shift["ago"]:
        return [shifted(unit, -n, today), *([add_days(today, -30 * n)] if unit == "month" else [])]
    if shift["tomorrow"]:
        return [shifted(unit, n, add_days(today, 1))]
    if shift["yesterday"]:
        return [shifted(unit, n, add_days(today, -1)), shifted(unit, -n, add_days(today, -1))]
    if shift["day"]:
        coming = next_weekday(weekday_number(shift["day"]), today)
        return [shifted(unit, n, coming), coming]  # once a month from Sunday on
    if shift["hence"] in ("later", "time") and not before(low, at, _IN):
        return []
    return [shifted(unit, n, today)]
