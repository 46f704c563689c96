"""One writer at a time in a corpus folder.

Locks are the kernel's (flock), which releases them when a process ends, however it ends: a killed run leaves no lock
behind. Whoever holds one writes its process id, host and command into the lock file, so that the other can say who it is.

    exclusive(folder)          a whole run: nobody else may work in the folder
    beside(folder, "main")     one writer of several: those of other names may work beside it, the same name and a whole run may not
    shared(folder, 2, 8)       part 2 of 8 of a run, beside the other parts
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn

from gen.conversation import JsonObject
from gen.corpus.atomic import make_folder
from gen.errors import BadInput, from_os_error
from gen.redact import redacted

WORK = ".work"
LOCK = "lock"

_held: set[int] = set()
"""Handles of the locks that this process holds."""


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Hold a corpus folder alone. Makes the folder; raises BadInput naming who holds it otherwise."""
    path = folder / WORK / LOCK
    handle = _acquire(path, fcntl.LOCK_EX)
    try:
        _sign(handle, folder)
        yield
    finally:
        path.unlink(missing_ok=True)  # while it is held: who waits for this file sees that it is no longer the lock
        _release(handle)
        with suppress(OSError):  # goes only if nothing is left in it
            path.parent.rmdir()


@contextmanager
def shared(folder: Path, part: int, parts: int) -> Iterator[None]:
    """Hold part ``part`` of ``parts`` of a corpus folder, beside the holders of other parts."""
    with beside(folder, f"part-{part}-of-{parts}"):
        yield


@contextmanager
def beside(folder: Path, name: str) -> Iterator[None]:
    """Hold a folder under this name, beside holders under other names. Raises BadInput as ``exclusive`` does."""
    whole = _acquire(folder / WORK / LOCK, fcntl.LOCK_SH)
    try:
        _write(whole, b"", folder)  # a whole run that was killed may have left its name
        path = folder / WORK / f"{name}.{LOCK}"
        own = _acquire(path, fcntl.LOCK_EX)
        try:
            _sign(own, folder)
            yield
        finally:
            path.unlink(missing_ok=True)
            _release(own)
    finally:
        _release(whole)


def _acquire(path: Path, kind: int) -> int:
    """A handle on the lock file, locked. Raises BadInput where someone else holds it."""
    while True:
        make_folder(path.parent)
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except FileNotFoundError:
            continue  # the run before us has just cleared its folder away
        except OSError as error:
            raise from_os_error(error, path, "locking the folder") from error
        try:
            fcntl.flock(handle, kind | fcntl.LOCK_NB)
            if _is_still(path, handle):
                _held.add(handle)
                return handle
        except OSError as error:
            os.close(handle)
            if error.errno in (errno.EAGAIN, errno.EACCES):
                _refuse(path)
            raise from_os_error(error, path, "locking the folder") from error
        os.close(handle)


def _release(handle: int) -> None:
    _held.discard(handle)
    os.close(handle)


def _let_go() -> None:
    """A copy of this process holds nothing: else a lock would outlive the run that was killed, with its workers."""
    while _held:
        os.close(_held.pop())


os.register_at_fork(after_in_child=_let_go)


def _is_still(path: Path, handle: int) -> bool:
    """Whether the file that was locked is the one that stands there: its last holder may have removed it."""
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path))
    except FileNotFoundError:
        return False


def _sign(handle: int, folder: Path) -> None:
    holder = {"pid": os.getpid(), "host": socket.gethostname(), "command": redacted(" ".join(sys.argv))}
    _write(handle, json.dumps(holder).encode(), folder)


def _write(handle: int, content: bytes, folder: Path) -> None:
    try:
        os.ftruncate(handle, 0)
        os.pwrite(handle, content, 0)
    except OSError as error:
        raise from_os_error(error, folder, "locking the folder") from error


def _refuse(path: Path) -> NoReturn:
    folder = path.parent.parent
    raise BadInput(
        f"another run is working in this folder: {_holder(path)}",
        where=str(folder),
        hint="wait until it ends, or choose another folder with --out",
    )


def _holder(path: Path) -> str:
    """Who holds the lock: the signature in it, or in the lock of one of several."""
    for candidate in (path, *sorted(path.parent.glob(f"*.{LOCK}"))):
        with suppress(OSError, ValueError, KeyError):  # it may go away or be empty at the moment it is read
            holder = json.loads(candidate.read_text())
            if _may_live(holder):
                return f"process {holder['pid']} on {holder['host']}, {holder['command']!r}"
    return "a process that has not said its name yet"


def _may_live(holder: JsonObject) -> bool:
    """Whether who signed may still be there: a killed run leaves its signature, though not its lock."""
    if holder["host"] != socket.gethostname():
        return True
    try:
        os.kill(holder["pid"], 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
