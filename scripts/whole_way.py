"""A base of a real shape, its weights by chance, the whole way: trained, saved, merged, loaded again; measured, and beside TRL.

Part of gpu_check.py, which prints it. What is measured of a training is measured as benchmark_training.py does it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from benchmark_training import FASTER, SHAPES, SMALLER, Bench, Measured, in_its_own_process, prepare, ratios

PEAK = 989e12
"""Floating-point operations a second of an H100 or H200 in bfloat16, dense, by its data sheet: what MFU is a share of."""


@dataclass(frozen=True, slots=True)
class Way:
    """How it went: the training alone, what it is in shares of a GPU, how well the merged model agrees, and the ratios to TRL's."""

    mine: Measured
    utilisation: float
    agreement: float
    beside_trl: dict[str, float]


def operations(shape: dict[str, int], trained: float, length: float) -> float:
    """Floating-point operations for a token: forward, and backward to the inputs, for LoRA's frozen matrices have no gradient of their own.

    Args:
        trained: the share of tokens that are learned, and alone go through the head.
        length: of a row, in tokens.
    """
    hidden, wide, heads = shape["hidden_size"], shape["intermediate_size"], shape["head_dim"] * shape["num_attention_heads"]
    keys = shape["head_dim"] * shape["num_key_value_heads"]
    layer = 2 * hidden * heads + 2 * hidden * keys + 3 * hidden * wide
    body = shape["num_hidden_layers"] * layer
    attention = 6 * length * heads * shape["num_hidden_layers"]
    return 4 * body + 4 * trained * shape["vocab_size"] * hidden + attention


def whole_way(shape: str, rows: int, batch: int, note: Callable[[str], None], *, beside: bool) -> Way:
    """Train, merge, load and compare; with TRL too, if ``beside``."""
    import torch

    with tempfile.TemporaryDirectory() as place:
        note(f"a base of the shape {shape} is made")
        bench = prepare(Path(place), shape, rows, batch, cuda=torch.cuda.is_available())
        mine = in_its_own_process("fcgen", bench)
        spent = operations(SHAPES[shape], mine.trained_tokens / mine.tokens, mine.tokens / rows) * mine.tokens / mine.seconds
        agreement = merged_agrees(bench)
        if not beside or find_spec("trl") is None or find_spec("datasets") is None:
            note("not compared with TRL: " + ("benchmark_training.py does that" if not beside else "it is not installed"))
            return Way(mine, spent / PEAK, agreement, {})
        found = ratios([mine, *(in_its_own_process(name, bench) for name in ("trl-padded", "trl-packed"))])
    speed, memory = found.values()
    return Way(mine, spent / PEAK, agreement, {"times TRL's speed": speed, "TRL's peak memory over ours": 1 / memory})


ASKED = {"times TRL's speed": FASTER, "TRL's peak memory over ours": 1 / SMALLER}


def merged_agrees(bench: Bench) -> float:
    """How near the logits of the merged model are to those of adapter and base: 1 less the largest difference, in shares of the largest."""
    import torch

    from gen.training.adapter import load_adapter, merge
    from gen.training.base import dtype_of, load_model

    adapter, merged = bench.folder / "ours", bench.folder / "merged"
    merge(adapter, merged)
    ids = torch.arange(6, 70)[None]
    device = "cuda" if torch.cuda.is_available() else "cpu"
    logits = []
    for model in (load_adapter(adapter)[0], load_model(str(merged), dtype_of())):
        with torch.no_grad():
            logits.append(model.to(device).train(mode=False)(input_ids=ids.to(device)).logits.float())
        model.to("cpu")
    one, other = logits
    return 1 - float((one - other).abs().max() / one.abs().max())
