"""The corpus folder: shards are made out of sight, then published so that what is visible can always be read.

    begin(folder, ...)              is this the run that began the folder?  -> .work/run.json
    write_shards(folder, rows)      rows in slot order                      -> .work/shards/
    publish(folder, written, ...)   .work/shards/                           -> data/, README.md, recipe.yaml, rejected/, manifest.json

A run may be killed between any two steps of ``publish``: ``datasets.load_dataset(folder)`` and ``gen/corpus/reading.py``
read what is there then, and the same command run again ends in the same bytes. This rests on three facts:

- a file is renamed into its place whole;
- the head of README.md says which files are the corpus, for both readers. While shards change it names the old ones and states
  no counts (one that is wrong makes ``load_dataset`` refuse); then, at once, it names the new ones with theirs;
- a grown corpus begins with the rows of the old one, so that a new shard under an old name holds all that the old one held.

Locks (``gen/corpus/lock.py``) are the caller's to hold. Knows nothing of how rows come to be.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import yaml

from gen.conversation import JsonObject
from gen.corpus.atomic import delete, make_folder, move_whole, sha256_of, write_whole
from gen.corpus.cells import Cells, Layout
from gen.corpus.head import README, interim_card
from gen.corpus.lock import LOCK, WORK
from gen.corpus.manifest import MANIFEST, Manifest, Shard, read_manifest, require_same_recipe
from gen.errors import AnswerIsNo, BadInput, from_os_error

if TYPE_CHECKING:
    from gen.corpus.parquet import ShardWriter

ROWS_PER_SHARD = 50_000
DATA = "data"
REJECTED = "rejected"
RECIPE = "recipe.yaml"
RUN = "run.json"

Step = Callable[[str], None]

_split_name = re.compile(r"\w+(\.\w+)*").fullmatch


@dataclass(frozen=True, slots=True)
class Written:
    """What ``write_shards`` left in ``.work/shards/``: the shards under the names that they will have, and their form."""

    shards: tuple[Shard, ...]
    layout: Layout
    rows_per_shard: int

    @property
    def splits(self) -> dict[str, int]:
        """Split → number of rows."""
        counts: dict[str, int] = {}
        for shard in self.shards:
            counts[shard.split] = counts.get(shard.split, 0) + shard.rows
        return counts


def begin(
    folder: Path,
    *,
    digest: str,
    recipe: JsonObject,
    layout: Layout = "json",
    rows_per_shard: int = ROWS_PER_SHARD,
    ignore: Iterable[str] = ("rows",),
) -> None:
    """Begin a run in a folder, or go on with one.

    Raises BadInput where the folder was begun with another recipe (naming the keys that differ, but for those of
    ``ignore``, which are no part of the digest), layout or shard size.
    """
    now = {"digest": digest, "layout": layout, "rows_per_shard": rows_per_shard}
    for earlier in _earlier_runs(folder):
        if earlier.get("digest") != digest:
            require_same_recipe(earlier.get("recipe", {}), recipe, ignore=ignore, where=str(folder))
        for key, value in now.items():
            if earlier.get(key) != value:
                raise BadInput(
                    f"this corpus was begun with another {key.replace('_', ' ')}: {earlier.get(key)!r}, now {value!r}",
                    where=str(folder),
                    hint="choose another folder with --out" + (", or use the version of fcgen that began it" if key == "digest" else ""),
                )
    make_folder(folder / WORK)
    write_whole(folder / WORK / RUN, (json.dumps(now | {"recipe": recipe}, ensure_ascii=False).encode(),))


def write_shards(folder: Path, rows: Iterable[Cells], *, layout: Layout = "json", rows_per_shard: int = ROWS_PER_SHARD) -> Written:
    """Write rows, which come in slot order and know their split, into ``.work/shards/``; nothing becomes visible.

    Raises OutsideFailed for a full disk.
    """
    shards = folder / WORK / "shards"
    _clear(shards)
    make_folder(shards)
    splits: dict[str, _SplitWriter] = {}
    with ExitStack() as open_writers:
        for row in rows:
            split = row["split"]
            if split not in splits:
                splits[split] = open_writers.enter_context(_SplitWriter(shards, split, layout, rows_per_shard))
            splits[split].write(row)
    return Written(tuple(shard for writer in splits.values() for shard in writer.shards()), layout, rows_per_shard)


def publish(
    folder: Path,
    written: Written,
    *,
    card: str,
    recipe: str,
    manifest: Manifest,
    rejected: Mapping[str, Iterable[str]] | None = None,
    before: Step = lambda step: None,
) -> Manifest:
    """Make the shards of ``write_shards`` the corpus of this folder, and clear the work away.

    Args:
        card: the text of README.md; its head must name the shards (``gen/corpus/card.py`` makes it so).
        recipe: the text of recipe.yaml.
        manifest: what is known of the run; what follows from the files is filled in here.
        rejected: name of a file of ``rejected/``, without its ending → its lines of JSON.
        before: called with the name of each step before it is taken; tests kill the process there.

    Returns the manifest as written. Raises AnswerIsNo where there is no row.
    """
    if not written.shards:
        raise AnswerIsNo("no row was accepted, so there is no corpus to write", where=str(folder))
    before("delete manifest")
    delete(folder / MANIFEST)
    for step, act in _moves(folder, written.shards):
        before(step)
        act()
    before("write card")
    write_whole(folder / README, (card.encode(),))
    before("write recipe")
    write_whole(folder / RECIPE, (recipe.encode(),))
    before("write rejected")
    files = [RECIPE, *write_rejected(folder, rejected or {})]
    complete = replace(
        manifest,
        layout=written.layout,
        rows_per_shard=written.rows_per_shard,
        splits=written.splits,
        shards=written.shards,
        files={name: sha256_of(folder / name) for name in files},
    )
    before("write manifest")
    write_whole(folder / MANIFEST, (complete.to_json().encode(),))
    for path in _strays(folder, {*files, *(shard.path for shard in written.shards)}):
        before(f"delete {path.name}")
        delete(path)
    before("clear work")
    clear_work(folder)
    return complete


def clear_work(folder: Path) -> None:
    """Delete what a finished run leaves in ``.work/``, but for the lock. What says whose run it was goes last."""
    work = folder / WORK
    leftovers = sorted(work.iterdir()) if work.is_dir() else []
    for path in sorted(leftovers, key=lambda path: path.name == RUN):
        if not path.name.endswith(LOCK):
            _clear(path)


class _SplitWriter:
    """The shards of one split, one open at a time. A context manager."""

    def __init__(self, folder: Path, split: str, layout: Layout, rows_per_shard: int) -> None:
        if not _split_name(split):
            raise BadInput(f"{split!r} cannot be the name of a split", allowed="letters, digits and underscores")
        self._folder, self._split, self._layout, self._limit = folder, split, layout, rows_per_shard
        self._done: list[ShardWriter] = []
        self._writer = self._next()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._writer.__exit__(kind, error, trace)
        self._done.append(self._writer)

    def write(self, row: Cells) -> None:
        if self._writer.rows == self._limit:
            self._writer.close()
            self._done.append(self._writer)
            self._writer = self._next()
        self._writer.write(row)

    def shards(self) -> Iterator[Shard]:
        """The shards, named by how many there are in the end."""
        for shard in self._done:
            name = f"{DATA}/{shard.path.stem}-of-{len(self._done):05d}.parquet"
            yield Shard(name, self._split, shard.rows, shard.path.stat().st_size, shard.arrow_bytes, sha256_of(shard.path))

    def _next(self) -> ShardWriter:
        from gen.corpus.parquet import ShardWriter  # pyarrow: not before there is a row, so that workers are at work meanwhile

        return ShardWriter(self._folder / f"{self._split}-{len(self._done):05d}.parquet", layout=self._layout)


def _earlier_runs(folder: Path) -> Iterator[JsonObject]:
    """What is known of the run that is going on in a folder, and of the one that made what is published there."""
    path = folder / WORK / RUN
    if path.is_file():
        yield _parsed(json.loads, path)
    manifest = read_manifest(folder)
    if manifest is not None:
        form = {"digest": manifest.digest, "layout": manifest.layout, "rows_per_shard": manifest.rows_per_shard}
        yield form | {"recipe": manifest.decided_by or _parsed(yaml.safe_load, folder / RECIPE)}


def _parsed(parse: Callable[[str], Any], path: Path) -> JsonObject:
    try:
        data = json.loads(json.dumps(parse(path.read_text(encoding="utf-8")), default=str))  # YAML makes dates of what JSON has as text
    except OSError as error:
        raise from_os_error(error, path, "reading what the corpus was begun with") from error
    except (ValueError, yaml.YAMLError) as error:
        raise BadInput(f"cannot tell what the corpus was begun with: {error}", where=str(path), hint="choose another folder") from error
    if not isinstance(data, dict):
        raise BadInput("cannot tell what the corpus was begun with: no mapping", where=str(path), hint="choose another folder")
    return data


def _moves(folder: Path, shards: tuple[Shard, ...]) -> Iterator[tuple[str, Callable[[], None]]]:
    """The steps that bring the shards into ``data/``."""
    card = interim_card(folder)
    if card is not None:
        yield "write interim card", lambda: write_whole(folder / README, (card.encode(),))
    else:  # shards of another run that was killed here would be read beside ours, since no head excludes them
        for stray in _strays(folder, {shard.path for shard in shards}):
            yield f"delete {stray.name}", partial(delete, stray)
    make_folder(folder / DATA)
    for shard in shards:
        target = folder / shard.path
        source = folder / WORK / "shards" / f"{target.name.partition('-of-')[0]}.parquet"
        yield f"move {target.name}", partial(move_whole, source, target)


def write_rejected(folder: Path, rejected: Mapping[str, Iterable[str]]) -> list[str]:
    """Write the files of ``rejected/``; returns their names from the folder on."""
    if rejected:
        make_folder(folder / REJECTED)
    names = [f"{REJECTED}/{name}.jsonl" for name in sorted(rejected)]
    for name, lines in sorted(rejected.items()):
        write_whole(folder / REJECTED / f"{name}.jsonl", (f"{line}\n".encode() for line in lines))
    return names


def _strays(folder: Path, names: set[str]) -> list[Path]:
    """Files of ``data/`` and ``rejected/`` that have none of these names."""
    found = [path for part in (DATA, REJECTED) for path in sorted((folder / part).glob("*")) if path.is_file()]
    return [path for path in found if path.relative_to(folder).as_posix() not in names]


def _clear(path: Path) -> None:
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise from_os_error(error, path, "clearing the work away") from error
