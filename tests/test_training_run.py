"""Trainings from corpus to adapter: what is kept, going on after an interruption, accumulation, and errors before any work."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import ROOT
from safetensors.torch import load_file
from tiny_models import build_model
from training_rows import Heard, write_corpus

from gen.errors import BadInput, OutsideFailed
from gen.rendering.spans import trained_segments
from gen.rendering.templates import template_named
from gen.training.adapter import about_adapter, load_adapter
from gen.training.plan import Plan, plan
from gen.training.run import train
from gen.training.settings import settings_of
from gen.training.watch import read_metrics

GEMMA = template_named("gemma")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(build_model(tmp_path_factory.mktemp("base")))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus") / "rows.jsonl")


def planned(base: str, corpus: Path, out: Path, *changes: str) -> Plan:
    short = ["lora.r=4", "epochs=2", "batch=2", "learning_rate=0.01", "lora.dropout=0.1", *changes]
    return plan(corpus, out, GEMMA, settings_of({"base": base}, changes=short))


def tensors(out: Path) -> dict[str, Any]:
    return load_file(out / "adapter_model.safetensors")


@pytest.fixture(scope="module")
def whole(base: str, corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Heard]:
    out, heard = tmp_path_factory.mktemp("whole") / "adapter", Heard()
    train(planned(base, corpus, out), heard, save_steps=2)
    return out, heard


def test_a_training_leaves_an_adapter_and_its_story(whole: tuple[Path, Heard], corpus: Path) -> None:
    out, heard = whole
    about = about_adapter(out)
    assert about["rows"] == 12 and about["template"] == "gemma" and about["ends"] == ["<end_of_turn>"]
    assert about["held_out_calls"] == 4 and about["steps"] == heard.began[0]
    assert not (out / ".work").exists()
    assert "held-out calls that are exact" in (out / "loss.svg").read_text(encoding="utf-8")
    lines = read_metrics(out)
    losses = [line["loss"] for line in lines if "loss" in line]
    assert losses[-1] < losses[0]
    assert {"tokens_per_second", "trained_tokens_per_second", "learning_rate"} <= set(next(line for line in lines if "loss" in line))
    assert next(line["step"] for line in lines if "call_exactness" in line) == 0
    model, tokenizer = load_adapter(out)
    assert tokenizer.chat_template == GEMMA.jinja and model.get_input_embeddings().weight.shape[0] >= len(tokenizer)


def test_a_masked_sample_is_shown_before_the_first_step(whole: tuple[Path, Heard]) -> None:
    ((spans,), heard) = whole[1].samples[:1], whole[1]
    call, answer = trained_segments(spans)
    assert call.startswith("[TOOL_CALLS]") and answer.endswith("<end_of_turn>")
    assert len(heard.samples) == 1


def test_an_interrupted_training_goes_on_to_the_same_weights(whole: tuple[Path, Heard], base: str, corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "adapter"

    def press(metrics: dict[str, Any]) -> None:
        if metrics == {"step": 3}:
            signal.raise_signal(signal.SIGINT)

    heard = Heard(press)
    with pytest.raises(KeyboardInterrupt):
        train(planned(base, corpus, out), heard, save_steps=2)
    assert not (out / "training.json").exists()
    assert any("saved after step" in note and "the same command goes on" in note for note in heard.notes)
    again = Heard()
    train(planned(base, corpus, out), again, save_steps=2)
    assert any("going on after step" in note for note in again.notes) and again.began[1] >= 3
    expected = tensors(whole[0])
    found = tensors(out)
    assert set(found) == set(expected)
    for name, tensor in expected.items():
        assert torch.equal(found[name], tensor), name
    steps = [line["step"] for line in read_metrics(out) if "loss" in line]
    assert steps == sorted(set(steps))


def test_a_training_is_not_gone_on_with_under_other_settings(base: str, corpus: Path, tmp_path: Path) -> None:
    def press(metrics: dict[str, Any]) -> None:
        if metrics == {"step": 1}:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train(planned(base, corpus, tmp_path), Heard(press), save_steps=1)
    with pytest.raises(BadInput, match=r"another training was begun in this folder: train\.lora differ"):
        train(planned(base, corpus, tmp_path, "lora.r=8"), Heard())


@pytest.mark.slow
def test_accumulated_steps_learn_the_same(base: str, corpus: Path, tmp_path: Path) -> None:
    found = []
    for name, changes in (("at_once", ("batch=4",)), ("piecemeal", ("batch=1", "accumulate=4"))):
        train(planned(base, corpus, tmp_path / name, "lora.dropout=0", *changes), Heard())
        found.append(tensors(tmp_path / name))
    for name, tensor in found[0].items():
        torch.testing.assert_close(found[1][name], tensor, atol=2e-3, rtol=1e-2, msg=name)


@pytest.mark.slow
def test_two_processes_learn_what_one_learns(base: str, corpus: Path, tmp_path: Path) -> None:
    options = ["--base", base, "--epochs", "1", "--set", "lora.r=4", "--set", "learning_rate=0.01"]
    found = []
    for processes, batch in ((1, 4), (2, 2)):
        out = tmp_path / str(processes)
        launch = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}", "-m"] if processes > 1 else ["-m"]
        command = [sys.executable, *launch, "gen", "train", str(corpus), "--out", str(out), *options, "--set", f"batch={batch}"]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("trained tokens") == 1
        found.append((tensors(out), [line["loss"] for line in read_metrics(out) if "loss" in line]))
    (one, losses), (two, their_losses) = found
    assert len(losses) >= 2 and their_losses == pytest.approx(losses, abs=1e-3)
    for name, tensor in one.items():
        torch.testing.assert_close(two[name], tensor, atol=2e-3, rtol=1e-2, msg=name)


FSDP = {
    "ACCELERATE_USE_FSDP": "true",
    "FSDP_VERSION": "2",
    "FSDP_RESHARD_AFTER_FORWARD": "true",
    "FSDP_AUTO_WRAP_POLICY": "TRANSFORMER_BASED_WRAP",
    "FSDP_TRANSFORMER_CLS_TO_WRAP": "Gemma2DecoderLayer",
    "FSDP_STATE_DICT_TYPE": "FULL_STATE_DICT",
    "FSDP_CPU_RAM_EFFICIENT_LOADING": "false",
}


@pytest.mark.slow
def test_fsdp_is_interrupted_goes_on_and_learns_what_one_process_learns(base: str, corpus: Path, tmp_path: Path) -> None:
    """Every process stops after the same step, though each heard of it at another moment; what each had a part of is saved whole."""
    train(planned(base, corpus, tmp_path / "one", "batch=4", "lora.dropout=0"), Heard())
    out, script = tmp_path / "two", str(ROOT / "tests" / "fsdp_on_cpu.py")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", script, "train", str(corpus)]
    command += ["--base", base, "--out", str(out), "--epochs", "2", "--set", "batch=2", "--set", "lora.r=4", "--set", "learning_rate=0.01"]
    environment = os.environ | FSDP | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("step 0"):
                process.send_signal(signal.SIGINT)
        told = process.wait()
    assert told != 0 and not (out / "training.json").exists()
    (checkpoint,) = (out / ".work" / "checkpoints").glob("checkpoint-*")
    again = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert again.returncode == 0, again.stderr
    assert f"going on after step {checkpoint.name.removeprefix('checkpoint-')}" in again.stderr
    one, two = tensors(tmp_path / "one"), tensors(out)
    assert set(one) == set(two)
    for name, tensor in one.items():
        torch.testing.assert_close(two[name], tensor, atol=2e-3, rtol=1e-2, msg=name)


def test_errors_come_before_any_long_work(base: str, corpus: Path, tmp_path: Path) -> None:
    held_out = write_corpus(tmp_path / "test.jsonl", train=0)
    with pytest.raises(BadInput, match="no split 'train'"):
        planned(base, held_out, tmp_path / "a")
    with pytest.raises(BadInput, match="12 rows cannot be trained on"):
        planned(base, corpus, tmp_path / "a", "max_length=64")
    with pytest.raises(BadInput, match="unknown key"):
        planned(base, corpus, tmp_path / "a", "lora.rank=4")
    with pytest.raises(BadInput, match="no folder"):
        planned(str(tmp_path / "nowhere"), corpus, tmp_path / "a")
    assert not (tmp_path / "a").exists()


def test_rows_that_are_left_out_are_listed(base: str, corpus: Path, tmp_path: Path) -> None:
    lengths = sorted(len(one.input_ids) for one in planned(base, corpus, tmp_path).rows.examples)
    settings = settings_of({"base": base}, changes=[f"max_length={lengths[-1] - 1}", "epochs=0.1", "lora.r=4"])
    work = plan(corpus, tmp_path / "out", GEMMA, settings, skip_bad=True)
    train(work, Heard())
    lines = [json.loads(line) for line in (tmp_path / "out" / "rejected.jsonl").read_text().splitlines()]
    assert lines and lines[0]["tokens"] == lengths[-1] and lines[0]["id"].startswith("r")
    assert about_adapter(tmp_path / "out")["left_out"] == len(lines)


def test_full_memory_says_what_to_lower(base: str, corpus: Path, tmp_path: Path) -> None:
    def full(metrics: dict[str, Any]) -> None:
        if metrics == {"step": 1}:
            raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(OutsideFailed, match=r"batch=1 --set accumulate=2"):
        train(planned(base, corpus, tmp_path), Heard(full))
