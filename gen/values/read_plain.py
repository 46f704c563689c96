"""The values that a text holds in plain form, found without the readers: €42.10, 10 March 2026, T1001, 14:30, 3.

A hundred words cost what a single spoken date costs the readers, so that the checks ask here first. Nothing is guessed: what
could mean several things is left out, and ``complete`` says whether anything else in the text may be a value at all.
"""

from __future__ import annotations

import re
from collections.abc import Set
from functools import lru_cache
from string import ascii_lowercase
from typing import NamedTuple

from gen.values import read_calendar, read_dates, read_relative, read_times
from gen.values.read_ids import EMAIL
from gen.values.read_numbers import COUNT_WORDS, CURRENCY_OF, CURRENCY_SIGNS, NUMBER_WORDS, SMALL
from gen.values.read_span import any_of

_DIGIT = re.compile("[0-9]")
_DIGITS = re.compile("[0-9]+")
_NO_DIGITS = bytes(byte for byte in range(256) if chr(byte) not in "0123456789")
_TOKEN = re.compile(r"[0-9](?:[0-9.,:/'’-]*[0-9])?")
_LETTERS = bytes(byte if chr(byte) in ascii_lowercase else ord(" ") for byte in range(256))
"""Keeps the letters a to z and makes everything else a space, so that ``split`` leaves the words: quicker than to look for them."""

_GROUPED = re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]{1,2})?")
_DECIMAL = re.compile(r"[0-9]+\.[0-9]+")
_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CLOCK = re.compile(r"[0-2]?[0-9]:[0-5][0-9]")
_YEAR = re.compile(r",? ([0-9]{4})(?!\w|[.,:][0-9])")
_NEXT_WORD = re.compile(r" ([A-Za-z]+)")
_HALF_OF_DAY = re.compile(r"\s?[ap]\.?m\b|\s+in the\b|\s+o'?clock", re.IGNORECASE)
_ID = re.compile(r"[A-Za-z]{1,4}-?(?P<digits>[0-9]{3,})")
_WITH_UNIT = re.compile(r"[0-9]+(?:st|nd|rd|th|am|pm|p|h|hrs|k|m|ish)", re.IGNORECASE)
_NAME = "-_"
_BEFORE = " \n(\"'“‘€£$"
_BEHIND = " \n.,;:!?)\"'”’%"
_MONTHS = {word: f"{read_calendar.month_number(word):02d}" for word in read_calendar.MONTH_WORDS}
_UNITS = frozenset("day days week weeks fortnight fortnights month months year years night nights hour hours minute minutes".split())
_UNIT = "(?:days?|weeks?|fortnights?|months?|years?|nights?|hours?|minutes?)"
_DATE_BY_UNIT = re.compile(
    r"\b(?:last|past|previous|prior|preceding|this|next|coming|upcoming|following|current|same|mid"
    rf"|(?:end|start|beginning|middle|turn|day) of)\s+(?:the\s+)?(?:\w+\s+)?{_UNIT}\b"
    rf"|\b(?:in|after)\s+(?:\w+\s+)?\w+\s+{_UNIT}\b|\b{_UNIT}\s+(?:ago|back|earlier|hence|later|time|from now|from today)\b"
)
"""A length of time that leads to a day. Others are as good as their numbers."""

_COUNTS = {word: float(n) for word, n in SMALL.items() if 3 <= n <= 12}
_COUNT = re.compile(
    rf"(?<![\w-])(?<!half )(?<!at )(?<!to )(?<!past )(?<!by )(?<!from )(?<!until )(?<!around )(?<!about )(?<!before )(?<!after )"
    rf"(?P<word>{any_of(_COUNTS)})(?![\w-]| (?:{any_of(NUMBER_WORDS)}|o'|in the|and a half|[ap]\.?m)\b)"
)
_DIGIT_WORDS = frozenset(word for word, n in SMALL.items() if n < 10)
_SMALL_WORDS = frozenset(SMALL)
_TENS = frozenset(word for word, n in SMALL.items() if n >= 10)
_DIGIT_WORD = f"(?:{any_of(_DIGIT_WORDS)})"
_TEN_WORD = f"(?:{any_of(_TENS)})"
_SPELT = re.compile(
    rf"{_DIGIT_WORD}[\s-]{_DIGIT_WORD}[\s-]{_DIGIT_WORD}|(?:double|triple) {_DIGIT_WORD}"
    rf"|{_TEN_WORD}[\s-](?:{_TEN_WORD}|{_DIGIT_WORD})|{_DIGIT_WORD}[\s-]{_TEN_WORD}"
)
"""Digits one by one or in pairs, as people say an id or a telephone number."""

_SAID_ALWAYS = {"one", "two", "once", "twice", "both", "single", "couple", "pair", "solo", "alone", "today", "new", "st", "a"}
"""Words of values that are no news: 1, 2, the day itself; or that are nothing without a word that is listed here."""

