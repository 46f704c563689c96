"""The YAML head of README.md: which files are a corpus, for ``datasets`` and for our own readers alike.

Because both take the same word for it, they agree at every moment of a publication. A folder without a head (an unfinished
first publication, or files of others) is read by the names of its files.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from gen.conversation import JsonObject
from gen.errors import BadInput, from_os_error

README = "README.md"

_SPLIT_ORDER = ("train", "validation", "test")

_shard_name = re.compile(r"([\w.]+)-[0-9]{5}-of-[0-9]{5}\.parquet").fullmatch
_head = re.compile(r"---\n(.*?)\n---\n(.*)", re.DOTALL).fullmatch


def parse_card(text: str, path: Path) -> tuple[JsonObject, str]:
    """The head of a README as data (empty where it has none) and the text below it. Raises BadInput for YAML that is none."""
    match = _head(text.replace("\r\n", "\n"))
    if match is None:
        return {}, text
    try:
        head = yaml.safe_load(match[1])
    except yaml.YAMLError as error:
        raise BadInput(f"the head is not valid YAML: {error}", where=str(path)) from error
    if not isinstance(head, dict):
        raise BadInput("the head is no mapping of keys", where=str(path))
    return head, match[2]


def card_text(head: JsonObject, body: str) -> str:
    """A README: its head as YAML between ``---`` lines, keys in the order given, and the body."""
    return f"---\n{yaml.safe_dump(head, sort_keys=False, allow_unicode=True, width=1000)}---\n{body}"


def configs(paths: Iterable[tuple[str, str]]) -> list[JsonObject]:
    """The ``configs`` entry of a head for pairs of split and path (or glob)."""
    return [{"config_name": "default", "data_files": [{"split": split, "path": path} for split, path in paths]}]


def shard_glob(split: str, of: int) -> str:
    """What the head says of a split's shards: never a list, so that it stays short, and never those of another number."""
    return f"data/{split}-*-of-{of:05d}.parquet"


def read_card(folder: Path) -> tuple[JsonObject, str] | None:
    """``parse_card`` of a folder's README; None where it has none."""
    path = folder / README
    try:
        return parse_card(path.read_text(encoding="utf-8"), path)
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as error:
        raise BadInput(f"the card is not UTF-8: {error.reason}", where=str(path)) from error
    except OSError as error:
        raise from_os_error(error, path, "reading the card") from error


def visible_files(folder: Path) -> dict[str, list[Path]]:
    """Split → the Parquet files that make it up, in order: those that the head names, else those whose names say so."""
    card = read_card(folder)
    named = list(_named_files(card[0])) if card else []
    if not named:
        return _files_by_name(folder)
    files: dict[str, list[Path]] = {}
    for split, pattern in named:
        found = sorted(folder.glob(pattern))
        files.setdefault(split, []).extend(path for path in found if path.suffix == ".parquet")
    return {split: paths for split, paths in files.items() if paths}


def interim_card(folder: Path) -> str | None:
    """The folder's README, naming the files that are visible now and stating no counts; None where nothing is published."""
    card = read_card(folder)
    if card is None:
        return None
    head, body = dict(card[0]), card[1]
    if not list(_named_files(head)):
        head["configs"] = configs(
            (split, path.relative_to(folder).as_posix()) for split, paths in _files_by_name(folder).items() for path in paths
        )
    head.pop("size_categories", None)
    info = head.get("dataset_info")
    if isinstance(info, dict):
        head["dataset_info"] = {key: value for key, value in info.items() if key == "features"}
    return card_text(head, body)


def _named_files(head: JsonObject) -> Iterator[tuple[str, str]]:
    """Pairs of split and glob of the first configuration of a head, or of the one marked as default."""
    entries = [entry for entry in head.get("configs") or () if isinstance(entry, dict)]
    if not entries:
        return
    entry = next((entry for entry in entries if entry.get("default")), entries[0])
    files: Any = entry.get("data_files")
    if isinstance(files, str):
        files = [files]
    if isinstance(files, dict):
        files = [{"split": split, "path": path} for split, path in files.items()]
    for item in files or ():
        split, paths = (item.get("split", "train"), item.get("path")) if isinstance(item, dict) else ("train", item)
        for path in [paths] if isinstance(paths, str) else paths or ():
            if isinstance(path, str) and not path.startswith("/") and ".." not in Path(path).parts:
                yield str(split), path


def _files_by_name(folder: Path) -> dict[str, list[Path]]:
    """Split → files named ``<split>-00000-of-00002.parquet``; files of other names are the split ``train``."""
    files: dict[str, list[Path]] = {}
    for path in sorted([*(folder / "data").glob("*.parquet"), *folder.glob("*.parquet")]):
        match = _shard_name(path.name)
        files.setdefault(match[1] if match else "train", []).append(path)
    return dict(sorted(files.items(), key=lambda item: _split_rank(item[0])))


def _split_rank(split: str) -> tuple[int, str]:
    return (_SPLIT_ORDER.index(split), "") if split in _SPLIT_ORDER else (len(_SPLIT_ORDER), split)
