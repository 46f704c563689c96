"""One walk over a text: at each word that can begin a value, the readers of that kind of word, in order; the first hit wins.

Most words begin no value and cost one look into a dict. The rest is in the tables below: which readers a word wakes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from typing import Literal

from gen.values import read_calendar, read_dates, read_ids, read_numbers, read_parts, read_periods, read_ranked, read_relative, read_times
from gen.values.read_span import Hit, Reader, Span, Value

Tense = Literal["past", "future"]

_CHUNK = re.compile(r"[^\W_]+")

_OF_DIGITS: tuple[Reader, ...] = (
    read_dates.read_numeric_date,
    read_dates.read_day_month,
    read_dates.read_nth,
    read_ids.read_phone,
    read_relative.read_duration,
    read_times.read_spoken,
    read_times.read_digital,
    read_ids.read_named_digits,
    read_periods.read_year,
    read_numbers.read_number,
    read_ids.read_digits_first,
)
_OF_SHORT_DIGITS = tuple(reader for reader in _OF_DIGITS if reader not in (read_ids.read_phone, read_periods.read_year))
_OF_MIXED: tuple[Reader, ...] = (read_parts.read_glued, read_times.read_iso_time, read_ids.read_mixed)
_OF_NUMBER_WORDS: tuple[Reader, ...] = (
    read_dates.read_ordinal,
    read_relative.read_duration,
    read_times.read_spoken,
    read_ids.read_spelt,
    read_numbers.read_number,
)


def _table() -> dict[str, tuple[Reader, ...]]:
    table: dict[str, tuple[Reader, ...]] = {}

    def wake(words: Iterable[str], *readers: Reader) -> None:
        for word in words:
            table[word] = (*table.get(word, ()), *readers)

    wake(read_numbers.NUMBER_WORDS, *_OF_NUMBER_WORDS)
    wake(read_ranked.RANK_WORDS, read_ranked.read_weekday_of)
    wake({word.split("-")[0].split()[0] for word in read_dates.ORDINALS} - read_numbers.NUMBER_WORDS, read_dates.read_ordinal)
    wake(("first", "second", "third", "fourth", "q1", "q2", "q3", "q4"), read_periods.read_quarter)
    wake(read_calendar.MONTH_WORDS, read_dates.read_month)
    wake(read_dates.FEAST_WORDS, read_dates.read_feast)
    wake(read_relative.DAY_WORDS, read_relative.read_day_word)
    wake(read_calendar.WEEKDAY_WORDS, read_relative.read_weekday)
    wake(("last",), read_ids.read_ending)
    wake(
        ("last", "past", "previous", "prior", "preceding", "this", "next", "coming", "upcoming", "following", "current"),
        read_relative.read_relative,
    )
    wake(
        ("end", "close", "eom", "start", "beginning", "begining", "middle", "mid", "last", "first", "turn", "month", "year"),
        read_periods.read_edge,
    )
    wake(("end", "ending", "ends", "finishing", "finishes"), read_ids.read_ending)
    wake(("same",), read_relative.read_same)
    wake(("the", "day"), read_relative.read_day_after)
    wake(("weekend", "week"), read_periods.read_weekend)
    wake(read_parts.PART_WORDS, read_parts.read_part)
    wake(("a", "an", "half", "the"), read_relative.read_one_duration)
    wake(("couple",), read_relative.read_duration)
    wake(read_times.CLOCK_WORDS, read_times.read_spoken)
    wake(("a",), read_numbers.read_number)
    wake({"a", "an"} | read_numbers.COUNT_WORDS, read_numbers.read_count)
    wake(read_numbers.CODES, read_numbers.read_coded)
    wake(("my", "me", "myself", "just", "by", "for"), read_numbers.read_company)
    return table


_READERS = _table()


def scan(text: str, today: date, tense: Tense | None) -> tuple[Span, ...]:
    """The values that the text holds, in order, never overlapping."""
    low = _lower(text)
    hits: list[Hit] = []
    if "@" in low or "://" in low or "www." in low:
        low = _masked(low, hits)
    found = _walk(low, today)
    if len(found) > 1 or (found and found[0].kind in ("date", "period")):
        found = read_periods.join(low, found, today)
    hits += found
    if len(hits) > len(found):
        hits.sort(key=lambda hit: hit.start)
    now = today.isoformat()
    return tuple(
        Span(kind, start, end, text[start:end], _in_tense(kind, values, tense, now) if tense else values, currency)
        for kind, start, end, values, currency in hits
    )


def _walk(low: str, today: date) -> list[Hit]:
    hits: list[Hit] = []
    end = 0
    for chunk in _CHUNK.finditer(low):
        word = chunk.group()
        readers = _READERS.get(word)
        if readers is None and word.isalpha():
            continue
        at = chunk.start()
        if at < end:
            if chunk.end() <= end:
                continue
            at, word = end, low[end : chunk.end()]  # the rest of a word that a value ended in: the T15:00 of a timestamp
            readers = _READERS.get(word)
        if word == "one" and hits and at == end + 1:
            continue  # a pronoun behind what describes it: the 30 quid one
        if readers is None:
            readers = _of_digits(low, at) if "0" <= word[0] <= "9" else _OF_MIXED
        for reader in readers:
            hit = reader(low, at, today)
            if hit is not None and hit.start >= end:
                hits.append(hit)
                end = hit.end
                break
    return hits


def _of_digits(low: str, at: int) -> tuple[Reader, ...]:
    return _OF_DIGITS if low[at + 2 : at + 3] not in ("", " ", ".", ",", "?", "!") or low[at - 1 : at] in ("+", "(") else _OF_SHORT_DIGITS


def _lower(text: str) -> str:
    """Lower case of the same length, whatever the alphabet, with one kind of apostrophe."""
    low = text.lower()
    if len(low) != len(text):
        low = "".join(c if len(lower := c.lower()) != 1 else lower for c in text)
    return low if low.isascii() else low.replace("’", "'")


def _masked(low: str, hits: list[Hit]) -> str:
    """The text with spaces for its e-mails, which are added to the hits, and its links, whose digits are no values."""
    hits += [Hit("email", found.start(), found.end(), (found.group(),)) for found in read_ids.EMAIL.finditer(low)]
    for pattern in (read_ids.EMAIL, read_ids.URL):
        low = pattern.sub(lambda found: " " * len(found.group()), low)
    return low


def _in_tense(kind: str, values: tuple[Value, ...], tense: Tense, now: str) -> tuple[Value, ...]:
    """The days that can be meant by who speaks of the past, or of the future; all of them where none fits."""
    if kind not in ("date", "period"):
        return values
    keys = [(v[0] if tense == "past" else v[1]) if isinstance(v, tuple) else str(v) for v in values]
    fitting = tuple(v for v, key in zip(values, keys, strict=True) if (key <= now if tense == "past" else key >= now))
    return fitting or values
