"""The pass in slot order: what concerns several rows is decided here, after the candidates and the same for any engine.

The lower slot keeps its row; the higher takes its next attempt. Near-duplicates and wordings on both sides of a split are
looked for; people are on one side by construction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from gen.checks.near_duplicates import NearDuplicates
from gen.corpus.cells import Cells, wire_of
from gen.synthesis.entries import Entry, Row, entry_of
from gen.synthesis.ledger import Ledger
from gen.synthesis.slots import Candidate, Rejection

Again = Callable[[int, int], Candidate | None]
"""(slot, attempt) → the slot's candidate from that attempt on; None where nobody can make it any more."""


class Decider:
    """Knows every row that was accepted so far."""

    def __init__(self, near_duplicates: float, ledger: Ledger) -> None:
        self._ledger = ledger
        self._near = NearDuplicates(near_duplicates)
        self._wordings: dict[str, tuple[str, str]] = {}

    def remember(self, row: Row) -> None:
        """A row that an earlier run accepted."""
        cells = row.cells
        self._near.add_sketch(cells["id"], row.said)
        self._wordings.setdefault(row.wording, (cells["split"], cells["id"]))
        self._ledger.accept(cells)

    def decide(self, entries: Iterable[Entry], again: Again) -> Iterator[Cells]:
        """The accepted rows, in slot order; what is refused goes into the ledger. Ends before the first slot that ``again`` cannot make."""
        for entry in entries:
            decided = self._decided(entry, again)
            if decided is None:
                return
            row, rejections = decided
            self._ledger.refused(rejections)
            if row is None:
                self._ledger.fell_short(entry.slot)
            else:
                self._ledger.accept(row.cells)
                yield row.cells

    def _decided(self, entry: Entry, again: Again) -> tuple[Row | None, list[Rejection]] | None:
        """The row of a slot and all that was refused there; None where nobody can make its next attempt."""
        row, rejections = entry.row, [*entry.rejections]
        while row is not None and (refused := self._conflict(row)) is not None:
            candidate = again(entry.slot, row.cells["attempt"] + 1)
            if candidate is None:
                return None
            next_entry = entry_of(candidate)
            rejections += [refused, *next_entry.rejections]
            row = next_entry.row
        return row, rejections

    def _conflict(self, row: Row) -> Rejection | None:
        split, key = row.cells["split"], row.cells["id"]
        split_of_earlier, earlier = self._wordings.get(row.wording, (split, ""))
        if split_of_earlier != split:
            return _rejection(row.cells, "FC702", f"begins with the wording of {earlier}, which is in {split_of_earlier}")
        near = self._near.add_sketch(key, row.said)
        if near is not None:
            return _rejection(row.cells, "FC701", f"a near-duplicate of {near}")
        self._wordings.setdefault(row.wording, (split, key))
        return None


def _rejection(row: Cells, code: str, message: str) -> Rejection:
    return Rejection(row["slot"], row["attempt"], row["scenario"], "corpus", code, message, wire_of(row))
