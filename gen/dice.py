"""The one source of chance.

Every draw in a corpus comes from a die made from (seed, labels...). The same labels give the same draws on every
machine, Python version (3.11 to 3.13) and number of workers: only ``random.Random.random`` is used, whose sequence
Python documents as stable for a seed; ``choice``, ``shuffle`` and ``sample`` are not promised to be, so ours are here.
"""

from __future__ import annotations

import hashlib
import random
from bisect import bisect
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Generic, TypeVar

T = TypeVar("T")

ALPHANUMERIC = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


class Weighted(Generic[T]):
    """Options whose weights are added up once, to be drawn from often. Those that weigh nothing are left out."""

    __slots__ = ("options", "upto")

    def __init__(self, weights: Mapping[T, float]) -> None:
        self.options = [option for option, weight in weights.items() if weight > 0]
        self.upto = list(accumulate(weights[option] for option in self.options))
        """For each option the sum of the weights up to it."""


class Dice:
    """Draws that follow from the labels the die was made with."""

    __slots__ = ("random",)

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed).random
        """A float in [0, 1)."""

    def chance(self, probability: float) -> bool:
        """True with this probability; draws once, whatever the probability."""
        return self.random() < probability

    def below(self, n: int) -> int:
        """An integer in [0, n)."""
        return int(self.random() * n)

    def between(self, low: int, high: int) -> int:
        """An integer in [low, high], both included."""
        return low + int(self.random() * (high - low + 1))

    def pick(self, options: Sequence[T]) -> T:
        """One of the options, all equally likely. Raises IndexError where there is none."""
        return options[int(self.random() * len(options))]

    def weighted(self, weights: Mapping[T, float]) -> T:
        """One of the keys, by weight (at least one weight must be above zero)."""
        target = self.random() * sum(weights.values())
        last: T | None = None
        for option, weight in weights.items():
            if weight <= 0:
                continue
            last = option
            target -= weight
            if target < 0:
                return option
        if last is None:
            raise ValueError("no option has a weight above zero")
        return last  # rounding left a sliver beyond the last weight

    def among(self, weighted: Weighted[T]) -> T:
        """One of the options, by weight. Raises IndexError where there is none."""
        upto = weighted.upto
        return weighted.options[bisect(upto, self.random() * upto[-1], 0, len(upto) - 1)]

    def shuffled(self, options: Sequence[T]) -> list[T]:
        """The options in a drawn order (Fisher-Yates)."""
        items, random = list(options), self.random
        for i in range(len(items) - 1, 0, -1):
            j = int(random() * (i + 1))
            items[i], items[j] = items[j], items[i]
        return items

    def sample(self, options: Sequence[T], k: int) -> list[T]:
        """``k`` different options in a drawn order. Raises ValueError where there are fewer."""
        if k > len(options):
            raise ValueError(f"cannot draw {k} of {len(options)} options")
        items, random = list(options), self.random
        left = len(items)
        for i in range(k):
            j = i + int(random() * (left - i))
            items[i], items[j] = items[j], items[i]
        return items[:k]

    def letters(self, n: int) -> str:
        """``n`` letters and digits."""
        return "".join([ALPHANUMERIC[int(self.random() * 62)] for _ in range(n)])


def dice(seed: int, *labels: str | int) -> Dice:
    """The die of these labels: ``dice(7, "slot", 17, "attempt", 0)``."""
    return Dice(number(seed, *labels))


def number(seed: int, *labels: str | int) -> int:
    """An integer in [0, 2**128) that follows from these labels: a single draw, for a tenth of the cost of a die."""
    text = "\x1f".join([str(seed), *map(str, labels)])
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=16).digest(), "big")