_WAKING = (
    (NUMBER_WORDS | COUNT_WORDS | read_dates.FEAST_WORDS | read_relative.DAY_WORDS | read_calendar.WEEKDAY_WORDS | read_times.CLOCK_WORDS)
    | {word for word in CURRENCY_OF if " " not in word and word.isascii()}
    | {"hundred", "weekend", "quarter", "thrice", "grand", "eom", "fiver", "tenner"}
) - _SAID_ALWAYS
_ORDINALS = frozenset(word for word in read_dates.ORDINALS if word.isalpha())
_A_DAY = re.compile(r"\b(?:on|from|by|until|till|since|starting|before|after|to|for|beginning) the [a-z]+(?:st|nd|rd|th)\b")
_TELLING = _WAKING | _UNITS | _MONTHS.keys() | _ORDINALS | (_SAID_ALWAYS - {"a", "new", "st"})
"""Words of which a value may be made; a text without them, and without digits, holds none."""

_is_telling = frozenset(word.encode() for word in _TELLING).__contains__


class Plain(NamedTuple):
    """What is said plainly.

    Attributes:
        amounts: numbers behind the sign of a currency.
        counts: other numbers that are no part of a date, a time or a name.
        currencies: ISO codes of the signs.
        names: words with digits in them, and e-mail addresses, letters and digits only, case folded.
        days: ``2026-03-10``, or ``03-10`` where the year is not said.
        times: ``HH:MM``.
        complete: whether the text holds no other values; a one or a two that counts things, and "today", are none.
    """

    amounts: Set[float]
    counts: Set[float]
    currencies: Set[str]
    names: Set[str]
    days: Set[str]
    times: Set[str]
    complete: bool


_NO_NUMBERS: frozenset[float] = frozenset()
_NO_TEXTS: frozenset[str] = frozenset()
_NOTHING = Plain(_NO_NUMBERS, _NO_NUMBERS, _NO_TEXTS, _NO_TEXTS, _NO_TEXTS, _NO_TEXTS, True)


@lru_cache(maxsize=4096)
def read_plain(text: str) -> Plain:
    """What the text says plainly."""
    low = text.lower()
    words = low.encode("ascii", "replace").translate(_LETTERS).split()
    telling = [word.decode() for word in filter(_is_telling, words)]
    if not telling and "@" not in text and _DIGIT.search(text) is None:
        return _NOTHING
    return _Finder(text).read(low, telling)


class _Finder:
    """One walk over the digits of a text."""

    __slots__ = ("amounts", "counts", "currencies", "dated", "days", "names", "sure", "text", "times")

    def __init__(self, text: str) -> None:
        self.names: set[str] = set()
        self.amounts: set[float] = set()
        self.counts: set[float] = set()
        self.currencies: set[str] = set()
        self.days: set[str] = set()
        self.times: set[str] = set()
        self.sure = len(text) < 4000 and "://" not in text and "www." not in text
        self.dated = 0
        if "@" in text:
            self.names.update([_bare(found) for found in EMAIL.findall(text)])
            text = EMAIL.sub(lambda found: " " * len(found.group()), text)
        self.text = text

    def read(self, low: str, telling: list[str]) -> Plain:
        at, last = 0, -2
        text = self.text
        for found in _TOKEN.finditer(text):
            start, end = found.span()
            if start < at:
                continue  # inside of a name
            if start == last + 1 and text[last] == " ":
                self.sure = False  # groups of digits: a telephone number, 1 250
            at = last = self._take(start, end)
        complete = self._explains(low, telling) and self.sure  # which also counts
        return Plain(self.amounts, self.counts, self.currencies, self.names, self.days, self.times, complete)

    def _explains(self, low: str, telling: list[str]) -> bool:
        """Whether the words of which values are made are read: counts, months beside their day; and others that lead nowhere here."""
        if not telling:
            return True
        counts = [found["word"] for found in _COUNT.finditer(low)] if not _COUNTS.keys().isdisjoint(telling) else []
        self.counts.update([_COUNTS[word] for word in counts])
        left = 0
        for word in telling:
            if word in _MONTHS:
                left += word != "may" or "in may" in low
            elif word in _COUNTS:
                left += 1
            elif word in _WAKING or (word in _ORDINALS and _A_DAY.search(low)) or (word in _UNITS and _DATE_BY_UNIT.search(low)):
                return False
        return left <= self.dated + len(counts)

    def _take(self, start: int, end: int) -> int:
        """Take in the token at ``start``; where to go on."""
        text = self.text
        before, behind = text[start - 1 : start], text[end : end + 1]
        if behind == "-" and text[end + 1 : end + 2].isalpha() and not before.isalpha():
            behind = " "  # a 3-day stay
        if before.isalpha() or behind.isalpha() or (before and before in _NAME) or (behind and behind in _NAME):
            return self._take_name(start, end)
        token = text[start:end]
        if before == "#":
            self.names.add(token)
            self.sure = False  # which may be a part of a name
        elif (before and before not in _BEFORE) or (behind and behind not in _BEHIND):
            self.sure = False
        elif token.isdigit():
            return self._take_whole(start, end, token, before)
        elif _DECIMAL.fullmatch(token) or _GROUPED.fullmatch(token):
            self._take_number(token, before)
        elif _ISO.fullmatch(token):
            self.days.add(token)
        elif _CLOCK.fullmatch(token) and not _HALF_OF_DAY.match(text, end):
            self.times.add(f"{token:0>5}")
        else:
            self.sure = False
        return end

    def _take_name(self, start: int, end: int) -> int:
        text = self.text
        while start and (text[start - 1].isalnum() or text[start - 1] in _NAME):
            start -= 1
        while end < len(text) and (text[end].isalnum() or text[end] in _NAME):
            end += 1
        if text[start - 1 : start] in ("#", "+", "/") or (text[start].isdigit() and _WITH_UNIT.fullmatch(text, start, end)):
            self.sure = False
        self.names.add(_bare(text[start:end]))
        return end

    def _take_whole(self, start: int, end: int, token: str, before: str) -> int:
        following = _NEXT_WORD.match(self.text, end)
        word = following[1].lower() if following else ""
        if following and word in _MONTHS and len(token) <= 2:
            return self._take_day(token, _MONTHS[word], following.end())
        if before == " " and len(token) <= 2:
            preceding = self.text[self.text.rfind(" ", 0, start - 1) + 1 : start - 1].lower()
            if preceding in _MONTHS:
                return self._take_day(token, _MONTHS[preceding], end)
        if word in ("am", "pm"):
            self.sure = False
        elif word in CURRENCY_OF and before in ("", " "):
            self.amounts.add(float(token))  # which is no name
        else:
            self._take_number(token, before)
        return end

    def _take_day(self, day: str, month: str, end: int) -> int:
        self.dated += 1
        year = _YEAR.match(self.text, end)
        self.days.add(f"{year[1]}-{month}-{day:0>2}" if year else f"{month}-{day:0>2}")
        return year.end() if year else end

    def _take_number(self, token: str, before: str) -> None:
        number = float(token.replace(",", ""))
        currency = CURRENCY_SIGNS.get(before)
        if currency:
            self.amounts.add(number)
            self.currencies.add(currency)
        else:
            self.counts.add(number)


