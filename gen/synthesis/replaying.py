"""Make a corpus once more, from what is kept: the recipe, and of models every completion. The bytes of its rows are the same.

No model is asked. A completion that is not there ends the replay: it is never asked for behind anybody's back.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gen.conversation import JsonObject
from gen.corpus.manifest import Manifest, read_manifest
from gen.errors import AnswerIsNo, BadInput
from gen.recipe import Recipe, build_recipe
from gen.synthesis.cast import Models
from gen.synthesis.opening import rows_digest
from gen.synthesis.run import synthesize
from gen.synthesis.summary import Progress
from gen.teachers.completions import COMPLETIONS, Completions
from gen.teachers.naming import TeacherName
from gen.teachers.request import Completion, Request
from gen.teachers.stored import Key
from gen.yaml_file import read_yaml


@dataclass(frozen=True)
class Replayed:
    """What came of a replay: how many rows, and the files whose bytes differ from the corpus's."""

    corpus: str
    rows: int
    different: tuple[str, ...]

    @property
    def same(self) -> bool:
        return not self.different

    def to_json(self) -> JsonObject:
        return asdict(self) | {"same": self.same}


def replay(corpus: Path, out: Path, *, workers: int, progress: Progress) -> Replayed:
    """Make the rows of a corpus again in the folder ``out``, and compare every shard.

    Raises BadInput where the corpus has no recipe or was made by another version of fcgen or of a domain, AnswerIsNo where a
    completion is missing.
    """
    manifest = read_manifest(corpus)
    path = corpus / "recipe.yaml"
    if manifest is None or not path.is_file():
        raise BadInput("this is no corpus that fcgen made: it has no manifest.json and recipe.yaml", where=str(corpus))
    recipe = build_recipe(read_yaml(path))
    _check_same(corpus, manifest, recipe)
    rows = manifest.rows + len(manifest.ledger.get("short", []))
    models = Models(opening=_Nobody, keeping=lambda _folder, _writer, run: _Kept(corpus, run))
    layout: Any = manifest.layout
    summary = synthesize(recipe, out, rows=rows, workers=workers, shard=None, progress=progress, layout=layout, models=models)
    made = read_manifest(out)
    assert made is not None
    return Replayed(str(corpus), summary.rows, tuple(_different(manifest, made)))


def _check_same(corpus: Path, manifest: Manifest, recipe: Recipe) -> None:
    digest, decided = rows_digest(recipe)
    if digest != manifest.digest:
        names = sorted(key for key in decided.keys() | manifest.decided_by.keys() if decided.get(key) != manifest.decided_by.get(key))
        raise BadInput(
            f"the corpus was made with other {', '.join(names) or 'settings'} than are here: its rows cannot be made again",
            where=str(corpus),
            hint=f"install what its manifest names under versions: {manifest.versions}",
        )


def _different(one: Manifest, other: Manifest) -> list[str]:
    """The shards that only one of two corpora has, or whose bytes differ."""
    theirs = {shard.path: shard.sha256 for shard in other.shards}
    mine = {shard.path: shard.sha256 for shard in one.shards}
    return sorted(path for path in mine.keys() | theirs.keys() if mine.get(path) != theirs.get(path))


class _Kept:
    """The completions of a corpus, to be read."""

    def __init__(self, corpus: Path, run: str) -> None:
        self._completions = Completions(corpus / COMPLETIONS, run=run)

    def get(self, address: str) -> Completion | None:
        stored = self._completions.get(address)
        return None if stored is None else stored.completion

    async def put(self, request: Request, completion: Completion, *, key: Key, address: str = "") -> Completion:
        raise AssertionError("nobody answered, and still there is something to keep")

    async def close(self) -> None:
        self._completions.close()


class _Nobody:
    """An engine that answers nothing."""

    concurrency = 64

    def __init__(self, name: TeacherName, settings: object, note: object) -> None:
        self._name = name

    async def complete(self, request: Request) -> Completion:
        raise AnswerIsNo(
            f"a completion of {self._name} that these rows need is not in the store (address {request.address()[:12]}…)",
            where=request.view or "the judge",
            hint="was completions/ left behind when the corpus was copied, or pruned? `fcgen store` shows what it holds",
        )

    def forget(self, view: str) -> None:
        """Nothing is kept."""

    async def close(self) -> None:
        """Nothing is open."""
