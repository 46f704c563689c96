"""What a persona does to its words: abbreviations, a non-native's turns, dropped articles, typos, punctuation.

Applied to whole messages, never inside values (which stand between marks, see finish.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from gen.dice import Dice
from gen.planning.personas import Persona
from gen.teachers.finish import END, START

_VALUES = re.compile(f"({START}[^{END}]*{END})")
_WORD = re.compile(r"[A-Za-z]{4,}")
_ARTICLE = re.compile(r"\b(?:the|a|an) (?=\w)", re.IGNORECASE)
_INNER_STOP = re.compile(r"[.,;] +(?=\S)")

NEIGHBOURS = {
    "a": "sq", "b": "vn", "c": "xv", "d": "sf", "e": "wr", "f": "dg", "g": "fh", "h": "gj", "i": "uo", "j": "hk", "k": "jl", "l": "k",
    "m": "n", "n": "bm", "o": "ip", "p": "o", "q": "wa", "r": "et", "s": "ad", "t": "ry", "u": "yi", "v": "cb", "w": "qe", "x": "zc",
    "y": "tu", "z": "x",
}  # fmt: skip


class Habits:
    """The word-level habits of all personas, with the word lists of the shared English."""

    def __init__(self, abbreviations: Mapping[str, Sequence[str]], rewrites: Sequence[Mapping[str, str]]) -> None:
        self._abbreviations = {word.lower(): list(shorts) for word, shorts in abbreviations.items()}
        words = sorted(self._abbreviations, key=len, reverse=True)
        self._abbreviable = re.compile(rf"\b(?:{'|'.join(map(re.escape, words))})\b(?!['’])", re.IGNORECASE)
        self._rewrites = [(re.compile(rf"(?<![\w'’]){re.escape(r['from'])}(?![\w'’])", re.IGNORECASE), r["to"]) for r in rewrites]

    def apply(self, text: str, persona: Persona, die: Dice) -> str:
        """The message as this persona types it; values stay as they are, and marked."""
        if persona.non_native:
            text = self._outside_values(text, lambda part: self._rewrite(part, persona.non_native, die))
        if persona.drop_article:
            text = self._outside_values(text, lambda part: _ARTICLE.sub(lambda m: "" if die.chance(persona.drop_article) else m[0], part))
        if persona.abbreviations:
            text = self._outside_values(text, lambda part: self._abbreviate(part, persona.abbreviations, die))
        if persona.typos:
            text = self._outside_values(
                text, lambda part: _WORD.sub(lambda m: _mistype(m[0], die) if die.chance(persona.typos) else m[0], part)
            )
        if persona.run_on and die.chance(persona.run_on):
            joint = die.pick((" ", ", ", " "))
            text = self._outside_values(text, lambda part: _INNER_STOP.sub(joint, part))
        return _ending(text, persona, die)

    @staticmethod
    def _outside_values(text: str, change: Callable[[str], str]) -> str:
        if START not in text:
            return change(text)
        return "".join(part if part.startswith(START) else change(part) for part in _VALUES.split(text))

    def _abbreviate(self, text: str, rate: float, die: Dice) -> str:
        def short(found: re.Match[str]) -> str:
            return die.pick(self._abbreviations[found[0].lower()]) if die.chance(rate) else found[0]

        return self._abbreviable.sub(short, text)

    def _rewrite(self, text: str, rate: float, die: Dice) -> str:
        for pattern, replacement in self._rewrites:
            if pattern.search(text) and die.chance(rate):
                text = pattern.sub(replacement, text, count=1)
        return text


def _mistype(word: str, die: Dice) -> str:
    """One slip of the fingers: neighbours swapped, a letter left out, doubled, or its neighbour on the keyboard hit."""
    at = die.between(1, len(word) - 2)
    kind = die.random()
    if kind < 0.35:
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    if kind < 0.65:
        return word[:at] + word[at + 1 :]
    if kind < 0.8:
        return word[:at] + word[at] + word[at:]
    near = NEIGHBOURS.get(word[at].lower())
    return word[:at] + die.pick(near) + word[at + 1 :] if near else word


def _ending(text: str, persona: Persona, die: Dice) -> str:
    """Final marks as this persona sets them."""
    if text.endswith("?"):
        return text[:-1] if die.chance(persona.question_mark_drop) else text
    if text.endswith("."):
        if die.chance(persona.exclaim):
            return text[:-1] + die.pick(("!", "!", "!!"))
        if die.chance(persona.no_punctuation):
            return text[:-1]
    return text
