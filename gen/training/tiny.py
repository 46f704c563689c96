"""The base ``tiny``: a small Gemma 3 made on the spot, of the corpus's own words, and taught its plain text without any call.

For trying the whole way without weights and without a GPU. It knows how people and assistant of this corpus write, what tools and
results look like, and how to copy a number that it was told, as any large model does; it has never seen a call. What it reads is in
``lessons.py``. Three things are begun otherwise than transformers begins a Gemma, so that little reading is enough: see ``Shape``.
The same rows make the same model.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gen.canonical import exact_json
from gen.conversation import Conversation, Message
from gen.corpus.atomic import make_folder, write_whole
from gen.errors import BadInput
from gen.rendering.template import Template
from gen.rendering.templates import rendered
from gen.rendering.tokens import Encoder
from gen.training.lessons import Lessons

if TYPE_CHECKING:
    from gen.training.packing import Bin

SPECIAL = ("<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>")

MADE = "tiny.json"
"""What says that the folder is whole, and of which rows and shape it was made."""

RISING = 20
"""Steps in which rates rise."""

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Shape:
    """How large it is, how it begins, and how much it reads.

    Attributes:
        words: pieces of the tokenizer.
        scale: how many times larger the embedding is than transformers begins it: frozen under LoRA at its usual size, it would
            keep every logit small.
        shared: size of what all tokens have in common, beside what each has for itself. Attention needs it to look at a place (the
            token before) whatever stands there.
        spread: standard deviation of the other matrices.
        drills, drilled, drill_width: steps of drills, how many at a time, and their width.
        steps, batch, width: steps of reading, bins at a time, and their width.
        rate: AdamW's, for the embedding.
        muon: Muon's, for everything else, in drills and while it reads.
        decay: Muon's, which keeps heads from looking at one place only: LoRA could not make them look elsewhere.
    """

    words: int = 2500
    hidden: int = 128
    layers: int = 3
    heads: int = 4
    context: int = 8192
    scale: float = 8.0
    shared: float = 1.0
    spread: float = 0.1
    drills: int = 150
    drilled: int = 32
    drill_width: int = 64
    steps: int = 260
    batch: int = 12
    width: int = 256
    rate: float = 3e-3
    muon: tuple[float, float] = (0.05, 0.02)
    decay: float = 0.5


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
    _teach(model, _lessons(rows, texts, tokenizer, template), shape, tell)
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


def _lessons(rows: Sequence[Conversation], texts: Sequence[str], tokenizer: Any, template: Template) -> Lessons:
    """What it reads: every talk without its calls, every text by itself, and the tools, as often as rows offer them."""
    encoder = Encoder(tokenizer, replace(template, added_tokens=()))
    talks = [rendered(without_calls(row), template) for row in rows]
    bos, eos = tokenizer.bos_token_id, tokenizer.eos_token_id

    def ids(text: str) -> list[int]:
        found: list[int] = tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
        return found

    spelled = {number: token.lstrip("▁") for token, number in sorted(tokenizer.get_vocab().items(), key=lambda one: one[1])}
    return Lessons(
        talks=[encoder.encode(talk.spans).input_ids for talk in talks if talk.refused is None],
        texts=[[bos, *ids(text), eos] for text in texts],
        tools=[ids(exact_json(tool)) for row in rows for tool in row.tools],
        digits=[number for number, piece in spelled.items() if len(piece) == 1 and piece in "0123456789"],
        letters={number: piece.upper() for number, piece in spelled.items() if len(piece) == 1 and piece.isalpha()},
        plain=tokenizer.convert_tokens_to_ids("▁"),
        line=ids("\n"),
    )


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
        sorted(texts),
        trainers.BpeTrainer(
            vocab_size=shape.words + len(SPECIAL), special_tokens=list(SPECIAL), initial_alphabet=list("0123456789▁"), show_progress=False
        ),
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
    from transformers import AutoModelForCausalLM, Gemma3TextConfig

    torch.manual_seed(0)
    ends = [tokenizer.eos_token_id, tokenizer.convert_tokens_to_ids("<end_of_turn>")]
    config: Any = Gemma3TextConfig(
        vocab_size=len(tokenizer),
        hidden_size=shape.hidden,
        intermediate_size=3 * shape.hidden,
        num_hidden_layers=shape.layers,
        layer_types=["full_attention"] * shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.heads // 2,
        head_dim=shape.hidden // shape.heads,
        query_pre_attn_scalar=shape.hidden // shape.heads,
        max_position_embeddings=shape.context,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=ends,
    )
    model: Any = AutoModelForCausalLM.from_config(config, attn_implementation="sdpa")  # type: ignore[no-untyped-call]  # it has no types
    begun = config.initializer_range
    with torch.no_grad():
        embedding = model.get_input_embeddings().weight
        for matrix in _matrices(model):
            matrix.mul_(shape.spread / begun)
        embedding.add_(shape.shared * begun * torch.sign(torch.randn(shape.hidden))).mul_(shape.scale)
    model.generation_config.eos_token_id = ends
    return model


def _matrices(model: Any) -> list[Any]:
    """The matrices between embedding and head."""
    embedding = model.get_input_embeddings().weight
    return [weight for weight in model.parameters() if weight.dim() == 2 and weight is not embedding]


@dataclass(frozen=True, slots=True)
class _Course:
    """Some steps of pre-training: so many bins of this width at a time, and the rate of Muon."""

    title: str
    bins: Iterator[Bin]
    steps: int
    batch: int
    width: int
    muon: float


def _teach(model: Any, lessons: Lessons, shape: Shape, tell: Tell) -> None:
    """Pre-training: drills until it copies, then everything."""
    import torch

    from gen.training.loss import teach_loss

    teach_loss(model)
    model.to("cuda" if torch.cuda.is_available() else "cpu")
    drills, reading = shape.muon
    _learn(model, _Course("drills", lessons.drills(shape.drill_width), shape.drills, shape.drilled, shape.drill_width, drills), shape, tell)
    _learn(
        model,
        _Course("reading", lessons.reading(shape.width, shape.drill_width), shape.steps, shape.batch, shape.width, reading),
        shape,
        tell,
    )
    model.to("cpu")
    del model.forward  # its own again: what is saved knows nothing of us


def _learn(model: Any, course: _Course, shape: Shape, tell: Tell) -> None:
    """Rates rise for some steps and then fall to a tenth."""
    import torch

    from gen.training.packing import collate

    matrices = _matrices(model)
    others = [weight for weight in model.parameters() if all(weight is not matrix for matrix in matrices)]
    adam = torch.optim.AdamW(others, lr=shape.rate, betas=(0.9, 0.95), weight_decay=0.0)
    muon = torch.optim.Muon(
        matrices, weight_decay=shape.decay
    )  # it comes to attention that finds a thing again in a third of AdamW's steps
    for step in range(course.steps):
        now = min(1.0, (step + 1) / RISING) * (1 - 0.9 * step / course.steps)
        adam.param_groups[0]["lr"], muon.param_groups[0]["lr"] = shape.rate * now, course.muon * now
        batch = collate(list(islice(course.bins, course.batch)), course.width, 0)
        loss = model(**{name: part.to(model.device) for name, part in batch.items()}, summed=True)["loss"]
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        adam.step()
        muon.step()  # type: ignore[no-untyped-call]  # it has no types
        model.zero_grad()
        if (step + 1) % max(1, course.steps // 5) == 0:
            tell(f"tiny base, {course.title}: step {step + 1:,} of {course.steps:,}, loss {float(loss.detach()):.2f}")
