"""Which tools a conversation offers: the needed ones and distractors, near and far, shuffled.

Near distractors are drawn by how alike name, description and parameters are (cosine of tf-idf weighted words); far ones
come from other domains. A tool that could serve the request as well as a needed one is never offered beside it.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

from gen.dice import Dice
from gen.tools.schema import ToolSchema

_WORD = re.compile(r"[a-z]+")


@dataclass(frozen=True, slots=True)
class Distractors:
    """How many tools are offered, and what share of them is near or far; the rest comes from the same domain at random."""

    least: int
    most: int
    near: float
    far: float


class ToolSampler:
    """Draws the offered tools of a domain's conversations.

    Args:
        tools: the domain's tools, by name.
        others: tools of other domains (names that the domain has too are left out).
        stands_in_for: tool → needed tools that it could replace.
    """

    def __init__(
        self, tools: Mapping[str, ToolSchema], others: Sequence[ToolSchema], stands_in_for: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        self._tools = dict(tools)
        self._others = [tool for tool in others if tool.name not in self._tools]
        self._stand_ins = {name: {other for other, instead in (stands_in_for or {}).items() if name in instead} for name in self._tools}
        self._exponents = {
            anchor: {name: 1 / (0.001 + alike.get(name, 0.0) ** 2) for name in self._tools}
            for anchor, alike in likeness(list(self._tools.values())).items()
        }
        """By tool: for each other one the inverse of its weight as a near distractor."""

    @property
    def names(self) -> list[str]:
        """The domain's own tools that may be offered."""
        return list(self._tools)

    @property
    def all(self) -> list[ToolSchema]:
        """Every tool that may be offered, those of other domains too."""
        return [*self._tools.values(), *self._others]

    def offer(self, needed: Iterable[str], numbers: Distractors, die: Dice, *, without: Set[str] = frozenset()) -> list[ToolSchema]:
        """The offered tools, shuffled. ``without`` names tools that must not be there, nor anything that could stand in for them."""
        wanted = list(dict.fromkeys(needed))
        barred = set(wanted) | set(without)
        for name in (*wanted, *without):
            barred |= self._stand_ins.get(name, _NONE)
        size = max(die.between(numbers.least, numbers.most), len(wanted))
        far = min(_successes(size - len(wanted), numbers.far, die), len(self._others))
        pool = [name for name in self._tools if name not in barred]
        anchors = [name for name in wanted or without if name in self._tools]
        chosen = self._chosen(pool, min(size - len(wanted) - far, len(pool)), anchors, numbers.near, die)
        tools = [self._tools[name] for name in (*wanted, *chosen)] + die.sample(self._others, far)
        return die.shuffled(tools)

    def _chosen(self, pool: list[str], count: int, anchors: Sequence[str], near: float, die: Dice) -> list[str]:
        """Distractors of the domain: near ones by how alike they are to the closest anchor, the others at random."""
        like = _successes(count, near, die) if anchors else 0
        if like:
            random = die.random
            exponents = self._exponents_of(anchors)
            keys = {name: random() ** exponents[name] for name in pool}  # weighted, without replacement (Efraimidis and Spirakis)
            pool = sorted(pool, key=keys.__getitem__, reverse=True)
        return pool[:like] + die.sample(pool[like:], count - like)

    def _exponents_of(self, anchors: Sequence[str]) -> Mapping[str, float]:
        first, *others = (self._exponents[anchor] for anchor in anchors)
        return dict(zip(first, map(min, first.values(), *(other.values() for other in others)), strict=True)) if others else first


_NONE: frozenset[str] = frozenset()


def _successes(trials: int, probability: float, die: Dice) -> int:
    """How many of these trials come out."""
    random = die.random
    return sum([random() < probability for _ in range(trials)])


def likeness(tools: Sequence[ToolSchema]) -> dict[str, dict[str, float]]:
    """Cosine of the tf-idf word vectors of every two tools, in [0, 1]."""
    counts = {tool.name: Counter(_words(tool)) for tool in tools}
    documents = Counter(word for words in counts.values() for word in words)
    vectors: dict[str, dict[str, float]] = {}
    for name, words in counts.items():
        vector = {word: n * math.log((1 + len(tools)) / documents[word]) for word, n in words.items()}
        length = math.sqrt(sum(x * x for x in vector.values())) or 1.0
        vectors[name] = {word: x / length for word, x in vector.items()}
    return {
        one: {other: sum(x * there.get(word, 0.0) for word, x in here.items()) for other, there in vectors.items() if other != one}
        for one, here in vectors.items()
    }


def _words(tool: ToolSchema) -> list[str]:
    names = " ".join([tool.name, tool.name, *tool.parameters.get("properties", {})])
    return _WORD.findall(f"{names} {tool.description}".lower().replace("_", " "))
