"""Which stored completions a replay of a corpus may ask for.

A replay goes the way of the run: slot by slot, attempt by attempt, up to the one that gave the row. So it asks for what was said
in the attempts that were rejected before it, too; of a slot that fell short, in all of them. It never asks for attempts after the
accepted one, for slots that the corpus does not have (they are of a run that was asked for more rows), and for what was said
under another digest: another recipe, other domain files, another version of fcgen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gen.corpus.folder import RUN
from gen.corpus.lock import WORK
from gen.corpus.manifest import read_manifest
from gen.teachers.stored import Stored

OTHER_RUN = "under another recipe or version"
NO_ROW = "of slots that the corpus does not have"
LATER = "of attempts after the accepted one"


@dataclass(frozen=True, slots=True)
class Needed:
    """What a replay needs: the corpus's digest, and slot → the attempt that gave its row; None: all, the slot fell short."""

    digest: str
    attempts: Mapping[int, int | None]

    def prunable(self, stored: Stored) -> str:
        """Why no replay can ask for a completion; "" where one may. One that does not say whose it is counts as the corpus's."""
        if stored.run not in ("", self.digest):
            return OTHER_RUN
        if stored.key.slot not in self.attempts:
            return NO_ROW
        last = self.attempts[stored.key.slot]
        return LATER if last is not None and stored.key.attempt > last else ""


def needed_by(corpus: Path) -> Needed | None:
    """What a replay of a corpus needs; None while its run is not finished: then all may be asked for again."""
    manifest = read_manifest(corpus)
    if manifest is None or (corpus / WORK / RUN).exists():
        return None
    from gen.corpus.parquet_reader import attempts_in_shard  # pyarrow: only where there are shards

    attempts: dict[int, int | None] = dict.fromkeys(manifest.ledger.get("short", ()))
    for shard in manifest.shards:
        attempts.update(attempts_in_shard(corpus / shard.path))
    return Needed(manifest.digest, attempts)
