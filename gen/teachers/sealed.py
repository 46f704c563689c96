"""The sealed file of a store: completions of finished runs, sorted by their place in the corpus, compressed, in one Parquet file.

Sorted, so that a replay, which goes through the corpus in order, decodes each row group once; Parquet, so that any tool reads it.
Its pages have checksums. The same completions give the same bytes, whoever asked for them in which order. Imported on demand.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]  # pyarrow has no types
import pyarrow.parquet as pq  # type: ignore[import-untyped]  # pyarrow has no types

from gen.corpus.atomic import delete, move_whole
from gen.corpus.parquet_file import ParquetFile
from gen.errors import BadInput, from_os_error
from gen.teachers.stored import Stored

ROW_GROUP = 1000

DECODED = 16
"""Row groups that are kept decoded: more than the conversations in flight reach over."""

_FORM = b"fcgen.completions"
_SCHEMA = pa.schema(
    [
        ("slot", pa.int64()),
        ("attempt", pa.int32()),
        ("turn", pa.int32()),
        ("role", pa.string()),
        ("retry", pa.int32()),
        ("address", pa.binary(32)),
        ("run", pa.string()),
        ("model", pa.string()),
        ("text", pa.string()),
        ("finish", pa.string()),
        ("tokens_in", pa.int64()),
        ("tokens_out", pa.int64()),
        ("tokens_cached", pa.int64()),
        ("seconds", pa.float64()),
    ],
    metadata={_FORM: b"1"},
)


class Sealed:
    """A sealed file that is read, by the numbers of its rows. Raises BadInput where it is damaged or no sealed file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._groups: OrderedDict[int, list[Stored]] = OrderedDict()

    def addresses(self) -> Iterator[tuple[int, bytes]]:
        """Number and address of each row, in order."""
        number = 0
        for group in range(self._file.num_row_groups):
            for address in self._columns(group, ["address"]).column(0).to_pylist():
                yield number, address
                number += 1

    def read(self, number: int) -> Stored:
        """The completion of a row."""
        group, place = divmod(number, ROW_GROUP)
        if group not in self._groups:
            rows = self._columns(group, _SCHEMA.names).to_pylist()
            self._groups[group] = [Stored.from_wire(row | {"address": row["address"].hex()}) for row in rows]
            if len(self._groups) > DECODED:
                self._groups.popitem(last=False)
        self._groups.move_to_end(group)
        return self._groups[group][place]

    def is_of(self, number: int, run: str) -> bool:
        """Whether this run asked for the completion of a row."""
        return self.read(number).run == run

    def texts(self) -> Iterator[str]:
        """What was said, in order."""
        for group in range(self._file.num_row_groups):
            yield from self._columns(group, ["text"]).column(0).to_pylist()

    def close(self) -> None:
        """Let go of the file. A later ``read`` opens it again."""
        self._groups.clear()
        if "_file" in self.__dict__:
            self._file.close()
            del self._file

    @cached_property
    def _file(self) -> Any:
        try:
            file = pq.ParquetFile(self.path, page_checksum_verification=True)
        except (OSError, pa.ArrowInvalid) as error:
            raise self._unreadable(error) from error
        if (file.schema_arrow.metadata or {}).get(_FORM) != _SCHEMA.metadata[_FORM]:
            raise BadInput("this is no file of completions, or one of another version of fcgen", where=str(self.path))
        return file

    def _columns(self, group: int, names: list[str]) -> Any:
        try:
            return self._file.read_row_group(group, columns=names, use_threads=False)
        except (OSError, pa.ArrowInvalid) as error:
            raise self._unreadable(error) from error

    def _unreadable(self, error: Exception) -> Exception:
        if isinstance(error, OSError) and error.errno is not None:
            return from_os_error(error, self.path, "reading the completions")
        return BadInput(f"the file is damaged: {error}", where=str(self.path), hint="take it from a backup")


def seal(path: Path, completions: Iterable[Stored]) -> int:
    """Write completions, which come in their order, into a sealed file: whole, or not at all. Returns how many there were.

    Raises what ``from_os_error`` makes of a disk that fails.
    """
    unfinished = path.with_name(path.name + ".tmp")
    file = ParquetFile(unfinished, _SCHEMA, doing="sealing the completions", checksums=True)
    try:
        count = 0
        for group in _groups(completions):
            file.write(pa.Table.from_pylist(group, schema=_SCHEMA), rows_per_group=ROW_GROUP)
            count += len(group)
        file.close()
        move_whole(unfinished, path)
    except BaseException:
        file.abandon()
        delete(unfinished)
        raise
    return count


def _groups(completions: Iterable[Stored]) -> Iterator[list[dict[str, Any]]]:
    """Row groups, as rows of the schema."""
    group: list[dict[str, Any]] = []
    for stored in completions:
        group.append(stored.to_wire() | {"address": bytes.fromhex(stored.address)})
        if len(group) == ROW_GROUP:
            yield group
            group = []
    if group:
        yield group
