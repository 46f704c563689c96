"""Shards read back: Parquet rows as conversations, from the stored JSON text.

Takes what ``gen/corpus/parquet.py`` writes, in both layouts, and files of others in any spelling that
``gen/corpus/foreign/rows.py`` knows, nested or as JSON text. A file is read a row group at a time.
Does not know which files make up a corpus: that is ``gen/corpus/reading.py``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]  # it has no types
import pyarrow.parquet as pq  # type: ignore[import-untyped]  # it has no types

from gen.conversation import Conversation, Json, JsonObject
from gen.corpus.cells import COLUMNS
from gen.corpus.foreign.rows import IDS, KEPT, KEYS, foreign_row
from gen.corpus.parquet import ROW_GROUP
from gen.errors import BadInput, from_os_error

OnBad = Callable[[BadInput], None]
"""What is done with a row that cannot be read, instead of stopping."""

_READ = (*KEYS, *KEPT, *IDS, "slot", "untrained")
"""The columns that are read of files of others."""

_OWN = ("messages", "slot", "attempt", "sources", "untrained")
"""Keys that every row in our own wire form has, and hardly another's."""


def read_shard(path: Path, *, split: str, start: int = 0, on_bad: OnBad | None = None) -> Iterator[Conversation]:
    """The rows of a Parquet file, in order.

    Args:
        split: what rows are of that do not say it themselves.
        start: the number of the first row, for files whose rows have no ``id`` or ``slot`` of their own.
        on_bad: gets the error of a row that cannot be read, and the row is left out.

    Raises BadInput where the file is not Parquet or a row is no conversation, with file and row.
    """
    file = open_shard(path)
    names = _columns_of(file, path)
    number = start
    try:
        for batch in file.iter_batches(batch_size=ROW_GROUP, columns=names, use_threads=False):
            yield from _rows(batch, path=path, split=split, start=start, number=number, on_bad=on_bad)
            number += batch.num_rows
    except (OSError, pa.ArrowInvalid) as error:
        raise _damaged(path, error) from error


def read_one(path: Path, index: int, *, split: str, start: int = 0) -> Conversation:
    """The row at ``index`` of a Parquet file, without reading the row groups before it."""
    file = open_shard(path)
    names = _columns_of(file, path)
    group, offset = 0, index
    while offset >= (rows := file.metadata.row_group(group).num_rows):
        group, offset = group + 1, offset - rows
    try:
        batch = file.read_row_group(group, columns=names, use_threads=False).slice(offset, 1).to_batches()[0]
    except (OSError, pa.ArrowInvalid) as error:
        raise _damaged(path, error) from error
    return next(_rows(batch, path=path, split=split, start=start, number=start + index))


def row_count(path: Path) -> int:
    """The number of rows, from the file's footer alone."""
    return int(open_shard(path).metadata.num_rows)


def find_in_shard(path: Path, *, id: str | None = None, slot: int | None = None) -> int | None:
    """The index of the row with this id, or else of this slot; None where there is none. Reads that one column."""
    file = open_shard(path)
    names, wanted = (IDS, id) if id is not None else (("slot",), str(slot))
    name = next((name for name in names if name in file.schema_arrow.names), None)
    if name is None:
        return None
    values = file.read(columns=[name], use_threads=False).column(0)
    return next((index for index, value in enumerate(values.to_pylist()) if str(value) == wanted), None)


def attempts_in_shard(path: Path) -> dict[int, int]:
    """Slot → attempt of the rows that fcgen made. Reads these two columns. Raises BadInput where the file does not have them."""
    file = open_shard(path)
    if not {"slot", "attempt"} <= set(file.schema_arrow.names):
        raise BadInput("the rows do not say of which slots and attempts they are", where=str(path))
    try:
        table = file.read(columns=["slot", "attempt"], use_threads=False)
    except (OSError, pa.ArrowInvalid) as error:
        raise _damaged(path, error) from error
    return dict(zip(table.column("slot").to_pylist(), table.column("attempt").to_pylist(), strict=True))


def open_shard(path: Path) -> Any:
    """The file, opened. Raises BadInput where it is not there or is not Parquet."""
    try:
        return pq.ParquetFile(path)
    except OSError as error:
        raise from_os_error(error, path, "reading the shard") from error
    except pa.ArrowInvalid as error:
        raise BadInput(f"not a Parquet file: {error}", where=str(path)) from error


def conversation_from(wire: Json, where: str, *, number: int = 0, split: str = "train") -> Conversation:
    """The conversation of a row: in our own wire form exactly, else in any spelling that ``foreign_row`` reads.

    Raises BadInput, with the place, where it is none.
    """
    if not (isinstance(wire, dict) and all(key in wire for key in _OWN)):
        return foreign_row(wire, where, number=number, split=split)
    try:
        return Conversation.from_wire({"id": f"{number:06d}"} | wire)
    except KeyError as error:
        raise BadInput(f"the row is no conversation: the key {error.args[0]!r} is missing", where=where) from error
    except (TypeError, AttributeError, ValueError) as error:
        raise BadInput(f"the row is no conversation: {error}", where=where) from error


