"""Enum values, booleans and names in people's words: the domain's ``readings`` as regular expressions, compiled once.

Numbers, dates, ids and amounts are read by ``gen.values.read``; this is for the words that only a domain knows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from gen.checks.context import Readings
from gen.conversation import Json
from gen.errors import BadInput
from gen.yaml_file import YamlFile

_APOSTROPHES = "’‘`´"
NEGATION = re.compile(
    r"\b(?:not|no|never|none|nothing|neither|nor|without|isn'?t|aren'?t|wasn'?t|weren'?t|hasn'?t|haven'?t|hadn'?t|won'?t|can'?t|cannot|couldn'?t"
    r"|don'?t|doesn'?t|didn'?t|wouldn'?t|shouldn'?t|yet to be|rather than|instead of)\b",
    re.IGNORECASE,
)
_DECLINED = re.compile(r"\b(?:skip|leave (?:out|off)|omit|drop|forget|ditch|lose|minus)\s[^.;!?,]*$", re.IGNORECASE)
_NEAR = 28
"""Characters before a word in which a negation counts for it: about four words."""

_EMPTY_WORDS = {"is", "has", "with", "include", "includes", "allow", "enable", "want", "wants", "need", "needs", "only", "send", "use"}


def plain(text: str) -> str:
    """A text with straight apostrophes."""
    if text.isascii():
        return text.replace("`", "'")
    for apostrophe in _APOSTROPHES:
        text = text.replace(apostrophe, "'")
    return text


def read_readings(source: YamlFile, *keys: str) -> Readings:
    """The readings of a parsed environment file, checked. Raises BadInput with file:line."""
    data: Any = source.data
    for key in keys:
        data = data.get(key, {}) if isinstance(data, dict) else {}
    if not isinstance(data, dict):
        raise BadInput("readings hold no mapping", where=source.where(*keys), allowed="name: {value: [patterns]}")
    return {name: _checked(source, (*keys, name), values) for name, values in data.items()}


def _checked(source: YamlFile, keys: tuple[str, ...], values: Any) -> dict[str, tuple[str, ...]]:
    if not isinstance(values, dict):
        raise BadInput(f"the readings of {keys[-1]!r} hold no mapping", where=source.where(*keys), allowed="value: [patterns]")
    checked: dict[str, tuple[str, ...]] = {}
    for value, patterns in values.items():
        where = source.where(*keys, value)
        if not isinstance(patterns, list) or not patterns:
            raise BadInput(f"{value!r} has no list of patterns", where=where, allowed=f"{value}: [word, 'reg(ular|exp)']")
        checked[value] = tuple(map(str, patterns))
        try:
            compiled(checked[value])
        except re.error as error:
            raise BadInput(f"not a regular expression: {error}", where=where) from error
    return checked


@lru_cache(maxsize=8192)
def compiled(patterns: tuple[str, ...]) -> re.Pattern[str]:
    """One expression for any of the patterns as whole words, case ignored; an apostrophe may be left out, as people do."""
    joined = "|".join(patterns)
    try:
        joined = re.compile(joined.replace("'", "'?")).pattern
    except re.error:  # a look-behind has one width: there it has to be written
        re.compile(joined)
    return re.compile(rf"(?<!\w)(?:{joined})(?!\w)", re.IGNORECASE)


def spoken(value: Json) -> str:
    """A value as a key of readings: ``true``, ``in_transit``, ``1``."""
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def pattern_of(readings: Readings, name: str, value: Json) -> re.Pattern[str] | None:
    """How the domain says that ``value`` of ``name`` is said; None where it does not say."""
    values = readings.get(name)
    patterns = values.get(spoken(value)) if values else None
    return compiled(tuple(patterns)) if patterns else None


@lru_cache(maxsize=8192)
def literal(value: str) -> re.Pattern[str]:
    """An enum value as its own words, lightly inflected: ``in_transit`` → "in transit", ``cancelled`` → "cancelled"."""
    words = re.findall(r"[^\W_]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", value))
    phrase = r"[\s_-]+".join(map(re.escape, words)) or re.escape(value)
    return re.compile(rf"(?<!\w){phrase}(?!\w)", re.IGNORECASE)


@lru_cache(maxsize=8192)
def first_word(value: str) -> str:
    """The first word of ``literal``, case folded: a text without it need not be searched."""
    return re.split(r"[\W_]|(?<=[a-z])(?=[A-Z])", value, maxsplit=1)[0].casefold()


def says(text: str, patterns: Iterable[re.Pattern[str]], *, negated: bool = False) -> bool:
    """Whether the text says one of them, without a negation shortly before it in the same sentence (or with one, if ``negated``)."""
    return any(is_negated(text, match.start()) == negated for pattern in patterns for match in pattern.finditer(text))


def is_negated(text: str, at: int) -> bool:
    """Whether a negation stands shortly before this place."""
    before = re.split(r"[.;!?,]", text[max(0, at - _NEAR) : at])[-1]
    return NEGATION.search(before) is not None


@lru_cache(maxsize=4096)
def name_pattern(name: str) -> re.Pattern[str]:
    """The words of a parameter's name, by their stems, in any order: ``gift_wrap`` → "gift" and "wrap...", "gift-wrapped"."""
    words = [word for word in re.findall(r"[^\W_]+", name.lower()) if word not in _EMPTY_WORDS] or name.lower().split("_")
    stems = [re.escape(word[:5] if len(word) > 6 else word) for word in words]
    others = "".join([rf"(?=.*(?<![^\W_]){stem})" for stem in stems[1:]])
    return re.compile(rf"\A{others}.*?(?<![^\W_])(?={stems[0]})", re.IGNORECASE | re.DOTALL)


def says_flag(text: str, name: str, value: bool) -> bool:
    """Whether the text says a boolean by the words of its name: "gift-wrapped please", "no gift wrap"."""
    match = name_pattern(name).search(text)
    if match is None:
        return False
    declined = is_negated(text, match.end()) or _DECLINED.search(text[max(0, match.end() - _NEAR) : match.end()]) is not None
    return declined != value
