"""A look at the model before anything is trained: whether the loss that we compute is its own, and whether rows stay apart.

Models that scale their logits, or take no positions, would learn something else without a word. A few tokens tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from gen.errors import BadInput
from gen.training.data import Example
from gen.training.packing import collate

FEW = 48
"""Tokens of each row that are looked at."""

CLOSE, CLOSE_IN_HALF = 1e-3, 3e-2
"""How far two losses may be apart, in shares: in float32, and in bfloat16."""


def require_agreement(model: Any, examples: Sequence[Example], *, packing: bool) -> None:
    """Raises BadInput for a model whose own loss is another, or which sees one row from another in a bin."""
    import torch

    device = next(model.parameters()).device
    some = [_beginning(example) for example in examples[:2]]

    def loss(rows: Sequence[Example], *, summed: bool = True) -> float:
        width = sum(len(row.input_ids) for row in rows)
        batch = {name: part.to(device) for name, part in collate([tuple(rows)], width, 0).items()}
        tokens = width - len(rows)
        return float(model(**batch, **({"summed": True} if summed else {}))["loss"]) * tokens

    was_training = model.training
    model.eval()
    with torch.no_grad():
        one, own = loss(some[:1]), loss(some[:1], summed=False)
        both, apart = loss(some), sum(loss([row]) for row in some)
    model.train(was_training)
    close = CLOSE if model.get_input_embeddings().weight.dtype == torch.float32 and device.type == "cpu" else CLOSE_IN_HALF
    if abs(one - own) > close * abs(own):
        raise BadInput(f"this model computes its logits in a way that fcgen does not know: its loss is {own:.4f}, ours {one:.4f}")
    if packing and abs(both - apart) > close * abs(apart):
        raise BadInput("this model does not keep packed rows apart", hint="--set packing=false trains each row by itself")


def _beginning(example: Example) -> Example:
    ids = example.input_ids[:FEW]
    return replace(example, input_ids=ids, labels=ids, calls=())
