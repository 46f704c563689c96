"""Adapters: what is in the folder and nothing else, back again exactly, merged into the same model, never on another base."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from tiny_models import Kind, build_model

from gen.errors import BadInput
from gen.rendering.templates import template_named
from gen.training.adapter import ABOUT, BESIDE, load_adapter, merge, save_adapter, with_lora
from gen.training.base import Base, base_tokenizer, open_base

GEMMA = template_named("gemma")
IDS = torch.arange(6, 90)[None]


def changed_adapter(folder: Path, base: Base, about: dict[str, Any] | None = None) -> Any:
    """An adapter whose every weight differs from how it began, saved."""
    model = with_lora(base, r=4, alpha=8)
    torch.manual_seed(3)
    with torch.no_grad():
        for name, part in model.named_parameters():
            if part.requires_grad:
                part.add_(torch.randn_like(part) * (0.5 if "token" in name else 0.05))
    told = {"base": base.name, "fingerprint": base.fingerprint, "added_tokens": list(base.added), "ends": ["<end_of_turn>"]}
    save_adapter(model, base.tokenizer, folder, told | (about or {}))
    return model.eval()


@pytest.fixture(scope="module", params=["gemma2", "llama"])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Base, Any]:
    kind: Kind = request.param
    folder = tmp_path_factory.mktemp(kind)
    name = str(build_model(folder / "model", kind))
    base = open_base(name, *base_tokenizer(name, GEMMA))
    return folder / "adapter", base, changed_adapter(folder / "adapter", base)


def test_an_adapter_holds_lora_factors_and_the_new_rows_and_nothing_else(made: tuple[Path, Base, Any]) -> None:
    folder, base, _ = made
    with safe_open(folder / "adapter_model.safetensors", "pt") as file:
        shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118 - a safe_open is no dict
    layers = base.model.config.num_hidden_layers
    tied = base.model.config.tie_word_embeddings
    factors = {name for name in shapes if name.endswith(("lora_A.weight", "lora_B.weight"))}
    assert len(factors) == layers * 7 * 2
    rows = {name: shape for name, shape in shapes.items() if name not in factors}
    assert all("token_adapter.trainable_tokens_delta" in name for name in rows)
    assert list(rows.values()) == [(len(base.rows), base.model.config.hidden_size)] * (1 if tied else 2)


def test_only_the_new_rows_learn(made: tuple[Path, Base, Any]) -> None:
    _, base, model = made
    trained = {name: part for name, part in model.named_parameters() if part.requires_grad}
    assert all("lora_" in name or "trainable_tokens_delta" in name for name in trained)
    embedding = model.get_input_embeddings()
    others = [row for row in range(embedding.weight.shape[0]) if row not in base.rows]
    inside = embedding.token_adapter
    merged = inside.get_merged_weights(["default"])
    assert torch.equal(merged[others], inside.base_layer.weight[others])
    assert not torch.equal(merged[list(base.rows)], inside.base_layer.weight[list(base.rows)])


def test_an_adapter_comes_back_exactly_and_merges_exactly(made: tuple[Path, Base, Any], tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder, _, model = made
    expected = model(input_ids=IDS).logits
    loaded, tokenizer = load_adapter(folder)
    assert torch.equal(loaded.eval()(input_ids=IDS).logits, expected)
    merge(folder, tmp_path / "merged")
    plain = AutoModelForCausalLM.from_pretrained(tmp_path / "merged", attn_implementation="eager").eval()
    torch.testing.assert_close(plain(input_ids=IDS).logits, expected, atol=1e-5, rtol=1e-5)
    again = AutoTokenizer.from_pretrained(tmp_path / "merged")
    assert again.chat_template == tokenizer.chat_template == GEMMA.jinja
    assert again.response_template == GEMMA.response
    assert again.convert_tokens_to_ids("<end_of_turn>") in plain.generation_config.eos_token_id


def test_an_adapter_is_never_put_on_another_base(made: tuple[Path, Base, Any], tmp_path: Path) -> None:
    folder, _, _ = made
    other = build_model(tmp_path / "other", "gemma3")
    with pytest.raises(BadInput, match="is not the base that this adapter was trained on"):
        load_adapter(folder, base=str(other))


def test_a_base_may_lie_beside_its_adapter(tmp_path: Path) -> None:
    name = str(build_model(tmp_path / "adapter" / "base"))
    base = open_base(name, *base_tokenizer(name, GEMMA))
    model = changed_adapter(tmp_path / "adapter", base, {"base": BESIDE})
    (tmp_path / "adapter").rename(tmp_path / "moved")
    loaded, _ = load_adapter(tmp_path / "moved")
    assert torch.equal(loaded.eval()(input_ids=IDS).logits, model(input_ids=IDS).logits)


def test_an_unfinished_adapter_is_none(made: tuple[Path, Base, Any], tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no finished adapter"):
        load_adapter(tmp_path)
    (tmp_path / ABOUT).write_text(json.dumps({"base": "x"}))
    with pytest.raises(BadInput, match="does not say which base"):
        load_adapter(tmp_path)


def test_nothing_is_merged_over(made: tuple[Path, Base, Any], tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(BadInput, match="nothing was written"):
        merge(made[0], tmp_path)
