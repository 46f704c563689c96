"""A base in four bits: refused where it cannot be, and the whole way where bitsandbytes is installed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tiny_models import build_model
from training_rows import Heard, write_corpus

from gen.errors import BadInput
from gen.recipe import Train
from gen.rendering.templates import template_named
from gen.training import plan, quantized, run
from gen.training.adapter import about_adapter, load_adapter, merge
from gen.training.base import load_model
from gen.training.settings import settings_of
from gen.training.weights import fingerprint_of

GEMMA = template_named("gemma")


def settings(base: Path | str) -> Train:
    return settings_of({"base": str(base)}, changes=["quantize=4bit", "lora.r=4", "epochs=2", "batch=2", "learning_rate=0.01"])


def test_without_a_gpu_it_is_refused_before_anything_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(BadInput, match="trained on a GPU, and there is none"):
        plan.plan(tmp_path / "nothing", tmp_path / "out", GEMMA, settings("nowhere"))


def test_a_missing_package_is_named_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(quantized, "PACKAGE", "no_package_of_this_name")
    with pytest.raises(BadInput, match="hint: pip install no_package_of_this_name"):
        quantized.require_quantization()


def test_a_base_that_is_stored_quantised_is_refused(tmp_path: Path) -> None:
    config = json.loads((build_model(tmp_path) / "config.json").read_text())
    config["quantization_config"] = {"quant_method": "bitsandbytes", "load_in_4bit": True}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(BadInput, match="stored quantised"):
        load_model(str(tmp_path), torch.float32)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of a library that is not ours, on a device that it is not made for
def test_the_whole_way_in_four_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("bitsandbytes", reason="bitsandbytes is not installed")
    monkeypatch.setattr(plan, "require_quantization", lambda: None)  # tiny models in four bits go on a processor too
    base, corpus, out = build_model(tmp_path / "base"), write_corpus(tmp_path / "rows.jsonl"), tmp_path / "out"
    heard = Heard()
    run.train(plan.plan(corpus, out, GEMMA, settings(base)), heard)
    losses = [step["loss"] for step in heard.steps if "loss" in step]
    assert losses[-1] < losses[0]
    about = about_adapter(out)
    assert about["fingerprint"] == fingerprint_of(str(base)) and about["precision"] == "bfloat16"
    kinds = {name.rpartition(".")[2] if "token" in name else "lora" for name in load_file(out / "adapter_model.safetensors")}
    assert kinds == {"lora", "trainable_tokens_delta"}
    four, _ = load_adapter(out, quantize=True)
    plain, _ = load_adapter(out)
    assert four.base_model.model.model.layers[0].self_attn.q_proj.base_layer.weight.dtype == torch.uint8
    assert plain.base_model.model.model.layers[0].self_attn.q_proj.base_layer.weight.dtype == torch.float32
    ids = torch.arange(6, 90)[None]
    merge(out, tmp_path / "merged", precision="float32")
    merged = load_model(str(tmp_path / "merged"), torch.float32)
    torch.testing.assert_close(merged(input_ids=ids).logits, plain.eval()(input_ids=ids).logits, atol=1e-4, rtol=1e-4)
