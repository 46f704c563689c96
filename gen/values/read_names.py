"""Whether a text names what a value names in other letters: an address spelt out, a name the other way round, an abbreviated street.

Asked last, and only of a value: what could not be read out of a text without knowing it.
"""

from __future__ import annotations

import re
from functools import lru_cache

from gen.values.read_span import any_of, without_accents, words_of

_SPELT_MARKS = {
    ".": r"\s*(?:\.|[(\[{]?\s*(?:dot|point|period)\s*[)\]}]?)\s*",
    "@": r"\s*(?:@|[(\[{]?\s*at\s*[)\]}]?)\s*",
    "_": r"\s*(?:_|under\s?score)\s*",
    "-": r"\s*(?:-|dash|hyphen|minus)\s*",
    "+": r"\s*(?:\+|plus)\s*",
}
_SHORTEST_RUN = 6
"""Letters that a value must have to be found whatever its gaps: Brightleaf, Bright Leaf."""

_SHORTEST_SIGN = 3
"""Letters in which some word of a value begins wherever it is named: a text without them need not be searched."""

_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})
_SHORT_FORMS = {
    "street": "st", "avenue": "ave", "road": "rd", "boulevard": "blvd", "drive": "dr", "lane": "ln", "court": "ct", "square": "sq",
    "place": "pl", "terrace": "ter", "highway": "hwy", "apartment": "apt", "suite": "ste", "north": "n", "south": "s", "east": "e",
    "west": "w", "saint": "st", "mount": "mt", "doctor": "dr", "mister": "mr",
}  # fmt: skip
_HAS_SHORT_FORM = re.compile(rf"\b(?:{any_of({short for short in _SHORT_FORMS.values() if len(short) > 1})})\b", re.IGNORECASE)
_LONG_FORM = re.compile(rf" (?P<word>{any_of(_SHORT_FORMS)})(?= )")
_NAMING = (" name ", " names ", " surname ", " lastname ", " firstname ", " called ")


def spells_address(value: str, text: str) -> bool:
    """Whether the text spells an e-mail address: "hailey dot gamble at example dot com"."""
    low, folded = text.casefold(), value.casefold()
    return folded.rpartition("@")[2].partition(".")[0] in low and _spelt(folded).search(low) is not None


@lru_cache(maxsize=2048)
def _spelt(value: str) -> re.Pattern[str]:
    pieces = [_SPELT_MARKS.get(piece, re.escape(piece)) for piece in re.findall(r"[.@_+-]|[^.@_+-]+", value)]
    return re.compile(rf"(?<![\w.+-]){''.join(pieces)}(?![\w-])")


def is_named(value: str, words: str) -> bool:
    """Whether the words (``Readings.plain_words``) name the value in another form of it."""
    if value.isascii() and not any([word[:_SHORTEST_SIGN] in words for word in value.casefold().split()]):
        return False
    squeezed, forms = _forms(value)
    if squeezed and squeezed in words.replace(" ", "") and _gapped(squeezed).search(words):
        return True
    if any(form in words for form in forms) or (_HAS_SHORT_FORM.search(value) and _phrase_in_short(value, words)):
        return True
    return _in_parts(value, words) or _other_way_round(value, words)


@lru_cache(maxsize=4096)
def _forms(value: str) -> tuple[str, tuple[str, ...]]:
    """The letters of the value side by side, if there are enough of them; and other ways to write it."""
    low = value.casefold()
    phrase = without_accents(words_of(value))
    spellings = {without_accents(words_of(low.translate(_UMLAUTS))), without_accents(words_of(low.replace("&", " and ")))}
    spellings.add(phrase.replace(" and ", " "))
    short = _shortened(phrase)
    squeezed = phrase.replace(" ", "")
    gapless = squeezed if len(squeezed) >= _SHORTEST_RUN and squeezed.isalpha() else ""
    return gapless, tuple(sorted(form for form in (spellings | {short}) - {phrase} if len(form) > len("  x")))


@lru_cache(maxsize=2048)
def _gapped(squeezed: str) -> re.Pattern[str]:
    return re.compile(f" {' ?'.join(squeezed)}s? ")


def _phrase_in_short(value: str, words: str) -> bool:
    return without_accents(words_of(value)) in _shortened(words)


def _shortened(words: str) -> str:
    return _LONG_FORM.sub(lambda found: " " + _SHORT_FORMS[found["word"]], words)


def _in_parts(value: str, words: str) -> bool:
    """Each part of what is divided by commas stands there: an address with its town first."""
    parts = [without_accents(words_of(part)) for part in value.split(",")]
    if len(parts) < 2 or not all(len(part) > len("  x") for part in parts):
        return False
    short = _shortened(words)
    return all(part in words or _shortened(part) in short for part in parts)


def _other_way_round(value: str, words: str) -> bool:
    """Gamble, Hailey; Hailey M. Gamble; first name Hailey, last name Gamble."""
    names = without_accents(words_of(value)).split()
    if not 2 <= len(names) <= 4 or not all(len(name) > 1 and name.isalpha() for name in names[-1:]):
        return False
    if any(f" {' '.join(names[at:] + names[:at])} " in words for at in range(1, len(names))):
        return True
    first, last = " ".join(names[:-1]), names[-1]
    if f" {first} " not in words or f" {last} " not in words:
        return False
    return any(sign in words for sign in _NAMING) or re.search(f" {re.escape(first)} [a-z] {re.escape(last)} ", words) is not None
