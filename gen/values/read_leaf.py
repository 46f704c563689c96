"""Whether one JSON leaf, in its canonical form, can have come from a text, judged by its type and its JSON Schema."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING, Any

from gen.conversation import Json
from gen.values.read_calendar import MONTH, WEEKDAY
from gen.values.read_ids import plain_id
from gen.values.read_names import is_named, spells_address
from gen.values.read_numbers import CURRENCY_SIGNS, CURRENCY_WORDS
from gen.values.read_span import any_of, without_accents, words_of

if TYPE_CHECKING:
    from gen.values.readings import Readings

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DATE_TIME = re.compile(r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})[T ](?P<time>[0-9]{2}:[0-9]{2})(?::[0-9]{2}.*)?")
_TIME = re.compile(r"(?P<time>[0-9]{2}:[0-9]{2})(?::[0-9]{2})?(?:Z|[+-][0-9]{2}:?[0-9]{2})?")
_MONTH = re.compile(r"[0-9]{4}-[0-9]{2}")
_PHONE = re.compile(r"\+?[0-9(][0-9 ().-]{6,}")
_ID = re.compile(r"(?=[^\s]*[0-9])[\w#./-]+(?: [\w]*[0-9][\w]*)*")
_SHORTEST_PHONE = 7
_GROUP = re.compile(r"[^\W\d_]+|[0-9]+")
_FREQUENCIES = {
    "day": ("daily", "everyday"),
    "week": ("weekly",),
    "fortnight": ("fortnightly", "biweekly", "bi weekly"),
    "month": ("monthly",),
    "quarter": ("quarterly",),
    "half year": ("half yearly", "semiannually", "semi annually", "semiannual", "biannually"),
    "year": ("yearly", "annually", "annual", "per annum"),
}
_ROUNDS = {
    "day": r"every (?:morning|evening|night|afternoon|24 hours|twenty four hours)",
    "week": rf"(?:every|each) (?:7 days|seven days|{WEEKDAY})|on (?:mon|tues|wednes|thurs|fri|satur|sun)days",
    "fortnight": rf"every (?:2|two|other|second) weeks?|every (?:14|fourteen) days|every (?:other|second) {WEEKDAY}",
    "month": r"(?:12|twelve) times (?:a|per|every|each) year",
    "quarter": r"every (?:3|three|third) months?|(?:4|four) times (?:a|per|every|each) year",
    "half year": r"every (?:6|six|sixth) months?|(?:twice|two times|2 times) (?:a|per|every|each) year",
    "year": rf"every (?:12|twelve) months|every {MONTH}",
}
"""What else comes to the same, in words side by side."""

_NO_ROUND_BEFORE = "".join(f"(?<! {word} )" for word in ("in", "for", "within", "after", "about", "than", "over", "just", "half"))
_NO_ROUND_BEHIND = "(?! (?:ago|later|earlier|back|hence|of|past|to|today|tomorrow|from (?:now|today)))"
_WORD_OF_FREQUENCY = {word: unit for unit, words in _FREQUENCIES.items() for word in words}
ROUNDS = frozenset(_WORD_OF_FREQUENCY)
"""The words for how often, as data has them."""


def stands_in(value: Json, schema: Mapping[str, Any] | None, readings: Readings) -> bool:
    """Whether the value can have come from the text. Booleans and null are not decided here: they never do.

    Args:
        value: a leaf of a call's arguments or of a result: canonical (``42.1``, ``"2026-03-10"``, ``"T1001"``).
        schema: its JSON Schema, where known; ``format``, ``enum`` and ``pattern`` say how to read a string.
        readings: of the text.
    """
    if isinstance(value, bool) or value is None:
        return False
    if isinstance(value, int | float):
        number = Decimal(repr(value))
        return number in readings.numbers or number in readings.loose_numbers
    return isinstance(value, str) and _text_stands(value, schema or {}, readings)


def _text_stands(value: str, schema: Mapping[str, Any], readings: Readings) -> bool:
    shape = schema.get("format")
    if shape == "email" or "@" in value:
        return value.casefold() in readings.emails or _contained(value, readings) or spells_address(value, readings.text)
    if _DATE.fullmatch(value):
        return _day_stands(value, readings)
    if stamp := _DATE_TIME.fullmatch(value):
        return _day_stands(stamp["date"], readings) and (_time_stands(stamp["time"], readings) or stamp["time"] == "00:00")
    if clock := _TIME.fullmatch(value):
        return _time_stands(clock["time"], readings)
    if _contained(value, readings):
        return True
    if value in CURRENCY_WORDS:
        return _currency_stands(value, readings)
    if "enum" in schema or "const" in schema or value in _WORD_OF_FREQUENCY:
        return _enum_stands(value, readings)
    if _MONTH.fullmatch(value):
        return any(start.startswith(value) for start, _ in readings.periods)
    if _PHONE.fullmatch(value) and _phone_stands(value, readings):
        return True
    if _ID.fullmatch(value) or ("pattern" in schema and any(c.isdigit() for c in value)):
        return _id_stands(value, readings)
    return is_named(value, readings.plain_words)


def _day_stands(value: str, readings: Readings) -> bool:
    if value in readings.dates or any(value in pair for pair in readings.periods):
        return True
    if readings.loose_days and (int(value[5:7]), int(value[8:10])) in readings.loose_days:
        return True
    return value in readings.loose_dates


def _time_stands(value: str, readings: Readings) -> bool:
    return value in readings.times or value in readings.loose_times


def _currency_stands(code: str, readings: Readings) -> bool:
    if any(f" {word} " in readings.words for word in CURRENCY_WORDS[code]):
        return True
    if any(sign in readings.text for sign, said in CURRENCY_SIGNS.items() if said == code) or code in readings.currencies:
        return True
    return code in ("CAD", "AUD", "NZD", "SGD", "HKD") and "USD" in readings.currencies  # dollars need not be American


def _phone_stands(value: str, readings: Readings) -> bool:
    return any(_same_phone(value, said) for said in readings.phones | readings.said_digits | readings.spelt_digits)


def _same_phone(value: str, said: str) -> bool:
    digits = "".join(c for c in value if c.isdigit())
    said = said.lstrip("0")
    return len(said) >= _SHORTEST_PHONE and (digits.endswith(said) or said.endswith(digits))


def _id_stands(value: str, readings: Readings) -> bool:
    if any(form in readings.words for form in _id_forms(value)):
        return True
    plain = plain_id(value)
    if plain in readings.ids:
        return True
    runs = re.findall("[0-9]+", value)
    parts = {run for run in [*runs, "".join(runs)] if len(run) >= 3}
    if any(said in parts or (len(said) >= 4 and plain.endswith(said)) for said in readings.said_digits):
        return True
    return bool(runs) and (any(plain.endswith(said) for said in readings.endings) or not parts.isdisjoint(readings.spelt_digits))


@lru_cache(maxsize=8192)
def _id_forms(value: str) -> tuple[str, ...]:
    """The ways to write an id with and without gaps: ``" t1001 "``, ``" t 1001 "``."""
    groups = _GROUP.findall(value.casefold())
    if not 1 <= len(groups) <= 5:
        return (f" {' '.join(groups)} ",)
    gaps = product(("", " "), repeat=len(groups) - 1)
    return tuple(f" {groups[0]}{''.join(gap + group for gap, group in zip(row, groups[1:], strict=True))} " for row in gaps)


def _contained(value: str, readings: Readings) -> bool:
    """Whether the phrase stands there as whole words, but for case, punctuation, accents, plural and possessive."""
    phrase = _phrase(value)
    if not phrase:
        return False
    words = readings.plain_words
    if phrase not in words:
        return phrase.endswith("s") and f" {phrase[:-1]} " in words
    return any(f" {phrase}{ending} " in words for ending in ("", "s", "es")) or (phrase.endswith("s") and f" {phrase[:-1]} " in words)


@lru_cache(maxsize=8192)
def _phrase(value: str) -> str:
    return without_accents(words_of(value)).strip()


def _enum_stands(value: str, readings: Readings) -> bool:
    if _enum_pattern(value).search(readings.plain_words) is not None:
        return True
    unit = _WORD_OF_FREQUENCY.get(_phrase(value.replace("_", " ")))
    if unit is not None:
        return f"/{unit}" in readings.text.lower()
    return is_named(value.replace("_", " "), readings.plain_words)


@lru_cache(maxsize=4096)
def _enum_pattern(value: str) -> re.Pattern[str]:
    """The value's words, inflected, side by side; of a frequency also "every month", "a month"."""
    words = _phrase(value.replace("_", " ")).split()
    unit = _WORD_OF_FREQUENCY.get(" ".join(words))
    if unit is not None:
        forms = any_of(_FREQUENCIES[unit])
        each = rf"(?:every|each|per|once a|once every|by the|each and every) (?:single )?{unit}|{unit} (?:by|after) {unit}"
        return re.compile(rf" (?:{forms}|{each}|{_ROUNDS[unit]}|{_NO_ROUND_BEFORE}a (?:single )?{unit}{_NO_ROUND_BEHIND}) ")
    gap = " (?:a |an |the |my |it |this |that |them |these |those )?"
    return re.compile(f" {gap.join(f'(?:{any_of(_inflected(word))})' for word in words)} ") if words else re.compile(r"(?!)")


def _inflected(word: str) -> set[str]:
    bases = {word}
    if word.endswith("ed") and len(word) > 4:
        bases |= {word[:-2], word[:-1], word[:-3] if word[-3] == word[-4] else word}
    if word.endswith("ing") and len(word) > 5:
        bases |= {word[:-3], word[:-3] + "e", word[:-4] if word[-4] == word[-5] else word}
    if word.endswith("ied"):
        bases.add(word[:-3] + "y")
    if word.endswith("s") and not word.endswith("ss") and len(word) > 3:
        bases.add(word[:-1])
    return {form for base in bases for form in _forms(base)} | {word}


def _forms(base: str) -> set[str]:
    stem = base.removesuffix("e")
    forms = {base, base + "s", stem + "ed", stem + "ing", stem + stem[-1] + "ed", stem + stem[-1] + "ing"} if stem else {base}
    if base.endswith(("s", "x", "ch", "sh")):
        forms.add(base + "es")
    if base.endswith("l"):
        forms |= {base + "lation", base + "ation"}
    if base.endswith("y"):
        forms |= {base[:-1] + "ies", base[:-1] + "ied"}
    return forms
