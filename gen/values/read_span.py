"""What the readers of values hand to each other: a value found in a text, and how a text is looked at around it.

First of the reader's files: the others (``read_numbers``, ``read_dates``, ...) import it, ``read`` is the door to all of them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal, NamedTuple

Kind = Literal["money", "number", "date", "period", "time", "id", "email", "phone", "percent", "duration"]
Value = Decimal | str | tuple[str, str]

_NOT_WORDS = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Span:
    """One value found in a text.

    Attributes:
        kind: what it is.
        start: offset of its first character in the text.
        end: offset behind its last character.
        text: the characters as they stand there.
        values: what it can mean, likeliest first, because people are ambiguous. Money, number, percent, duration: Decimals (of
            money in units, not cents; of a duration as said, then in the next smaller unit); date: ``YYYY-MM-DD``; period: pairs
            of them, both inclusive; time: ``HH:MM``; id, email, phone: the text in one normal form.
        currency: ISO code of money whose currency is said.
    """

    kind: Kind
    start: int
    end: int
    text: str
    values: tuple[Value, ...]
    currency: str | None = None


class Hit(NamedTuple):
    """What a reader found: a span that has not been cut out of its text yet."""

    kind: Kind
    start: int
    end: int
    values: tuple[Value, ...]
    currency: str | None = None


Reader = Callable[[str, int, date], Hit | None]
"""(lower-case text, offset of a word, today) → what begins at that word. A hit may start a little earlier (``€``, ``#``)."""


def before(low: str, at: int, pattern: re.Pattern[str]) -> re.Match[str] | None:
    """The match of ``pattern``, which must end in ``$``, in the few characters before ``at``; its offsets are the text's."""
    return pattern.search(low, max(0, at - 24), at)


def any_of(words: Iterable[str]) -> str:
    """A regular expression for any of the words, longest first, so that none hides a longer one."""
    return "|".join(sorted(map(re.escape, words), key=len, reverse=True))


def words_of(text: str) -> str:
    """The text as words: casefolded, one space for every run of what is neither letter nor digit, and one at each end."""
    return f" {_NOT_WORDS.sub(' ', text.casefold()).strip()} "


def without_accents(words: str) -> str:
    """The same without accents: "café" and "cafe" are one word."""
    if words.isascii():
        return words
    return "".join(c for c in unicodedata.normalize("NFKD", words) if not unicodedata.combining(c))
