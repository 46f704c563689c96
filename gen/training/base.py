"""The base that is trained: a causal language model with its tokenizer, the template's tokens and the right attention.

Everything that can be wrong with a name is found before its weights are read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from gen.errors import BadInput, missing_extra
from gen.rendering.loading import add_control_tokens, load_tokenizer
from gen.rendering.template import Template
from gen.rendering.tokens import backend_of
from gen.training.quantized import four_bits, require_published
from gen.training.quiet import quiet
from gen.training.tokens import grow
from gen.training.weights import fingerprint_of, require_weights

PACKAGES = ("torch", "transformers", "accelerate", "peft", "matplotlib")

CAPPED = ("eager", "flex_attention", "flash_attention_2", "flash_attention_3")
"""Kinds of attention that keep Gemma 2's soft-capping; the others leave it out without a word."""


@dataclass(frozen=True, slots=True)
class Base:
    """A model that is ready to be taught.

    Attributes:
        name: a folder, or a name on the Hub.
        added: the template's tokens that it did not have.
        rows: their ids, and the only rows of the embedding that are trained.
        fingerprint: of its weights as they are published.
        attention: how it is computed, by transformers' word.
    """

    name: str
    model: Any
    tokenizer: Any
    added: tuple[str, ...]
    rows: tuple[int, ...]
    fingerprint: str
    attention: str


def require_packages() -> None:
    """Raises BadInput where a package is missing that training needs."""
    for package in PACKAGES:
        if find_spec(package) is None:
            raise missing_extra(package, "train", "training")


def base_tokenizer(name: str, template: Template) -> tuple[Any, tuple[str, ...]]:
    """The base's tokenizer, with the template's new tokens, the template itself, and which tokens were added.

    Raises BadInput where there is none, or it lacks tokens that every model of this template has.
    """
    tokenizer: Any = load_tokenizer(name)
    known = backend_of(tokenizer)
    foreign = [token for token in template.base_tokens if known.token_to_id(token) is None]
    if foreign:
        raise BadInput(
            f"the tokenizer has no {' '.join(foreign)}, which every model has that the template {template.name!r} is for",
            where=name,
            hint="choose another template with --template, or the base that it is for",
        )
    added = add_control_tokens(tokenizer, template)
    tokenizer.chat_template = template.jinja
    tokenizer.response_template = template.response
    return tokenizer, added


def open_base(name: str, tokenizer: Any, added: Sequence[str], *, attention: str = "", quantize: bool = False) -> Base:
    """The base with its weights, bfloat16 on a GPU (or four bits), and the new tokens' rows in it.

    Raises BadInput where it has no weights or cannot be loaded, OutsideFailed where it cannot be fetched.
    """
    model = load_model(name, dtype_of(quantize=quantize), attention, quantize=quantize)
    fingerprint = fingerprint_of(name)
    rows = grow(model, tokenizer, added)
    model.config.use_cache = False
    return Base(name, model, tokenizer, tuple(added), rows, fingerprint, attention_of(model.config, attention))


def dtype_of(*, quantize: bool = False) -> Any:
    """The precision that a base is loaded in: bfloat16 on a GPU and beside four bits, else float32."""
    import torch

    return torch.bfloat16 if quantize or torch.cuda.is_available() else torch.float32


def load_model(name: str, dtype: Any, attention: str = "", *, quantize: bool = False) -> Any:
    """A causal language model from a folder or the Hub, with attention that computes what the model was trained with."""
    import transformers

    from gen.teachers.engines.loading import explained

    require_weights(name)
    try:
        config = transformers.AutoConfig.from_pretrained(name, trust_remote_code=False)
        require_published(config, name)
        more = {"quantization_config": four_bits(), "device_map": _this_device()} if quantize else {}
        kind = attention_of(config, attention)
        with quiet():
            return transformers.AutoModelForCausalLM.from_pretrained(
                name, dtype=dtype, attn_implementation=kind, trust_remote_code=False, use_safetensors=True, **more
            )
    except (OSError, ValueError, ImportError) as error:
        raise explained(name, error) from error


def _this_device() -> dict[str, Any] | None:
    """Where a quantised base goes, which cannot be moved later: to the GPU of this process."""
    import os

    import torch

    return {"": int(os.environ.get("LOCAL_RANK", "0"))} if torch.cuda.is_available() else None


def attention_of(config: Any, asked: str = "") -> str:
    """How attention is computed: as asked, or the fastest that is right. Raises BadInput for one that drops soft-capping."""
    capped = getattr(config.get_text_config(), "attn_logit_softcapping", None) is not None
    if capped and asked and asked not in CAPPED:
        raise BadInput(
            f"attention {asked!r} leaves out this model's soft-capping, and would train another model than it says",
            where="train.attention",
            allowed=", ".join(CAPPED),
        )
    return asked or ("eager" if capped else "sdpa")
