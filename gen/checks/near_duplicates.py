"""Near-duplicates among texts, as they come: MinHash and LSH propose, the exact similarity decides.

Two texts are near-duplicates where the Jaccard similarity of their sets of three-word shingles, after digits are masked,
is at least the threshold. Deterministic: the answer depends on the texts and their order alone. Splits, slots and what
is done about a duplicate are the business of who asks.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import rensa  # type: ignore[import-untyped]  # it has no types

from gen.conversation import Conversation

_PERMUTATIONS = 128
_BANDS = 32
_SEED = 42
_TOKEN = re.compile(r"\w+")
_DIGITS = re.compile(r"\d+")


def said_by_user(conversation: Conversation) -> str:
    """What the user says in the whole conversation: the text that near-duplicates are looked for in."""
    return "\n".join([message.content for message in conversation.messages if message.role == "user"])


def shingles(text: str) -> frozenset[str]:
    """The three-word shingles of a text in lower case, runs of digits as 0; empty for a text of fewer words."""
    return frozenset(_shingles(text))


def _shingles(text: str) -> list[str]:
    words = _TOKEN.findall(_DIGITS.sub("0", text.lower()))
    return list(map(" ".join, zip(words, words[1:], words[2:], strict=False)))


class Sketch(NamedTuple):
    """A text, and what is compared of it first; ``minhash`` is None where the text has no shingles."""

    text: str
    minhash: Any


def sketch(text: str) -> Sketch:
    """The sketch of a text: what of the comparison does not need the other texts, and can be done in another process."""
    found = _shingles(text)
    if not found:
        return Sketch(text, None)
    minhash = rensa.RMinHash(_PERMUTATIONS, _SEED)
    minhash.update(found)
    return Sketch(text, minhash)


class NearDuplicates:
    """An index of texts that grows.

    Args:
        threshold: similarity from which two texts are near-duplicates, 0 to 1. At 1 nothing ever is: the rule is off.
    """

    def __init__(self, threshold: float) -> None:
        self.threshold = threshold
        self._index = rensa.RMinHashLSH(threshold, _PERMUTATIONS, _BANDS)
        self._keys: list[str] = []
        self._texts: list[str] = []
        self._short: dict[str, str] = {}

    def add(self, key: str, text: str) -> str | None:
        """The key of the earlier near-duplicate (the first of the most similar ones), or None: then the text is kept under ``key``."""
        return self.add_sketch(key, sketch(text)) if self.threshold < 1 else None

    def add_sketch(self, key: str, sketch: Sketch) -> str | None:
        """The same, of a text that was prepared."""
        if self.threshold >= 1:
            return None
        return self._add_short(key, sketch.text) if sketch.minhash is None else self._add_long(key, sketch)

    def _add_short(self, key: str, text: str) -> str | None:
        words = " ".join(_TOKEN.findall(text.lower()))
        earlier = self._short.setdefault(words, key)
        return None if earlier is key else earlier

    def _add_long(self, key: str, sketch: Sketch) -> str | None:
        candidates: list[int] = self._index.query(sketch.minhash)
        best = self._nearest(shingles(sketch.text), sorted(candidates)) if candidates else None
        if best is not None:
            return self._keys[best]
        self._index.insert(len(self._keys), sketch.minhash)
        self._keys.append(key)
        self._texts.append(sketch.text)
        return None

    def _nearest(self, found: frozenset[str], candidates: list[int]) -> int | None:
        best: int | None = None
        best_similarity = self.threshold
        for candidate in candidates:
            similarity = _jaccard(found, shingles(self._texts[candidate]))
            if similarity > best_similarity or (best is None and similarity == best_similarity):
                best, best_similarity = candidate, similarity
        return best


def _jaccard(left: frozenset[str], right: frozenset[str]) -> float:
    shared = len(left & right)
    return shared / (len(left) + len(right) - shared)
