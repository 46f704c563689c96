"""The base ``tiny``: a small Gemma 2 made on the spot, of the corpus's own words, and taught its plain text without any call.

For trying the whole way without weights and without a GPU. It knows how people and assistant of this corpus write, what tools
and results look like, and has never seen a call. Every time that it reads a text, the numbers in it are others, and the text
stands there twice: so that it must find again what was said, as any large model can, instead of knowing a few hundred numbers by
heart. In ``Shape.steps`` it does not get there yet: it copied 30 of 100 digits of texts that it had not read, and after LoRA
no held-out call was exact, though tools were chosen rightly.
The same rows make the same model.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from gen.canonical import exact_json
from gen.conversation import Conversation, Message
from gen.corpus.atomic import make_folder, write_whole
from gen.errors import BadInput
from gen.rendering.template import Template
from gen.rendering.templates import rendered
from gen.rendering.tokens import Encoder
from gen.training.data import Example

SPECIAL = ("<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>")

MADE = "tiny.json"
"""What says that the folder is whole, and of which rows and shape it was made."""

LONG = 3
"""Digits of a number that is drawn anew: days and hours stay."""

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Shape:
    """How large it is, and how long it reads. The embedding is made ``scale`` times larger than transformers begins it: frozen under
    LoRA at its usual size, it would keep every logit small."""

    words: int = 2000
    hidden: int = 128
    layers: int = 3
    heads: int = 4
    context: int = 8192
    scale: float = 8.0
    steps: int = 500
    batch: int = 8
    width: int = 320
    rate: float = 3e-3


def build_tiny(
    folder: Path, rows: Sequence[Conversation], template: Template, *, shape: Shape | None = None, tell: Tell = lambda _: None
) -> Path:
    """A tiny base in ``folder``, unless the same one is there already. Raises BadInput for a template that is not Gemma's."""
    from gen.training.quiet import quiet

    shape = shape or Shape()
    foreign = [token for token in template.base_tokens if token not in SPECIAL]
    if foreign:
        raise BadInput(
            f"the tiny base is a Gemma, and {template.name!r} needs {' '.join(foreign)}", hint="--template gemma, or another --base"
        )
    texts = list(dict.fromkeys(text for row in rows for text in plain_texts(row)))
    mark = hashlib.sha256(exact_json([repr(shape), texts, [row.id for row in rows]]).encode()).hexdigest()
    if _made(folder) == mark:
        return folder
    make_folder(folder)
    tokenizer = _tokenizer((text for row in rows for text in plain_texts(row)), shape)
    model = _model(tokenizer, shape)
    digits = [number for number in tokenizer.convert_tokens_to_ids(list("0123456789")) if number != tokenizer.unk_token_id]
    _read(model, _documents(rows, texts, tokenizer, template), digits, shape, tell)
    with quiet():
        tokenizer.save_pretrained(str(folder))
        model.save_pretrained(str(folder))
    write_whole(folder / MADE, (json.dumps({"made_of": mark}).encode(),))
    return folder


def _made(folder: Path) -> str:
    try:
        return str(json.loads((folder / MADE).read_text(encoding="utf-8"))["made_of"])
    except (OSError, ValueError, KeyError):  # none, or one that was not finished
        return ""


def plain_texts(row: Conversation) -> Iterator[str]:
    """What is written in a row, calls and thoughts left out: each message, each tool."""
    yield from (message.content for message in row.messages if message.content)
    yield from (exact_json(tool) for tool in row.tools)


def without_calls(row: Conversation) -> Conversation:
    """The row as a talk in which nobody calls anything."""
    kept = [message for message in row.messages if message.role != "tool" and message.content]
    return replace(row, messages=tuple(Message(message.role, message.content) for message in kept), tools=())