def _columns_of(file: Any, path: Path) -> list[str]:
    """The columns to read: ours where all are there, else those in which a row of others may stand."""
    there = file.schema_arrow.names
    if all(name in there for name in COLUMNS):
        return list(COLUMNS)
    names = [name for name in _READ if name in there]
    if not any(name in ("messages", "conversations", "query", "chat") for name in names):
        rendered = {"id", "text"} <= set(there)
        raise BadInput(
            "the file has no column 'messages'",
            where=str(path),
            allowed=f"messages, conversations, query or chat; it has {', '.join(there)}",
            hint="fcgen parse reads what fcgen render wrote" if rendered else "",
        )
    return names


def _damaged(path: Path, error: Exception) -> BadInput:
    return BadInput(f"the shard is damaged: {error}", where=str(path), hint="run the command that made the corpus again")


def _rows(batch: Any, *, path: Path, split: str, start: int, number: int, on_bad: OnBad | None = None) -> Iterator[Conversation]:
    names = batch.schema.names
    own = len(names) == len(COLUMNS) and all(name in COLUMNS for name in names)
    columns = [(_cells if own else _foreign_cells)(batch.column(name), name, path) for name in names]
    for n, cells in enumerate(zip(*columns, strict=True), number):
        row = {name: cell for name, cell in zip(names, cells, strict=True) if cell is not None}
        try:
            yield _conversation(row, f"{path}, row {n - start}", split=split, number=n, own=own)
        except BadInput as error:
            if on_bad is None:
                raise
            on_bad(error)


def _conversation(cells: JsonObject, where: str, *, split: str, number: int, own: bool) -> Conversation:
    if not own:
        return foreign_row(cells, where, number=number, split=split)
    wire: JsonObject = {"id": f"{number:06d}", "split": split, "slot": number}
    try:
        wire |= {name: _parsed(name, cell) for name, cell in cells.items()}
    except json.JSONDecodeError as error:
        raise BadInput(f"not valid JSON: {error}", where=where) from error
    return conversation_from(wire, where)


def _foreign_cells(column: Any, name: str, path: Path) -> list[Any]:
    """A column of a file of others, without the nulls that Arrow puts where a key was absent; JSON stays text."""
    if place := _filled(column.type, name):
        raise BadInput(
            f"the column {place} is a struct: every row has the keys of all, and those that it had are lost",
            where=str(path),
            allowed="JSON text there",
        )
    stored = column.storage if isinstance(column, pa.ExtensionArray) else column
    return [_without_nulls(value) for value in stored.to_pylist()]


def _filled(arrow_type: Any, place: str) -> str:
    """Where in a column a struct stands whose keys are a row's own: arguments, or a schema; "" where none does."""
    if pa.types.is_struct(arrow_type):
        if place.rpartition(".")[2] in ("arguments", "parameters", "properties"):
            return place
        inner = [(field.type, f"{place}.{field.name}") for field in arrow_type]
    elif pa.types.is_list(arrow_type) or pa.types.is_large_list(arrow_type):
        inner = [(arrow_type.value_type, place)]
    else:
        inner = []
    return next((found for one, name in inner if (found := _filled(one, name))), "")


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value


def _parsed(name: str, cell: Any) -> Json:
    kind = COLUMNS[name]
    if kind == "json":
        return json.loads(cell)
    if kind != "jsons":
        return cell
    if isinstance(cell, str):
        return json.loads(cell)
    parse = _parsed_tool if name == "tools" else json.loads
    return [parse(text) for text in cell]


@lru_cache(maxsize=4096)
def _parsed_tool(text: str) -> Json:
    """The same text is the same object: tools are repeated over rows, and who writes them again encodes each once."""
    return json.loads(text)


def _cells(column: Any, name: str, path: Path) -> list[Any]:
    """A column as Python values; what holds JSON as its stored text."""
    kind = COLUMNS[name]
    if kind not in ("json", "jsons"):
        return list(column.to_pylist())
    stored = column.storage if isinstance(column, pa.ExtensionArray) else column
    if _is_text(stored.type):
        return list(stored.to_pylist())
    if kind == "jsons" and pa.types.is_list(stored.type) and _is_text(stored.type.value_type):
        return list(stored.to_pylist())
    raise BadInput(
        f"the column {name!r} is {stored.type}, which cannot hold conversations without changing them",
        where=str(path),
        allowed="a list of JSON, or JSON strings",
    )


def _is_text(arrow_type: Any) -> bool:
    if isinstance(arrow_type, pa.BaseExtensionType):
        arrow_type = arrow_type.storage_type
    return bool(pa.types.is_string(arrow_type) or pa.types.is_large_string(arrow_type))
