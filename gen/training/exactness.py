"""How much of held-out rows a model has learned, without generating: every token is judged with the right ones before it.

A call counts as exact where each of its tokens is the likeliest; that is what greedy decoding would have said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gen.conversation import JsonObject
from gen.rendering.tokens import UNTRAINED
from gen.training.data import Example
from gen.training.packing import Bin, collate, packed


@dataclass(frozen=True, slots=True)
class Judged:
    """Numbers of held-out rows: loss of a trained token, and how many calls were exact."""

    loss: float
    calls: int
    exact: int

    @property
    def share(self) -> float | None:
        """The share of calls that were exact; None where there are none."""
        return self.exact / self.calls if self.calls else None

    def to_wire(self) -> JsonObject:
        return {"held_out_loss": round(self.loss, 6), "held_out_calls": self.calls, "exact_calls": self.exact, "call_exactness": self.share}


def judged(model: Any, examples: Sequence[Example], *, width: int, batch: int, padding: int) -> Judged:
    """Look at these rows with a model that ``teach_loss`` has taught. The model's mode is left as it was."""
    import torch

    device = next(model.parameters()).device
    bins = packed(examples, width)
    loss, tokens, exact = 0.0, 0, 0
    was_training = model.training
    model.eval()
    with torch.no_grad():
        for start in range(0, len(bins), batch):
            some = bins[start : start + batch]
            inputs = {name: part.to(device) for name, part in collate(some, width, padding).items()}
            with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
                out = model(**inputs, summed=True, judge=True)
            loss += float(out["sum"])
            tokens += int(out["tokens"])
            exact += _exact(some, inputs["labels"], out["right"])
    model.train(was_training)
    return Judged(loss / max(1, tokens), sum(len(example.calls) for example in examples), exact)


def _exact(bins: Sequence[Bin], labels: Any, right: Any) -> int:
    """How many calls of these bins were said without a wrong token."""
    import torch

    hits = torch.zeros_like(labels, dtype=torch.bool)
    hits[:, 1:][labels[:, 1:] != UNTRAINED] = right
    table = hits.cpu()
    count = 0
    for line, chosen in enumerate(bins):
        offset = 0
        for example in chosen:
            count += sum(bool(table[line, offset + start : offset + end].all()) for start, end in example.calls)
            offset += len(example.input_ids)
    return count
