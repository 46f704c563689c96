"""Before a corpus leaves: every check again, secrets and personal data, and whether readers will get exactly what is here.

Reads only; datasets is imported inside, and given a cache of its own that goes afterwards.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

from gen.conversation import Conversation, JsonObject
from gen.corpus.head import README, parse_card
from gen.corpus.manifest import read_manifest
from gen.corpus.reading import read_rows
from gen.hub.files import LocalFile
from gen.hub.findings import CARD, CHANGED, INEXACT, LEAK, UNREADABLE, Problem, refuse
from gen.hub.secrets import leaks, leaks_in_files
from gen.redact import redacted
from gen.synthesis.rechecking import changed_files, ignored_codes, open_context, recheck

Note = Callable[[str], None]


def preflight(folder: Path, files: Sequence[LocalFile], *, allow: Collection[str] = (), note: Note = lambda text: None) -> None:
    """Look at everything that is to be published of a corpus.

    Raises:
        BadInput: a code of ``allow`` is none.
        AnswerIsNo: something is wrong that was not allowed by its code; all of it is listed.
    """
    from gen.checks.table import RULES

    refuse(folder, (), allow, rules=RULES)  # a code that is none is said before the work
    refuse(folder, list(_problems(folder, files, note)), allow, rules=RULES)


def _problems(folder: Path, files: Sequence[LocalFile], note: Note) -> Iterator[Problem]:
    changed = changed_files(folder)
    if changed:
        yield Problem(CHANGED, len(changed), changed[0])
    note("checking every row")
    rows: dict[str, int] = {}
    found: list[str] = []
    known = open_context(folder)
    if known.note:
        note(known.note)
    tally = recheck(_looked_at(read_rows(folder), rows, found), known, ignore=ignored_codes(folder))
    by_code: dict[str, list[str]] = {}
    for row, finding in tally.found:
        if finding.severity == "error":
            by_code.setdefault(finding.code, []).append(f"{row}: {finding.where}: {finding.message}")
    yield from (Problem(code, len(all_of_it), all_of_it[0]) for code, all_of_it in sorted(by_code.items()))
    if found:
        yield Problem(LEAK, len(found), found[0])
    yield from leaks_in_files(files)
    yield from _card_problems(folder, files, rows)
    note("reading it as load_dataset does")
    yield from _reading_problems(folder)


def _looked_at(rows: Iterable[Conversation], counts: dict[str, int], found: list[str]) -> Iterator[Conversation]:
    for row in rows:
        counts[row.split] = counts.get(row.split, 0) + 1
        found += [f"{leak.kind} in row {leak.row}, {leak.where}: {leak.shown}" for leak in leaks(row)]
        yield row


def _card_problems(folder: Path, files: Sequence[LocalFile], rows: Mapping[str, int]) -> Iterator[Problem]:
    """Whether the head of the card that will be there says what the files hold."""
    from gen.corpus.card import feature_list

    card = next((file for file in files if file.name == README), None)
    if card is None:
        yield Problem(CARD, 1, "there is no README.md: `fcgen card` writes it")
        return
    info = parse_card(b"".join(card.blocks()).decode(), folder / README)[0].get("dataset_info")
    stated = {str(split.get("name")): split.get("num_examples") for split in _listed(info, "splits")}
    if stated != dict(rows):
        yield Problem(CARD, 1, f"num_examples says {stated}, the files hold {dict(rows)}")
    manifest = read_manifest(folder)
    if manifest is not None and _listed(info, "features") != feature_list("string" if manifest.layout == "string" else "json"):
        yield Problem(CARD, 1, "features are not those of the files")


def _listed(info: Any, key: str) -> list[JsonObject]:
    listed = info.get(key) if isinstance(info, dict) else None
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []


def _reading_problems(folder: Path) -> Iterator[Problem]:
    from datasets import disable_progress_bars, load_dataset  # type: ignore[import-untyped]  # it has no types

    disable_progress_bars()
    wrong: list[str] = []
    with tempfile.TemporaryDirectory() as cache:
        try:
            splits = load_dataset(str(folder), streaming=True, cache_dir=cache)
            for name, rows in splits.items():
                pairs = zip_longest(rows, read_rows(folder, splits=[name]))
                wrong += [f"a row of {name}: {_name(row, written)}" for row, written in pairs if not _is_exact(row, written)]
        except Exception as error:  # noqa: BLE001 - whatever datasets raises, for a reader it is one thing: it does not load
            said = redacted(str(error)).splitlines()
            yield Problem(UNREADABLE, 1, f"load_dataset: {type(error).__name__}: {said[0] if said else ''}")
    if wrong:
        yield Problem(INEXACT, len(wrong), wrong[0])


def _name(row: Mapping[str, Any] | None, written: Conversation | None) -> str:
    return written.id if written is not None else str((row or {}).get("id"))


def _is_exact(row: Mapping[str, Any] | None, written: Conversation | None) -> bool:
    if row is None or written is None or row["id"] != written.id:
        return False
    messages, tools = (json.loads(row[key]) if isinstance(row[key], str) else row[key] for key in ("messages", "tools"))
    return _same(messages, [message.to_wire() for message in written.messages]) and _same(tools, list(written.tools))


def _same(left: Any, right: Any) -> bool:
    return json.dumps(left) == json.dumps(right)
