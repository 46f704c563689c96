"""LoRA on a base, and what is kept of it: a folder with the factors, the rows of the new tokens, and the tokenizer; nothing else.

``load_adapter`` is the way back, and ``merge`` makes a plain model of both. An adapter names its base and knows its fingerprint,
so that it is never put on another.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gen.conversation import JsonObject
from gen.corpus.atomic import make_folder, write_whole
from gen.errors import BadInput
from gen.training.base import Base, dtype_of, load_model
from gen.training.quiet import quiet
from gen.training.sharding import divided, whole
from gen.training.tokens import grow
from gen.training.weights import fingerprint_of, require_weights

ABOUT = "training.json"
"""What stands beside an adapter: its base, template, settings and numbers."""

BESIDE = "./base"
"""The name of a base that lies in the adapter's own folder."""

ACTIVE = "default"
"""What peft calls an adapter that nobody named, in the names of its weights; in a file they stand without it."""

_foreign = re.compile(r"vision|audio|image|multi_modal|per_layer|embed").search
"""Linear layers that have nothing to do with text, or stand before the first layer."""


def with_lora(base: Base, *, r: int, alpha: int, dropout: float = 0.0, seed: int = 0) -> Any:
    """The base under LoRA on all linear layers; of the embedding (and the head) only the rows of new tokens learn."""
    import torch
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(seed)
    config = LoraConfig(
        r=r,
        lora_alpha=alpha,
        lora_dropout=dropout,
        task_type="CAUSAL_LM",
        target_modules=linear_layers(base.model),
        trainable_token_indices=trained_rows(base.model, base.rows),
    )
    config.base_model_name_or_path = base.name
    with quiet():
        return get_peft_model(base.model, config)


def linear_layers(model: Any) -> list[str] | str:
    """What LoRA is put on: the linear layers of the language model, without head and embeddings; as peft takes it."""
    import torch

    head = model.get_output_embeddings()
    names = [name for name, part in model.named_modules() if isinstance(part, torch.nn.Linear) and part is not head]
    ours = sorted({name.rpartition(".")[2] for name in names if not _foreign(name)})
    if not ours:
        raise BadInput(f"{type(model).__name__} has no linear layers that LoRA could be put on", where="--base")
    if any(_foreign(name) and name.rpartition(".")[2] in ours for name in names):  # a tower for pictures has layers of the same names
        return rf".*language_model.*\.({'|'.join(map(re.escape, ours))})"
    return ours


def trained_rows(model: Any, rows: Sequence[int]) -> dict[str, list[int]] | None:
    """The rows that peft trains, by module: of the embedding, and of the head where it is another matrix."""
    if not rows:
        return None
    embedding, head = model.get_input_embeddings(), model.get_output_embeddings()
    parts = [embedding] if head is None or head.weight is embedding.weight else [embedding, head]
    names = [name.rpartition(".")[2] for name, part in model.named_modules() if any(part is one for one in parts)]
    return {name: list(rows) for name in names}


def trained_weights(model: Any) -> dict[str, Any]:
    """Everything that learns, by name, whole and on the CPU. Where FSDP spread it, all processes must ask at the same time."""
    return {name: whole(part.detach()).cpu() for name, part in model.named_parameters() if part.requires_grad}


def save_weights(model: Any, folder: Path, weights: dict[str, Any] | None = None) -> None:
    """Write ``adapter_model.safetensors`` and ``adapter_config.json``; never the embedding, which has not changed but in its new rows."""
    with quiet():
        model.save_pretrained(str(folder), save_embedding_layers=False, state_dict=weights or trained_weights(model))


def load_weights(model: Any, folder: Path) -> None:
    """Put what ``save_weights`` wrote back into a model under LoRA that learns, wherever its parts are."""
    import torch
    from safetensors.torch import load_file

    saved = load_file(folder / "adapter_model.safetensors")
    with torch.no_grad():
        for name, part in model.named_parameters():
            if part.requires_grad:
                part.copy_(divided(saved[name.replace(f".{ACTIVE}", "")].to(part.device), part))


