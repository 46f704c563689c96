"""What an assistant may state: the facts of a conversation up to a message, and what follows from them.

Numbers, amounts, dates, times, ids and addresses that stand in user, system and result text or in arguments, and what
is derived from them without knowledge of the world: how many items a list has, sums and differences of listed amounts, days
between known dates. Grows message by message.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from itertools import combinations

from gen.checks.values import NamedLeaf
from gen.conversation import Json
from gen.values.read import ROUNDS, Readings, read, stands_in
from gen.values.read_plain import Plain, is_nearest, read_plain
from gen.values.read_span import Span

_NOT_PLAIN = re.compile(r"[\W_]+")
_ONE_THING = re.compile(r"[^\W\d]+[\w-]*|\d{4}-\d{2}-\d{2}\S*|\S+@\S+")
"""A single word that is an id, a date or an address: its digits are no numbers."""
_NUMBER = re.compile(r"\d+(?:[.,]\d+)?", re.ASCII)
_OF_NUMBERS = "0123456789.,:/-"
_PLAIN_NUMBER = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?", re.ASCII)
_DAY_NUMBERS = re.compile(r"(?<!\d)\d{1,2}(?!\d)", re.ASCII)
_DIGIT = re.compile(r"\d")
_ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}(?!\d)")
_CLOCK = re.compile(r"(?<!\d)([01]\d|2[0-3]):([0-5]\d)(?!\d)")
_WEEKDAY_ONLY = re.compile(r"(?:on |this |next |last |coming )*(?:mon|tue|wed|thu|fri|sat|sun)\w*\.?", re.IGNORECASE)
_DAY_ONLY = re.compile(r"(?:on )?(?:the )?\w+(?:-\w+)?(?: of (?:every|each|the) month)?", re.IGNORECASE)
_NO_DIGITS = re.compile(r"\D+")
_SHORTEST_PART = 3
"""Characters that a part of an id must have to name it."""
_SHORTEST_PHONE = 7
_A_FEW = frozenset(map(Decimal, range(3)))
_MOST_ITEMS = 12
_LONG = 120
_MOST_DATES = 12
"""Known dates between which durations are counted; more of them say nothing about any."""


class Facts:
    """What has been said or returned so far.

    Most answers say values as plainly as results hold them: ``knows`` compares those and nothing else. What takes longer to know (sums,
    texts with several values in them, what people said in their own words) is worked out when ``has`` is first asked.
    """

    def __init__(self, today: str) -> None:
        self.numbers: set[Decimal] = set()
        self.derived = set(_A_FEW)
        self.dates: set[str] = {today} if today else set()
        self.times: set[str] = set()
        self.names: set[str] = set()
        self.currencies: set[str] = set()
        self.digits: set[str] = set()
        """What the user called things by, without their letters: the 6316 of T6316."""
        self._today = today
        self._floats: set[float] = set()
        self._lengths: set[float] = {0, 1, 2}
        self._waiting: list[tuple[Json, list[NamedLeaf]]] = []
        self._differences: tuple[int, frozenset[Decimal]] = (0, frozenset())

    def hear(self, spans: tuple[Span, ...], digits: frozenset[str] = frozenset()) -> None:
        """Take in what a text says, and the digits by which it may name things."""
        self.digits |= digits
        for span in spans:
            if span.currency:
                self.currencies.add(span.currency)
            for value in span.values:
                if isinstance(value, Decimal):
                    self.numbers.add(value)
                elif span.kind == "date":
                    self.dates.add(str(value))
                elif span.kind == "period":
                    self.dates.update(value)
                elif span.kind == "time":
                    self.times.add(str(value))
                else:
                    self.names.add(_bare(str(value)))

    def hear_plainly(self, plain: Plain) -> None:
        """Take in what a text says plainly."""
        self._floats |= plain.amounts | plain.counts
        self.currencies |= plain.currencies
        self.names |= plain.names
        self.times |= plain.times
        self.dates.update([day for day in plain.days if len(day) > len("03-10")])

    def take(self, value: Json, leaves: list[NamedLeaf]) -> None:
        """Take in a result or arguments: every leaf, how long its lists are, and the sums of their numbers."""
        self._waiting.append((value, leaves))
        if isinstance(value, dict):
            for child in value.values():
                if isinstance(child, list):
                    self._lengths.add(len(child))
        for _, name, leaf in leaves:
            kind = type(leaf)
            if kind is str:
                if name == "currency" or not leaf.isalpha():  # a word names nothing
                    self._take_plainly(leaf, name)
            elif kind is float or kind is int:
                self._floats.add(abs(leaf))

    def _take_plainly(self, text: str, name: str) -> None:
        if text.isalnum():
            if name == "currency":
                self.currencies.add(text)
            elif not text.isalpha():
                self.names.add(text.casefold())
                if text.isdecimal():
                    self._floats.add(float(text))
        elif len(text) == len("2026-03-10") and text[4] == "-":
            self.dates.add(text)
        elif len(text) == len("14:30") and text[2] == ":":
            self.times.add(text)
        elif len(text) < _LONG and ("@" in text or _DIGIT.search(text)):
            self.hear_plainly(read_plain(text))

    def knows(self, plain: Plain) -> bool:
        """Whether what a text says plainly is all that it says, and is known. False says nothing: then ``has`` has to be asked."""
        return (
            plain.complete
            and plain.amounts <= self._floats
            and plain.counts <= self._floats | self._lengths
            and plain.names <= self.names
            and plain.times <= self.times
            and plain.currencies <= self.currencies
            and all(map(self._knows_day, plain.days))
        )

    def _knows_day(self, day: str) -> bool:
        return day in self.dates or (len(day) == len("03-10") and any(is_nearest(known, day, self._today) for known in self.dates))

    def _settle(self) -> None:
        """Work out what is waiting."""
        for value, leaves in self._waiting:
            for _, name, leaf in leaves:
                if isinstance(leaf, str):
                    self._text(leaf, name)
                elif isinstance(leaf, (int, float)) and not isinstance(leaf, bool):
                    self.numbers.add(_decimal(leaf))
            self._lists(value)
        self._waiting.clear()

    def _text(self, text: str, name: str) -> None:
        if name == "currency" or (len(text) == 3 and text.isupper()):
            self.currencies.add(text)
        self.names.add(_bare(text))
        if _DIGIT.search(text):
            self.dates.update(_ISO_DATE.findall(text))
            self.times.update([f"{hour}:{minute}" for hour, minute in _CLOCK.findall(text)])
            if " " in text:
                self.hear(_spans(text, self._today))
            elif not _ONE_THING.fullmatch(text):
                self.numbers.update([Decimal(found.replace(",", ".")).normalize() for found in _NUMBER.findall(text)])

    def _lists(self, value: Json) -> None:
        if isinstance(value, dict):
            for child in value.values():
                self._lists(child)
        elif isinstance(value, list):
            self.derived.add(Decimal(len(value)))
            for counted in _counts(value):
                self.derived.add(counted)
            for child in value:
                self._lists(child)

    def has(self, span: Span) -> bool:
        """Whether what an answer says here is known or follows from what is."""
        if self._waiting:
            self._settle()
        if span.kind not in ("money", "number") and _bare(span.text) in self.names:
            return True
        if span.kind in ("money", "number", "percent", "duration"):
            return self._number(span)
        if span.kind == "date":
            return any(value in self.dates for value in span.values) or self._vague_day(span)
        if span.kind == "period":
            return self._period(span)
        if span.kind == "time":
            return any(value in self.times for value in span.values)
        if span.kind == "phone" and any(self._phone(str(value).lstrip("0")) for value in span.values):
            return True
        return any(self._name(_bare(str(value))) for value in span.values)

    def has_number_at(self, text: str, span: Span) -> bool:
        """Whether the number that the span is part of is known, whatever it was read as: "8.8." at the end of a sentence is no date."""
        start, end = span.start, span.end
        while start > 0 and text[start - 1] in _OF_NUMBERS:
            start -= 1
        while end < len(text) and text[end] in _OF_NUMBERS:
            end += 1
        token = text[start:end].strip(".,:/-")
        return _PLAIN_NUMBER.fullmatch(token) is not None and Decimal(token.replace(",", "")).normalize() in self.numbers

    def _period(self, span: Span) -> bool:
        """From one day to another both have to be known; a month or a year is known where a day of it is."""
        pairs = [pair for pair in span.values if isinstance(pair, tuple)]
        if len(_DAY_NUMBERS.findall(span.text)) > 1:
            return any(low in self.dates and high in self.dates for low, high in pairs)
        return any(low <= day <= high for low, high in pairs for day in self.dates)

    def _number(self, span: Span) -> bool:
        if span.kind == "money" and span.currency and self.currencies and span.currency not in self.currencies:
            return False
        values = {abs(value) for value in span.values if isinstance(value, Decimal)}
        if not values.isdisjoint(self.numbers):
            return True
        if span.kind != "money" and not values.isdisjoint(self.derived):
            return True
        if span.kind == "number" and any(value - 1 in self.numbers and value <= _MOST_ITEMS for value in values):
            return True  # one more than there are: "that would make five"
        return not values.isdisjoint(self._between() if span.kind == "duration" else self.derived | self._amounts())

    def _amounts(self) -> frozenset[Decimal]:
        """Differences of two known numbers: what remains. Kept until another number is known."""
        if self._differences[0] != len(self.numbers):
            known = sorted(self.numbers)[:_MOST_DATES]
            self._differences = (len(self.numbers), frozenset([high - low for low, high in combinations(known, 2)]))
        return self._differences[1]

    def _between(self) -> frozenset[Decimal]:
        days = [_day(text) for text in sorted(self.dates)[:_MOST_DATES]]
        gaps = {abs((a - b).days) for a, b in combinations([day for day in days if day], 2)}
        return frozenset([Decimal(unit) for gap in gaps for unit in (gap, gap + 1, gap // 7, gap // 30, gap // 365)])

    def _vague_day(self, span: Span) -> bool:
        """A bare weekday or day of the month is known where a known date has it: "on Tuesday", "on the 1st of every month"."""
        known = [day for day in map(_day, sorted(self.dates)) if day]
        said = [day for day in (_day(str(value)) for value in span.values) if day]
        if _WEEKDAY_ONLY.fullmatch(span.text):
            return any(day.weekday() == other.weekday() for day in known for other in said)
        return _DAY_ONLY.fullmatch(span.text) is not None and any(day.day == other.day for day in known for other in said)

    def _phone(self, digits: str) -> bool:
        """A telephone number is known with or without the code of its country."""
        return len(digits) >= _SHORTEST_PHONE and any(name.endswith(digits) for name in self.names if name.isdigit())

    def says_round(self, readings: Readings) -> bool:
        """Whether the text says in numbers how often something happens that is known to be quarterly: every three months."""
        return any(stands_in(name, None, readings) for name in ROUNDS & self.names)

    def _name(self, bare: str) -> bool:
        if bare in self.names or any(bare in name for name in self.names if len(bare) >= _SHORTEST_PART):
            return True
        digits = _NO_DIGITS.sub("", bare)
        return len(digits) >= _SHORTEST_PART and digits in self.digits


def _counts(items: list[Json]) -> list[Decimal]:
    """How many items of a list of objects share a value, and the sums of their numbers by field."""
    found: list[Decimal] = []
    objects = [item for item in items if isinstance(item, dict)]
    for field in sorted({key for item in objects for key in item}):
        values = [item.get(field) for item in objects]
        numbers = [_decimal(value) for value in values if isinstance(value, (int, float)) and not isinstance(value, bool)]
        if len(numbers) > 1:
            found.append(sum(numbers, Decimal(0)))
        texts = [value for value in values if isinstance(value, (str, bool))]
        found += [Decimal(texts.count(text)) for text in texts]
    return found


def _decimal(value: float) -> Decimal:
    try:
        return abs(Decimal(repr(value)).normalize())
    except InvalidOperation:
        return Decimal(0)


def _bare(text: str) -> str:
    return text.casefold() if text.isalnum() else _NOT_PLAIN.sub("", text).casefold()


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


@lru_cache(maxsize=16384)
def _spans(text: str, today: str) -> tuple[Span, ...]:
    return tuple(read(text, today).spans)
