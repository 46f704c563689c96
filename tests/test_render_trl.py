"""``fcgen render --format trl``: TRL trains on the folder by the program that its README shows, on our ids and labels and with our loss."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import torch
from conftest import Fcgen
from tiny_models import build_model
from training_rows import write_corpus

from gen.corpus.trl_export import program
from gen.training.loss import head_of, summed_loss


@pytest.fixture
def export(fcgen: Fcgen, tmp_path: Path) -> Path:
    corpus, base = write_corpus(tmp_path / "rows.jsonl"), build_model(tmp_path / "base")
    folder = tmp_path / "for-trl"
    done = fcgen("render", str(corpus), "--format", "trl", "--out", f"{folder}/", "--tokenizer", str(base), "--add-tokens")
    assert done.returncode == 0, done.stderr
    return folder


def readme_program(export: Path) -> str:
    (shown,) = re.findall(r"```python\n(.*?)```", (export / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    return str(shown)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # TRL and peft about each other
def test_trl_trains_on_what_was_rendered_and_cuts_nothing(export: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shown = readme_program(export).removesuffix("trainer.train()\n")
    # a processor computes in float32, all rows are one batch and seen once
    shown = shown.replace('"bfloat16"', '"float32"')
    more = (
        "bf16=False, use_cpu=True, per_device_train_batch_size=12, num_train_epochs=1, logging_steps=1, report_to='none', disable_tqdm=True"
    )
    shown = shown.replace("max_length=None", f"max_length=None, {more}")
    made: dict[str, Any] = {}
    exec(shown, made)
    trainer = made["trainer"]
    expected = pq.read_table(export / "train.parquet").to_pylist()
    batch = next(iter(trainer.get_train_dataloader()))
    assert given(batch) == sorted((row["input_ids"], row["labels"]) for row in expected)
    ours = our_loss(made["model"], batch)
    trainer.train()
    assert trainer.state.log_history[0]["loss"] == pytest.approx(ours, abs=1e-4)
    assert trainer.state.global_step == 1


def given(batch: Any) -> list[tuple[list[int], list[int]]]:
    """The rows of a batch without their padding, in order."""
    rows = []
    for ids, labels, seen in zip(batch["input_ids"], batch["labels"], batch["attention_mask"], strict=True):
        rows.append((ids[seen.bool()].tolist(), labels[seen.bool()].tolist()))
    return sorted(rows)


def our_loss(model: Any, batch: Any) -> float:
    inner = model.base_model.model
    with torch.no_grad():
        hidden = inner.model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).last_hidden_state
        trained = batch["labels"][:, 1:] != -100
        softcap = inner.config.final_logit_softcapping
        loss, _ = summed_loss(hidden[:, :-1][trained], batch["labels"][:, 1:][trained], head_of(inner), softcap=softcap)
    return float(loss / trained.sum())


@pytest.mark.slow
def test_the_folder_is_read_back_and_replaced(export: Path, fcgen: Fcgen, tmp_path: Path) -> None:
    assert pq.read_table(export / "train.parquet").column_names == ["input_ids", "labels"]
    parsed = fcgen("parse", str(export), "--tokenizer", str(export / "tokenizer"))
    assert parsed.returncode == 0, parsed.stderr
    assert "retrieve_payment_status" in parsed.stdout
    assert fcgen("render", str(tmp_path / "rows.jsonl"), "--out", f"{export}/").returncode == 0
    assert not (export / "tokenizer").exists()


def test_it_needs_a_tokenizer_and_a_folder(fcgen: Fcgen, tmp_path: Path) -> None:
    done = fcgen("render", str(write_corpus(tmp_path / "rows.jsonl")), "--format", "trl", "--out", "x/")
    assert done.returncode == 2 and "--format trl needs --tokenizer" in done.stderr


def test_a_base_that_knows_all_tokens_is_trained_without_detours() -> None:
    plain, grown = program("rows", "me/base", ()), program("rows", "me/base", ("[TOOL_CALLS]",))
    assert "resize_token_embeddings" not in plain and "bias" not in plain
    assert "['[TOOL_CALLS]']" in grown and "register_parameter" in grown
    for text in (plain, grown):
        compile(text, "README.md", "exec")
