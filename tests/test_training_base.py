"""A base for training: new tokens with rows of their own, the right attention, and errors before any weights are read."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from tiny_models import build_model

from gen.errors import BadInput
from gen.rendering.templates import template_named
from gen.training.base import attention_of, base_tokenizer, load_model, open_base
from gen.training.tokens import meaning, weights
from gen.training.weights import INDEX, fingerprint_of, require_weights

GEMMA = template_named("gemma")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_model(tmp_path_factory.mktemp("base"))


def test_new_tokens_begin_as_the_mean_of_the_words_that_they_are_about(folder: Path) -> None:
    tokenizer, added = base_tokenizer(str(folder), GEMMA)
    plain = load_model(str(folder), torch.float32)
    before = plain.get_input_embeddings().weight.detach().clone()
    base = open_base(str(folder), tokenizer, added)
    assert added == GEMMA.added_tokens
    after = base.model.get_input_embeddings().weight
    for token, row in zip(added, base.rows, strict=True):
        words = tokenizer(meaning(token), add_special_tokens=False)["input_ids"]
        torch.testing.assert_close(after[row], before[words].mean(0))
    assert torch.equal(after[: len(before)], before)
    assert after.shape[0] % 64 == 0
    torch.testing.assert_close(after[-1], before.mean(0), atol=1e-6, rtol=1e-4)
    again = open_base(str(folder), *base_tokenizer(str(folder), GEMMA))
    assert torch.equal(again.model.get_input_embeddings().weight, after)


def test_a_head_that_is_not_the_embedding_gets_rows_too(tmp_path: Path) -> None:
    name = str(build_model(tmp_path, "llama"))
    base = open_base(name, *base_tokenizer(name, GEMMA))
    assert len(weights(base.model)) == 2
    head = base.model.get_output_embeddings().weight
    assert len({tuple(head[row].tolist()) for row in base.rows}) == len(base.rows)


def test_meanings_are_words() -> None:
    assert meaning("[/TOOL_RESULTS]") == "end of tool results"
    assert meaning("<tool_call>") == "tool call"
    assert meaning("<|>") == "<|>"


def test_attention_that_drops_soft_capping_is_refused(folder: Path) -> None:
    config = load_model(str(folder), torch.float32).config
    assert attention_of(config) == "eager"
    with pytest.raises(BadInput, match="soft-capping"):
        attention_of(config, "sdpa")


def test_the_fingerprint_tells_models_apart_and_not_precisions(folder: Path, tmp_path: Path) -> None:
    one = fingerprint_of(str(folder))
    load_model(str(folder), torch.bfloat16).save_pretrained(tmp_path / "half")
    load_model(str(folder), torch.float32).save_pretrained(tmp_path / "shards", max_shard_size="200KB")
    assert (tmp_path / "shards" / INDEX).is_file()
    assert fingerprint_of(str(tmp_path / "half")) == fingerprint_of(str(tmp_path / "shards")) == one
    other = load_model(str(folder), torch.float32)
    with torch.no_grad():
        other.model.layers[2].mlp.up_proj.weight.mul_(1.5)
    other.save_pretrained(tmp_path / "other")
    assert fingerprint_of(str(tmp_path / "other")) != one


def test_what_is_no_base_is_refused_before_weights_are_read(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no folder"):
        require_weights(str(tmp_path / "nowhere"))
    shutil.copy(folder / "config.json", tmp_path)
    with pytest.raises(BadInput, match="no weights"):
        require_weights(str(tmp_path))
    with pytest.raises(BadInput, match=r"no tokenizer\.json"):
        base_tokenizer(str(tmp_path), GEMMA)
    (tmp_path / "config.json").rename(tmp_path / "adapter_config.json")
    with pytest.raises(BadInput, match="is an adapter"):
        require_weights(str(tmp_path))


def test_a_base_of_another_family_is_told_which_tokens_it_lacks(folder: Path) -> None:
    with pytest.raises(BadInput, match="im_start"):
        base_tokenizer(str(folder), template_named("qwen3"))
