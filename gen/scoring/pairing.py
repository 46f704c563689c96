"""Expected calls beside made ones: who stands for whom, when the order does not count."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from gen.conversation import JsonObject, ToolCall

UNKNOWN_TOOL = "(not offered)"
"""Stands for any tool that was called and not offered."""


@dataclass(frozen=True, slots=True)
class CallOutcome:
    """An expected call beside the one that was made for it, by the names of their tools; "" where none was expected, or none was made."""

    expected: str
    made: str
    right: bool = False

    def to_wire(self) -> JsonObject:
        return {"expected": self.expected, "made": self.made, "right": self.right}

    @classmethod
    def from_wire(cls, wire: JsonObject) -> CallOutcome:
        return cls(wire["expected"], wire["made"], wire["right"])


@dataclass(frozen=True, slots=True)
class Pair:
    """The index of an expected call and of the made one that stands for it, None where there is none; ``right`` if they mean the same."""

    expected: int | None
    made: int | None
    right: bool = False


def pair(expected: Sequence[str], made: Sequence[str], is_right: Callable[[int, int], bool]) -> list[Pair]:
    """Each expected call with the made one that is right, else one of its name, else the next; then the made ones that are left.

    Args:
        is_right: whether the expected call with this index means the same as the made one with that.
    """
    partner: dict[int, tuple[int, bool]] = {}
    free = list(range(len(made)))

    def take(fits: Callable[[int, int], bool], *, right: bool) -> None:
        for i in range(len(expected)):
            at = next((j for j in free if fits(i, j)), None) if i not in partner else None
            if at is not None:
                partner[i] = at, right
                free.remove(at)

    take(is_right, right=True)
    take(lambda i, j: expected[i] == made[j], right=False)
    take(lambda _i, _j: True, right=False)
    pairs = [Pair(i, *partner.get(i, (None, False))) for i in range(len(expected))]
    return pairs + [Pair(None, j) for j in free]


def outcomes(pairs: Sequence[Pair], expected: Sequence[str], made: Sequence[ToolCall], offered: Collection[str]) -> tuple[CallOutcome, ...]:
    """The pairs by the names of their tools."""
    names = [call.name if call.name in offered else UNKNOWN_TOOL for call in made]
    return tuple(
        CallOutcome("" if p.expected is None else expected[p.expected], "" if p.made is None else names[p.made], p.right) for p in pairs
    )


def said(pairs: Sequence[Pair], expected: Sequence[str], made: Sequence[ToolCall], difference: Callable[[int, int], str]) -> Iterator[str]:
    """What is wrong with the pairs, in words; ``difference`` says it of two calls of one tool."""
    for p in pairs:
        if p.right:
            continue
        if p.expected is None:
            assert p.made is not None
            yield f"{made[p.made].name} was called, which nothing asked for"
        elif p.made is None:
            yield f"{expected[p.expected]} was not called"
        elif made[p.made].name != expected[p.expected]:
            yield f"{made[p.made].name} instead of {expected[p.expected]}"
        else:
            yield f"{expected[p.expected]}: {difference(p.expected, p.made)}"
