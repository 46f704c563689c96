"""A store made small: its journals sealed into one sorted, compressed file; and what no replay can ask for left out.

For runs that have ended: while anybody writes to the folder, it is refused. Killed at any moment, nothing is lost: the journals
go when the sealed file is in its place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gen.corpus.atomic import delete
from gen.corpus.lock import exclusive
from gen.teachers.completions import SEALED, Completions, files_in, journals_in
from gen.teachers.stored import Stored


@dataclass(frozen=True, slots=True)
class Compacted:
    """What became of a store: completions before and after, and bytes on the disk."""

    before: int
    after: int
    bytes_before: int
    bytes_after: int


def compact(folder: Path, *, keep: Callable[[Stored], bool] = lambda stored: True) -> Compacted:
    """Seal the completions of a folder that ``keep`` holds on to; the others go.

    Raises BadInput where a run is writing to the folder, or a completion is not as it was written; OutsideFailed for a full disk.
    """
    if not files_in(folder):
        return Compacted(0, 0, 0, 0)
    with exclusive(folder):
        bytes_before = size_of(folder)
        completions = Completions(folder)
        try:
            order, before = _in_order(completions, keep)
            if order:
                from gen.teachers.sealed import seal  # pyarrow: only where something is sealed

                seal(folder / SEALED, (completions.read(source, at) for source, at in order))
            else:
                delete(folder / SEALED)
        finally:
            completions.close()
        for journal in journals_in(folder):
            delete(journal)
        return Compacted(before, len(order), bytes_before, size_of(folder))


def size_of(folder: Path) -> int:
    """The bytes that the completions of a folder take up on the disk."""
    return sum(path.stat().st_size for path in files_in(folder))


def _in_order(completions: Completions, keep: Callable[[Stored], bool]) -> tuple[list[tuple[int, int]], int]:
    """Where the completions that are kept stand, sorted by what they are, each once; and how many there are of all."""
    before = 0
    kept = []
    for source, at, stored in completions.all():
        before += 1
        if keep(stored):
            kept.append((stored.order(), source, at))
    kept.sort()
    first = [place for place, previous in zip(kept, [None, *kept], strict=False) if previous is None or place[0] != previous[0]]
    return [(source, at) for _, source, at in first], before
