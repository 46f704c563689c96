"""A run from recipe to corpus: exact numbers, and the same bytes however it was interrupted, divided or grown."""

from __future__ import annotations

import gc
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from processes import interruptible

from gen.corpus.reading import read_rows
from gen.corpus.splits import leaks
from gen.errors import BadInput, OutsideFailed
from gen.planning.allotment import Allotment
from gen.recipe import load_recipe
from gen.synthesis import engines
from gen.synthesis.opening import open_workshop
from gen.synthesis.run import synthesize
from gen.synthesis.slots import make
from gen.synthesis.summary import Summary

ROOT = Path(__file__).resolve().parent.parent
ROWS = 520  # three blocks
RECIPE = ["--recipe", "payments", "--rows", str(ROWS)]


class Silence:
    def start(self, total: int, done: int) -> None:
        self.total = total

    def advance(self, accepted: int, rejected: int) -> None:
        self.total -= accepted

    def note(self, text: str) -> None:
        self.text = text


def run(out: Path, *, rows: int = ROWS, workers: int = 1, shard: tuple[int, int] | None = None, changes: tuple[str, ...] = ()) -> Summary:
    recipe = load_recipe("payments", changes=[f"rows={rows}", *changes])
    return synthesize(recipe, out, rows=rows, workers=workers, shard=shard, progress=Silence())


def bytes_of(corpus: Path) -> dict[str, str]:
    """Every file but the manifest, which holds times; the card, but for the folder's name in it."""
    files = [path for path in sorted(corpus.rglob("*")) if path.is_file() and path.name != "manifest.json"]
    here = str(corpus).encode()
    return {str(path.relative_to(corpus)): hashlib.sha256(path.read_bytes().replace(here, b"HERE")).hexdigest() for path in files}


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("reference") / "payments"
    summary = run(out)
    assert summary.complete
    return out


@pytest.mark.slow
class TestReference:
    def test_numbers_and_mix_are_exact(self, reference: Path) -> None:
        rows = list(read_rows(reference))
        model = load_recipe("payments").model
        allotment = Allotment(model.scenarios, model.splits)
        assert [row.slot for row in rows] == list(range(ROWS))
        assert [row.scenario for row in rows] == [allotment.scenario(slot) for slot in range(ROWS)]
        assert [row.split for row in rows] == [allotment.split(slot) for slot in range(ROWS)]
        assert abs(sum(row.split == "test" for row in rows) - ROWS / 10) <= 2

    def test_no_wording_and_no_person_is_on_both_sides(self, reference: Path) -> None:
        rows = list(read_rows(reference))
        assert list(leaks(rows)) == []
        people = {split: {row.plan.person for row in rows if row.plan and row.split == split} for split in ("train", "test")}
        assert people["train"] & people["test"] == set()

    def test_load_dataset_gives_what_was_written(self, reference: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path))
        datasets = pytest.importorskip("datasets")
        loaded = datasets.load_dataset(str(reference), cache_dir=str(tmp_path))
        for split in ("train", "test"):
            wires = [row.to_wire() for row in read_rows(reference, splits=[split])]
            assert [row["messages"] for row in loaded[split]] == [wire["messages"] for wire in wires]
            assert [row["tools"] for row in loaded[split]] == [wire["tools"] for wire in wires]

    def test_what_was_rejected_is_kept_with_its_reason(self, reference: Path) -> None:
        lines = [json.loads(line) for line in (reference / "rejected" / "rejected.jsonl").read_text().splitlines()]
        ledger = json.loads((reference / "manifest.json").read_text())["ledger"]
        assert Counter(f"{line['stage']}: {line['reason']}" for line in lines) == ledger["rejected"]
        assert ledger["candidates"] == ROWS + len(lines)

    def test_the_same_command_again_changes_nothing(self, reference: Path) -> None:
        before = bytes_of(reference), (reference / "manifest.json").read_bytes()
        assert run(reference).already_done
        assert (bytes_of(reference), (reference / "manifest.json").read_bytes()) == before

    def test_fewer_rows_are_refused(self, reference: Path) -> None:
        with pytest.raises(BadInput, match="has 520 rows already"):
            run(reference, rows=100)

    def test_another_recipe_is_refused_with_the_keys_that_differ(self, reference: Path) -> None:
        with pytest.raises(BadInput, match=r"scenarios\.parallel"):
            run(reference, rows=600, changes=("scenarios.parallel=30",))


