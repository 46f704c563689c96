"""The loss of the trained tokens, without the logits of all tokens: a vocabulary of 256,000 would fill any memory.

The head sees trained positions only, some at a time; gradients are made in the same pass, so that no logits are kept. Gemma's
soft-capping is part of it. ``teach_loss`` puts it into a model's own ``forward``, where DDP, FSDP and peft find it.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from types import MethodType
from typing import Any

import torch
from torch import Tensor

from gen.rendering.tokens import UNTRAINED
from gen.training.sharding import whole

LOGITS = {"cuda": 1 << 30, "cpu": 1 << 26}
"""Bytes of logits (float32) that are there at a time."""


@dataclass(frozen=True, slots=True)
class Head:
    """The matrix that makes logits of hidden states. ``values`` stand in for its ``rows``: those are trained, the rest is not."""

    weight: Tensor
    rows: Tensor | None = None
    values: Tensor | None = None


def head_of(model: Any) -> Head:
    """The head of a causal language model, with the rows that peft trains of it."""
    head = model.get_output_embeddings()
    adapter = getattr(head, "token_adapter", None)
    if adapter is None:
        return Head(whole(head.weight))
    weight = whole(adapter.base_layer.weight)
    if adapter.disable_adapters or adapter.merged or not adapter.active_adapters:
        return Head(weight)
    name = adapter.active_adapters[0]
    rows = torch.tensor(adapter.token_indices[name], device=weight.device)
    return Head(weight, rows, whole(adapter.trainable_tokens_delta[name]))


def summed_loss(hidden: Tensor, labels: Tensor, head: Head, *, softcap: float | None = None, judge: bool = False) -> tuple[Tensor, Tensor]:
    """The sum of the losses of these positions, and for each whether its label is the likeliest token (empty unless ``judge``)."""
    budget = LOGITS["cuda" if hidden.is_cuda else "cpu"]
    chunk = max(16, budget // (4 * head.weight.shape[0]))
    loss, right = _SummedLoss.apply(hidden, head.weight, head.rows, head.values, labels, softcap, chunk, judge)  # type: ignore[no-untyped-call]  # torch has no types here
    return loss, right


class _SummedLoss(torch.autograd.Function):
    """Cross entropy, summed, chunk by chunk, with the gradients of hidden states and trained rows made on the way."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        rows: Tensor | None,
        values: Tensor | None,
        labels: Tensor,
        softcap: float | None,
        chunk: int,
        judge: bool,
    ) -> tuple[Tensor, Tensor]:
        wants_hidden, wants_rows = ctx.needs_input_grad[0], values is not None and ctx.needs_input_grad[3]
        own = None if values is None else values.to(hidden.dtype)
        loss = torch.zeros((), dtype=torch.float32, device=hidden.device)
        right = torch.empty(len(labels) if judge else 0, dtype=torch.bool, device=hidden.device)
        of_hidden = torch.empty_like(hidden) if wants_hidden else None
        of_rows = torch.zeros(values.shape, dtype=torch.float32, device=hidden.device) if values is not None and wants_rows else None
        for start in range(0, len(labels), chunk):
            part, wanted = hidden[start : start + chunk], labels[start : start + chunk]
            logits = _logits(part, weight, rows, own)
            slope = _cap(logits, softcap) if softcap else None
            if judge:
                right[start : start + chunk] = logits.argmax(-1) == wanted
            total = torch.logsumexp(logits, -1)
            loss += (total - logits.gather(1, wanted[:, None])[:, 0]).sum()
            if not (wants_hidden or wants_rows):
                continue
            gradient = logits.sub_(total[:, None]).exp_()
            gradient[torch.arange(len(wanted), device=hidden.device), wanted] -= 1
            if slope is not None:
                gradient *= slope
            told = gradient.to(hidden.dtype)
            if of_rows is not None:
                of_rows += (told[:, rows].t() @ part).float()
            if of_hidden is not None:
                of_hidden[start : start + chunk] = _back(told, weight, rows, own)
        ctx.save_for_backward(of_hidden, of_rows)
        ctx.mark_non_differentiable(right)
        return loss, right

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> Any:
        of_hidden, of_rows = ctx.saved_tensors
        scale = outer[0]
        hidden = None if of_hidden is None else of_hidden * scale.to(of_hidden.dtype)
        return hidden, None, None, None if of_rows is None else of_rows * scale, None, None, None, None


def _logits(hidden: Tensor, weight: Tensor, rows: Tensor | None, values: Tensor | None) -> Tensor:
    logits = (hidden @ weight.t()).float()
    if rows is not None and values is not None:
        logits[:, rows] = (hidden @ values.t()).float()
    return logits


def _cap(logits: Tensor, softcap: float) -> Tensor:
    """Caps logits in place; how steep the cap is at each."""
    bent = torch.tanh(logits.div_(softcap))
    torch.mul(bent, softcap, out=logits)
    return bent.square_().neg_().add_(1)


def _back(gradient: Tensor, weight: Tensor, rows: Tensor | None, values: Tensor | None) -> Tensor:
    if rows is None or values is None:
        return gradient @ weight
    of_values = gradient[:, rows]
    gradient[:, rows] = 0
    return gradient @ weight + of_values @ values


def teach_loss(model: Any) -> None:
    """Give a causal language model a ``forward(..., summed=True)`` that returns the loss of the trained tokens, and no logits.

    Must be done before peft wraps the model, so that whatever wraps it later still goes through ``forward``.
    """
    plain = model.forward
    softcap = getattr(model.config.get_text_config(), "final_logit_softcapping", None)

    @functools.wraps(type(model).forward)
    def forward(self: Any, *args: Any, summed: bool = False, judge: bool = False, labels: Tensor | None = None, **more: Any) -> Any:
        if not summed or labels is None:
            return plain(*args, **(more if labels is None else more | {"labels": labels}))
        count = more.pop("num_items_in_batch", None)
        hidden = self.base_model(*args, **more | {"use_cache": False}).last_hidden_state
        trained = labels[:, 1:] != UNTRAINED
        loss, right = summed_loss(hidden[:, :-1][trained], labels[:, 1:][trained], head_of(self), softcap=softcap, judge=judge)
        tokens = trained.sum()
        return {"loss": loss / (tokens.clamp(min=1) if count is None else count), "sum": loss.detach(), "tokens": tokens, "right": right}

    model.forward = MethodType(forward, model)
