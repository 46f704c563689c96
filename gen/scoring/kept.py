"""What models played, kept on the disk as soon as a conversation is over: scoring takes hours, and goes on where it stopped.

A file for each model and its settings, a line for each conversation, under a digest of the row: so more rows, another report or another
model beside it play nothing twice. A line that a kill left unfinished is left out.
"""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from gen.canonical import digest
from gen.conversation import Conversation, JsonObject
from gen.corpus.atomic import make_folder
from gen.errors import BadInput, from_os_error
from gen.scoring.played import Played

FOLDER = "played"


class Kept:
    """The conversations that one model has played. Used with ``with``, by one command at a time."""

    def __init__(self, folder: Path, identity: JsonObject, *, fresh: bool = False) -> None:
        self.path = folder / FOLDER / f"{digest(identity)[:16]}.jsonl"
        self._identity = identity
        self._fresh = fresh
        self._known: dict[str, Played] = {}

    def __enter__(self) -> Self:
        make_folder(self.path.parent)
        try:
            self._file = self.path.open("ab")
        except OSError as error:
            raise from_os_error(error, self.path, "keeping what was played") from error
        try:
            self._begin()
        except BaseException:  # nobody calls __exit__ where __enter__ failed
            self._file.close()
            raise
        return self

    def _begin(self) -> None:
        """Take the file for us alone, take in what is there, and cut off what is no whole line."""
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            whole = 0 if self._fresh else self._read()
            self._file.truncate(whole)
            if not whole:
                self._write({"model": self._identity})
        except BlockingIOError as error:
            raise BadInput("another fcgen score plays the same model now", where=str(self.path), hint="wait for it") from error
        except OSError as error:
            raise from_os_error(error, self.path, "keeping what was played") from error

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()

    def get(self, row: Conversation, setting: str) -> Played | None:
        """What was played of a row before."""
        return self._known.get(_key(row, setting))

    def put(self, row: Conversation, setting: str, played: Played) -> None:
        """Keep it: when this returns, it is on the disk."""
        self._known[_key(row, setting)] = played
        try:
            self._write({"row": _key(row, setting), "played": played.to_wire()})
        except OSError as error:
            raise from_os_error(error, self.path, "keeping what was played") from error

    def _write(self, line: JsonObject) -> None:
        self._file.write(json.dumps(line).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def _read(self) -> int:
        """Take in what is there; how many bytes of it are whole lines."""
        data = self.path.read_bytes()
        whole = data.rfind(b"\n") + 1
        for number, line in enumerate(data[:whole].splitlines()[1:], 2):
            try:
                value = json.loads(line)
                self._known[value["row"]] = Played.from_wire(value["played"])
            except (ValueError, KeyError, TypeError) as error:
                what = f"line {number} is not what was written"
                raise BadInput(what, where=str(self.path), hint="--fresh plays all of it again") from error
        return whole


def _key(row: Conversation, setting: str) -> str:
    return digest([row.to_wire(), setting])[:24]
