"""The files of a base's weights: which they are, and a fingerprint of what they hold.

Taken from the files and not from a loaded model, so that a base has one fingerprint, in whatever precision it was loaded, quantised
or spread over processes.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from gen.errors import BadInput

WHOLE, INDEX = "model.safetensors", "model.safetensors.index.json"
"""Weights in one file, or the list of the files that they are spread over; as transformers looks for them."""

SAMPLES = 256
"""Values that are looked at of each tensor."""


def require_weights(name: str) -> None:
    """Raises BadInput for a folder that is not there, or has no weights to train."""
    folder = Path(name).expanduser()
    if not folder.exists():
        if folder.is_absolute() or name.startswith("."):
            raise BadInput(f"there is no folder {name}", where="--base", allowed="a folder, or a name on the Hub, or tiny")
        return
    if (folder / "adapter_config.json").is_file() and not (folder / "config.json").is_file():
        raise BadInput(f"{name} is an adapter, no base", where="--base", hint="fcgen merge-adapter makes a model of it")
    if not (folder / "config.json").is_file() or not any((folder / file).is_file() for file in (WHOLE, INDEX)):
        raise BadInput(
            "there are no weights in this folder", where=name, allowed="a config.json and *.safetensors, as transformers saves them"
        )


def require_weights_on_hub(name: str) -> None:
    """Raises BadInput for a repository without safetensors, before any of it is fetched. Of one in the cache it asks nothing."""
    from huggingface_hub import file_exists, try_to_load_from_cache
    from huggingface_hub.errors import HfHubHTTPError

    from gen.teachers.engines.loading import explained

    network: type[Exception] = HfHubHTTPError.__bases__[0]  # of httpx, or of whatever the library stands on
    if Path(name).expanduser().exists() or any(isinstance(try_to_load_from_cache(name, file), str) for file in (WHOLE, INDEX)):
        return
    try:
        there = any(file_exists(name, file) for file in (WHOLE, INDEX))
    except (OSError, ValueError, network) as error:
        raise explained(name, error) from error
    if not there:
        raise BadInput(
            f"{name} has no weights as safetensors on the Hub", hint="other formats can run code when they are read: convert them"
        )


def weight_files(name: str) -> list[Path]:
    """The files of a model in a folder, or on the Hub and fetched. Raises OSError, as transformers does, where that fails."""
    whole = _file(name, WHOLE, needed=False)
    if whole is not None:
        return [whole]
    index = _file(name, INDEX)
    assert index is not None
    named = json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()
    return [path for one in sorted(set(named)) if (path := _file(name, one)) is not None]


def _file(name: str, file: str, *, needed: bool = True) -> Path | None:
    from transformers.utils.hub import cached_file

    found = cached_file(
        str(Path(name).expanduser()) if Path(name).expanduser().is_dir() else name, file, _raise_exceptions_for_missing_entries=needed
    )
    return None if found is None else Path(found)


def fingerprint_of(name: str) -> str:
    """Sixteen hexadecimal digits of some values of every tensor: tells one base from another, not one precision from another."""
    tensors = {tensor: file for file in weight_files(name) for tensor in _names(file)}
    seen = hashlib.sha256()
    for tensor in sorted(tensors):
        shape, few = _sample(tensors[tensor], tensor)
        seen.update(f"{tensor} {shape}".encode())
        seen.update(few)
    return seen.hexdigest()[:16]


def _names(file: Path) -> list[str]:
    from safetensors import safe_open

    with safe_open(file, "pt") as opened:
        return list(opened.keys())


def _sample(file: Path, name: str) -> tuple[tuple[int, ...], bytes]:
    """The shape of a tensor, and values evenly over it, rounded to bfloat16. The file is mapped, and little of it read."""
    import torch
    from safetensors import safe_open

    with safe_open(file, "pt") as opened:
        tensor: Any = opened.get_tensor(name)
        flat = tensor.reshape(-1)
        few = flat[:: max(1, flat.numel() // SAMPLES)][:SAMPLES].to(torch.bfloat16).view(torch.int16)
        return tuple(tensor.shape), few.numpy().tobytes()