def save_adapter(model: Any, tokenizer: Any, folder: Path, about: JsonObject, weights: dict[str, Any] | None = None) -> None:
    """Write a finished adapter: weights, tokenizer with its templates, and at last ``training.json``, which says that it is whole."""
    make_folder(folder)
    with _own_card(folder):
        save_weights(model, folder, weights)
    tokenizer.save_pretrained(str(folder))
    write_whole(folder / ABOUT, (json.dumps(about, ensure_ascii=False, indent=2).encode() + b"\n",))


@contextmanager
def _own_card(folder: Path) -> Iterator[None]:
    """peft writes a card that says nothing, or into one that is there; a card is ours to write (``gen.hub.model_card``)."""
    card = folder / "README.md"
    before = card.read_bytes() if card.is_file() else None
    yield
    if before is None:
        card.unlink(missing_ok=True)
    else:
        write_whole(card, (before,))


def about_adapter(folder: Path) -> JsonObject:
    """What ``training.json`` says. Raises BadInput where the folder is no adapter of ours."""
    try:
        told = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(
            f"there is no finished adapter here: {error}", where=str(folder), allowed="a folder that fcgen train made"
        ) from error
    if not isinstance(told, dict) or not {"base", "fingerprint", "added_tokens"} <= set(told):
        raise BadInput(f"{ABOUT} does not say which base it is for", where=str(folder))
    return told


def load_adapter(folder: Path, *, base: str = "", dtype: Any = None, attention: str = "", quantize: bool = False) -> tuple[Any, Any]:
    """An adapter on its base, and its tokenizer.

    Args:
        base: where the base lies now; as ``training.json`` says, if empty.
        dtype: of the base; bfloat16 on a GPU, else float32, if None.
        quantize: hold the base in four bits.

    Raises BadInput where the folder is no adapter, or the base is another one than it was trained on.
    """
    from peft import PeftModel

    from gen.rendering.loading import load_tokenizer
    from gen.teachers.engines.loading import explained

    about = about_adapter(folder)
    name = base or base_of(folder, about)
    tokenizer: Any = load_tokenizer(str(folder))
    require_weights(name)
    try:
        require_base(about, fingerprint_of(name), name)
    except OSError as error:
        raise explained(name, error) from error
    model = load_model(name, dtype or dtype_of(quantize=quantize), attention, quantize=quantize)
    grow(model, tokenizer, about["added_tokens"])
    with quiet():
        return PeftModel.from_pretrained(model, str(folder)), tokenizer


def base_of(folder: Path, about: JsonObject) -> str:
    """Where the base of an adapter lies: a name on the Hub, a folder, or the one beside it."""
    name: str = about["base"]
    return str(folder / name) if name == BESIDE else name


def require_base(about: JsonObject, fingerprint: str, name: str) -> None:
    """Raises BadInput where a base is not the one of this adapter."""
    if about["fingerprint"] != fingerprint:
        raise BadInput(
            f"{name} is not the base that this adapter was trained on ({about['base']}): its weights are others",
            hint="give the right one with --base",
        )


def merge(folder: Path, out: Path, *, base: str = "", precision: str = "") -> None:
    """Make a plain model of an adapter and its base: added up in float32, saved in the base's own precision or ``precision``."""
    import torch

    if out.exists() and any(out.iterdir()):
        raise BadInput("there is something in this folder, and nothing was written", where=str(out), hint="choose another with --out")
    about = about_adapter(folder)
    model, tokenizer = load_adapter(folder, base=base, dtype=torch.float32)
    merged = model.merge_and_unload(safe_merge=True)
    merged = merged.to(getattr(torch, precision or about.get("precision", "float32")))
    merged.config.use_cache = True
    ends = tokenizer.convert_tokens_to_ids(list(about.get("ends", ())))
    own = merged.generation_config.eos_token_id
    merged.generation_config.eos_token_id = list(
        dict.fromkeys([*(own if isinstance(own, list) else [own] if own is not None else []), *ends])
    )
    make_folder(out)
    with quiet():
        merged.save_pretrained(str(out))
    tokenizer.save_pretrained(str(out))
