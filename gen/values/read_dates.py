"""Reads dates that name their day (10 March, 10/03/2026, the 10th, Christmas) and months, out of English text.

What is said from where one stands (last Tuesday, two weeks ago) is in ``read_relative``. Where the year, or the month, is not
said, the nearest day in the past and the nearest in the future are both candidates.
"""

from __future__ import annotations

import re
from datetime import date

from gen.values.read_calendar import MONTH, add_months, day_of, in_years, iso_days, month_number, month_of
from gen.values.read_ranked import read_weekday_of
from gen.values.read_span import Hit, any_of, before

_ONES = ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth"]
_TEENS = ["tenth", "eleventh", "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth", "nineteenth"]
ORDINALS = {word: n for n, word in enumerate([*_ONES, *_TEENS], start=1)} | {"twentieth": 20, "thirtieth": 30, "thirty-first": 31}
ORDINALS |= {f"twenty-{word}": 20 + n for n, word in enumerate(_ONES, start=1)}
ORDINALS |= {word.replace("-", " "): n for word, n in ORDINALS.items() if "-" in word}
_FEASTS = {
    "christmas eve": (12, 24), "xmas eve": (12, 24),
    "christmas day": (12, 25), "christmas": (12, 25), "xmas": (12, 25), "boxing day": (12, 26),
    "new year's eve": (12, 31), "new years eve": (12, 31), "nye": (12, 31), "new year's day": (1, 1), "new years day": (1, 1),
    "new year's": (1, 1), "new year": (1, 1), "valentine's day": (2, 14), "valentines day": (2, 14), "valentine's": (2, 14),
    "valentines": (2, 14), "halloween": (10, 31), "st patrick's day": (3, 17), "labour day": (5, 1), "may day": (5, 1),
}  # fmt: skip
FEAST_WORDS = frozenset(feast.split()[0].split("'")[0] for feast in _FEASTS) - {"may"}

_NTH = r"(?:st|nd|rd|th)"
_D = rf"[0-9]{{1,2}}{_NTH}?"
_YEAR = r"(?:,?\s*(?P<year>(?:19|20)[0-9]{2}|'[0-9]{2})\b(?![:.,][0-9]))?"
_ISO = re.compile(r"(?P<year>[0-9]{4})[-/.](?P<month>[0-9]{1,2})[-/.](?P<day>[0-9]{1,2})(?![0-9])")
_THREE = re.compile(r"([0-9]{1,2})(?P<sep>[./-])([0-9]{1,2})(?P=sep)([0-9]{4}|[0-9]{2})(?![0-9])")
_TWO = re.compile(r"([0-9]{1,2})(?P<sep>[./-])([0-9]{1,2})(?P<dot>\.?)(?![0-9a-z/€£$%]|[.-][0-9])")
_DATE_BEFORE = re.compile(r"\b(?:on|from|by|since|until|till|dated|date|due|starting|of)\s+(?:the\s+)?$")
_TO = r"\s*(?:-|–|—|to|until|till|through|thru)\s*(?:the\s+)?"
_DAY_MONTH = re.compile(
    rf"(?P<days>{_D}(?:(?:\s*(?:,|&|/|and|or)\s*(?:the\s+)?){{1,2}}{_D}){{0,8}}(?P<range>{_TO}{_D})?)[\s/-]*(?:day\s+)?(?:of\s+)?(?P<month>{MONTH})\.?[-/]?{_YEAR}"
)
_MONTH_DAY = re.compile(
    rf"(?P<month>{MONTH})\.?\s*(?:the\s+)?(?P<days>{_D}(?![0-9:]|[.,][0-9]|\s?[ap]\.?m\b)"
    rf"(?:(?:\s*(?:,|&|and|or)\s*(?:the\s+)?){{1,2}}{_D}(?![0-9:])){{0,8}}(?P<range>{_TO}{_D}(?![0-9:]))?){_YEAR}"
)
_MONTH_ALONE = re.compile(rf"(?P<month>{MONTH})\.?{_YEAR}")
_MONTH_BEFORE = re.compile(
    r"\b(?:in|last|next|this|since|of|by|until|till|for|from|early|late|mid|to|through|and|or|during|before|after|month)\s+$"
)
_BETWEEN = re.compile(r"\bbetween\s+(?:the\s+)?$")
_WHICH_MONTH = r"\s+(?:of\s+)?(?:(?P<which>the|this|next|last|every|each|following|coming)\s+month)\b"
_NTH_DAY = re.compile(rf"(?P<day>[0-9]{{1,2}}){_NTH}\b(?:{_WHICH_MONTH})?")
_A_RANK = re.compile(
    r"\s+(?:ones?|time|class|floor|payment|order|transaction|booking|flight|item|attempt|street|st|avenue|ave|century|place|half|"
    r"quarter|birthday|anniversary|try|instal+ment|charge|refund|night|leg|things?|thought|week|month|part|name|person|passenger|trip|parcel|"
    r"stop|step|reason|option|choice|row|item|parcel|standing|card|account|receipt|invoice|transfer)\b"
)
_WORD_DAY = rf"(?P<ordinal>{any_of(ORDINALS)})\b"
_ORDINAL = re.compile(rf"{_WORD_DAY}(?:(?:{_WHICH_MONTH})|\s+(?:day\s+)?(?:of\s+)?(?P<month>{MONTH})\.?{_YEAR})?")
_MONTH_ORDINAL = re.compile(rf"(?P<month>{MONTH})\s+(?:the\s+)?{_WORD_DAY}{_YEAR}")
_ORDINAL_BEFORE = re.compile(r"\b(?:on|from|by|until|till|since|starting|before|after|to|for|beginning)\s+the\s+$")
_ORDINAL_AFTER = re.compile(r"\s*(?:[,.!?;)-]|$)|\s+(?:please|pls|plz|and|if|to|until|at|would|works|or|is|thanks|instead)\b")
_LOOSE_ORDINAL = re.compile(rf"\bthe\s+{_WORD_DAY}(?P<which>)(?!{_A_RANK.pattern})")
_LOOSE_NTH = re.compile(rf"\bon\s+the\s+(?P<day>[0-9]{{1,2}}){_NTH}\b(?P<which>)")
_SIGN_BEFORE = re.compile(r"[€£$¥₹]\s?$")
_FEAST = re.compile(rf"(?:{any_of(_FEASTS)})\b{_YEAR}")


