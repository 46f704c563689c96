"""A Parquet file being written: tables in, a whole file on the disk at the end, an error that names the disk when it fails.

What is in the tables is the caller's business (``parquet.py``, ``rendered.py``); so is what becomes visible.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import pyarrow.parquet as pq  # type: ignore[import-untyped]  # it has no types

from gen.errors import from_os_error


class ParquetFile:
    """Writes tables of one schema into a file; the same tables give the same bytes.

    With ``checksums`` each page has one, for readers that ask for it (``page_checksum_verification``).

    Raises what ``from_os_error`` makes of a disk that fails.
    """

    def __init__(self, path: Path, schema: Any, *, doing: str, checksums: bool = False) -> None:
        self.path = path
        self._doing = doing
        try:
            self._file: IO[bytes] = path.open("wb")
        except OSError as error:
            raise from_os_error(error, path, doing) from error
        self._parquet = pq.ParquetWriter(
            self._file,
            schema,
            compression="zstd",
            write_page_index=True,
            use_content_defined_chunking=True,
            write_page_checksum=checksums,
        )

    def write(self, table: Any, *, rows_per_group: int) -> None:
        """Add rows."""
        try:
            self._parquet.write_table(table, row_group_size=rows_per_group)
        except OSError as error:
            raise from_os_error(error, self.path, self._doing) from error

    def close(self) -> None:
        """Write the footer, and see to it that all of it is on the disk."""
        try:
            self._parquet.close()
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
        except OSError as error:
            self.abandon()
            raise from_os_error(error, self.path, self._doing) from error

    def abandon(self) -> None:
        """Leave the file as it is."""
        self._parquet.is_open = False  # else pyarrow writes a footer when the object goes, to a file that is closed or a disk that is full
        with suppress(OSError):  # what the buffer holds is not wanted
            self._file.close()
