"""``fcgen train`` and ``fcgen merge-adapter`` as people run them: errors, the summary, and the tiny base the whole way."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import ROOT, Fcgen
from tiny_models import build_model
from training_rows import Heard, row, write_corpus

from gen.rendering.templates import template_named
from gen.training.adapter import BESIDE, load_adapter
from gen.training.plan import plan
from gen.training.run import train
from gen.training.settings import PRESETS, resolve, settings_of
from gen.training.tiny import Shape, build_tiny, plain_texts, without_calls

SMALL = ("--set", "lora.r=4", "--epochs", "1", "--set", "batch=4")


@pytest.mark.slow
def test_from_rows_to_a_merged_model(fcgen: Fcgen, tmp_path: Path) -> None:
    corpus, base = write_corpus(tmp_path / "rows.jsonl"), build_model(tmp_path / "base")
    done = fcgen("train", str(corpus), "--base", str(base), "--json", *SMALL)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rows"] == 12
    assert "⟦[TOOL_CALLS]" in done.stderr.replace("⟦what is trained⟧", "") and "step 3 of 3" in done.stderr
    again = fcgen("train", str(corpus), "--base", str(base), *SMALL)
    assert again.returncode == 0 and "nothing was done" in again.stderr
    merged = fcgen("merge-adapter", "adapters/rows", "--out", "models/rows")
    assert merged.returncode == 0, merged.stderr
    assert (tmp_path / "models" / "rows" / "model.safetensors").is_file()
    stranger = str(build_model(tmp_path / "other", "gemma3"))
    other = fcgen("merge-adapter", "adapters/rows", "--out", "models/other", "--base", stranger)
    assert other.returncode == 2 and "is not the base that this adapter was trained on" in other.stderr


@pytest.mark.slow
def test_ctrl_c_saves_and_says_how_to_go_on(tmp_path: Path) -> None:
    corpus, base = write_corpus(tmp_path / "rows.jsonl"), build_model(tmp_path / "base")
    command = [sys.executable, "-m", "gen", "train", str(corpus), "--base", str(base), "--out", "out", *SMALL, "--epochs", "1000"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("step "):
                process.send_signal(signal.SIGINT)
                break
        rest = process.stderr.read()
    assert process.returncode == 130, rest
    assert "the same command goes on" in rest
    assert list((tmp_path / "out" / ".work" / "checkpoints").glob("checkpoint-*"))


@pytest.mark.slow
def test_a_full_disk_is_said_and_the_same_command_goes_on(tmp_path: Path) -> None:
    corpus, base = write_corpus(tmp_path / "rows.jsonl"), build_model(tmp_path / "base")
    command = [sys.executable, "-m", "gen", "train", str(corpus), "--base", str(base), "--out", "out", *SMALL, "--set", "lora.r=32"]

    def trained(**more: Any) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=120, **more)

    full = trained(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000)))
    assert full.returncode == 3, full.stderr
    assert "the disk took no more" in full.stderr and "the same command goes on" in full.stderr
    again = trained()
    assert again.returncode == 0, again.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--preset", "agents-curse"), "did you mean 'agents-course'"),
        (("--set", "lora.rank=4"), "train.lora.rank"),
        (("--set", "lora"), "'lora' changes no setting"),
        (("--set", "quantize=4bit"), "in 4 bits is trained on a GPU" if not torch.cuda.is_available() else "needs the package"),
        (("--template", "gema"), "did you mean 'gemma'"),
        (("--base", "./nowhere"), "there is no folder ./nowhere"),
    ],
)
def test_usage_errors_name_what_is_wrong(fcgen: Fcgen, tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    done = fcgen("train", str(write_corpus(tmp_path / "rows.jsonl")), *arguments)
    assert done.returncode == 2 and said in done.stderr


def test_options_hide_changes_which_hide_the_preset_which_hides_the_recipe() -> None:
    recipe = {"base": "me/mine", "lora": {"r": 64}, "seed": 5}
    settings = settings_of(recipe, preset="agents-course", changes=["lora.r=8", "epochs=2"])
    assert (settings.base, settings.seed) == ("me/mine", 5)
    assert (settings.lora.r, settings.lora.alpha, settings.epochs) == (8, 64, 2)
    assert settings_of({}, preset="agents-course").max_length == PRESETS["agents-course"]["max_length"]


def test_the_course_trains_the_same_whatever_a_recipe_says_or_defaults_become() -> None:
    others = {"schedule": "linear", "packing": False, "clip": 9.0, "weight_decay": 0.0, "batch": 64, "epochs": 9, "checkpointing": False}
    settings = settings_of(others | {"lora": {"r": 1, "alpha": 1}}, preset="agents-course")
    assert settings == settings_of({}, preset="agents-course")


def test_what_is_not_said_follows_from_base_and_rows() -> None:
    few = resolve(settings_of({}), hidden=2304, trained=50_000, device="cuda")
    many = resolve(settings_of({}), hidden=2304, trained=50_000_000, device="cuda")
    assert few.epochs > many.epochs and 1e-4 < few.learning_rate < 5e-4
    assert resolve(settings_of({}), hidden=640, trained=1, device="cpu").learning_rate > few.learning_rate
    tiny = [resolve(settings_of({"base": "tiny"}), hidden=128, trained=trained, device="cpu") for trained in (1_000, 139_065, 300_000)]
    assert [one.epochs for one in tiny] == [20, 2, 1] and {one.batch for one in tiny} == {2}


TINY = Shape(words=300, hidden=32, layers=2, heads=2, drills=10, drilled=4, steps=30, batch=4, width=128)


def test_a_tiny_base_reads_no_call_and_is_made_once(tmp_path: Path) -> None:
    rows = [row(n) for n in range(12)]
    assert not any("tool_calls" in message.to_wire() for one in rows for message in without_calls(one).messages)
    assert not any('"arguments"' in text for one in rows for text in plain_texts(one))
    heard: list[str] = []
    folder = build_tiny(tmp_path / "base", rows, template_named("gemma"), shape=TINY, tell=heard.append)
    losses = [float(text.rpartition(" ")[2]) for text in heard]
    assert losses[-1] < losses[0]
    before = (folder / "model.safetensors").read_bytes()
    heard.clear()
    build_tiny(folder, rows, template_named("gemma"), shape=TINY, tell=heard.append)
    assert not heard and (folder / "model.safetensors").read_bytes() == before
    build_tiny(tmp_path / "again", rows, template_named("gemma"), shape=TINY)
    assert (tmp_path / "again" / "model.safetensors").read_bytes() == before


@pytest.mark.slow
def test_a_tiny_base_lies_beside_its_adapter(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "rows.jsonl")
    settings = settings_of({"base": "tiny"}, changes=["epochs=1", "lora.r=4"])
    work = plan(corpus, tmp_path / "out", template_named("gemma"), settings, shape=TINY)
    summary = train(work, Heard())
    assert summary.about["base"] == BESIDE
    (tmp_path / "out").rename(tmp_path / "moved")
    model, _ = load_adapter(tmp_path / "moved")
    assert model(input_ids=torch.arange(6, 20)[None]).logits.isfinite().all()
