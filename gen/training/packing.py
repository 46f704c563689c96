"""Rows side by side in bins of one width, so that no step computes much that is thrown away.

Positions restart with each row, which is how transformers knows where one ends: no row sees another. What is left of a bin is
filled up as a row of its own that nobody learns. The same rows make the same bins.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from gen.rendering.tokens import UNTRAINED
from gen.training.data import Example

if TYPE_CHECKING:
    from torch import Tensor

Bin = tuple[Example, ...]

ROUND = 64
"""Widths are multiples of this."""


def width_of(examples: Sequence[Example]) -> int:
    """The narrowest width that takes every row."""
    return -(-max(len(example.input_ids) for example in examples) // ROUND) * ROUND


def packed(examples: Sequence[Example], width: int) -> list[Bin]:
    """The rows in bins: the longest first, each into the fullest bin that still takes it."""
    bins: list[list[int]] = []
    room: list[tuple[int, int]] = []
    for number in sorted(range(len(examples)), key=lambda n: (-len(examples[n].input_ids), n)):
        length = len(examples[number].input_ids)
        place = bisect_left(room, (length, -1))
        if place == len(room):
            bins.append([])
            left, chosen = width, len(bins) - 1
        else:
            left, chosen = room.pop(place)
        bins[chosen].append(number)
        insort(room, (left - length, chosen))
    return [tuple(examples[number] for number in sorted(chosen)) for chosen in bins]


def alone(examples: Sequence[Example]) -> list[Bin]:
    """A bin for each row."""
    return [(example,) for example in examples]


def collate(bins: Sequence[Bin], width: int, padding: int) -> dict[str, Tensor]:
    """Bins as a batch: ids, labels and positions. A row's first token is never a label: nothing of the row stands before it."""
    import torch

    ids = torch.full((len(bins), width), padding)
    labels = torch.full((len(bins), width), UNTRAINED)
    positions = torch.empty((len(bins), width), dtype=torch.long)
    for line, chosen in enumerate(bins):
        start = 0
        for example in chosen:
            end = start + len(example.input_ids)
            ids[line, start:end] = torch.from_numpy(example.input_ids).long()
            labels[line, start + 1 : end] = torch.from_numpy(example.labels).long()[1:]
            positions[line, start:end] = torch.arange(end - start)
            start = end
        positions[line, start:] = torch.arange(width - start)
    return {"input_ids": ids, "labels": labels, "position_ids": positions}


class Collator:
    """``collate`` for transformers' Trainer, whose rows are bins."""

    def __init__(self, width: int, padding: int) -> None:
        self._width, self._padding = width, padding

    def __call__(self, bins: Sequence[Bin]) -> dict[str, Any]:
        return dict(collate(bins, self._width, self._padding))
