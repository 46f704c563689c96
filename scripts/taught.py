"""A small Gemma that is taught by the simulator what a teacher says, and then is the teacher: a section of gpu_check.py.

It learns from what the models of both roles would be asked in some slots of a recipe, and what the simulator says there. Then it plays
both roles in slots that it has not seen, through a whole run.
"""

from __future__ import annotations

import math
import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from os.path import commonprefix
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
from talks import Talk, talks

from gen.recipe import Recipe, Teacher, load_recipe
from gen.synthesis.cast import Models
from gen.synthesis.run import synthesize
from gen.synthesis.summary import Summary
from gen.teachers.naming import TeacherName
from gen.teachers.request import Completion, Request
from gen.tools.validation import validator

if TYPE_CHECKING:
    import torch

    from gen.teachers.engines.loading import Loaded
    from gen.teachers.engines.local import LocalEngine

Note = Callable[[str], None]
IGNORED = -100

LONGEST = 200
"""Letters of a token: the library that masks tokens takes none of more than 255 bytes."""

LONG, MANY = 60, 20
"""A line of briefs is a token where it has more letters than LONG and stands in more than one of MANY."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """How a model is taught: on which slots of which recipe, of what shape it is, and for how long.

    ``held_out`` slots, the first ones, are kept for the run in which it is the teacher; ``slots`` after them are learned from.
    """

    changes: tuple[str, ...]
    held_out: int
    slots: int
    vocabulary: int
    shape: dict[str, Any]
    rows: int
    steps: int
    rate: float


GUIDED = ("teacher.guidance=plan", "teacher.temperature=0", "attempts=1", "teacher.turns=4")
"""A weak model is shown the calls. One attempt for each slot: the rate of acceptance is then that of candidates."""

SMALL = Lesson(
    changes=(
        *GUIDED,
        "tools.only=[retrieve_payment_status, retrieve_payment_date]",
        "tools.offered={min: 2, max: 2}",
        "personas={plain: 1}",
        "thoughts=0",
        "teacher.tries=1",
        "teacher.max_tokens=400",
    ),
    held_out=40,
    slots=1500,
    vocabulary=1500,
    shape={"hidden_size": 128, "intermediate_size": 256, "num_hidden_layers": 3, "num_attention_heads": 4, "head_dim": 32},
    rows=8,
    steps=1200,
    rate=4e-3,
)
LARGE = Lesson(
    changes=GUIDED,
    held_out=600,
    slots=6000,
    vocabulary=8192,
    shape={"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 16, "num_attention_heads": 8, "head_dim": 128},
    rows=32,
    steps=1500,
    rate=3e-4,
)
"""About 280 million weights."""


# -- the model


def tokenizer(learned: Sequence[Talk], size: int, template: str, special: Sequence[str]) -> Any:
    """Tokens of these chats: how all briefs begin is one, so is each tool, and numbers are read by two digits."""
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split("\n", "isolated"),
            pre_tokenizers.Split(Regex(r"\d{1,2}"), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    backend.decoder = decoders.ByteLevel()
    letters = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=list(special), initial_alphabet=letters, show_progress=False)
    whole = repeated([talk[0][1] for talk in learned])
    backend.train_from_iterator((rest for talk in learned for _, text in talk for rest in without(text, whole)), trainer)
    backend.add_tokens([AddedToken(text, normalized=False) for text in whole])
    named = {"pad_token": special[0], "eos_token": special[1]}
    return PreTrainedTokenizerFast(tokenizer_object=backend, chat_template=template, **named)  # type: ignore[no-untyped-call]  # no types there


def repeated(briefs: Sequence[str]) -> list[str]:
    """What many briefs have in common: how those of each role begin, and long lines. No model should spend its time on them."""
    roles = {brief[:40] for brief in briefs}
    begins = [
        commonprefix([brief for brief in briefs if brief.startswith(role)])  # noqa: RUF071 -- of texts, not of paths
        for role in sorted(roles)
    ]
    lines = Counter(line for brief in briefs for rest in without(brief, begins) for line in rest.split("\n"))
    often = begins + sorted(line for line, count in lines.items() if len(line) > LONG and count > len(briefs) / MANY)
    return [text[first : first + LONGEST] for text in often for first in range(0, len(text), LONGEST)]


def without(text: str, whole: Sequence[str]) -> list[str]:
    """What remains of a text between these."""
    parts = [text]
    for piece in whole:
        parts = [rest for part in parts for rest in part.split(piece)]
    return parts


def untaught(lesson: Lesson, vocabulary: int) -> Any:
    """A Gemma 3 of this shape. Its embeddings are larger than usual at the start, or so few steps would not move them."""
    import torch
    from transformers import Gemma3ForCausalLM, Gemma3TextConfig

    layers = ["full_attention"] * lesson.shape["num_hidden_layers"]
    heads: dict[str, Any] = {"num_key_value_heads": lesson.shape["num_attention_heads"], "query_pre_attn_scalar": lesson.shape["head_dim"]}
    ids: dict[str, Any] = {"vocab_size": vocabulary, "pad_token_id": 0, "eos_token_id": 1, "bos_token_id": None}
    torch.manual_seed(0)
    model = Gemma3ForCausalLM(Gemma3TextConfig(**lesson.shape, **heads, **ids, layer_types=layers, max_position_embeddings=8192))
    torch.nn.init.normal_(model.model.embed_tokens.weight, std=lesson.shape["hidden_size"] ** -0.5)
    return model


Example = tuple[list[int], list[int]]
"""The tokens of a chat, and the same with those that are not learned IGNORED."""


def examples(learned: Sequence[Talk], tokens: Any) -> list[Example]:
    """The chats as the engine reads and writes them; only what the model itself says is learned."""
    from gen.teachers.engines.chat import Chat

    chat = Chat(tokens, "taught")
    found = []
    for talk in learned:
        ids: list[int] = []
        labels: list[int] = []
        for place, (role, text) in enumerate(talk):
            if role != "assistant":
                continue
            prompt = chat.tokens(talk[:place])
            assert prompt[: len(ids)] == ids, "a chat only grows"
            turn = [*tokens.encode(text, add_special_tokens=False), tokens.eos_token_id]
            labels += [IGNORED] * (len(prompt) - len(ids)) + turn
            ids = prompt + turn
        found.append((ids, labels))
    return found


@dataclass(frozen=True, slots=True)
class Taught:
    """A model that was taught, and how that went: tokens a second, and the loss of the first and the last tenth of the steps."""

    loaded: Loaded
    rate: float
    first: float
    last: float


def teach(lesson: Lesson, recipe: Recipe, template: str, special: Sequence[str], note: Note) -> Taught:
    """Teach a model this lesson, on the GPU if there is one."""
    import torch

    from gen.teachers.engines.loading import Loaded

    learned = talks(recipe, range(lesson.held_out, lesson.held_out + lesson.slots))
    tokens = tokenizer(learned, lesson.vocabulary, template, special)
    work = examples(learned, tokens)
    on_gpu = torch.cuda.is_available()
    model = untaught(lesson, len(tokens)).to("cuda" if on_gpu else "cpu")
    weights = sum(part.numel() for part in model.parameters())
    note(f"teaching {weights / 1e6:.1f} million weights: {len(work)} chats of {sum(len(ids) for ids, _ in work) / len(work):.0f} tokens")
    began = time.perf_counter()
    losses, read = trained(model, work, lesson)
    seconds = time.perf_counter() - began
    part = max(1, len(losses) // 10)
    model = model.train(mode=False).to(torch.bfloat16) if on_gpu else model.train(mode=False)
    loaded = Loaded(model, tokens, (tokens.eos_token_id,))
    return Taught(loaded, read / seconds, sum(losses[:part]) / part, sum(losses[-part:]) / part)


def trained(model: Any, work: Sequence[Example], lesson: Lesson) -> tuple[list[float], int]:
    """The loss of every step, and how many tokens were read."""
    import torch

    optimizer = torch.optim.AdamW(model.parameters(), lr=lesson.rate, betas=(0.9, 0.98), weight_decay=0.01)
    warm = lesson.steps // 20 + 1
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: pace(step, warm, lesson.steps))
    losses: list[torch.Tensor] = []
    read = 0
    device = model.device
    for batch in batches(work, lesson):
        longest = max(len(ids) for ids, _ in batch)
        ids = torch.tensor([ids + [0] * (longest - len(ids)) for ids, _ in batch], device=device)
        labels = torch.tensor([labels + [IGNORED] * (longest - len(labels)) for _, labels in batch], device=device)
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            loss = loss_of(model, ids, labels)
        loss.backward()  # type: ignore[no-untyped-call]  # torch has no types here
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        losses.append(loss.detach())
        read += sum(len(ids) for ids, _ in batch)
    return torch.stack(losses).tolist(), read


def loss_of(model: Any, ids: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The loss of what is learned; padding stands at the end, where nothing learned looks at it."""
    import torch

    states = model.model(input_ids=ids, use_cache=False).last_hidden_state[:, :-1]
    wanted = labels[:, 1:]
    told = wanted != IGNORED
    return torch.nn.functional.cross_entropy(model.lm_head(states[told]).float(), wanted[told])