def _bare(text: str) -> str:
    return text.casefold() if text.isalnum() else "".join([c for c in text if c.isalnum()]).casefold()


def is_nearest(day: str, month_and_day: str, today: str) -> bool:
    """Whether ``day`` is the nearest one before or after today with this month and day (``03-10``)."""
    if day[5:] != month_and_day:
        return False
    years = int(day[:4]) - int(today[:4])
    return years == 0 or (years == 1 and month_and_day < today[5:]) or (years == -1 and month_and_day > today[5:])


def may_say(text: str, value: str | float) -> bool:
    """Whether the text can say the value at all. False is quickly seen where it holds neither digits nor words of values."""
    if isinstance(value, str):
        runs = _DIGITS.findall(value)
        if not runs or "@" in value:
            return True
        if len(runs) == 1 and runs[0] != value:  # an id, of which people may say the digits alone
            said = text.encode("ascii", "ignore").translate(None, _NO_DIGITS)
            return runs[0][-2:].encode() in said or _spells_digits(text.lower())
    return read_plain(text) is not _NOTHING or (isinstance(value, int) and " and " in text)


def _spells_digits(low: str) -> bool:
    if _SMALL_WORDS.isdisjoint(low.replace("-", " ").split()):
        return False  # what stands between the first and the last is a word of its own
    return _SPELT.search(low) is not None


def says_plainly(text: str, value: str | float | bool, today: str) -> bool:
    """Whether the text says the value as data has it: a text letter by letter, an amount in digits, a date by its day and month.

    False says nothing: people have other ways.
    """
    if isinstance(value, str):
        if value[:2].isdigit() and value.isascii():
            if _ISO.fullmatch(value):
                if value[8:].lstrip("0") not in text:
                    return False
                days = read_plain(text).days
                return value in days or any([len(day) == len("03-10") and is_nearest(value, day, today) for day in days])
            if _CLOCK.fullmatch(value) and value in read_plain(text).times:
                return True
        return stands_verbatim(text, value) or _says_id(text, value)
    plain = read_plain(text)
    return not isinstance(value, bool) and (value in plain.amounts or value in plain.counts)


def _says_id(text: str, value: str) -> bool:
    """Whether the text names a thing by its id in other letters, or by the digits of it alone: T-1001, #1001, 1001."""
    digits = _digits_of_id(value)
    if not digits or digits not in text:
        return False
    if stands_verbatim(text.lower(), value.lower()):
        return True
    plain = read_plain(text)
    return digits in plain.names or float(digits) in plain.counts or _bare(value) in plain.names


@lru_cache(maxsize=4096)
def _digits_of_id(value: str) -> str:
    """The 1001 of T1001; "" of what is no id."""
    found = _ID.fullmatch(value)
    return found["digits"] if found else ""


def stands_verbatim(text: str, value: str) -> bool:
    """Whether the value stands in the text as it is, between what is neither letter nor digit."""
    at = text.find(value)
    if at < 0:
        return False
    end = at + len(value)
    return bool(value) and not text[max(0, at - 1) : at].isalnum() and not text[end : end + 1].isalnum()
