"""Files that are whole or not there: written beside their place, brought to the disk, then renamed.

Everything a corpus folder shows is put there by these functions, so that a process killed at any moment leaves no half
of a file, and a power cut leaves none either.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

from gen.errors import from_os_error


def make_folder(folder: Path) -> None:
    """Make a folder and its parents, unless it is there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise from_os_error(error, folder, "making the folder") from error


def write_whole(path: Path, chunks: Iterable[bytes]) -> None:
    """Write a file so that a reader sees the old one or all of the new one. Its folder must be there."""
    unfinished = path.with_name(path.name + ".tmp")
    try:
        try:
            with unfinished.open("wb") as file:
                file.writelines(chunks)
                file.flush()
                os.fsync(file.fileno())
            os.replace(unfinished, path)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)
    except OSError as error:
        raise from_os_error(error, path, "writing the file") from error


def move_whole(source: Path, target: Path) -> None:
    """Rename a file that is complete and on the disk, in place of what ``target`` was. Both are on one file system."""
    try:
        os.replace(source, target)
        sync_folder(target.parent)
    except OSError as error:
        raise from_os_error(error, target, "moving the file into place") from error


def delete(path: Path) -> None:
    """Delete a file, if it is there."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise from_os_error(error, path, "deleting the file") from error


def sync_folder(folder: Path) -> None:
    """Bring a folder's names to the disk: without it, a rename may be forgotten by a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's bytes, as 64 hexadecimal digits."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise from_os_error(error, path, "reading the file") from error
