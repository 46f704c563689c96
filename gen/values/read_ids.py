"""Reads what names a thing out of English text: ids (T1001, #1001, ORD-2024-0042), card numbers, telephone numbers, e-mails.

An id is normalised to its letters and digits in upper case; an e-mail to lower case; a telephone number to its digits.
"""

from __future__ import annotations

import re
from datetime import date

from gen.values.read_numbers import numeral
from gen.values.read_span import Hit, before

EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
URL = re.compile(r"https?://[^\s]+|www\.[^\s]+")
_NOT_PLAIN = re.compile(r"[\W_]+")
_MIXED = re.compile(r"[a-z]+[0-9][a-z0-9]*(?:[-_/][a-z0-9]*[0-9][a-z0-9]*){0,6}(?!\w)")
_DIGITS_FIRST = re.compile(r"(?![0-9]+(?:st|nd|rd|th)\b)[0-9]+[a-z][a-z0-9]*(?:-[a-z0-9]+)*(?!\w)")
_IBAN = re.compile(r"[a-z]{2}[0-9]{2}(?: [a-z]{4})?(?: [0-9]{4}){2,7}(?: [0-9]{1,3})?(?!\w)")
_GROUPS = re.compile(r"[0-9]{4}(?:[ -][0-9]{4}){2,4}(?![0-9])|[0-9]{12,}(?![\w])")
_PREFIXED = re.compile(r"(?P<digits>[0-9]+)(?P<more>(?:[-_/][a-z0-9]*[0-9][a-z0-9]*){0,6})(?!\w|[.,:/][0-9])")
_LETTERS_BEFORE = re.compile(r"(?<![\w.-])#?(?:(?!mid|pre|post|non)[a-z]{1,5}[-_]|[b-df-hj-mo-z][ .])$")
_NUMBER_BEFORE = re.compile(r"(?:#\s?|\b(?:number|no|nr|num|id|ref|reference|code)(?:\s+is|[.:])?\s+)$")
_ENDING = re.compile(
    r"(?:end(?:ing|s)?|finish(?:ing|es)?|last\s+(?:four|4|three|3)(?:\s+(?:digits|numbers))?)\s*(?:in|with|on|is|are|:|=)?\s*[x*•.…-]*(?P<digits>[0-9]{2,8})(?!\w|[.,][0-9])"
)
_HIDDEN_BEFORE = re.compile(r"(?:(?<!\w)(?:[*•]+|x{2,16})|\.{3}|…)\s?$")
_PHONE = re.compile(
    r"[0-9]{1,4}(?:\s?\(0\)\s?[0-9]{1,5})?(?:[\s().-]{1,2}[0-9]{2,5}){2,5}(?![\w])|0[0-9]{2,5}(?:[\s-]?[0-9]{3,8}){1,3}(?!\w)|[0-9]{3}-[0-9]{4}(?![\w-])|[0-9]{8,15}(?!\w)"
)
_CALLING = re.compile(r"(?<!\w)\+?\(?$")
_PHONE_SHAPE = re.compile(r"[0-9]{3}\)?[\s.-]{1,2}[0-9]{3}[\s.-][0-9]{4}|[0-9]{3}-[0-9]{4}|0[0-9]{2,5}[\s.-]?[0-9].*")


def plain_id(text: str) -> str:
    """The letters and digits of an id, upper case."""
    return _NOT_PLAIN.sub("", text).upper()


def _id(start: int, end: int, text: str) -> Hit:
    return Hit("id", start, end, (plain_id(text),))


def read_mixed(low: str, at: int, today: date) -> Hit | None:
    """T1001, ORD2024-0042, DE89 3704 0044 0532 0130 00."""
    found = _IBAN.match(low, at) or _MIXED.match(low, at)
    if found is None:
        return None
    start = at - 1 if at and low[at - 1] == "#" else at
    masked = found.group().startswith("xx")  # xxxx4021
    return _id(start, found.end(), found.group().lstrip("x") if masked else found.group())


def read_digits_first(low: str, at: int, today: date) -> Hit | None:
    """12A, 3f2a-77."""
    found = _DIGITS_FIRST.match(low, at)
    return _id(at, found.end(), found.group()) if found else None


def read_named_digits(low: str, at: int, today: date) -> Hit | None:
    """#1001, number 1001, T-1001, T 1001, ORD-2024-0042, •••• 4021, 4242 4242 4242 4242."""
    if found := _GROUPS.match(low, at):
        return _id(at, found.end(), found.group())
    found = _PREFIXED.match(low, at)
    if found is None:
        return None
    letters = before(low, at, _LETTERS_BEFORE)
    if letters and len(found["digits"]) >= (2 if letters.group()[-1] in "-_" else 3):
        return _id(letters.start(), found.end(), low[letters.start() : found.end()])
    if len(found["digits"]) < 3:
        return None
    if found["more"] and (len(found["digits"]) > 4 or found["more"][1] == "0"):
        return _id(at, found.end(), found.group())
    named = before(low, at, _NUMBER_BEFORE)
    if named:
        return _id(named.start() if named.group()[0] == "#" else at, found.end(), found.group())
    hidden = before(low, at, _HIDDEN_BEFORE)
    return _id(at, found.end(), found.group()) if hidden else None


def read_ending(low: str, at: int, today: date) -> Hit | None:
    """ending in 4021, last four digits 4021."""
    found = _ENDING.match(low, at)
    return _id(found.start("digits"), found.end(), found["digits"]) if found else None


def read_spelt(low: str, at: int, today: date) -> Hit | None:
    """T one zero zero one, one oh oh one."""
    number = numeral(low, at)
    if number is None or not number.digits or low[at].isdigit():
        return None
    letters = before(low, at, _LETTERS_BEFORE)
    if letters is None and len(number.digits) < 4 and "0" not in number.digits:
        return None
    start = letters.start() if letters else at
    return _id(start, number.end, low[start:at] + number.digits)


def read_phone(low: str, at: int, today: date) -> Hit | None:
    """+44 20 7946 0018, (555) 010-1234, 555-0101, 07700 900123."""
    found = _PHONE.match(low, at)
    if found is None:
        return None
    mark = before(low, at, _CALLING)
    start = mark.start() if mark else at
    digits = "".join(c for c in found.group().replace("(0)", "") if c.isdigit())
    if not 7 <= len(digits) <= 15 or not (start < at or _PHONE_SHAPE.fullmatch(found.group())):
        return None
    if len(digits) < 9 and found.group()[0] == "0" and not start < at:
        return None
    return Hit("phone", start, found.end(), (digits,))
