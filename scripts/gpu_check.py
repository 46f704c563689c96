"""What the local engine does on a machine with a GPU and no network: random weights of a real shape, and ratios that must hold.

    python scripts/gpu_check.py [--shape gemma2-2b] [--slots 32 --slots 128 --slots 256] [--section speed] [--json]
    python scripts/gpu_check.py --small                      # tiny shapes on a CPU, in minutes: that it runs, not how fast

Everything is compared on the same model, the same prompts and the same machine. The section teacher teaches a small model, which then is
the teacher of a run (taught.py); training takes Gemma 2 2B's full shape through fcgen train (whole_way.py). What the figures mean stands
in docs/measurements.md. A section is a function below; SECTIONS lists them.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gen.errors import FcgenError, missing_extra
from gen.teachers.envelope import assistant_schema
from gen.teachers.request import ChatMessage, Completion, Request, Sampling
from gen.tools.schema import read_tools

if TYPE_CHECKING:
    from gen.teachers.engines.loading import Loaded

TOOLS = Path(__file__).resolve().parents[1] / "schemas" / "payments" / "tools.json"

REQUESTS = 16
FEW_REQUESTS = 4
"""Requests for each slot: enough that filling the slots and running them empty weigh little, and with ``--small`` as few as will do."""

SHAPES: dict[str, dict[str, Any]] = {
    "gemma2-2b": {
        "class": "Gemma2Config", "vocab_size": 256_000, "hidden_size": 2304, "intermediate_size": 9216, "num_hidden_layers": 26,
        "num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 256, "sliding_window": 4096,
    },
    "llama-8b": {
        "class": "LlamaConfig", "vocab_size": 128_256, "hidden_size": 4096, "intermediate_size": 14_336, "num_hidden_layers": 32,
        "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 128,
    },
    "small": {
        "class": "LlamaConfig", "vocab_size": 2048, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16,
    },
}  # fmt: skip

SPECIAL = ("<pad>", "<end>", "<user>", "<assistant>", "<system>")
TEMPLATE = (
    "{% for message in messages %}{{ '<' + message['role'] + '>' + message['content'] + '<end>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<assistant>' }}{% endif %}"
)


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured ratio, and what it must be: at least, or nothing."""

    section: str
    slots: int
    name: str
    value: float
    asked: float | None = None

    @property
    def verdict(self) -> str:
        if self.asked is None:
            return ""
        return "holds" if self.value >= self.asked else "MISSED"


@dataclass(frozen=True, slots=True)
class Check:
    """What a section works with."""

    loaded: Loaded
    slots: int
    requests: int
    small: bool
    note: Callable[[str], None]


# -- a model by chance


def build(shape: str) -> Loaded:
    """A model of this shape with random weights, and a tokenizer with as many tokens, made up on the spot."""
    try:
        import torch
        import transformers
    except ModuleNotFoundError as error:
        raise missing_extra(error.name or "torch", "gpu", "this check") from error
    from gen.teachers.engines.loading import Loaded

    device, dtype = ("cuda", torch.bfloat16) if torch.cuda.is_available() else ("cpu", torch.float32)
    settings = {key: value for key, value in SHAPES[shape].items() if key != "class"}
    config = getattr(transformers, SHAPES[shape]["class"])(**settings, max_position_embeddings=8192, eos_token_id=1, pad_token_id=0)
    torch.manual_seed(0)
    with torch.device(device):
        model = transformers.AutoModelForCausalLM.from_config(config, dtype=dtype)
    return Loaded(model.train(mode=False), tokenizer(settings["vocab_size"]), (1,))


