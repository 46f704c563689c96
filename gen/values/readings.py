"""What one text holds, sorted by kind: read once, when first asked for. ``read.py`` is the door."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from functools import cached_property

from gen.values.read_dates import loose_ordinals
from gen.values.read_loose import endings, minutes, parties, spelt_digits
from gen.values.read_numbers import numeral
from gen.values.read_scan import Tense, scan
from gen.values.read_span import Kind, Span, Value, before, without_accents, words_of
from gen.values.read_times import bare_times, counts_things

_COUNTED_TIME = re.compile(r"(?:^|\s)(?P<n>[0-9]+|[a-z]+)[\s-]+(?:days?|weeks?|months?|years?|nights?)\b")
_TIME_BEFORE = re.compile(r"\b(?:at|around|about|by|before|after|until|till|til|from|to|for|is|it|or|and|between|say|on|of)\s+$")
_NUMBERED = re.compile(r"\b(?:number|no\.|nr|option|item|seat|room|gate|row|table|line)\s")
_NO_DIGITS = re.compile(r"[^0-9]+")
_LETTER_APART = re.compile(r"[A-Za-z][ .](?P<digits>[0-9]{3,})")
_LOOSE_DECIMAL = re.compile(r"(?P<number>[0-9]+\.[0-9]{1,2})\.?")
_LOOSE_DAY = re.compile(r"(?P<day>[0-3]?[0-9])\.(?P<month>[01]?[0-9])")


class Readings:
    """What one text holds. It is read when first asked for; in the sets each candidate of each span counts.

    Attributes:
        text: the text.
        today: the day on which it was said, ``YYYY-MM-DD``.
        spans: the values found, in order, not overlapping.
    """

    def __init__(self, text: str, today: str, tense: Tense | None = None) -> None:
        self.text = text
        self.today = today
        self._day = date.fromisoformat(today)
        self._tense: Tense | None = tense

    @cached_property
    def spans(self) -> tuple[Span, ...]:
        return scan(self.text, self._day, self._tense)

    @cached_property
    def words(self) -> str:
        """``" ... "`` for whole-phrase tests: ``f" {phrase} " in readings.words``."""
        return words_of(self.text)

    @cached_property
    def digits(self) -> str:
        """All digits of the text, side by side."""
        return _NO_DIGITS.sub("", self.text)

    @cached_property
    def plain_words(self) -> str:
        """``words`` without accents."""
        return without_accents(self.words)

    @cached_property
    def numbers(self) -> frozenset[Decimal]:
        """Every number that can be meant: amounts, counts, percentages, lengths of time. Not the digits of dates, times and ids."""
        return frozenset(v for v in self._of("number", "money", "percent", "duration") if isinstance(v, Decimal))

    @cached_property
    def dates(self) -> frozenset[str]:
        return frozenset(v for v in self._of("date") if isinstance(v, str))

    @cached_property
    def periods(self) -> frozenset[tuple[str, str]]:
        return frozenset(v for v in self._of("period") if isinstance(v, tuple))

    @cached_property
    def times(self) -> frozenset[str]:
        return frozenset(v for v in self._of("time") if isinstance(v, str))

    @cached_property
    def ids(self) -> frozenset[str]:
        """Ids as their letters and digits in upper case; of one that is said in part ("#1001"), that part."""
        return frozenset(v for v in self._of("id") if isinstance(v, str))

    @cached_property
    def emails(self) -> frozenset[str]:
        return frozenset(v for v in self._of("email") if isinstance(v, str))

    @cached_property
    def phones(self) -> frozenset[str]:
        return frozenset(v for v in self._of("phone") if isinstance(v, str))

    @cached_property
    def currencies(self) -> frozenset[str]:
        return frozenset(span.currency for span in self.spans if span.currency)

    @cached_property
    def said_digits(self) -> frozenset[str]:
        """Runs of three digits or more that may name a thing in part: of ids, and of what is no amount (2016 may be read as a time)."""
        bare = {span.text for span in self.spans if len(span.text) > 2 and span.text.isdigit() and self._may_name(span)}
        parted = {found["digits"] for span in self.spans if span.kind == "id" and (found := _LETTER_APART.fullmatch(span.text))}
        return frozenset(bare | parted | {v for v in self.ids if v.isdigit()})

    def _may_name(self, span: Span) -> bool:
        return span.kind != "money" and (span.kind != "period" or self.text.lower().endswith("of ", 0, span.start))

    @cached_property
    def spelt_digits(self) -> frozenset[str]:
        """Digits that are said one after another, as people say ids and telephone numbers."""
        return spelt_digits(self.text.lower())

    @cached_property
    def endings(self) -> frozenset[str]:
        """The digits that something is said to end in."""
        return endings(self.text.lower())

    @cached_property
    def loose_numbers(self) -> frozenset[Decimal]:
        """Numbers inside of relative dates, the 3 of "in 3 days"; what looks like a date at the end of a sentence: 8.8; people counted."""
        low = self.text.lower()
        found = set(parties(low) | minutes(low))
        for span in self.spans:
            if span.kind in ("date", "period"):
                counted = _COUNTED_TIME.search(span.text.lower())
                number = numeral(counted["n"], 0) if counted else None
                found.update(number.values if number else ())
                if decimal := _LOOSE_DECIMAL.fullmatch(span.text):
                    found.add(Decimal(decimal["number"]))
        return frozenset(found)

    @cached_property
    def loose_dates(self) -> frozenset[str]:
        """Days that an ordinal can mean where it stands alone: "the one that leaves on the third leaves"."""
        return loose_ordinals(self.text.lower(), self._day)

    @cached_property
    def loose_times(self) -> frozenset[str]:
        """Times that bare numbers mean behind a word of time, or where little else is said: "make it 7", "0730"."""
        low = self.text.lower()
        short = len(self.words.split()) <= 4
        said = [span for span in self.spans if span.kind == "number" and not counts_things(low, span.end)]
        bare = short and _NUMBERED.search(low) is None
        placed = [span for span in said if bare or len(span.text) > 3 or before(low, span.start, _TIME_BEFORE)]
        return bare_times([span.text.lower() for span in placed])

    @cached_property
    def loose_days(self) -> frozenset[tuple[int, int]]:
        """(month, day) of numbers that may be dates: 10.03."""
        found = [_LOOSE_DAY.fullmatch(span.text) for span in self.spans if span.kind == "number"]
        return frozenset((int(m["month"]), int(m["day"])) for m in found if m)

    def _of(self, *kinds: Kind) -> Iterable[Value]:
        return (value for span in self.spans if span.kind in kinds for value in span.values)
