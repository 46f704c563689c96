"""The Gemmas, each trained and merged: those with tool tokens of their own get none of ours, and plain LoRA."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from tiny_models import build_model
from training_rows import Heard, write_corpus

from gen.errors import BadInput
from gen.rendering.templates import template_named
from gen.training.adapter import load_adapter, merge
from gen.training.base import load_model
from gen.training.plan import plan
from gen.training.run import train
from gen.training.settings import settings_of

IDS = torch.arange(6, 60)[None]


def gemma3(folder: Path, template: str) -> Path:
    """A tiny Gemma 3 whose tokenizer has what every model of this template has."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    build_model(folder, "gemma3")
    return with_tokens(folder, template, AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder))


def gemma4(folder: Path, template: str) -> Path:
    """A tiny Gemma 4, whose every layer has an embedding of its own."""
    from transformers import AutoTokenizer, Gemma4ForCausalLM, Gemma4TextConfig

    tokenizer = AutoTokenizer.from_pretrained(build_model(folder, "gemma3"))
    config = Gemma4TextConfig(
        vocab_size=len(tokenizer), vocab_size_per_layer_input=len(tokenizer), hidden_size=64, hidden_size_per_layer_input=16,
        intermediate_size=128, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, head_dim=16, global_head_dim=16,
        num_kv_shared_layers=0, layer_types=["sliding_attention", "full_attention"], sliding_window=64, max_position_embeddings=4096,
        pad_token_id=tokenizer.pad_token_id, bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id,
    )  # fmt: skip
    torch.manual_seed(0)
    return with_tokens(folder, template, Gemma4ForCausalLM(config), tokenizer)


def with_tokens(folder: Path, template: str, model: Any, tokenizer: Any) -> Path:
    tokenizer.add_tokens(list(template_named(template).control_tokens), special_tokens=True)
    model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(("build", "template"), [(gemma3, "functiongemma"), (gemma4, "gemma-4")])
def test_a_base_with_tool_tokens_of_its_own_is_trained_and_merged(tmp_path: Path, build: Any, template: str) -> None:
    base, out = build(tmp_path / "base", template), tmp_path / "out"
    settings = settings_of({"base": str(base)}, changes=["lora.r=4", "epochs=1", "batch=4", "learning_rate=0.01", "held_out=0"])
    work = plan(write_corpus(tmp_path / "rows.jsonl"), out, template_named(template), settings)
    assert work.added == ()
    train(work, Heard())
    with safe_open(out / "adapter_model.safetensors", "pt") as file:
        names = list(file.keys())
    assert names and all(name.endswith(("lora_A.weight", "lora_B.weight")) for name in names)
    merge(out, tmp_path / "merged")
    adapter, _ = load_adapter(out)
    plain = load_model(str(tmp_path / "merged"), torch.float32)
    with torch.no_grad():
        torch.testing.assert_close(plain.eval()(input_ids=IDS).logits, adapter.eval()(input_ids=IDS).logits, atol=1e-5, rtol=1e-5)


def test_a_base_with_an_embedding_in_every_layer_takes_no_new_tokens(tmp_path: Path) -> None:
    base = gemma4(tmp_path / "base", "gemma-4")
    settings = settings_of({"base": str(base)}, changes=["epochs=1", "held_out=0"])
    with pytest.raises(BadInput, match="every layer has its own embedding"):
        train(plan(write_corpus(tmp_path / "rows.jsonl"), tmp_path / "out", template_named("gemma"), settings), Heard())
