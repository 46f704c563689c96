"""Shares made exact: which split (or scenario) each slot belongs to, and whether two splits leak into each other.

Allotment needs no chance: slot ``k`` has one answer, and raising the number of rows changes none that was given. The
planner allots scenarios by the same function. What to do about a leak is decided where the corpus is made.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from functools import lru_cache

from gen.conversation import Conversation, Json
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


_SHORTEST_NAME = 3  # a shorter word of a longer value ("to", "of") says nothing about the value

_not_a_word = re.compile(r"[\W_]+").sub
_number = re.compile(r"[0-9]+(?:[.,:][0-9]+)*").sub


def wording(first_user_text: str, values: Iterable[str]) -> str:
    """A message without its values: what two messages share that were said in the same words about different things.

    The given values, all numbers, case and punctuation are masked; white space is one space.
    """
    text = first_user_text.casefold()
    for value in sorted({value.casefold() for value in values if value}, key=lambda value: (-len(value), value)):
        text = text.replace(value, " 0 ")
    return _not_a_word(" ", _number("0", text)).strip()


def values_of(conversation: Conversation) -> list[str]:
    """What ``wording`` masks: the texts among the arguments of a conversation's calls, and the words of those that have several."""
    texts = [text for message in conversation.messages for call in message.tool_calls for text in _leaves(call.arguments)]
    return texts + [word for text in texts if " " in text for word in text.split() if len(word) >= _SHORTEST_NAME]


def first_user_text(conversation: Conversation) -> str:
    """What the user says first; "" where no user speaks."""
    return next((message.content for message in conversation.messages if message.role == "user"), "")


def leaks(rows: Iterable[Conversation]) -> Iterator[str]:
    """What stands on both sides of a split: a wording of a first message, or a signed-in person; one sentence for each later row.

    A person is one of a domain's world. Rows without a plan are compared by wording alone.
    """
    wordings: dict[str, Conversation] = {}
    people: dict[tuple[str, int, str], Conversation] = {}
    for row in rows:
        said = wording(first_user_text(row), values_of(row))
        earlier = wordings.setdefault(said, row)
        if earlier.split != row.split:
            yield f"{row.id} ({row.split}) begins with the wording of {earlier.id} ({earlier.split}): {said!r}"
        if row.plan is not None and row.plan.person:
            key = (row.domain, row.plan.world, row.plan.person)
            earlier = people.setdefault(key, row)
            if earlier.split != row.split:
                yield f"{row.id} ({row.split}) has the person of {earlier.id} ({earlier.split}): {row.plan.person!r}"


def _leaves(value: Json) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for child in value.values():
            yield from _leaves(child)
    elif isinstance(value, list):
        for child in value:
            yield from _leaves(child)
