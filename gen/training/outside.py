"""What fails outside of us while a training works, as errors that say what to do: the GPU's memory, the disk."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from gen.errors import OutsideFailed

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
_FULL_IN_WORDS = ("I/O error", "PytorchStreamWriter failed", "unexpected pos")
"""How safetensors and torch say that a file could not be written."""


@contextmanager
def enough_memory(where: Callable[[], str], smaller: Callable[[], str]) -> Iterator[None]:
    """Raises OutsideFailed, with what to lower, where the GPU's memory does not suffice."""
    import torch

    try:
        yield
    except torch.OutOfMemoryError as error:
        raise OutsideFailed("the GPU's memory is full", where=where(), hint=smaller()) from error


@contextmanager
def enough_disk(folder: Path) -> Iterator[None]:
    """Raises OutsideFailed where something could not be written for want of room."""
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, RuntimeError, SafetensorError) as error:
        full = error.errno in _FULL if isinstance(error, OSError) else any(words in str(error) for words in _FULL_IN_WORDS)
        if not full:
            raise
        raise OutsideFailed(
            f"the disk took no more: {error}",
            where=str(folder),
            hint="free some space; the same command goes on from the last checkpoint that is whole",
        ) from error
