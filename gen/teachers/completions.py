"""The completions of a corpus, read: every file of its folder as one, found by the address of the request.

    completions/main.jsonl                      the journal of a run
    completions/part-00002-of-00008.jsonl       of one part of a job array; parts write side by side
    completions/sealed.parquet                  what ``gen/teachers/compacting.py`` made of the journals

In memory is where each completion stands, not what it says. Reading takes no lock and changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from gen.errors import from_os_error
from gen.teachers.journal import Journal
from gen.teachers.stored import Stored

COMPLETIONS = "completions"
"""The folder, in that of a corpus."""

SEALED = "sealed.parquet"

OPEN = 200
"""Files that are kept open: a job array may have left more of them than a process may open."""

_FILES = 1 << 16


class Source(Protocol):
    """A file of completions, which are found in it by numbers."""

    path: Path

    def addresses(self) -> Iterator[tuple[int, bytes]]: ...
    def read(self, number: int, /) -> Stored: ...
    def is_of(self, number: int, run: str, /) -> bool: ...
    def close(self) -> None: ...


class Completions:
    """The completions of a folder; none where there is no folder.

    Two may have one address where one run took over what another, with another recipe, had paid for. They say the same; found
    is the one of ``run``.

    Raises BadInput, with file and line, for a completion that is not as it was written: none is ever left out silently.
    """

    def __init__(self, folder: Path, *, run: str = "") -> None:
        self.folder = folder
        self.sources: list[Source] = [_source(path) for path in files_in(folder)]
        self._run = run
        self._opened: set[int] = set()
        self._places: dict[bytes, int] = {}
        for number, source in enumerate(self.sources):
            for at, address in source.addresses():
                self.add(address, number, at)
            source.close()

    def __len__(self) -> int:
        """How many addresses there are."""
        return len(self._places)

    def __iter__(self) -> Iterator[Stored]:
        """What is found under each address."""
        for place in self._places.values():
            yield self.read(*_source_and_number(place))

    def get(self, address: str) -> Stored | None:
        """The completion of the request with this address; None where there is none."""
        place = self._places.get(bytes.fromhex(address))
        return None if place is None else self.read(*_source_and_number(place))

    def add(self, address: bytes, source: int, at: int) -> None:
        """Note where a completion stands: in which of the sources, and there under which number."""
        known = self._places.get(address)
        if known is None or (self._is_of_run(source, at) and not self._is_of_run(*_source_and_number(known))):
            self._places[address] = at * _FILES + source

    def read(self, source: int, at: int) -> Stored:
        """The completion that stands there."""
        self._open(source)
        return self.sources[source].read(at)

    def all(self) -> Iterator[tuple[int, int, Stored]]:
        """Every completion of every file, and where it stands: also those that share an address."""
        for number, source in enumerate(self.sources):
            for at, _ in source.addresses():
                yield number, at, self.read(number, at)

    def close(self) -> None:
        for source in self.sources:
            source.close()
        self._opened.clear()

    def _is_of_run(self, source: int, at: int) -> bool:
        self._open(source)
        return self.sources[source].is_of(at, self._run)

    def _open(self, source: int) -> None:
        """The source is about to open its file."""
        if source not in self._opened and len(self._opened) >= OPEN:
            self.close()
        self._opened.add(source)


def files_in(folder: Path) -> list[Path]:
    """The files of completions in a folder, by name; the sealed one first."""
    sealed = folder / SEALED
    return [*([sealed] if sealed.is_file() else []), *journals_in(folder)]


def journals_in(folder: Path) -> list[Path]:
    """The journals in a folder, by name."""
    try:
        return sorted(folder.glob("*.jsonl"))
    except OSError as error:
        raise from_os_error(error, folder, "reading the completions") from error


def _source(path: Path) -> Source:
    if path.name != SEALED:
        return Journal(path)
    from gen.teachers.sealed import Sealed  # pyarrow: only where something is sealed

    return Sealed(path)


def _source_and_number(place: int) -> tuple[int, int]:
    return place % _FILES, place // _FILES
