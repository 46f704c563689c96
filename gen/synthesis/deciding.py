"""The pass in slot order: what concerns several rows is decided here, after the candidates and the same for any engine.

The lower slot keeps its row; the higher takes its next attempt. Near-duplicates and wordings on both sides of a split are
looked for; people are on one side by construction.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gen.checks.near_duplicates import NearDuplicates, said_by_user
from gen.checks.wording import wording_of
from gen.conversation import Conversation
from gen.synthesis.ledger import Ledger
from gen.synthesis.opening import Workshop
from gen.synthesis.slots import Candidate, Rejection, make


class Decider:
    """Knows every row that was accepted so far."""

    def __init__(self, workshop: Workshop, ledger: Ledger) -> None:
        self._workshop = workshop
        self._ledger = ledger
        self._near = NearDuplicates(workshop.recipe.model.checks.near_duplicates)
        self._wordings: dict[str, tuple[str, str]] = {}

    def remember(self, row: Conversation) -> None:
        """A row that an earlier run accepted."""
        self._near.add(row.id, said_by_user(row))
        self._wordings.setdefault(wording_of(row), (row.split, row.id))

    def decide(self, candidates: Iterable[Candidate]) -> Iterator[Conversation]:
        """The accepted rows, in slot order; what is refused goes into the ledger."""
        for candidate in candidates:
            self._ledger.refused(candidate.rejections)
            row = candidate.conversation
            while row is not None and (refused := self._conflict(row)) is not None:
                self._ledger.refused((refused,))
                again = make(self._workshop, candidate.slot, row.attempt + 1)
                self._ledger.refused(again.rejections)
                row = again.conversation
            if row is None:
                self._ledger.fell_short(candidate.slot)
            else:
                self._ledger.accept(row)
                yield row

    def _conflict(self, row: Conversation) -> Rejection | None:
        said = wording_of(row)
        split, earlier = self._wordings.get(said, (row.split, ""))
        if split != row.split:
            return _rejection(row, "FC702", f"begins with the wording of {earlier}, which is in {split}")
        near = self._near.add(row.id, said_by_user(row))
        if near is not None:
            return _rejection(row, "FC701", f"a near-duplicate of {near}")
        self._wordings.setdefault(said, (row.split, row.id))
        return None


def _rejection(row: Conversation, code: str, message: str) -> Rejection:
    return Rejection(row.slot, row.attempt, row.scenario, "corpus", code, message, row.to_wire())