def tokenizer(size: int) -> Any:
    """Pieces of made-up words over the bytes: as many as the shape has, so that masks cost what they cost."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    known = {text: number for number, text in enumerate([*SPECIAL, *sorted(pre_tokenizers.ByteLevel.alphabet())])}
    letters = "etaoinshrdlucmfwypvbgkjqxz"
    pieces = deque(["Ġ", *letters])
    merges: list[tuple[str, str]] = []
    while len(known) < size:
        piece = pieces.popleft()
        for letter in letters[: size - len(known)]:
            known[piece + letter] = len(known)
            merges.append((piece, letter))
            pieces.append(piece + letter)
    backend = Tokenizer(models.BPE(vocab=known, merges=merges))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    backend.add_special_tokens([AddedToken(text, special=True) for text in SPECIAL])
    named = {"pad_token": SPECIAL[0], "eos_token": SPECIAL[1]}
    return PreTrainedTokenizerFast(tokenizer_object=backend, chat_template=TEMPLATE, **named)


# -- work


def requests(check: Check, *, seed: int = 0, schema: Any = None, lengths: Sequence[int] = (8, 16, 24, 48, 128)) -> list[Request]:
    """Prompts of many lengths that ask for answers of many lengths."""
    chance = random.Random(seed)
    words = ["payment", "refund", "of", "the", "when", "was", "it", "customer", "please", "status"]
    return [
        Request(
            "check",
            (("user", " ".join(chance.choices(words, k=chance.randint(8, 120)))),),
            schema,
            Sampling(0.0 if schema is None else 1.0, 1.0, chance.choice(lengths)),
            seed=number,
        )
        for number in range(check.requests * check.slots)
    ]


def answered(check: Check, asked: list[Request]) -> tuple[float, list[Completion], dict[str, float]]:
    """Seconds, answers and statistics of an engine that is asked all at once, once it is warm."""
    from gen.teachers.engines.local import LocalEngine

    async def main() -> tuple[float, list[Completion], dict[str, float]]:
        engine = LocalEngine("check", slots=check.slots, loaded=check.loaded, note=check.note)
        try:
            await asyncio.gather(*[engine.complete(request) for request in asked[: check.slots]])
            before = engine.statistics()
            began = time.perf_counter()
            found = await asyncio.gather(*[engine.complete(request) for request in asked])
            seconds = time.perf_counter() - began
            return seconds, list(found), {key: value - before[key] for key, value in engine.statistics().items()}
        finally:
            await engine.close()

    return asyncio.run(main())


def rate(seconds: float, completions: Sequence[Completion]) -> float:
    return sum(completion.tokens_out for completion in completions) / seconds


# -- sections


def speed(check: Check) -> list[Figure]:
    """Tokens a second and occupancy, against ``generate`` and continuous batching of transformers."""
    from gen.teachers.engines.chat import Chat

    asked = requests(check)
    seconds, found, statistics = answered(check, asked)
    ours = rate(seconds, found)
    occupancy = statistics["spoken"] / max(1, statistics["places"])
    figures = [Figure("speed", check.slots, "tokens a second", ours), Figure("speed", check.slots, "occupancy", occupancy, 0.85)]
    chat = Chat(check.loaded.tokenizer, "check")
    work = [(chat.tokens(request.messages), request.sampling.max_tokens) for request in asked]
    generate = plain_generate(check, work)
    figures += [
        Figure("speed", check.slots, "generate: tokens a second", generate),
        Figure("speed", check.slots, "times generate", ours / generate, 3.0),
    ]
    try:
        continuous = continuous_batching(check, work)
    except (ImportError, AttributeError, ValueError, RuntimeError) as error:
        check.note(f"continuous batching does not run here: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}")
        return figures
    return [
        *figures,
        Figure("speed", check.slots, "continuous batching: tokens a second", continuous),
        Figure("speed", check.slots, "times continuous batching", ours / continuous),
    ]


def plain_generate(check: Check, work: list[tuple[list[int], int]]) -> float:
    """``generate`` at its best: prompts sorted by length, as many rows as there are slots."""
    import torch

    model = check.loaded.model
    in_order = sorted(work, key=lambda item: len(item[0]))
    groups = [in_order[first : first + check.slots] for first in range(0, len(in_order), check.slots)]
    began = time.perf_counter()
    for group in groups:
        longest = max(len(prompt) for prompt, _ in group)
        ids = torch.tensor([[0] * (longest - len(prompt)) + prompt for prompt, _ in group], device=model.device)
        seen = torch.tensor([[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt, _ in group], device=model.device)
        most = max(wanted for _, wanted in group)
        model.generate(ids, attention_mask=seen, do_sample=False, max_new_tokens=most, min_new_tokens=most, pad_token_id=0)
    return sum(wanted for _, wanted in work) / (time.perf_counter() - began)


def continuous_batching(check: Check, work: list[tuple[list[int], int]]) -> float:
    """transformers' own continuous batching, as it comes."""
    from transformers import GenerationConfig
    from transformers.generation import ContinuousBatchingConfig

    fields = ContinuousBatchingConfig.__dataclass_fields__
    settings: dict[str, Any] = {"page_size" if "page_size" in fields else "block_size": 64, "max_requests_per_batch": check.slots}
    if check.loaded.model.device.type == "cpu":
        settings |= {"num_blocks": 512, "max_batch_tokens": 1024}
    generation = GenerationConfig(do_sample=False, max_new_tokens=128, eos_token_id=-1, pad_token_id=0)
    manager = check.loaded.model.continuous_batching_context_manager(
        generation_config=generation, continuous_batching_config=ContinuousBatchingConfig(**settings)
    )
    with manager as running:
        began = time.perf_counter()
        for prompt, wanted in work:
            running.add_request(prompt, max_new_tokens=wanted)
        done = 0
        while done < len(work):
            result = running.get_result(timeout=1)
            done += result is not None and result.is_finished()
            if result is None and not running.is_running():
                raise RuntimeError("it stopped before it was done")
        return sum(wanted for _, wanted in work) / (time.perf_counter() - began)


