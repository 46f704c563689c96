"""What a reader gets of a pushed corpus: rows counted through ``load_dataset`` at the very revision.

datasets is imported inside, its cache is a folder that goes afterwards, and only the column of ids is read.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping

from gen.errors import AnswerIsNo, OutsideFailed
from gen.redact import redacted


def count_rows(name: str, revision: str, config: str, *, expected: Mapping[str, int]) -> dict[str, int]:
    """Split → rows, as read from the Hub. Raises AnswerIsNo where they are not those expected, OutsideFailed where it cannot be read."""
    from datasets import disable_progress_bars, load_dataset  # type: ignore[import-untyped]  # it has no types

    disable_progress_bars()
    with tempfile.TemporaryDirectory() as cache:
        try:
            splits = load_dataset(name, config or None, revision=revision, streaming=True, cache_dir=cache, columns=["id"])
            counts = {split: sum(1 for _ in rows) for split, rows in splits.items()}
        except Exception as error:  # noqa: BLE001 - whatever datasets raises, for a reader it is one thing: it does not load
            said = redacted(str(error)).splitlines()
            raise OutsideFailed(
                f"what was pushed could not be read back: {said[0] if said else type(error).__name__}",
                where=f"{name} at {revision[:12]}",
                hint="the commit is there and its files are right; run the same command again to count its rows",
            ) from None
    if counts != dict(expected):
        raise AnswerIsNo(f"load_dataset counts {counts}, here are {dict(expected)}", where=f"{name} at {revision[:12]}")
    return counts
