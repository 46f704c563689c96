"""Shares made exact: which split (or scenario) each slot belongs to, and whether two splits leak into each other.

Allotment needs no chance: slot ``k`` has one answer, and raising the number of rows changes none that was given. The
planner allots scenarios by the same function. What to do about a leak is decided where the corpus is made.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from functools import lru_cache

from gen.checks.wording import person_of, wording_of
from gen.conversation import Conversation
from gen.errors import BadInput


class SmoothRoundRobin:
    """A sequence of names in which each name's share of *every* prefix is its weight's, to within one.

    The well-known smooth weighted round-robin (highest deficit first) does not keep that promise for many names of unequal weight.
    This one does: the j-th turn of a name with share w must come at a place in [(j-1)/w, j/w); of the names whose turn
    may come, the one whose turn is due first is taken, ties going to the name given first (earliest deadline first, which
    meets all deadlines of one server whose load is 1).
    """

    def __init__(self, weights: Mapping[str, float]) -> None:
        """Weights need not add up to one; a weight of zero is a name that never comes. Raises BadInput where they are no shares."""
        for name, weight in weights.items():
            if not math.isfinite(weight) or weight < 0:
                raise BadInput(f"the share of {name!r} is {weight!r}", allowed="a number that is zero or more")
        exact = {name: Fraction(repr(weight)) for name, weight in weights.items() if weight > 0}  # repr: 0.1 means one tenth
        if not exact:
            raise BadInput("no share is above zero", where=", ".join(weights), allowed="at least one share above zero")
        scale = math.lcm(*(share.denominator for share in exact.values()))
        whole = [int(share * scale) for share in exact.values()]
        divisor = math.gcd(*whole)
        self._names = list(exact)
        self._weights = [weight // divisor for weight in whole]
        self._taken = [0] * len(whole)
        self._sequence: list[str] = []
        self.period = sum(self._weights)
        """After so many places the sequence repeats."""

    def at(self, k: int) -> str:
        """The name at place ``k``, counted from 0."""
        place = k % self.period
        self._extend(place + 1)
        return self._sequence[place]

    def upto(self, n: int) -> list[str]:
        """The names at the first ``n`` places."""
        self._extend(min(n, self.period))
        repeats = -(-n // self.period)
        return (self._sequence * repeats)[:n]

    def _extend(self, length: int) -> None:
        for place in range(len(self._sequence), length):
            due = [
                (-(-(taken + 1) * self.period // weight), i)
                for i, (taken, weight) in enumerate(zip(self._taken, self._weights, strict=True))
                if taken * self.period // weight <= place
            ]
            _, chosen = min(due)
            self._taken[chosen] += 1
            self._sequence.append(self._names[chosen])


def split_of_slot(k: int, shares: Mapping[str, float]) -> str:
    """The split that slot ``k`` belongs to, for shares such as ``{"train": 0.9, "test": 0.1}``."""
    return _allotment(tuple(shares.items())).at(k)


@lru_cache(maxsize=16)
def _allotment(shares: tuple[tuple[str, float], ...]) -> SmoothRoundRobin:
    return SmoothRoundRobin(dict(shares))


def leaks(rows: Iterable[Conversation]) -> Iterator[str]:
    """What stands on both sides of a split: a wording of a first message, or a signed-in person; one sentence for each later row.

    A person is one of a domain's world. Rows without a plan are compared by wording alone.
    """
    wordings: dict[str, Conversation] = {}
    people: dict[str, Conversation] = {}
    for row in rows:
        said = wording_of(row)
        earlier = wordings.setdefault(said, row)
        if earlier.split != row.split:
            yield f"{row.id} ({row.split}) begins with the wording of {earlier.id} ({earlier.split}): {said!r}"
        person = person_of(row)
        earlier = people.setdefault(person, row) if person else row
        if earlier.split != row.split:
            yield f"{row.id} ({row.split}) has the person of {earlier.id} ({earlier.split}): {person.rpartition('/')[2]!r}"