@pytest.mark.slow
def test_two_workers_make_the_same_bytes(reference: Path, tmp_path: Path) -> None:
    assert start(tmp_path / "payments", 2).wait(timeout=120) == 0  # a process of its own, which may copy itself
    assert bytes_of(tmp_path / "payments") == bytes_of(reference)


@pytest.mark.slow
def test_workers_that_open_the_workshop_themselves_make_the_same_bytes(
    reference: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "_may_fork", lambda: False)
    run(tmp_path / "payments", workers=2)
    assert bytes_of(tmp_path / "payments") == bytes_of(reference)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere workers open the workshop themselves")
def test_a_run_may_copy_its_process_because_nothing_it_has_loaded_by_then_started_a_thread() -> None:
    opened = "from gen.recipe import load_recipe; import gen.synthesis.run as run; run.open_workshop(load_recipe('tiny'))"
    asked = "from gen.synthesis.engines import _may_fork; print(_may_fork())"
    done = subprocess.run(
        [sys.executable, "-c", f"{opened}\n{asked}"], env=environment(), capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "True\n"


@pytest.mark.slow
def test_a_grown_corpus_has_the_same_bytes(reference: Path, tmp_path: Path) -> None:
    out = tmp_path / "payments"
    run(out, rows=130)
    grown = run(out, rows=ROWS)
    assert (grown.grown_from, grown.rows) == (130, ROWS)
    assert bytes_of(out) == bytes_of(reference)


@pytest.mark.slow
def test_shards_and_their_join_make_the_same_bytes(reference: Path, tmp_path: Path) -> None:
    out = tmp_path / "payments"
    for part in (2, 1):
        assert run(out, shard=(part, 2)).shard == (part, 2)
    assert not (out / "data").exists()
    run(out)
    assert bytes_of(out) == bytes_of(reference)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_killed_again_and_again_it_ends_in_the_same_bytes(reference: Path, tmp_path: Path, workers: int) -> None:
    out, chance = tmp_path / "payments", random.Random(workers)
    first = start(out, workers)
    wait_until((out / ".work" / "run.json").is_file)  # not after some seconds: on a fast machine it would be done by then
    first.kill()
    assert first.wait() == -signal.SIGKILL
    for _ in range(5):
        process = start(out, workers)
        try:
            process.wait(timeout=chance.uniform(0.8, 4.0))
            break
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL) if chance.random() < 0.5 else process.kill()
            process.wait()
    run(out)
    assert bytes_of(out) == bytes_of(reference)


@pytest.mark.slow
def test_workers_die_with_their_parent(tmp_path: Path) -> None:
    process = start(tmp_path / "payments", 2)
    children = wait_for_children(process.pid)
    process.kill()
    process.wait()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and any(Path(f"/proc/{child}").exists() for child in children):
        time.sleep(0.1)
    assert [child for child in children if Path(f"/proc/{child}").exists()] == []


@pytest.mark.slow
def test_a_killed_worker_is_replaced(reference: Path, tmp_path: Path) -> None:
    out = tmp_path / "payments"
    process = start(out, 2)
    os.kill(wait_for_children(process.pid)[0], signal.SIGKILL)
    assert process.wait(timeout=120) == 0
    assert bytes_of(out) == bytes_of(reference)


@pytest.mark.slow
def test_workers_that_are_killed_again_and_again_end_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "_make", _die)
    monkeypatch.setattr(engines, "RESTARTS", 1)
    with pytest.raises(OutsideFailed, match="killed again and again"):
        run(tmp_path / "payments", workers=2)


