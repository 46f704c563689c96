"""What of a folder is published: its files, under which names, with which digests.

Rejected candidates, stored completions, locks and unfinished work stay at home unless they are asked for, and so does every
file that nobody knows: what arrives is what was checked. Contents are read in blocks, so that a corpus of any size passes
through; nothing here talks to anyone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatch
from functools import cached_property
from pathlib import Path

from gen.corpus.folder import REJECTED
from gen.corpus.head import README
from gen.corpus.manifest import MANIFEST, Manifest, read_manifest
from gen.errors import BadInput, from_os_error
from gen.teachers.completions import COMPLETIONS, SEALED

BESIDES = (README, "LICENSE*", "NOTICE*", "CITATION*", "assets/*")
"""What a corpus may have beside the files that its manifest names: the card, what it shows, and legal texts."""
ASKED_FOR = {REJECTED: (f"{REJECTED}/*",), COMPLETIONS: (f"{COMPLETIONS}/*.jsonl", f"{COMPLETIONS}/{SEALED}")}
"""What stays at home unless it is asked for."""
CHECKPOINTS = ("checkpoint-*", "*.pt", "*.pth", "*.bin", "*.pkl", "*.ckpt", "*.tfevents.*")
"""What training leaves beside an adapter: states to go on from, pickles, which run code where they are loaded, and what trackers wrote."""

_BLOCK = 1 << 20


@dataclass(frozen=True)
class LocalFile:
    """A file to publish: its name there, and its content, on disk or (a card made for the place) in memory."""

    name: str
    path: Path | None = None
    content: bytes = field(default=b"", repr=False)

    @cached_property
    def size(self) -> int:
        """Bytes."""
        return len(self.content) if self.path is None else self.path.stat().st_size

    @cached_property
    def sha256(self) -> str:
        """Hexadecimal; what the Hub's large-file storage and our manifests call a file."""
        return self._digest(hashlib.sha256())

    @cached_property
    def git_sha1(self) -> str:
        """Hexadecimal; what git calls a file: the SHA-1 of ``blob <size>\\0`` and the content."""
        return self._digest(hashlib.sha1(b"blob %d\0" % self.size, usedforsecurity=False))

    def blocks(self) -> Iterator[bytes]:
        """The content, piece by piece. Raises what ``from_os_error`` makes of a disk that fails."""
        if self.path is None:
            yield self.content
            return
        try:
            with self.path.open("rb") as file:
                while block := file.read(_BLOCK):
                    yield block
        except OSError as error:
            raise from_os_error(error, self.path, "reading what is to be published") from error

    def _digest(self, digest: hashlib._Hash) -> str:
        for block in self.blocks():
            digest.update(block)
        return digest.hexdigest()


def corpus_files(folder: Path, *, with_rejected: bool = False, with_completions: bool = False) -> list[LocalFile]:
    """The files of a finished corpus, by name: card, shards, recipe, manifest; what else is asked for.

    The manifest is that of what is published: it names no file that stays at home.

    Raises BadInput where the folder is no finished corpus.
    """
    manifest = read_manifest(folder)
    if manifest is None:
        raise BadInput(
            "this is no finished corpus: it has no manifest.json",
            where=str(folder),
            hint="run the fcgen synth that began it to its end, or name another folder",
        )
    asked = {REJECTED: with_rejected, COMPLETIONS: with_completions}
    known = [name for name in manifest.files if asked.get(name.split("/")[0], True)]
    patterns = [*BESIDES, *(pattern for name, with_it in asked.items() if with_it for pattern in ASKED_FOR[name])]
    names = {*known, *(shard.path for shard in manifest.shards)}
    files = [file for file in folder_files(folder) if file.name in names or any(fnmatch(file.name, pattern) for pattern in patterns)]
    return [*files, _published(manifest, known)]


def left_at_home(folder: Path, files: Sequence[LocalFile]) -> list[str]:
    """The names of files in a folder that nobody asked to leave there, and that are not published all the same."""
    published = {file.name for file in files}
    return [file.name for file in folder_files(folder) if file.name not in published and file.name.split("/")[0] not in ASKED_FOR]


def adapter_files(folder: Path) -> list[LocalFile]:
    """The files of an adapter, by name, without what training leaves to go on from. Raises BadInput where there is no folder."""
    return [file for file in folder_files(folder) if not any(fnmatch(part, one) for part in file.name.split("/") for one in CHECKPOINTS)]


def folder_files(folder: Path) -> list[LocalFile]:
    """Every file of a folder by name; hidden files and folders are left out. Raises BadInput where there is none."""
    if not folder.is_dir():
        raise BadInput("there is no such folder", where=str(folder))
    found = sorted(path for path in folder.rglob("*") if path.is_file() and not _is_hidden(path.relative_to(folder)))
    if not found:
        raise BadInput("the folder is empty", where=str(folder))
    return [LocalFile(path.relative_to(folder).as_posix(), path) for path in found]


def _published(manifest: Manifest, known: Sequence[str]) -> LocalFile:
    """The manifest, without the files that stay at home: a reader would miss them."""
    text = replace(manifest, files={name: manifest.files[name] for name in known}).to_json()
    return LocalFile(MANIFEST, content=text.encode())


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)
