"""The new control tokens of a template in a model: rows for them in its embedding, begun from what their names mean.

Works on a model and a tokenizer that someone else loaded. What comes out depends on nothing but these two, so a model grown
for training and one grown for an adapter have the same rows.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from gen.errors import BadInput

if TYPE_CHECKING:
    from torch import Tensor

MULTIPLE = 64
"""Vocabularies are grown to a multiple of this: products with odd sizes are slow on a GPU."""


def meaning(token: str) -> str:
    """What a control token is about, in words: ``[/TOOL_RESULTS]`` → ``end of tool results``."""
    words = " ".join(re.findall(r"[^\W_]+", token)).lower()
    return f"end of {words}" if "/" in token else words or token


def grow(model: Any, tokenizer: Any, added: Sequence[str]) -> tuple[int, ...]:
    """Give the model a row for each token of its tokenizer, and begin those of ``added``; their ids.

    A new row is the mean of the rows of the words that the token is about; a row that no token has is the mean of all.
    Raises BadInput for a model with embeddings of its own in every layer, of which new rows would stay as they are.
    """
    ids = tuple(tokenizer.convert_tokens_to_ids(list(added)))
    if added and _has_layer_embeddings(model):
        raise BadInput(
            f"the tokenizer lacks {' '.join(added)}, and this model cannot learn new tokens: every layer has its own embedding",
            hint="choose a template of its own tokens: --template gemma-4",
        )
    before = model.get_input_embeddings().weight.shape[0]
    if len(tokenizer) > before:
        model.resize_token_embeddings(-(-len(tokenizer) // MULTIPLE) * MULTIPLE, mean_resizing=False)
    texts = [tokenizer(meaning(token), add_special_tokens=False)["input_ids"] for token in added]
    for weight in weights(model):
        _begin(weight, before, ids, texts)
    return ids


def weights(model: Any) -> list[Tensor]:
    """The matrices with a row for each token: the embedding, and the head where it is another."""
    found: list[Tensor] = [model.get_input_embeddings().weight]
    head = model.get_output_embeddings()
    if head is not None and head.weight is not found[0]:
        found.append(head.weight)
    return found


def _begin(weight: Tensor, before: int, ids: Sequence[int], texts: Sequence[Sequence[int]]) -> None:
    import torch

    with torch.no_grad():
        known = weight[:before].float()
        weight[before:] = known.mean(0).to(weight.dtype)
        for number, text in zip(ids, texts, strict=True):
            weight[number] = known[list(text)].mean(0).to(weight.dtype)


def _has_layer_embeddings(model: Any) -> bool:
    return bool(getattr(model.config.get_text_config(), "hidden_size_per_layer_input", 0))