def _documents(rows: Sequence[Conversation], texts: Sequence[str], tokenizer: Any, template: Template) -> list[list[int]]:
    """What it reads: every talk without its calls, and every text by itself."""
    encoder = Encoder(tokenizer, replace(template, added_tokens=()))
    talks = [rendered(without_calls(row), template) for row in rows]
    found = [encoder.encode(talk.spans).input_ids for talk in talks if talk.refused is None]
    bos, eos = tokenizer.bos_token_id, tokenizer.eos_token_id
    found += [[bos, *tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"], eos] for text in texts]
    return found


def _tokenizer(texts: Iterable[str], shape: Shape) -> Any:
    """As Gemma's: spaces are letters, digits stand alone, what no piece spells is spelled in bytes."""
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer: Any = Tokenizer(models.BPE(byte_fallback=True, unk_token=SPECIAL[3], fuse_unk=True))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    # a tool's description comes back in every row that offers it: it may become one token, and rows are short
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r'▁?"description":▁"[^"]*"|\d|▁?[^▁\d]+|▁'), "isolated")
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    tokenizer.train_from_iterator(
        sorted(texts), trainers.BpeTrainer(vocab_size=shape.words + len(SPECIAL), special_tokens=list(SPECIAL), show_progress=False)
    )
    state = json.loads(tokenizer.to_str())
    known = state["model"]["vocab"]
    for letter in [f"<0x{byte:02X}>" for byte in range(256)]:
        known.setdefault(letter, len(known))
    pad, eos, bos, unk, *turns = SPECIAL
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]  # its __init__ has no types
        tokenizer_object=Tokenizer.from_str(json.dumps(state)),
        pad_token=pad,
        eos_token=eos,
        bos_token=bos,
        unk_token=unk,
        additional_special_tokens=turns,
        clean_up_tokenization_spaces=False,
    )


def _model(tokenizer: Any, shape: Shape) -> Any:
    import torch
    from transformers import AutoModelForCausalLM, Gemma2Config

    torch.manual_seed(0)
    ends = [tokenizer.eos_token_id, tokenizer.convert_tokens_to_ids("<end_of_turn>")]
    config: Any = Gemma2Config(
        vocab_size=len(tokenizer),
        hidden_size=shape.hidden,
        intermediate_size=3 * shape.hidden,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.heads // 2,
        head_dim=shape.hidden // shape.heads,
        query_pre_attn_scalar=shape.hidden // shape.heads,
        sliding_window=4096,
        max_position_embeddings=shape.context,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=ends,
    )
    model: Any = AutoModelForCausalLM.from_config(config, attn_implementation="eager")  # type: ignore[no-untyped-call]  # as above
    with torch.no_grad():
        model.get_input_embeddings().weight.mul_(shape.scale)
    model.generation_config.eos_token_id = ends
    return model


def lessons(ids: Sequence[int], digits: Sequence[int], width: int, dice: np.random.Generator) -> Iterator[Example]:
    """A text as it is read this time: longer numbers drawn anew, each the same wherever it stands; and twice, where that fits."""
    known: dict[tuple[int, ...], list[int]] = {}
    new: list[int] = []
    for is_digit, run in groupby(ids, key=set(digits).__contains__):
        number = tuple(run)
        if is_digit and len(number) >= LONG:
            new += known.setdefault(number, dice.choice(digits, len(number)).tolist())
        else:
            new += number
    if 2 * len(new) <= width:
        new += new[1:]
    for start in range(0, len(new), width):
        piece = np.asarray(new[start : start + width], dtype=np.int32)
        if len(piece) > 1:
            yield Example("", piece, piece)


def _read(model: Any, documents: Sequence[Sequence[int]], digits: Sequence[int], shape: Shape, tell: Tell) -> None:
    """Pre-training: next tokens of everything, packed, in an order of its own dice."""
    import torch

    from gen.training.loss import teach_loss
    from gen.training.packing import Bin, collate, packed

    teach_loss(model)
    dice = np.random.default_rng(0)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model.to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=shape.rate, betas=(0.9, 0.95), weight_decay=0.01)
    bins: list[Bin] = []
    for step in range(shape.steps):
        while len(bins) < shape.batch:
            ready = packed([piece for ids in documents for piece in lessons(ids, digits, shape.width, dice)], shape.width)
            bins += [ready[number] for number in dice.permutation(len(ready))]
        chosen, bins = bins[: shape.batch], bins[shape.batch :]
        for group in optimizer.param_groups:
            group["lr"] = shape.rate * min(1.0, (step + 1) / 20) * (1 - 0.9 * step / shape.steps)
        batch = {name: part.to(device) for name, part in collate(chosen, shape.width, 0).items()}
        loss = model(**batch, summed=True)["loss"]
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        if (step + 1) % max(1, shape.steps // 10) == 0:
            tell(f"tiny base: {step + 1:,} of {shape.steps:,} steps of reading, loss {float(loss.detach()):.2f}")
    model.to("cpu")
    del model.forward  # its own again: what is saved knows nothing of us
