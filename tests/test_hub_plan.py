"""Plans from listings and digests: what is added, changed, deleted and left; and 20 GB of it in little memory."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from gen.errors import BadInput
from gen.hub.files import LocalFile, adapter_files, corpus_files, folder_files, left_at_home
from gen.hub.plan import RemoteFile, plan

ROOT = Path(__file__).resolve().parent.parent


def git_sha1(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def test_a_plan_compares_by_either_digest() -> None:
    here = [
        LocalFile("new", content=b"1"),
        LocalFile("large", content=b"22"),
        LocalFile("small", content=b"333"),
        LocalFile("other", content=b"4"),
    ]
    there = [
        RemoteFile("large", 2, sha256=hashlib.sha256(b"22").hexdigest()),
        RemoteFile("small", 3, git_sha1=git_sha1(b"333")),
        RemoteFile("other", 1, git_sha1=git_sha1(b"5")),
        RemoteFile("gone", 9, git_sha1="0" * 40),
    ]
    made = plan(here, there)
    assert [(change.kind, change.name) for change in made.changes] == [
        ("delete", "gone"),
        ("same", "large"),
        ("add", "new"),
        ("change", "other"),
        ("same", "small"),
    ]
    assert made.bytes == 2
    assert not made.is_empty
    assert plan(here[:1], []).digest != plan(here[:2], []).digest == plan(here[:2], there).digest


def test_a_file_whose_digest_is_not_known_is_sent_again() -> None:
    assert plan([LocalFile("a", content=b"1")], [RemoteFile("a", 1)]).of("change")


def test_the_digests_are_those_of_git_and_of_large_files(tmp_path: Path) -> None:
    data = bytes(range(256)) * 10_000
    (tmp_path / "file").write_bytes(data)
    for file in (LocalFile("file", tmp_path / "file"), LocalFile("file", content=data)):
        assert (file.size, file.sha256, file.git_sha1) == (len(data), hashlib.sha256(data).hexdigest(), git_sha1(data))


def test_hidden_files_stay_at_home(tmp_path: Path) -> None:
    for name in ("README.md", ".env", ".work/run.json", "data/train.parquet"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    assert [file.name for file in folder_files(tmp_path)] == ["README.md", "data/train.parquet"]
    with pytest.raises(BadInput, match="no such folder"):
        folder_files(tmp_path / "nowhere")


def corpus(folder: Path) -> Path:
    """A folder that has the files of a corpus, if not their content."""
    shard = {"path": "data/train-00000-of-00001.parquet", "split": "train", "rows": 1, "bytes": 1, "arrow_bytes": 1, "sha256": "0" * 64}
    manifest = {"format": 1, "recipe": "x", "digest": "d", "shards": [shard], "splits": {"train": 1}}
    manifest["files"] = {"recipe.yaml": "0" * 64, "rejected/rejected.jsonl": "0" * 64}
    names = (
        "README.md",
        "recipe.yaml",
        shard["path"],
        "rejected/rejected.jsonl",
        "completions/main.jsonl",
        "completions/sealed.parquet",
        "completions/sealed.parquet.tmp",
        "notes.txt",
        "assets/plot.png",
        "LICENSE",
    )
    for name in names:
        (folder / str(name)).parent.mkdir(exist_ok=True)
        (folder / str(name)).write_text("x")
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def test_only_what_is_known_and_asked_for_is_published(tmp_path: Path) -> None:
    folder = corpus(tmp_path)
    files = corpus_files(folder)
    usual = {"README.md", "recipe.yaml", "manifest.json", "data/train-00000-of-00001.parquet", "assets/plot.png", "LICENSE"}
    assert {file.name for file in files} == usual
    assert left_at_home(folder, files) == ["notes.txt"]
    more = corpus_files(folder, with_rejected=True, with_completions=True)
    assert {file.name for file in more} == usual | {"rejected/rejected.jsonl", "completions/main.jsonl", "completions/sealed.parquet"}


def test_the_published_manifest_names_no_file_that_stays_at_home(tmp_path: Path) -> None:
    def named(**more: bool) -> list[str]:
        manifest = next(file for file in corpus_files(folder, **more) if file.name == "manifest.json")
        return list(json.loads(manifest.content)["files"])

    folder = corpus(tmp_path)
    assert named() == ["recipe.yaml"]
    assert named(with_rejected=True) == ["recipe.yaml", "rejected/rejected.jsonl"]


def test_an_unfinished_corpus_is_refused(tmp_path: Path) -> None:
    corpus(tmp_path).joinpath("manifest.json").unlink()
    with pytest.raises(BadInput, match="no finished corpus"):
        corpus_files(tmp_path)


def test_what_training_leaves_behind_stays_at_home(tmp_path: Path) -> None:
    for name in (
        "adapter_config.json",
        "adapter_model.safetensors",
        "optimizer.pt",
        "training_args.bin",
        "checkpoint-5/adapter_model.safetensors",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    assert [file.name for file in adapter_files(tmp_path)] == ["adapter_config.json", "adapter_model.safetensors"]


TWENTY_GB = """
import json, re, sys
from pathlib import Path
from gen.hub.files import folder_files
from gen.hub.plan import RemoteFile, plan
files = folder_files(Path(sys.argv[1]))
there = [RemoteFile(file.name, file.size + 1, sha256="0" * 64) for file in files[:20]]
there += [RemoteFile(files[-1].name, files[-1].size, sha256="0" * 64)]
made = plan(files, there)
peak = int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])  # getrusage counts the parent before exec, too
print(json.dumps([made.bytes, len(made.of("add")), len(made.of("change")), peak]))
"""


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="peak memory is read from /proc")
def test_twenty_gigabytes_are_planned_in_little_memory(tmp_path: Path) -> None:
    """Forty sparse shards of 500 MB: one of them is of the size that is there, and so is read through."""
    for number in range(40):
        with (tmp_path / f"train-{number:05d}-of-00040.parquet").open("wb") as file:
            file.truncate(500_000_000)
    done = subprocess.run(
        [sys.executable, "-c", TWENTY_GB, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=True, timeout=120
    )
    planned, added, changed, kilobytes = json.loads(done.stdout)
    assert (planned, added, changed) == (20_000_000_000, 19, 21)
    assert kilobytes < 300_000
