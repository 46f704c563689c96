"""Which chat lies in which slot, and which ones wait in memory for their next turn.

A chat's keys and values stay in its slot when its turn is over. When the slot is needed, they move to a store while memory
lasts; what is longest unused goes first, and is computed again if it is asked for.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch

from gen.teachers.engines.slots import Saved, Slots

STORE_ON_CPU = 1 << 30
"""Bytes of chats that wait in the memory of a machine without a GPU."""

SPARE_ON_GPU = 0.1
"""The share of the GPU's memory that no waiting chat takes."""


@dataclass
class Row:
    """A slot: the chat whose tokens it holds, those computed so far, and when it was used last."""

    view: str = ""
    tokens: list[int] = field(default_factory=list)
    busy: bool = False
    used: int = 0


class Residence:
    """The chats of some slots."""

    def __init__(self, slots: Slots) -> None:
        self.slots = slots
        self.rows = [Row() for _ in range(slots.count)]
        self._store: OrderedDict[str, tuple[list[int], Saved]] = OrderedDict()
        self._stored = 0
        self._clock = 0

    @property
    def free(self) -> int:
        return sum(not row.busy for row in self.rows)

    def enter(self, view: str, prompt: Sequence[int]) -> tuple[int, int]:
        """A slot for this prompt, and how many of its tokens are computed there already. One must be free."""
        number = self._choose(view)
        row = self.rows[number]
        if row.view != view or not view:
            self._leave(number)
            row.tokens = self._bring(number, view)
        known = common(row.tokens, prompt[:-1])
        self._clock += 1
        self.rows[number] = Row(view, list(prompt[:known]), busy=True, used=self._clock)
        return number, known

    def rest(self, number: int, tokens: Sequence[int]) -> None:
        """The turn is over; these tokens are computed in the slot."""
        row = self.rows[number]
        row.busy = False
        row.tokens = list(tokens) if row.view else []

    def forget(self, view: str) -> None:
        """Nothing of this chat is needed any more."""
        for row in self.rows:
            if row.view == view:
                row.view, row.tokens = "", [] if not row.busy else row.tokens
        if view in self._store:
            self._stored -= self._store.pop(view)[1].size

    def _choose(self, view: str) -> int:
        free = [number for number, row in enumerate(self.rows) if not row.busy]
        mine = [number for number in free if view and self.rows[number].view == view]
        return mine[0] if mine else min(free, key=lambda number: (bool(self.rows[number].tokens), self.rows[number].used))

    def _leave(self, number: int) -> None:
        """Move the chat that rests in a slot to the store, if there is room."""
        row = self.rows[number]
        if not row.view or not row.tokens:
            return
        saved = self.slots.save(number, len(row.tokens))
        while self._store and not self._fits(saved.size):
            self._stored -= self._store.popitem(last=False)[1][1].size
        if self._fits(saved.size):
            self._store[row.view] = (row.tokens, saved)
            self._stored += saved.size

    def _fits(self, size: int) -> bool:
        if self.slots.device.type != "cuda":
            return self._stored + size <= STORE_ON_CPU
        free, total = torch.cuda.mem_get_info(self.slots.device)
        held = torch.cuda.memory_reserved(self.slots.device) - torch.cuda.memory_allocated(self.slots.device)
        return bool(free + held > total * SPARE_ON_GPU)  # what is asked about is allocated already

    def _bring(self, number: int, view: str) -> list[int]:
        """The chat's tokens, if it lay in the store: its keys and values are in the slot then."""
        if view not in self._store:
            return []
        tokens, saved = self._store.pop(view)
        self._stored -= saved.size
        self.slots.load(number, saved, len(tokens))
        return tokens


def common(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens both begin with."""
    return next((place for place, (mine, theirs) in enumerate(zip(one, other, strict=False)) if mine != theirs), min(len(one), len(other)))