def read_numeric_date(low: str, at: int, today: date) -> Hit | None:
    """2026-03-10, 10/03/2026, 10.03.26, 10.3., 10/03: day first and month first, where both are days."""
    if found := _ISO.match(low, at):
        values = iso_days([day_of(int(found["year"]), int(found["month"]), int(found["day"]))])
        return Hit("date", at, found.end(), values) if values else None
    if found := _THREE.match(low, at):
        return _either_order(found, found[4], today)
    found = _TWO.match(low, at)
    if found is None or found.group() == "24/7" or before(low, at, _SIGN_BEFORE):
        return None
    dated = found["sep"] == "/" or (found["sep"] == "." and (_is_german(found) or before(low, at, _DATE_BEFORE)))
    dated = dated or (found["sep"] == "-" and "0" in (found[1][0], found[3][0]))
    return _either_order(found, None, today) if dated else None


def _is_german(found: re.Match[str]) -> bool:
    """10.3. with a dot behind a month of one digit; 12.10. may be the end of a sentence."""
    return bool(found["dot"]) and len(found[3]) == 1


def _either_order(found: re.Match[str], year: str | None, today: date) -> Hit | None:
    a, b = int(found[1]), int(found[3])
    days = in_years(b, a, year, today)
    if found["sep"] != "." and a != b:
        days += in_years(a, b, year, today)
    end = found.end() - (0 if year or _is_german(found) else len(found["dot"]))
    return Hit("date", found.start(), end, iso_days(days)) if days else None


def read_day_month(low: str, at: int, today: date) -> Hit | None:
    """10 March, the 10th of March 2026, 3, 5 and 7 March, 1-10 March."""
    found = _DAY_MONTH.match(low, at)
    return _days_in_month(low, found, today) if found else None


