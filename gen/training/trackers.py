"""Trackers that a training reports to, beside its own metrics.jsonl: where somebody asks for them, and nobody else.

They are transformers' own integrations. TensorBoard writes files; wandb, and trackio where it is told a Space, send what they are
given to their servers.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from gen.errors import BadInput

if TYPE_CHECKING:
    from transformers import Trainer

PACKAGES: dict[str, tuple[str, ...]] = {"tensorboard": ("tensorboard", "tensorboardX"), "trackio": ("trackio",), "wandb": ("wandb",)}
"""Tracker → the packages of which one must be there."""

EVENTS = "runs"
"""Where TensorBoard's files go, in the adapter's folder."""


def require_trackers(names: Iterable[str]) -> None:
    """Raises BadInput, with the command that installs it, where the package of a tracker is missing."""
    for name in names:
        if not any(find_spec(package) for package in PACKAGES[name]):
            raise BadInput(
                f"reporting to {name} needs the package {PACKAGES[name][0]!r}, which is not installed",
                where="--report-to",
                hint=f"pip install {PACKAGES[name][0]}",
            )


def place_events(trainer: Trainer, folder: Path) -> None:
    """Let TensorBoard write beside the adapter, unless its own variable says where: by itself it writes among the checkpoints, which go."""
    from transformers.integrations.integration_utils import TensorBoardCallback

    for callback in trainer.callback_handler.callbacks:
        if isinstance(callback, TensorBoardCallback) and callback.logging_dir is None:
            callback.logging_dir = str(folder / EVENTS)
