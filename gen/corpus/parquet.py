"""Shards: rows of Parquet files, written from the exact JSON text of ``gen/corpus/cells.py`` and read back from it.

Arrow structs would fill tool arguments with nulls that were never said, and datasets' own writer rounds floats. So messages,
tools, plan and sources are stored as JSON text under Arrow's ``arrow.json`` type (``load_dataset`` shows objects, from
datasets 4.7 on), or as plain strings in the ``string`` layout for older readers. Readers here take the stored text, never
datasets' decoding of it.

Holds no state of a corpus: which shards there are and when they become visible is ``gen/corpus/folder.py``.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable
from itertools import accumulate
from operator import itemgetter
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import pyarrow as pa  # type: ignore[import-untyped]  # it has no types

from gen.conversation import JsonObject
from gen.corpus.cells import COLUMNS, Cells, Kind, Layout
from gen.corpus.parquet_file import ParquetFile
from gen.errors import FcgenError

ROW_GROUP = 1000

_JSON = pa.json_()

_TYPES: dict[Layout, dict[Kind, Any]] = {
    "json": {"json": _JSON, "jsons": pa.list_(_JSON)},
    "string": {"json": pa.string(), "jsons": pa.string()},
}
_PLAIN_TYPES: dict[Kind, Any] = {"string": pa.string(), "int64": pa.int64(), "int32": pa.int32(), "int32s": pa.list_(pa.int32())}

_JSON_FEATURE: JsonObject = {"_type": "Json"}


def _value(dtype: str) -> JsonObject:
    return {"dtype": dtype, "_type": "Value"}


def _list(feature: JsonObject) -> JsonObject:
    return {"feature": feature, "_type": "List"}


def features(layout: Layout) -> JsonObject:
    """The columns as datasets describes them in a file's metadata: name → ``{"dtype": "string", "_type": "Value"}`` and the like."""
    stored_as_text = layout == "string"
    by_kind: dict[Kind, JsonObject] = {
        "string": _value("string"),
        "int64": _value("int64"),
        "int32": _value("int32"),
        "json": _value("string") if stored_as_text else _JSON_FEATURE,
        "jsons": _value("string") if stored_as_text else _list(_JSON_FEATURE),
        "int32s": _list(_value("int32")),
    }
    return {name: by_kind[kind] for name, kind in COLUMNS.items()}


def schema(layout: Layout) -> Any:
    """The Arrow schema of a shard, with the features of datasets attached as it attaches them itself."""
    types = _PLAIN_TYPES | _TYPES[layout]
    metadata = {"huggingface": json.dumps({"info": {"features": features(layout)}})}
    return pa.schema([(name, types[kind]) for name, kind in COLUMNS.items()], metadata=metadata)


class ShardWriter:
    """Writes rows into one Parquet file; the same rows give the same bytes.

    A context manager. Raises what ``from_os_error`` makes of a disk that fails. After an error the file is incomplete: it is
    the caller who decides what becomes visible.

    Attributes:
        rows: how many rows were written.
        arrow_bytes: what they take up in memory, which datasets states as ``num_bytes``; known once closed.
    """

    def __init__(self, path: Path, *, layout: Layout = "json") -> None:
        self.path = path
        self.rows = 0
        self.arrow_bytes = 0
        self._layout: Layout = layout
        self._schema = schema(layout)
        self._buffer: list[Cells] = []
        self._file = ParquetFile(path, self._schema, doing="writing a shard")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is None:
            self.close()
        else:
            self._file.abandon()

    def write(self, row: Cells) -> None:
        """Add a row."""
        self._buffer.append(row)
        self.rows += 1
        if len(self._buffer) == ROW_GROUP:
            self._flush()

    def close(self) -> None:
        """Write what is left and the footer, and see to it that all of it is on the disk."""
        try:
            self._flush()
        except FcgenError:
            self._file.abandon()
            raise
        self._file.close()

    def _flush(self) -> None:
        if not self._buffer:
            return
        arrays = [_array(list(map(itemgetter(name), self._buffer)), kind, self._layout) for name, kind in COLUMNS.items()]
        self._buffer.clear()
        table = pa.Table.from_arrays(arrays, schema=self._schema)
        self.arrow_bytes += table.nbytes
        self._file.write(table, rows_per_group=ROW_GROUP)


def _array(cells: list[Any], kind: Kind, layout: Layout) -> Any:
    """A column's cells as an Arrow array. JSON cells come as UTF-8 text, ``jsons`` cells as lists of it.

    Built from buffers: it is several times faster than Arrow's conversion of nested lists, and ``pa.array`` imports pandas.
    """
    if kind == "string":
        return _texts([cell.encode() for cell in cells])
    if kind == "json":
        texts = _texts(cells)
        return texts if layout == "string" else pa.ExtensionArray.from_storage(_JSON, texts)
    if kind == "jsons" and layout == "string":
        return _texts([b"[" + b",".join(cell) + b"]" for cell in cells])
    if kind == "jsons":
        flat = _texts([text for cell in cells for text in cell])
        return pa.ListArray.from_arrays(_offsets(map(len, cells)), pa.ExtensionArray.from_storage(_JSON, flat))
    if kind == "int32s":
        return pa.ListArray.from_arrays(_offsets(map(len, cells)), _integers("i", [number for cell in cells for number in cell]))
    return _integers("q" if kind == "int64" else "i", cells)


def _integers(code: Literal["i", "q"], values: Iterable[int]) -> Any:
    """Integers of 32 ("i") or 64 bits ("q")."""
    numbers = array(code, values)
    return pa.Array.from_buffers(pa.int32() if code == "i" else pa.int64(), len(numbers), [None, pa.py_buffer(numbers)])


def _offsets(lengths: Iterable[int]) -> Any:
    return _integers("i", accumulate(lengths, initial=0))


def _texts(cells: list[bytes | None]) -> Any:
    texts = [cell or b"" for cell in cells]
    offsets = array("i", accumulate(map(len, texts), initial=0))
    data = b"".join(texts)
    return pa.Array.from_buffers(pa.string(), len(cells), [_validity(cells), pa.py_buffer(offsets), pa.py_buffer(data)])


def _validity(cells: list[bytes | None]) -> Any:
    """A bitmap of the cells that are not null; None where none is."""
    if None not in cells:
        return None
    bits = bytearray(-(-len(cells) // 8))
    for i, cell in enumerate(cells):
        bits[i // 8] |= (cell is not None) << i % 8
    return pa.py_buffer(bytes(bits))