def pace(step: int, warm: int, steps: int) -> float:
    """The share of the full rate at which a step learns: rising, then falling like a cosine."""
    if step < warm:
        return (step + 1) / warm
    return 0.02 + 0.49 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))


def batches(work: Sequence[Example], lesson: Lesson) -> list[list[Example]]:
    """As many batches as there are steps: chats of about the same length, in an order by chance."""
    chance = random.Random(0)
    found: list[list[Example]] = []
    while len(found) < lesson.steps:
        mixed = sorted(chance.sample(work, len(work)), key=lambda example: len(example[0]))
        one_pass = [mixed[first : first + lesson.rows] for first in range(0, len(mixed), lesson.rows)]
        chance.shuffle(one_pass)
        found += one_pass
    return found[: lesson.steps]


# -- the teacher


@dataclass(frozen=True, slots=True)
class Lecture:
    """A run in which the model was the teacher: what came of it, how many calls it made, and how many of them fit their tools."""

    summary: Summary
    statistics: dict[str, float]
    tokens: int
    seconds: float
    calls: int
    fitting: int


def lecture(taught: Taught, recipe: Recipe, rows: int, slots: int, note: Note) -> Lecture:
    """A whole run of the first slots of the recipe."""
    from gen.cli.progress import Silent
    from gen.teachers.engines.local import LocalEngine

    spoken: list[tuple[Request, Completion]] = []
    engines: list[Heard] = []

    class Heard(LocalEngine):
        """The local engine, and what went through it."""

        async def complete(self, request: Request) -> Completion:
            completion = await super().complete(request)
            spoken.append((request, completion))
            return completion

    def opened(name: TeacherName, settings: Teacher, told: Note) -> LocalEngine:
        engines.append(Heard(name.model, slots=slots, loaded=taught.loaded, note=note))
        return engines[-1]

    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "corpus"
        summary = synthesize(recipe, out, rows=rows, workers=1, shard=None, progress=Silent(), models=Models(opening=opened))
    seconds = time.perf_counter() - began
    calls = [fits(request, call) for request, completion in spoken for call in orjson.loads(completion.text).get("calls", ())]
    tokens = sum(completion.tokens_out for _, completion in spoken)
    return Lecture(summary, engines[0].statistics(), tokens, seconds, len(calls), sum(calls))


def fits(request: Request, call: Any) -> bool:
    """Whether a call fits what may be called."""
    assert request.schema is not None
    calls = request.schema["properties"]["calls"]["items"]
    return validator("call", calls | {"$defs": request.schema.get("$defs", {})}).is_valid(call)


@cache
def prepared(small: bool, template: str, special: tuple[str, ...], note: Note) -> tuple[Lesson, Recipe, Taught]:
    """The lesson, its recipe and the model that was taught it: once, however many runs it is then the teacher of."""
    lesson = SMALL if small else LARGE
    recipe = load_recipe("tiny", changes=["teacher=local:taught", f"rows={lesson.held_out}", *lesson.changes])
    return lesson, recipe, teach(lesson, recipe, template, special, note)
