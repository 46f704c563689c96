"""Muon: steps for matrices that are as large in every direction (Keller Jordan, 2024).

The tiny base is taught with it: in as many steps, AdamW did not get to attention that finds a thing again (docs/log.md). Used for
nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

_A, _B, _C = 3.4445, -4.7750, 2.0315
"""Of the iteration that brings all singular values near 1."""


class Muon:
    """Momentum, made orthogonal. For matrices inside a model, neither embedding nor head; the rest needs another optimizer.

    ``decay`` bounds the matrices: none grows far beyond 1 / decay in any direction.
    """

    def __init__(self, matrices: Iterable[Tensor], *, momentum: float = 0.95, decay: float = 0.0) -> None:
        self._held = [(matrix, torch.zeros_like(matrix)) for matrix in matrices]
        self._momentum, self._decay = momentum, decay

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Move every matrix that has a gradient."""
        for matrix, held in self._held:
            if matrix.grad is not None:
                held.mul_(self._momentum).add_(matrix.grad)
                way = orthogonal(matrix.grad.add(held, alpha=self._momentum))
                matrix.mul_(1 - rate * self._decay)
                matrix.add_(way, alpha=-rate * max(1.0, matrix.shape[0] / matrix.shape[1]) ** 0.5)


def orthogonal(matrix: Tensor, steps: int = 5) -> Tensor:
    """Nearly the closest matrix whose singular values are one, by Newton and Schulz."""
    tall: bool = matrix.shape[0] > matrix.shape[1]
    x: Tensor = matrix.t() if tall else matrix
    x = x / (x.norm() + 1e-7)
    for _ in range(steps):
        square = x @ x.t()
        x = _A * x + (_B * square + _C * square @ square) @ x
    return x.t() if tall else x
