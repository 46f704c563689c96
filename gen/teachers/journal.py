"""Journals of completions: files of lines to which one writer appends, and from which anybody reads.

What stands before the last line feed was written whole, and must be as it was written. What stands after it is the torn end of a
line, of a writer that was killed or a disk that was full: nobody was told that it is kept, so nobody misses it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

from gen.corpus.atomic import make_folder, sync_folder
from gen.errors import FcgenError, from_os_error
from gen.teachers.stored import Stored, address_in, damaged, from_line, is_of, is_whole

_GUESS = 4096
"""Bytes that most lines fit in."""


class Journal:
    """A journal that is read, by the offsets of its lines. ``end`` is where the last whole line ends, once ``addresses`` is through."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.end = 0

    def addresses(self) -> Iterator[tuple[int, bytes]]:
        """Offset and address of each line, in order. Raises BadInput with file and line for one that is not as it was written."""
        self.end = 0
        try:
            with self.path.open("rb") as file:
                for number, line in enumerate(file, 1):
                    if not line.endswith(b"\n"):
                        return
                    if not is_whole(line[:-1]):
                        raise damaged(f"{self.path}:{number}")
                    start, self.end = self.end, self.end + len(line)
                    yield start, address_in(line)
        except OSError as error:
            raise from_os_error(error, self.path, "reading the completions") from error

    def read(self, offset: int) -> Stored:
        """The completion whose line begins there."""
        return from_line(self._line(offset), f"{self.path}, byte {offset}")

    def is_of(self, offset: int, run: str) -> bool:
        """Whether this run asked for the completion whose line begins there."""
        return is_of(self._line(offset), run)

    def close(self) -> None:
        """Let go of the file. A later ``read`` opens it again."""
        if "_handle" in self.__dict__:
            os.close(self._handle)
            del self._handle

    @cached_property
    def _handle(self) -> int:
        return os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)

    def _line(self, offset: int) -> bytes:
        try:
            text = b""
            while b"\n" not in text and (block := os.pread(self._handle, max(_GUESS, len(text)), offset + len(text))):
                text += block
        except OSError as error:
            raise from_os_error(error, self.path, "reading the completions") from error
        return text.partition(b"\n")[0]


class JournalWriter:
    """Appends to a journal from byte ``size`` on; what stands behind it, the torn end of a line, is cut off.

    After a failure nothing more is appended: of what a disk has refused, nobody knows how much it holds.
    """

    def __init__(self, path: Path, size: int) -> None:
        self.path = path
        self.size = size
        self._failure: FcgenError | None = None
        self._handle: int | None = None

    def append(self, lines: Sequence[bytes]) -> int:
        """Append lines; they are on the disk when this returns. Returns the offset of the first.

        Raises what ``from_os_error`` makes of a disk that fails.
        """
        if self._failure is not None:
            raise self._failure
        try:
            return self._append(b"".join(lines))
        except OSError as error:
            self._failure = from_os_error(error, self.path, "keeping the completions")
            self._cut()
            raise self._failure from error

    def close(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def _append(self, data: bytes) -> int:
        handle = self._open() if self._handle is None else self._handle
        left = memoryview(data)
        while left:
            left = left[os.write(handle, left) :]
        os.fsync(handle)
        start, self.size = self.size, self.size + len(data)
        return start

    def _open(self) -> int:
        make_folder(self.path.parent)
        self._handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        os.ftruncate(self._handle, self.size)
        os.fsync(self._handle)
        sync_folder(self.path.parent)
        return self._handle

    def _cut(self) -> None:
        """Leave no half of a line behind: who reads on now would find one, and the next writer has to cut it."""
        if self._handle is None:
            return
        try:
            os.ftruncate(self._handle, self.size)
        except OSError:  # the disk does not even do that: the torn end stays, and is recognised as one
            return
