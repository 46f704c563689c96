"""The manifest: what a corpus consists of and what made it, and the proof that its files are still those.

``manifest.json`` is written last; where it stands, the corpus is whole. It alone holds times and versions: everything
else in the folder follows from the recipe. It also pins the recipe: a folder is only ever grown by the recipe that began it.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from gen.conversation import Json, JsonObject
from gen.corpus.atomic import sha256_of
from gen.errors import BadInput, from_os_error

MANIFEST = "manifest.json"
FORMAT = 1

_PACKAGES = ("fcgen", "faker", "pyarrow")


@dataclass(frozen=True, slots=True)
class Shard:
    """A Parquet file of a corpus: ``path`` from the corpus folder on, its size on disk and in memory, ``sha256`` in hexadecimal."""

    path: str
    split: str
    rows: int
    bytes: int
    arrow_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What stands in ``manifest.json``.

    Attributes:
        recipe: the recipe's name.
        digest: the digest of what decides about rows.
        decided_by: that itself: of the recipe, and what else the caller names (files, versions).
        layout: ``json`` or ``string``.
        rows_per_shard: how many rows a shard holds at most.
        splits: split → number of rows.
        shards: every shard, split by split, in order.
        files: other files that belong to the corpus → their SHA-256.
        ledger: the funnel of the run, as the synthesis counted it.
        versions: package → version, and ``python``.
        created, finished: when the run began and ended, ISO 8601 in UTC; given by the caller, who has a clock.
        command: the command line that made it.
    """

    recipe: str
    digest: str
    decided_by: JsonObject = field(default_factory=dict)
    layout: str = "json"
    rows_per_shard: int = 0
    splits: Mapping[str, int] = field(default_factory=dict)
    shards: tuple[Shard, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    ledger: JsonObject = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    created: str = ""
    finished: str = ""
    command: str = ""

    @property
    def rows(self) -> int:
        """The number of rows over all splits."""
        return sum(self.splits.values())

    def to_json(self) -> str:
        """The text of ``manifest.json``."""
        return json.dumps({"format": FORMAT} | asdict(self), ensure_ascii=False, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str, path: Path) -> Manifest:
        """The manifest in a text read from ``path``. Raises BadInput where it is none."""
        try:
            data: dict[str, Any] = json.loads(text)
            if data.pop("format") != FORMAT:
                raise BadInput("the manifest is of another version of fcgen", where=str(path), hint="upgrade fcgen")
            return cls(**data | {"shards": tuple(Shard(**shard) for shard in data["shards"])})
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BadInput(f"not a manifest of a corpus: {error}", where=str(path)) from error


def read_manifest(folder: Path) -> Manifest | None:
    """The manifest of a corpus; None where there is none, as in a corpus of others or an unfinished one."""
    path = folder / MANIFEST
    try:
        return Manifest.from_json(path.read_text(encoding="utf-8"), path)
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as error:
        raise BadInput(f"the manifest is not UTF-8: {error.reason}", where=str(path)) from error
    except OSError as error:
        raise from_os_error(error, path, "reading the manifest") from error


def installed_versions() -> dict[str, str]:
    """The versions that a corpus may depend on: fcgen, Faker, pyarrow (when installed) and Python."""
    versions = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions


def verify(folder: Path) -> list[str]:
    """What is wrong with the files of a corpus, one sentence each; nothing where all are as the manifest says.

    Raises BadInput where there is no manifest.
    """
    manifest = read_manifest(folder)
    if manifest is None:
        raise BadInput("there is no manifest to verify against", where=str(folder), hint="run the command that made the corpus again")
    wanted = {shard.path: shard.sha256 for shard in manifest.shards} | dict(manifest.files)
    problems = [problem for name, sha256 in wanted.items() if (problem := _file_problem(folder, name, sha256))]
    extra = sorted(path.relative_to(folder).as_posix() for path in (folder / "data").rglob("*") if path.is_file())
    return problems + [f"{name} is not in the manifest" for name in extra if name not in wanted]


def _file_problem(folder: Path, name: str, sha256: str) -> str:
    path = folder / name
    if not path.is_file():
        return f"{name} is missing"
    return "" if sha256_of(path) == sha256 else f"{name} has changed since the corpus was made"


def require_same_recipe(old: JsonObject, new: JsonObject, *, ignore: Iterable[str] = ("rows",), where: str = "") -> None:
    """Refuse to go on with a corpus under another recipe.

    Args:
        old, new: resolved recipes.
        ignore: dotted keys that may differ, with all below them.

    Raises BadInput naming every key that differs, dotted, with its old and new value.
    """
    ignored = tuple(ignore)
    changes = [
        f"{key}: {_shown(before)} -> {_shown(after)}"
        for key, before, after in _differences(old, new, "")
        if not any(key == name or key.startswith(name + ".") for name in ignored)
    ]
    if changes:
        raise BadInput(
            f"this corpus was begun with another recipe: {'; '.join(changes)}",
            where=where,
            hint="go back to the old values, or choose another folder with --out",
        )


_ABSENT = object()


def _differences(old: Any, new: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(key for key in new if key not in old)]:
            yield from _differences(old.get(key, _ABSENT), new.get(key, _ABSENT), f"{path}.{key}" if path else key)
    elif old != new or type(old) is not type(new):
        yield path, old, new


def _shown(value: Json) -> str:
    return "(not set)" if value is _ABSENT else json.dumps(value, ensure_ascii=False)