def read_month(low: str, at: int, today: date) -> Hit | None:
    """March 10th, March the tenth, March 1 to 10, March 2026, in March."""
    if found := _MONTH_DAY.match(low, at):
        return _days_in_month(low, found, today)
    if found := _MONTH_ORDINAL.match(low, at):
        days = in_years(month_number(found["month"]), ORDINALS[found["ordinal"]], found["year"], today)
        return Hit("date", at, found.end(), iso_days(days)) if days else None
    found = _MONTH_ALONE.match(low, at)
    if found is None or (found["month"] == "may" and not found["year"] and not before(low, at, _MONTH_BEFORE)):
        return None
    firsts = in_years(month_number(found["month"]), 1, found["year"], today)
    if not found["year"]:
        firsts = sorted(firsts, key=lambda first: (first.year, first.month) != (today.year, today.month))
    return Hit("period", at, found.end(), tuple((a.isoformat(), b.isoformat()) for a, b in map(month_of, firsts)))


def _days_in_month(low: str, found: re.Match[str], today: date) -> Hit | None:
    month, year = month_number(found["month"]), found["year"]
    said = [in_years(month, int(day), year, today) for day in re.findall("[0-9]+", found["days"])]
    if not all(said):
        return None
    if found["range"] or (len(said) == 2 and before(low, found.start(), _BETWEEN)):
        pairs = [(a, b) for a in said[0] for b in said[-1] if a <= b and (b - a).days < 31]
        return Hit("period", found.start(), found.end(), tuple((a.isoformat(), b.isoformat()) for a, b in pairs)) if pairs else None
    return Hit("date", found.start(), found.end(), iso_days(day for days in said for day in days))


def read_nth(low: str, at: int, today: date) -> Hit | None:
    """the 10th, the 1st of next month; not the 2nd payment."""
    found = _NTH_DAY.match(low, at)
    if found is None:
        return None
    if ranked := read_weekday_of(low, at, today):
        return ranked
    if not found["which"] and _A_RANK.match(low, found.end()):
        return None
    return _nth_of_month(found, int(found["day"]), today)


def read_ordinal(low: str, at: int, today: date) -> Hit | None:
    """the first of April, the twenty-second of next month, on the first."""
    found = _ORDINAL.match(low, at)
    if found is None:
        return None
    day = ORDINALS[found["ordinal"]]
    if found["month"]:
        days = in_years(month_number(found["month"]), day, found["year"], today)
        return Hit("date", at, found.end(), iso_days(days)) if days else None
    if not found["which"] and not (before(low, at, _ORDINAL_BEFORE) and _ORDINAL_AFTER.match(low, found.end())):
        return None
    return _nth_of_month(found, day, today)


def _nth_of_month(found: re.Match[str], day: int, today: date) -> Hit | None:
    which = found["which"]
    one = {"this": 0, "last": -1, "next": 1, "following": 1}.get(which)
    months = [0, 1, -1, 2, -2, 3, -3] if one is None else [one]  # the nearest months may lack a 31st
    days = [d for m in months if (d := day_of(*_year_and_month(today, m), day))]
    if len(months) > 1:
        days = [d for d in days if d <= today][:1] + [d for d in days if d > today][:1]
    return Hit("date", found.start(), found.end(), iso_days(days)) if days else None


def _year_and_month(day: date, months: int) -> tuple[int, int]:
    """Year and month that lie so many months from this day's."""
    first = add_months(day.replace(day=1), months)
    return first.year, first.month


def loose_ordinals(low: str, today: date) -> frozenset[str]:
    """The days that "the third" can mean, wherever it stands and is followed by nothing that it counts."""
    hits = [_nth_of_month(found, ORDINALS[found["ordinal"]], today) for found in _LOOSE_ORDINAL.finditer(low)]
    hits += [_nth_of_month(found, int(found["day"]), today) for found in _LOOSE_NTH.finditer(low)]  # on the 27th time is tight
    return frozenset([str(value) for hit in hits if hit for value in hit.values])


def read_feast(low: str, at: int, today: date) -> Hit | None:
    """Christmas, New Year's Eve, Valentine's."""
    found = _FEAST.match(low, at)
    if found is None:
        return None
    name = found.group()[: found.start("year") - at].rstrip(", ") if found["year"] else found.group()
    return Hit("date", at, found.end(), iso_days(in_years(*_FEASTS[name], found["year"], today)))


def absolute(low: str, at: int, today: date) -> Hit | None:
    """The date that names its day and begins at ``at``, whatever its form; what may follow a weekday."""
    for reader in (read_numeric_date, read_day_month, read_month, read_nth, read_ordinal):
        hit = reader(low, at, today)
        if hit is not None and hit.kind == "date":
            return hit
    return None