@pytest.mark.slow
def test_ctrl_c_ends_with_130_and_a_rerun_finishes(reference: Path, tmp_path: Path) -> None:
    out = tmp_path / "payments"
    process = start(out, 1, stderr=subprocess.PIPE)
    wait_until(lambda: any((out / ".work" / "candidates").glob("block-*")))
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"Traceback" not in said
    run(out)
    assert bytes_of(out) == bytes_of(reference)


@pytest.mark.slow
def test_a_second_run_in_the_same_folder_is_told_who_is_there(tmp_path: Path) -> None:
    out = tmp_path / "payments"
    first = start(out, 1, rows=20_000)
    wait_until(lambda: (out / ".work" / "run.json").is_file())
    second = start(out, 1, stderr=subprocess.PIPE)
    _, said = second.communicate(timeout=60)
    first.kill()
    first.wait()
    assert second.returncode == 2
    assert b"another run is working in this folder" in said
    assert str(first.pid).encode() in said


@pytest.mark.slow
def test_a_full_disk_ends_with_3_and_leaves_nothing_half_written(tmp_path: Path) -> None:
    out = tmp_path / "payments"
    command = f"ulimit -f 300; exec {sys.executable} -m gen synth --recipe payments --rows {ROWS} --out {out} --quiet"
    done = subprocess.run(["bash", "-c", command], env=environment(), capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 3, done.stderr
    assert "Traceback" not in done.stderr
    assert not (out / "data").exists()
    assert not (out / "manifest.json").exists()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    done = subprocess.run(
        [sys.executable, "-m", "gen", "synth", *RECIPE, "--out", str(tmp_path / "file" / "corpus")],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2
    assert str(tmp_path / "file") in done.stderr


def test_the_string_layout_holds_the_same_rows(tmp_path: Path) -> None:
    recipe = load_recipe("tiny", changes=["rows=12"])
    for layout in ("json", "string"):
        synthesize(recipe, tmp_path / layout, rows=12, workers=1, shard=None, progress=Silence(), layout=layout)  # type: ignore[arg-type]
    assert list(read_rows(tmp_path / "json")) == list(read_rows(tmp_path / "string"))
    with pytest.raises(BadInput, match="another layout"):
        synthesize(recipe, tmp_path / "json", rows=20, workers=1, shard=None, progress=Silence(), layout="string")


def _die(block: engines.Block) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT)}


def start(out: Path, workers: int, *, rows: int = ROWS, **more: int) -> subprocess.Popen[bytes]:
    recipe = ["--recipe", "payments", "--rows", str(rows)]
    command = [sys.executable, "-m", "gen", "synth", *recipe, "--out", str(out), "--workers", str(workers), "--quiet"]
    streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL} | more
    return subprocess.Popen(command, env=environment(), start_new_session=True, preexec_fn=interruptible, **streams)  # type: ignore[call-overload, no-any-return]


def wait_until(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def wait_for_children(parent: int) -> list[int]:
    """The processes that a process started, once there are workers among them."""
    path = Path(f"/proc/{parent}/task/{parent}/children")
    wait_until(lambda: len(path.read_text().split()) >= 2)
    return [int(child) for child in path.read_text().split()]


def test_making_rows_leaves_no_cycles_behind() -> None:
    """The garbage collector is off while rows are made: nothing may need it."""
    workshop = open_workshop(load_recipe("payments"))
    for slot in range(40):
        make(workshop, slot)
    gc.collect()
    gc.disable()
    try:
        for slot in range(40, 160):
            make(workshop, slot)
        assert gc.collect() == 0
    finally:
        gc.enable()


@pytest.mark.slow
def test_a_run_that_asks_for_less_than_the_killed_one_takes_what_it_needs(tmp_path: Path) -> None:
    out, direct = tmp_path / "payments", tmp_path / "direct" / "payments"
    run(out, rows=400, shard=(1, 1))
    run(out, rows=300)
    run(direct, rows=300)
    assert bytes_of(out) == bytes_of(direct)


def test_an_unfinished_run_can_be_read(tmp_path: Path) -> None:
    out = tmp_path / "payments"
    run(out, rows=20, shard=(1, 1))
    unfinished = list(read_rows(out))
    run(out, rows=20)
    assert unfinished == list(read_rows(out))
