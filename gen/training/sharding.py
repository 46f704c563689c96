"""What FSDP asks of us: weights of which each process has a part, made whole; and an embedding that it must not divide twice."""

from __future__ import annotations

from typing import Any


def whole(tensor: Any) -> Any:
    """All of a tensor of which FSDP gave this process a part. All processes must ask at the same time."""
    return tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor


def divided(tensor: Any, like: Any) -> Any:
    """A tensor as FSDP divided the one that it takes the place of; as it is, where that is whole."""
    if not hasattr(like, "full_tensor"):
        return tensor
    from torch.distributed.tensor import distribute_tensor

    return distribute_tensor(tensor.to(like.dtype), like.device_mesh, like.placements)


def in_one_unit(model: Any) -> None:
    """Let FSDP2 divide embedding and head with what is left of the model, in one unit.

    Accelerate gives each a unit of its own unless their weights are one and the same object; of the wrappers that peft puts around both
    it asks in vain, and a matrix that is both would be divided twice.
    """
    model.get_input_embeddings = model.get_output_embeddings = lambda: None
