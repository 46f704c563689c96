"""What a persona does to its words: abbreviations, a non-native's turns, dropped articles, typos, punctuation.

Applied to whole messages, never inside values (which stand between marks, see finish.py).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from gen.dice import Dice
from gen.planning.personas import Persona
from gen.teachers.finish import END, START

_VALUE = f"{START}[^{END}]*{END}"
_VALUES = re.compile(f"({_VALUE})")
_FIXED = r"(?:lot|bunch|million|few|little|bit|way)\b"  # "thanks lot" is nobody's English, and "few" is not "a few"
# Each begins with a set of characters, which is found fast.
_WORD = re.compile(rf"[{START}A-Za-z](?:(?<={START})[^{END}]*{END}|(?<!{START})[A-Za-z]{{3,}})")
_ARTICLE = re.compile(rf"[{START}tTaA](?:(?<={START})[^{END}]*{END}|(?<![\w'’].)(?:(?<=[tT])he|(?<=[aA])n?) (?!{_FIXED})(?=[\w{START}]))")
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
        self._abbreviable = _words_after_a_gap(self._abbreviations)
        self._rewrites = [
            (r["from"].lower(), re.compile(rf"(?<![\w'’]){re.escape(r['from'])}(?![\w'’])", re.IGNORECASE), r["to"]) for r in rewrites
        ]

    def apply(self, text: str, persona: Persona, die: Dice) -> str:
        """The message as this persona types it; values stay as they are, and marked."""
        if persona.non_native:
            text = self._rewrite(text, persona.non_native, die)
        if persona.drop_article:
            text = _some(_ARTICLE, text, text.count(" "), persona.drop_article, die, lambda found: "")
        if persona.abbreviations:
            text = self._abbreviate(text, persona.abbreviations, die)
        if persona.typos:
            text = _some(_WORD, text, (len(text) + 1) // 5, persona.typos, die, lambda found: _mistype(found[0], die))
        if persona.run_on and die.chance(persona.run_on):
            joint = die.pick((" ", ", ", " "))
            text = _INNER_STOP.sub(lambda m: m[0] if m[0][0] == START else joint + (m[1] or "").lower(), text)
        return _ending(text, persona, die)

    def _abbreviate(self, text: str, rate: float, die: Dice) -> str:
        def short(found: re.Match[str]) -> str:
            return found[0][0] + die.pick(self._abbreviations[found[0][1:].lower()])

        return _some(self._abbreviable, f" {text}", text.count(" ") + 1, rate, die, short)[1:]

    def _rewrite(self, text: str, rate: float, die: Dice) -> str:
        """Some of the turns that this text offers, one place each."""
        parts = _VALUES.split(text)
        for i in range(0, len(parts), 2):  # every second part is a value
            lower = parts[i].lower()
            for words, pattern, replacement in self._rewrites:
                if words in lower and pattern.search(parts[i]) and die.chance(rate):
                    parts[i] = pattern.sub(replacement, parts[i], count=1)
                    lower = parts[i].lower()
        return "".join(parts)


def _words_after_a_gap(words: Iterable[str]) -> re.Pattern[str]:
    """A pattern for these words, the longest first, in lower case or capitalised, with the character before them; or for a value.

    It begins with what stands between words, and goes on by first letters: both are found fast.
    """
    rests: dict[str, list[str]] = {}
    for word in sorted(words, key=lambda word: (-len(word), word)):
        rests.setdefault(word[0], []).append(re.escape(word[1:]))
    found = "|".join(f"[{re.escape(first)}{re.escape(first.upper())}](?:{'|'.join(those)})" for first, those in rests.items())
    return re.compile(rf"[^\w'’](?:(?<={START})[^{END}]*{END}|(?:{found})\b(?!['’]))")


def _some(pattern: re.Pattern[str], text: str, most: int, rate: float, die: Dice, change: Callable[[re.Match[str]], str]) -> str:
    """Change what the pattern finds, each at this rate, and no values. There are at most ``most`` places.

    What is drawn is how many places to pass over: most texts stay as they are, and are not even looked through.
    """
    left = _passed_over(rate, die)
    if left >= most:
        return text

    def changed(found: re.Match[str]) -> str:
        nonlocal left
        if found[0][0] == START:
            return found[0]
        left -= 1
        if left >= 0:
            return found[0]
        left = _passed_over(rate, die)
        return change(found)

    return pattern.sub(changed, text)


def _passed_over(rate: float, die: Dice) -> int:
    """How many places stay as they are before one changes, where each does at this rate."""
    return int(math.log(1 - die.random()) / math.log(1 - rate)) if rate < 1 else 0


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
