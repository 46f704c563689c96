"""Tokens are drawn: per row its temperature, its nucleus and one number of its own chance.

A row's draw is a function of its logits and its number alone, whatever else is in the batch.
"""

from __future__ import annotations

import torch

HALVINGS = 24
"""Steps of the search for a nucleus: its border is exact to the last bits of a float."""


def forbid(logits: torch.Tensor, allowed: torch.Tensor) -> torch.Tensor:
    """The logits without the tokens whose bit is not set; ``allowed`` has 32 tokens in an int32."""
    bits = torch.arange(32, dtype=torch.int32, device=logits.device)
    open_ = ((allowed.unsqueeze(-1) >> bits) & 1).bool().view(allowed.shape[0], -1)[:, : logits.shape[1]]
    return logits.masked_fill(~open_, float("-inf"))


def draw(logits: torch.Tensor, temperature: torch.Tensor, top_p: torch.Tensor, chance: torch.Tensor) -> torch.Tensor:
    """One token a row. Temperature 0 takes the likeliest; ``chance`` is in [0, 1)."""
    likeliest = logits.argmax(-1)
    chances = torch.softmax(logits / temperature.clamp(min=1e-4)[:, None], -1)
    chances = _nucleus(chances, top_p)
    upto = chances.cumsum(-1)
    drawn = (upto <= chance[:, None] * upto[:, -1:]).sum(-1).clamp(max=logits.shape[1] - 1)
    possible = chances.gather(-1, drawn[:, None])[:, 0] > 0  # rounding at the very end of a row
    return torch.where((temperature > 0) & possible, drawn, likeliest)


def _nucleus(chances: torch.Tensor, top_p: torch.Tensor) -> torch.Tensor:
    """The likeliest tokens that hold ``top_p`` together, found by halving: sorting a large vocabulary takes longer than the model."""
    low, high = torch.zeros_like(top_p), chances.amax(-1)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        enough = torch.where(chances >= middle[:, None], chances, 0.0).sum(-1) >= top_p
        low, high = torch.where(enough, middle, low), torch.where(enough, high, middle)
    return torch.where((chances >= low[:, None]) | (top_p >= 1)[:, None], chances, 0.0)
