"""The tiny base learns to call: recipe to score with the product's own defaults, on conversations that it has not seen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import Fcgen


@pytest.mark.slow
def test_the_tiny_base_learns_to_call(fcgen: Fcgen, tmp_path: Path) -> None:
    """Minutes: the only test that sees a model learn what a corpus teaches. Before LoRA no held-out call is exact, after it 9 of 10 are."""
    made = fcgen("synth", "--recipe", "tiny")
    assert made.returncode == 0, made.stderr
    done = fcgen("train", "corpora/tiny", "--base", "tiny", timeout=1800)
    assert done.returncode == 0, done.stderr
    about = json.loads((tmp_path / "adapters" / "tiny" / "training.json").read_text("utf-8"))
    lines = [json.loads(line) for line in (tmp_path / "adapters" / "tiny" / "metrics.jsonl").read_text("utf-8").splitlines()]
    assert next(line["exact_calls"] for line in lines if "exact_calls" in line) == 0
    assert about["held_out_calls"] >= 30 and about["call_exactness"] >= 0.9
    scored = fcgen("score", "corpora/tiny", "--no-guard", "--json", timeout=600)
    assert scored.returncode == 0, scored.stderr
    metrics = json.loads(scored.stdout)["scores"]["overall"]["metrics"]
    assert metrics["call_accuracy"]["share"] >= 0.9 and metrics["over_calling"]["share"] <= 0.1
