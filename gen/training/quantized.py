"""A base whose linear layers are held in four bits each weight (QLoRA): a quarter of the memory, slower steps, LoRA as ever.

Embedding, head and norms stay as they are, and so do the rows of new tokens, which are trained. An adapter that was trained so is loaded
and merged on the base as it was published.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from gen.errors import BadInput

PACKAGE = "bitsandbytes"


def require_quantization() -> None:
    """Raises BadInput where there is no GPU, or the package that quantises is missing."""
    import torch

    # bitsandbytes computes on processors too, but some lose gradients there once the model was in eval mode
    if not torch.cuda.is_available():
        raise BadInput(
            "a base in 4 bits is trained on a GPU, and there is none",
            where="train.quantize",
            hint="leave out quantize; a smaller base, or --base tiny, trains on a processor",
        )
    if find_spec(PACKAGE) is None:
        raise BadInput(
            f"a base in 4 bits needs the package {PACKAGE!r}, which is not installed", where="train.quantize", hint=f"pip install {PACKAGE}"
        )


def four_bits() -> Any:
    """What transformers is told: NF4, its scales quantised too, sums in bfloat16; as the authors of QLoRA recommend."""
    import torch
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(  # type: ignore[no-untyped-call]  # its __init__ has no types
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=torch.bfloat16
    )


def require_published(config: Any, name: str) -> None:
    """Raises BadInput for a base that is stored quantised: an adapter could be merged with it only with an error in every weight."""
    if getattr(config, "quantization_config", None) is not None:
        raise BadInput(
            "the base is stored quantised, and an adapter could not be merged with it exactly",
            where=name,
            hint="name the model that it was made of; --set quantize=4bit quantises that as it is loaded",
        )
