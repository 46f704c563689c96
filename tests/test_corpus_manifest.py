"""The manifest proves what a corpus is made of, and by which recipe."""

from __future__ import annotations

from pathlib import Path

import pytest

from gen.corpus.manifest import Manifest, Shard, installed_versions, read_manifest, require_same_recipe, verify
from gen.errors import BadInput

EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

MANIFEST = Manifest(
    recipe="payments",
    digest="d" * 64,
    rows_per_shard=10,
    splits={"train": 3, "test": 1},
    shards=(Shard("data/train-00000-of-00001.parquet", "train", 3, 0, 0, EMPTY),),
    files={"recipe.yaml": EMPTY},
    ledger={"accepted": 4, "rejected": {"FC301": 2}},
    versions={"python": "3.11.7"},
    created="2026-03-17T12:00:00+00:00",
    finished="2026-03-17T12:01:00+00:00",
    command="fcgen synth --recipe payments",
)


def corpus(folder: Path) -> Path:
    (folder / "data").mkdir()
    for name in ("data/train-00000-of-00001.parquet", "recipe.yaml"):
        (folder / name).write_bytes(b"")
    (folder / "manifest.json").write_text(MANIFEST.to_json())
    return folder


def test_a_manifest_reads_back_as_it_was_written(tmp_path: Path) -> None:
    assert read_manifest(corpus(tmp_path)) == MANIFEST
    assert MANIFEST.rows == 4


def test_no_manifest_is_none(tmp_path: Path) -> None:
    assert read_manifest(tmp_path) is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 1}', '{"format": 1, "shards": [], "recipe": "a", "digest": "b", "what": 1}'])
def test_what_is_no_manifest_is_bad_input(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(BadInput, match="not a manifest"):
        read_manifest(tmp_path)


def test_a_manifest_of_a_later_version_says_so(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text('{"format": 2}')
    with pytest.raises(BadInput, match="another version"):
        read_manifest(tmp_path)


def test_verify_is_content_with_the_files_it_knows(tmp_path: Path) -> None:
    assert verify(corpus(tmp_path)) == []


def test_verify_names_each_file_that_is_missing_changed_or_extra(tmp_path: Path) -> None:
    corpus(tmp_path)
    (tmp_path / "recipe.yaml").write_text("rows: 2")
    (tmp_path / "data" / "train-00000-of-00001.parquet").rename(tmp_path / "data" / "other.parquet")
    assert verify(tmp_path) == [
        "data/train-00000-of-00001.parquet is missing",
        "recipe.yaml has changed since the corpus was made",
        "data/other.parquet is not in the manifest",
    ]


def test_verify_needs_a_manifest(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no manifest"):
        verify(tmp_path)


def test_every_key_that_differs_is_named_with_both_values() -> None:
    old = {"name": "a", "rows": 10, "scenarios": {"single": 1, "parallel": 2}, "checks": {"ignore": []}}
    new = {"name": "a", "rows": 20, "scenarios": {"single": 3, "chained": 1}, "checks": {"ignore": ["FC301"]}}
    with pytest.raises(BadInput) as caught:
        require_same_recipe(old, new)
    assert caught.value.what.endswith(
        'scenarios.single: 1 -> 3; scenarios.parallel: 2 -> (not set); scenarios.chained: (not set) -> 1; checks.ignore: [] -> ["FC301"]'
    )


def test_equal_recipes_and_ignored_keys_pass() -> None:
    require_same_recipe({"rows": 1, "push": {"to": "a"}}, {"rows": 2, "push": {"to": "b"}}, ignore=("rows", "push"))
    require_same_recipe({"a": {"b": [1]}}, {"a": {"b": [1]}})


def test_one_is_not_true() -> None:
    with pytest.raises(BadInput, match="a: 1 -> true"):
        require_same_recipe({"a": 1}, {"a": True})


def test_versions_name_what_a_corpus_depends_on() -> None:
    assert {"python", "pyarrow", "faker"} <= set(installed_versions())
