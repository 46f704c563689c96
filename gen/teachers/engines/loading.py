"""A model and its tokenizer, from a folder or the Hub, or an error that says what to do.

Nothing is fetched but the model that was named; code of others is never run, and weights are read from safetensors only.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gen.errors import BadInput, FcgenError, OutsideFailed, missing_extra

LARGEST_ON_CPU = 9_000_000_000
"""Weights of a model that a processor still runs, a few tokens a second."""

SPARE = 1.15
"""Memory that must be there for each byte of weights: the chats need some too."""

_ENDS = ("<end_of_turn>", "<|im_end|>", "<|eot_id|>", "<|end|>")
"""Tokens that end a turn, also where a model's generation settings forget them."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model that is ready: its tokenizer, and which tokens end a turn."""

    model: Any
    tokenizer: Any
    ends: tuple[int, ...]


def load(name: str) -> Loaded:
    """Load the model: bfloat16 on CUDA, float32 on a CPU."""
    try:
        import torch
        import transformers
    except ModuleNotFoundError as error:
        raise missing_extra(error.name or "torch", "gpu", "a model in this process") from error
    if Path(name).is_absolute() and not Path(name).is_dir():
        raise BadInput(f"there is no folder {name}", hint="local: takes a folder or a name on the Hub, such as google/gemma-3-27b-it")
    dtype = torch.bfloat16 if torch.cuda.is_available() else torch.float32
    try:
        config = transformers.AutoConfig.from_pretrained(name, trust_remote_code=False)
        device_map = _place(name, _weights(config), dtype.itemsize)
        tokenizer = transformers.AutoTokenizer.from_pretrained(name, trust_remote_code=False)
        model = transformers.AutoModelForCausalLM.from_pretrained(
            name, dtype=dtype, device_map=device_map, trust_remote_code=False, use_safetensors=True
        )
    except (OSError, ValueError, ImportError) as error:
        raise explained(name, error) from error
    except torch.OutOfMemoryError as error:
        raise OutsideFailed(f"{name} does not fit in the GPU's memory", hint=_SMALLER) from error
    model.train(mode=False)
    return Loaded(model, tokenizer, ends_of(model, tokenizer))


def ends_of(model: Any, tokenizer: Any) -> tuple[int, ...]:
    """The tokens that end a turn of this model."""
    said = model.generation_config.eos_token_id
    known = tokenizer.get_vocab()
    ends = [*(said if isinstance(said, list) else [said]), tokenizer.eos_token_id, *(known.get(token) for token in _ENDS)]
    return tuple(dict.fromkeys(token for token in ends if token is not None))


_SMALLER = "name a smaller model, or serve it elsewhere: server:http://HOST:PORT/v1#MODEL"


def _weights(config: Any) -> int:
    """How many weights a model of this configuration has, without making them."""
    import torch
    import transformers

    with torch.device("meta"):
        model = transformers.AutoModelForCausalLM.from_config(config)  # type: ignore[no-untyped-call]  # the library has no types here
    return sum(part.numel() for part in model.parameters())


def _place(name: str, weights: int, size: int) -> Any:
    """Where the weights go. Raises BadInput where there is no room for them."""
    import torch

    need = int(weights * size * SPARE)
    if not torch.cuda.is_available():
        if weights > LARGEST_ON_CPU:
            raise BadInput(f"{name} has {weights / 1e9:.0f} billion weights and there is no GPU", hint=_SMALLER)
        free = _free_memory()
        if free is not None and need > free:
            raise BadInput(f"{name} needs about {need / 1e9:.1f} GB of memory, {free / 1e9:.1f} GB are free", hint=_SMALLER)
        return None
    free_of = [torch.cuda.mem_get_info(number)[0] for number in range(torch.cuda.device_count())]
    if need > sum(free_of):
        raise BadInput(f"{name} needs about {need / 1e9:.1f} GB on the GPU, {sum(free_of) / 1e9:.1f} GB are free", hint=_SMALLER)
    return {"": 0} if need <= free_of[0] else "auto"


def _free_memory() -> int | None:
    """Bytes that are free, where the system says it."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:  # not on macOS, not on Windows
        return None
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")), None)


def explained(name: str, error: Exception) -> FcgenError:
    """What a user makes of the error: no such model, no permission, no network, a format we do not read."""
    text = str(error).strip()
    chain = " ".join(
        [f"{type(cause).__name__} {cause}" for cause in (error, error.__cause__, error.__context__) if cause is not None]
    ).lower()
    first = text.splitlines()[0] if text else type(error).__name__
    if "gated" in chain or ("401" in chain and "not a valid model identifier" not in chain):
        return BadInput(
            f"{name} is gated: its licence must be accepted first", hint=f"open https://huggingface.co/{name}, then: hf auth login"
        )
    if "trust_remote_code" in chain or "custom code" in chain:
        return BadInput(f"{name} brings code of its own, which is never run here", hint="serve it where you trust it: server:...")
    if "safetensors" in chain:
        return BadInput(
            f"{name} has no weights as safetensors: {first}", hint="convert them: other formats can run code when they are read"
        )
    if "not a valid model identifier" in chain or "repositorynotfound" in chain:
        return BadInput(f"there is no model {name!r} on the Hub, or it is private", hint="a private one needs: hf auth login")
    if "connect" in chain or "offline" in chain or "cached files" in chain:
        return OutsideFailed(f"{name} could not be fetched: {first}", hint="once it was fetched, or as a local folder, it needs no network")
    return BadInput(f"{name} cannot be loaded: {first}")
