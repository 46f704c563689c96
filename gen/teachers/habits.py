"""What a persona does to its words: abbreviations, a non-native's turns, dropped articles, typos, punctuation.

Applied to whole messages, never inside values (which stand between marks, see finish.py).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from gen.dice import Dice
from gen.planning.personas import Persona
from gen.teachers.finish import END, START

_VALUE = f"{START}[^{END}]*{END}"
_VALUES = re.compile(f"({_VALUE})")
# Each begins with a set of characters, which is found fast.
_WORD = re.compile(rf"[{START}A-Za-z](?:(?<={START})[^{END}]*{END}|(?<!{START})[A-Za-z]{{3,}})")
_ARTICLE = re.compile(rf"[{START}tTaA](?:(?<={START})[^{END}]*{END}|(?<![\w'’].)(?:(?<=[tT])he|(?<=[aA])n?) (?=[\w{START}]))")
_INNER_STOP = re.compile(rf"[{START}.,;](?:(?<={START})[^{END}]*{END}|(?<!{START}) +((?!I\b)[A-Z](?=[a-z]))?(?=\S))")

NEIGHBOURS = {
    "a": "sq", "b": "vn", "c": "xv", "d": "sf", "e": "wr", "f": "dg", "g": "fh", "h": "gj", "i": "uo", "j": "hk", "k": "jl", "l": "k",
    "m": "n", "n": "bm", "o": "ip", "p": "o", "q": "wa", "r": "et", "s": "ad", "t": "ry", "u": "yi", "v": "cb", "w": "qe", "x": "zc",
    "y": "tu", "z": "x",
}  # fmt: skip


class Habits:
    """The word-level habits of all personas, with the word lists of the shared English."""

    def __init__(self, abbreviations: Mapping[str, Sequence[str]], rewrites: Sequence[Mapping[str, str]]) -> None:
        self._abbreviations = {word.lower(): list(shorts) for word, shorts in abbreviations.items()}
        spellings = {spelling for word in self._abbreviations for spelling in (word, word.capitalize())}
        words = sorted(spellings, key=lambda word: (-len(word), word))
        firsts = re.escape("".join(sorted({word[0] for word in words})))
        rests = "|".join(f"(?<={re.escape(word[0])}){re.escape(word[1:])}" for word in words)
        self._abbreviable = re.compile(rf"[{START}{firsts}](?:(?<={START})[^{END}]*{END}|(?<![\w'’].)(?:{rests})\b(?!['’]))")
        self._rewrites = [(re.compile(rf"(?<![\w'’]){re.escape(r['from'])}(?![\w'’])", re.IGNORECASE), r["to"]) for r in rewrites]

    def apply(self, text: str, persona: Persona, die: Dice) -> str:
        """The message as this persona types it; values stay as they are, and marked."""
        if persona.non_native:
            text = self._rewrite(text, persona.non_native, die)
        if persona.drop_article:
            text = _ARTICLE.sub(lambda m: m[0] if m[0][0] == START or not die.chance(persona.drop_article) else "", text)
        if persona.abbreviations:
            text = self._abbreviate(text, persona.abbreviations, die)
        if persona.typos:
            text = _WORD.sub(lambda m: _mistype(m[0], die) if m[0][0] != START and die.chance(persona.typos) else m[0], text)
        if persona.run_on and die.chance(persona.run_on):
            joint = die.pick((" ", ", ", " "))
            text = _INNER_STOP.sub(lambda m: m[0] if m[0][0] == START else joint + (m[1] or "").lower(), text)
        return _ending(text, persona, die)

    def _abbreviate(self, text: str, rate: float, die: Dice) -> str:
        def short(found: re.Match[str]) -> str:
            spared = found[0][0] == START or not die.chance(rate)
            return found[0] if spared else die.pick(self._abbreviations[found[0].lower()])

        return self._abbreviable.sub(short, text)

    def _rewrite(self, text: str, rate: float, die: Dice) -> str:
        """Some of the turns that this text offers, one place each."""
        parts = _VALUES.split(text)
        for i in range(0, len(parts), 2):  # every second part is a value
            for pattern, replacement in self._rewrites:
                if pattern.search(parts[i]) and die.chance(rate):
                    parts[i] = pattern.sub(replacement, parts[i], count=1)
        return "".join(parts)


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
