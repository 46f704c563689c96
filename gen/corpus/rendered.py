"""A folder of rendered rows: ``<split>.parquet`` for a trainer, ``rejected.jsonl``, and ``rendering.json``, which is written last.

    require_free(folder)                     nothing but a rendering may be replaced
    write_rendering(folder, rows, ...)       rows -> .work/ -> <split>.parquet, README.md, rejected.jsonl, rendering.json

Where ``rendering.json`` stands, the rendering is whole. A run that was killed leaves none, and the same command makes it
again. README.md has a head that tells ``datasets.load_dataset`` which files are the splits.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa  # type: ignore[import-untyped]  # it has no types

from gen.conversation import JsonObject
from gen.corpus.atomic import delete, make_folder, move_whole, sha256_of, write_whole
from gen.corpus.head import README, card_text, configs
from gen.corpus.lock import WORK, exclusive
from gen.corpus.parquet_file import ParquetFile
from gen.corpus.reading import RENDERING
from gen.corpus.trl_export import TOKENIZER
from gen.errors import BadInput, OutsideFailed, from_os_error
from gen.rendering.batch import RenderedRow

REJECTED = "rejected.jsonl"
FORMAT = 1
ROW_GROUP = 1000

_split_name = re.compile(r"\w+(\.\w+)*").fullmatch

_TYPES = {
    "id": pa.string(),
    "text": pa.string(),
    "input_ids": pa.list_(pa.int32()),
    "labels": pa.list_(pa.int32()),
    "length": pa.int32(),
}
COLUMNS = tuple(_TYPES)
TEXT = ("id", "text")
"""The columns that there are without a tokenizer."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What is written: which of ``COLUMNS`` rows have, what README.md says below its head, and a tokenizer beside them, or none."""

    columns: Sequence[str]
    readme: str
    save_tokenizer: Callable[[Path], object] | None = None


def require_free(folder: Path) -> None:
    """Raises BadInput where something else stands than a rendering, whole or unfinished."""
    if not folder.exists():
        return
    try:
        names = {path.name for path in folder.iterdir()} - {WORK}
    except OSError as error:
        raise from_os_error(error, folder, "opening the folder") from error
    if names and not _is_rendering(folder):
        raise BadInput(
            "there is something else in this folder, and nothing was written",
            where=str(folder),
            allowed="a new or empty folder, or one that fcgen render made",
            hint="choose another folder with --out",
        )


def write_rendering(
    folder: Path,
    rows: Iterable[RenderedRow],
    *,
    layout: Layout,
    rejected: Callable[[], Iterable[JsonObject]],
    about: Callable[[], JsonObject],
) -> JsonObject:
    """Write rows, and make them what the folder holds.

    Args:
        layout: what is written of a row, and beside the rows.
        rejected: what was refused; asked for when all rows are written, as ``about`` is.
        about: what stands in rendering.json beside the files.

    Returns what stands in rendering.json. Raises BadInput for a folder that is something else, OutsideFailed for a full disk.
    """
    require_free(folder)
    new = not folder.exists()
    try:
        with exclusive(folder), _cleared_up(folder):
            splits = _written(folder, rows, layout.columns)
            return _publish(folder, splits, layout, rejected(), about())
    finally:
        if new:
            with suppress(OSError):  # it stays where something is in it
                folder.rmdir()


def _written(folder: Path, rows: Iterable[RenderedRow], columns: Sequence[str]) -> list[str]:
    """The rows in files out of sight; the names of their splits."""
    write_whole(folder / WORK / RENDERING, (b"{}\n",))
    with _Splits(folder / WORK / "splits", columns) as splits:
        for row in rows:
            splits.write(row)
    return splits.names


def _publish(
    folder: Path,
    splits: Iterable[str],
    layout: Layout,
    rejected: Iterable[JsonObject],
    about: JsonObject,
) -> JsonObject:
    delete(folder / RENDERING)
    names = {split: f"{split}.parquet" for split in splits}
    for stray in sorted(folder.glob("*.parquet")):
        if stray.name not in names.values():
            delete(stray)
    for name in names.values():
        move_whole(folder / WORK / "splits" / name, folder / name)
    with suppress(OSError):  # one of a rendering that stood here before
        shutil.rmtree(folder / TOKENIZER)
    if layout.save_tokenizer is not None:
        layout.save_tokenizer(folder / TOKENIZER)
    write_whole(folder / README, (card_text({"configs": configs(names.items())}, layout.readme).encode(),))
    write_whole(folder / REJECTED, (_line(one) for one in rejected))
    files = {name: sha256_of(folder / name) for name in (*names.values(), REJECTED)}
    complete = {"format": FORMAT} | about | {"files": files}
    write_whole(folder / RENDERING, (json.dumps(complete, ensure_ascii=False, indent=2).encode() + b"\n",))
    return complete


def _line(value: JsonObject) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", errors="backslashreplace") + b"\n"


@contextmanager
def _cleared_up(folder: Path) -> Iterator[None]:
    """However it ends, no work is left."""
    try:
        yield
    finally:
        with suppress(OSError):
            shutil.rmtree(folder / WORK)


def _is_rendering(folder: Path) -> bool:
    """Whether a folder holds a rendering, or what a killed run left of one."""
    if (folder / WORK / RENDERING).is_file():
        return True
    try:
        data = json.loads((folder / RENDERING).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(data, dict) and "template" in data


class _Splits:
    """The files of the splits, open beside each other. A context manager."""

    def __init__(self, folder: Path, columns: Sequence[str]) -> None:
        self.names: list[str] = []
        self._folder, self._columns = folder, columns
        self._open: dict[str, _Split] = {}
        make_folder(folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with ExitStack() as stack:
            for split in self._open.values():
                stack.callback(split.close if error is None else split.file.abandon)

    def write(self, row: RenderedRow) -> None:
        split = self._open.get(row.split)
        if split is None:
            if not _split_name(row.split):
                raise BadInput(
                    f"{row.split!r} cannot be the name of a split", where=f"row {row.id}", allowed="letters, digits and underscores"
                )
            split = self._open[row.split] = _Split(self._folder / f"{row.split}.parquet", self._columns)
            self.names.append(row.split)
        split.write(row)


class _Split:
    """One split's file, a row group in memory at a time."""

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self._schema = pa.schema([(name, _TYPES[name]) for name in columns])
        self._rows: list[RenderedRow] = []
        self.file = ParquetFile(path, self._schema, doing="writing the rows")

    def write(self, row: RenderedRow) -> None:
        self._rows.append(row)
        if len(self._rows) == ROW_GROUP:
            self._flush()

    def close(self) -> None:
        try:
            self._flush()
        except (BadInput, OutsideFailed):
            self.file.abandon()
            raise
        self.file.close()

    def _flush(self) -> None:
        columns = {name: [_cell(row, name) for row in self._rows] for name in self._schema.names}
        self._rows = []
        self.file.write(pa.table(columns, schema=self._schema), rows_per_group=ROW_GROUP)


def _cell(row: RenderedRow, column: str) -> Any:
    if column in TEXT:
        return getattr(row, column)
    assert row.encoded is not None
    return len(row.encoded.input_ids) if column == "length" else getattr(row.encoded, column)
