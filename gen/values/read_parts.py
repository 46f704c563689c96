"""Reads amounts that are said by what they are a part of (half of the 80), and what is glued to its currency or its sign (EUR42, x3)."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal

from gen.values.read_numbers import CODES, read_number
from gen.values.read_span import Hit, before

_PART = re.compile(r"(?P<part>half|quarter)\s+(?:(?:of\s+)?(?:the|that|my|those)|of)\s+(?=[€£$]?\s?[0-9a-z])")
_PARTS = {"half": Decimal("0.5"), "quarter": Decimal("0.25")}
PART_WORDS = frozenset(_PARTS)
_ONE_BEFORE = re.compile(r"\b(?:an?|one)\s$")
_TIMES = re.compile(r"x(?P<n>[0-9]{1,2})(?!\w)")


def read_part(low: str, at: int, today: date) -> Hit | None:
    """half of the 80, a quarter of €100: the part, and the whole, which was said too."""
    found = _PART.match(low, at)
    if found is None or (found["part"] != "half" and not before(low, at, _ONE_BEFORE)):
        return None
    first = found.end() + (low[found.end()] in "€£$")
    whole = read_number(low, first, today)
    if whole is None:
        return None
    numbers = [value for value in whole.values if isinstance(value, Decimal)]
    return Hit(whole.kind, at, whole.end, (*(n * _PARTS[found["part"]] for n in numbers), *numbers), whole.currency)


def read_glued(low: str, at: int, today: date) -> Hit | None:
    """EUR42.10, x3."""
    if low[at] == "x" and (times := _TIMES.match(low, at)):
        return Hit("number", at, times.end(), (Decimal(times["n"]),))
    if low[at : at + 3] not in CODES or not low[at + 3 : at + 4].isdigit():
        return None
    hit = read_number(low, at + 3, today)
    return Hit("money", at, hit.end, hit.values, low[at : at + 3].upper()) if hit else None