def constrained(check: Check) -> list[Figure]:
    """Turns that are held to the tools' schemas, against the same turns without."""
    tools = list(read_tools(TOOLS).values())
    lengths = (260, 320, 400)
    free = rate(*answered(check, requests(check, lengths=lengths))[:2])
    seconds, found, _ = answered(check, requests(check, lengths=lengths, schema=assistant_schema(tools[:6])))
    for completion in found:
        json.loads(completion.text)
    held = rate(seconds, found)
    return [
        Figure("constrained", check.slots, "tokens a second", held),
        Figure("constrained", check.slots, "share of unconstrained", held / free, 0.95),
    ]


def turns(check: Check) -> list[Figure]:
    """Conversations that go on: how much of their prompts need not be read again after the first turn."""
    from gen.teachers.engines.local import LocalEngine

    async def conversation(engine: LocalEngine, first: Request, number: int) -> list[Completion]:
        messages: tuple[ChatMessage, ...] = first.messages
        found: list[Completion] = []
        for turn in range(5):
            asked = Request("check", messages, None, Sampling(0.0, 1.0, 24), seed=turn, view=f"conversation {number}")
            found.append(await engine.complete(asked))
            messages = (*messages, ("assistant", found[-1].text), ("user", "and what about the other payment"))
        engine.forget(f"conversation {number}")
        return found[1:]

    async def main() -> list[Completion]:
        engine = LocalEngine("check", slots=check.slots, loaded=check.loaded, note=check.note)
        try:
            talks = [conversation(engine, first, number) for number, first in enumerate(requests(check)[: 2 * check.slots])]
            return [completion for talk in await asyncio.gather(*talks) for completion in talk]
        finally:
            await engine.close()

    found = asyncio.run(main())
    spared = sum(completion.tokens_cached for completion in found) / sum(completion.tokens_in for completion in found)
    return [Figure("turns", check.slots, "share of prompts not read again", spared)]


