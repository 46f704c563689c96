"""Do the rules catch what they should? Every kind of corruption, applied to rows that were accepted.

The numbers are recall by kind: of the rows that a mutation applies to, how many the rules then reject. Harmless changes are
applied too: of those none may be rejected.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from gen.checks.context import EMPTY, Context
from gen.checks.mutations import HARMLESS, MUTATIONS, Mutation
from gen.checks.table import examine
from gen.conversation import Conversation
from gen.dice import dice

_SEED = 0
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Recall:
    """Of one kind of change: how many rows it applied to, how many of those the rules rejected, and the ids of a few that slipped through.

    ``harmless`` changes must not be rejected: there ``caught`` counts wrong alarms.
    """

    kind: str
    applied: int
    caught: int
    harmless: bool = False
    missed: tuple[str, ...] = ()

    @property
    def share(self) -> float:
        """Rows judged rightly, 0 to 1; 1 where there were none."""
        right = self.applied - self.caught if self.harmless else self.caught
        return right / self.applied if self.applied else 1.0


def self_test(rows: Iterable[Conversation], context: Context = EMPTY) -> list[Recall]:
    """Apply every mutation to every row that the rules accept, and count what they say then."""
    counts = {kind: _Count() for kind in (*MUTATIONS, *HARMLESS)}
    for row in rows:
        if not examine(row, context).accepted:
            continue
        for kind, mutation in (MUTATIONS | HARMLESS).items():
            _try(kind, mutation, row, context, counts[kind])
    return [
        Recall(kind, count.applied, count.caught, harmless=kind in HARMLESS, missed=tuple(count.wrong[:_SHOWN]))
        for kind, count in counts.items()
    ]


def overall(recalls: Iterable[Recall]) -> float:
    """The share of all corruptions that were caught; 1 where there were none."""
    harmful = [recall for recall in recalls if not recall.harmless]
    applied = sum(recall.applied for recall in harmful)
    return sum(recall.caught for recall in harmful) / applied if applied else 1.0


class _Count:
    def __init__(self) -> None:
        self.applied = 0
        self.caught = 0
        self.wrong: list[str] = []


def _try(kind: str, mutation: Mutation, row: Conversation, context: Context, count: _Count) -> None:
    mutant = mutation(row, dice(_SEED, kind, row.id))
    if mutant is None or mutant == row:
        return
    caught = not examine(replace(mutant, sources=()), context).accepted
    count.applied += 1
    count.caught += caught
    if caught == (kind in HARMLESS):
        count.wrong.append(row.id)
