"""Settings of a training: the recipe's, a preset's and the command line's, and what follows from base and rows where they say nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gen.conversation import JsonObject
from gen.errors import unknown_name
from gen.recipe import Train, build_train

PRESETS: dict[str, JsonObject] = {
    # Hugging Face's Agents Course, bonus unit 1, as its notebook has them (bf16 and eager attention are what a GPU and Gemma 2 get anyway).
    # Corrected, because of what it does without a word: it puts LoRA on embed_tokens and lm_head too, which are one matrix and cannot be
    # merged then (the logits were off by 3.3), and saves both of 2.5 GB; here the new tokens' rows learn. Its packing cuts rows in two
    # wherever 1,500 tokens are full; here a longer row is refused. It learns prompts and results too; here what the assistant says.
    "agents-course": {
        "lora": {"r": 16, "alpha": 64, "dropout": 0.05},
        "epochs": 1,
        "learning_rate": 1e-4,
        "schedule": "cosine",
        "warmup": 0.1,
        "batch": 1,
        "accumulate": 4,
        "max_length": 1500,
        "packing": True,
        "weight_decay": 0.1,
        "clip": 1.0,
        "checkpointing": True,
    },
}

TINY = "tiny"
"""The base that is made on the spot."""

TINY_RATE, TINY_BATCH = 3e-3, 2
"""What teaches that base the fastest: docs/log.md has what took longer."""

TINY_TOKENS, TINY_EPOCHS = 280_000, 20.0
"""Trained tokens that it should see, the recipe tiny having half as many, and how often it sees a row for that at the most."""

BATCH = {"cuda": 8, "cpu": 4}

EPOCHS = ((100_000, 5.0), (1_000_000, 3.0))
"""Times that rows are seen, up to so many trained tokens; twice beyond."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """Settings with nothing left open."""

    train: Train
    epochs: float
    learning_rate: float
    batch: int


def settings_of(recipe: JsonObject, *, preset: str = "", changes: Sequence[str] = ()) -> Train:
    """The recipe's ``train``, then the preset's keys, then the changes of the command line; each hides what came before.

    Raises BadInput for an unknown preset, key or value.
    """
    if preset and preset not in PRESETS:
        raise unknown_name("preset", preset, PRESETS, where="--preset")
    return build_train(dict(recipe) | (PRESETS[preset] if preset else {}), changes)


def resolve(train: Train, *, hidden: int, trained: int, device: str) -> Resolved:
    """Settings for a model with this hidden size, and rows with this many trained tokens.

    The rate falls with the hidden size, as Thinking Machines fitted it for LoRA (half of theirs, where they say to begin).
    """
    tiny = train.base == TINY
    rate = train.learning_rate or (TINY_RATE if tiny else 2.5e-4 * (2000 / hidden) ** 0.78)
    batch = train.batch or (TINY_BATCH if tiny else BATCH["cuda" if device == "cuda" else "cpu"])
    return Resolved(train, train.epochs or _epochs(trained, tiny=tiny), rate, batch)


def _epochs(trained: int, *, tiny: bool) -> float:
    if tiny:
        return round(min(max(1.0, TINY_TOKENS / trained), TINY_EPOCHS), 1)
    return next((times for most, times in EPOCHS if trained <= most), 2.0)


def to_wire(settings: Resolved) -> JsonObject:
    """What is stored of them, every key with its value."""
    resolved: dict[str, Any] = {"epochs": settings.epochs, "learning_rate": settings.learning_rate, "batch": settings.batch}
    return settings.train.model_dump(mode="json") | resolved