def teacher(check: Check) -> list[Figure]:
    """A small Gemma that learned from the simulator plays both roles in slots that it has not seen, in a whole run."""
    from taught import lecture, prepared

    lesson, recipe, taught = prepared(check.small, TEMPLATE, SPECIAL, check.note)
    run = lecture(taught, recipe, lesson.held_out, check.slots, check.note)
    refused = {reason: count for reason, count in run.summary.rejected.items() if not reason.startswith("plan:")}  # nobody spoke there
    candidates = run.summary.rows + sum(refused.values())
    figures = {
        "training tokens a second": taught.rate,
        "loss of the first tenth": taught.first,
        "loss of the last tenth": taught.last,
        "acceptance": run.summary.rows / candidates,
        **{f"refused, {reason}": count / candidates for reason, count in sorted(refused.items())},
        **{f"to blame, {who}": count / candidates for who, count in sorted(run.summary.faults.items())},
        "occupancy": run.statistics["spoken"] / max(1, run.statistics["places"]),
        "tokens a second": run.tokens / run.seconds,
    }
    fitting = Figure("teacher", check.slots, "calls that fit their schema", run.fitting / max(1, run.calls), 1.0)
    return [*(Figure("teacher", check.slots, name, value) for name, value in figures.items()), fitting]


def training(check: Check) -> list[Figure]:
    """A base of the full shape through fcgen train, saved, merged and loaded; its speed, and TRL's on the same rows."""
    from whole_way import ASKED, whole_way

    shape, rows, batch = ("small", 8, 2) if check.small else ("gemma2-2b", 800, 8)
    way = whole_way(shape, rows, batch, check.note, beside=not check.small)
    figures = {
        "tokens a second": way.mine.tokens / way.mine.seconds,
        "trained tokens a second": way.mine.rate,
        "MFU": way.utilisation,
        "peak memory, GB": way.mine.peak_bytes / 1e9,
    }
    return [
        *(Figure("training", batch, name, value) for name, value in figures.items()),
        Figure("training", batch, "merged model agrees with the adapter", way.agreement, 0.9),
        *(Figure("training", batch, name, value, ASKED[name]) for name, value in way.beside_trl.items()),
    ]


SECTIONS: dict[str, Callable[[Check], list[Figure]]] = {
    "speed": speed, "constrained": constrained, "turns": turns, "teacher": teacher, "training": training,
}  # fmt: skip
ONCE = ("training",)
"""Sections that know no slots."""


# -- the command


def note(text: str) -> None:
    click.echo(f"note: {text}", err=True)


def table(figures: Sequence[Figure]) -> str:
    lines = [f"{'section':<12} {'slots':>5}  {'':<38} {'measured':>10} {'asked':>7}"]
    for figure in figures:
        asked = "" if figure.asked is None else f">={figure.asked:g}"
        lines.append(f"{figure.section:<12} {figure.slots:>5}  {figure.name:<38} {figure.value:>10.2f} {asked:>7} {figure.verdict}")
    return "\n".join(lines)


@click.command(help=__doc__)
@click.option("--shape", type=click.Choice([name for name in SHAPES if name != "small"]), default="gemma2-2b", show_default=True)
@click.option("--slots", type=click.IntRange(1), multiple=True, default=(32, 128, 256), show_default=True)
@click.option("--section", "sections", type=click.Choice(list(SECTIONS)), multiple=True, help="All of them where none is named.")
@click.option("--small", is_flag=True, help="Tiny shapes, four slots.")
@click.option("--json", "as_json", is_flag=True, help="The figures as JSON.")
def gpu_check(shape: str, slots: tuple[int, ...], sections: tuple[str, ...], small: bool, as_json: bool) -> None:
    """Measure, and print."""
    try:
        loaded = build("small" if small else shape)
        figures: list[Figure] = []
        for count in (4,) if small else slots:
            check = Check(loaded, count, FEW_REQUESTS if small else REQUESTS, small, note)
            for name in sections or SECTIONS:
                if name not in ONCE or not any(figure.section == name for figure in figures):
                    figures += SECTIONS[name](check)
    except FcgenError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(error.exit_code)
    rows = [asdict(figure) | {"verdict": figure.verdict} for figure in figures]
    click.echo(json.dumps({"device": loaded.model.device.type, "figures": rows}, indent=2) if as_json else table(figures))


if __name__ == "__main__":
    gpu_check()
