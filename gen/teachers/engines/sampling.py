"""Tokens are drawn: per row its temperature, its nucleus and one number of its own chance.

A row's draw is a function of its logits and its number alone, whatever else is in the batch.
"""

from __future__ import annotations

import torch

FARTHEST = 30.0
"""How much less likely than the likeliest token a token of the nucleus may be, as a logarithm: beyond any."""

HALVINGS = 12
"""Steps of the search for the nucleus: it is never too small, and its border is exact to a hundredth of that logarithm."""


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
    likeliest = chances.amax(-1)
    near, far = torch.zeros_like(top_p), torch.full_like(top_p, FARTHEST)
    for _ in range(HALVINGS):
        middle = (near + far) / 2
        border = likeliest * torch.exp(-middle)
        enough = torch.where(chances >= border[:, None], chances, 0.0).sum(-1) >= top_p
        near, far = torch.where(enough, near, middle), torch.where(enough, middle, far)
    border = torch.where(top_p >= 1, 0.0, likeliest * torch.exp(-far))
    return torch.where(chances >= border[:, None], chances, 0.0)
