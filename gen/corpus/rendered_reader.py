"""Rendered rows read back: from the folder or a Parquet file of ``rendered.py``, JSON lines, or one text.

What a text or its ids say is not this module's business; it says where each stands.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]  # it has no types

from gen.conversation import Json
from gen.corpus.json_rows import json_values
from gen.corpus.parquet_reader import open_shard
from gen.corpus.reading import RENDERING
from gen.errors import BadInput, from_os_error

FILES = (".txt", ".jsonl", ".json", ".parquet")


@dataclass(frozen=True, slots=True)
class Told:
    """A rendered row, as text, as ids, or both; where it stands; its id and split, where it has them."""

    where: str
    text: str | None
    ids: Sequence[int] | None = None
    labels: Sequence[int] | None = None
    id: str = ""
    split: str = "train"


def template_of(path: Path) -> str | None:
    """The template that a folder of rendered rows names; None for anything else."""
    try:
        data = json.loads((path / RENDERING).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    name = data.get("template") if isinstance(data, dict) else None
    return name if isinstance(name, str) else None


def read_rendered(path: Path) -> Iterator[Told]:
    """The rows of a folder or file. Raises BadInput, with file and line, where one is none, or there is nothing to read."""
    if path.is_dir():
        if template_of(path) is None:
            raise BadInput("this is no folder of rendered rows", where=str(path), allowed="one that fcgen render --out made, whole")
        for file in sorted(path.glob("*.parquet")):
            yield from _parquet(file)
    elif path.suffix == ".parquet":
        yield from _parquet(path)
    elif path.suffix in (".jsonl", ".json"):
        yield from from_values(json_values(path))
    elif path.suffix == ".txt":
        yield Told(str(path), _text(path))
    else:
        raise BadInput(
            f"cannot tell what {path.name!r} holds", where=str(path), allowed=f"a folder, or a file that ends in {', '.join(FILES)}"
        )


def from_values(values: Iterator[tuple[Json | BadInput, str]]) -> Iterator[Told]:
    """The rows that JSON values hold: objects with ``text`` or ``input_ids``. Raises BadInput for any other."""
    for value, where in values:
        if isinstance(value, BadInput):
            raise value
        if not isinstance(value, dict) or not ("text" in value or "input_ids" in value):
            raise BadInput("the line has neither 'text' nor 'input_ids'", where=where)
        yield _told(value, where, "train")


def _told(row: dict[str, Any], where: str, split: str) -> Told:
    text, name = row.get("text"), row.get("id")
    if text is not None and not isinstance(text, str):
        raise BadInput("'text' is no text", where=where)
    ids, labels = (_integers(row.get(key), key, where) for key in ("input_ids", "labels"))
    own = row.get("split")
    return Told(where, text, ids, labels, str(name) if isinstance(name, str | int) else "", own if isinstance(own, str) and own else split)


def _integers(value: Json, name: str, where: str) -> Sequence[int] | None:
    if value is None:
        return None
    if not isinstance(value, list) or not all(type(item) is int for item in value):
        raise BadInput(f"{name!r} is no list of integers", where=where)
    return value


def _parquet(path: Path) -> Iterator[Told]:
    file = open_shard(path)
    there = file.schema_arrow.names
    if not ("text" in there or "input_ids" in there):
        raise BadInput("the file has neither 'text' nor 'input_ids'", where=str(path), allowed=f"it has {', '.join(there)}")
    names = [name for name in ("id", "text", "input_ids", "labels", "split") if name in there]
    number = 0
    try:
        for batch in file.iter_batches(batch_size=1000, columns=names, use_threads=False):
            for row in batch.to_pylist():
                yield _told(row, f"{path}, row {number}", path.stem)
                number += 1
    except (OSError, pa.ArrowInvalid) as error:
        raise BadInput(f"the file is damaged: {error}", where=str(path)) from error


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadInput(f"the file is not UTF-8: {error.reason}", where=str(path)) from error
    except OSError as error:
        raise from_os_error(error, path, "reading the file") from error
