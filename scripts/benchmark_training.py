"""How fast and in how much memory fcgen trains, against TRL's SFTTrainer: the same rows, base, LoRA, precision and tokens a step.

    python scripts/benchmark_training.py [--rows 24] [--batch 4] [--json]     # a shallow Gemma 2 with a vocabulary of 256,000
    python scripts/benchmark_training.py --small                              # seconds: that it runs, not how fast

Weights are random. Each contender runs in a process of its own, one after another, and sees every row once: fcgen; TRL on padded
batches; TRL with its packing. TRL gets our ids and labels (``fcgen render --format trl``), the detour that peft's trained rows need, and
no checkpointing of activations, as we do. Rates are over CPU time where there is no GPU, so that a busy machine says the same as an
idle one; both compute on one core. What the figures mean stands in docs/measurements.md.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

os.environ |= {"TOKENIZERS_PARALLELISM": "false", "TRANSFORMERS_VERBOSITY": "error"}
if not os.environ.get("CUDA_VISIBLE_DEVICES"):
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported

import click

FASTER, SMALLER = 1.3, 0.7
"""What is asked: trained tokens a second, at least so many times TRL's; peak memory, at most so many times TRL's."""

SHAPES: dict[str, dict[str, int]] = {
    "shallow": {
        "vocab_size": 256_000, "hidden_size": 256, "intermediate_size": 1024, "num_hidden_layers": 4,
        "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 64,
    },
    "gemma2-2b": {
        "vocab_size": 256_000, "hidden_size": 2304, "intermediate_size": 9216, "num_hidden_layers": 26,
        "num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 256,
    },
    "small": {
        "vocab_size": 4096, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16,
    },
}  # fmt: skip

LORA = {"r": 16, "alpha": 32}
RATE = 1e-4


@dataclass(frozen=True, slots=True)
class Measured:
    """One contender's run: what it learned from, in which time, and the most memory that it had (of the GPU, or of the process)."""

    name: str
    tokens: int
    trained_tokens: int
    steps: int
    seconds: float
    peak_bytes: int
    last_loss: float

    @property
    def rate(self) -> float:
        return self.trained_tokens / self.seconds


@dataclass(frozen=True, slots=True)
class Bench:
    """Where rows and base lie, and how much is computed at a time."""

    folder: Path
    batch: int

    @property
    def corpus(self) -> Path:
        return self.folder / "corpus"

    @property
    def base(self) -> Path:
        return self.folder / "base"


# -- what is trained on


def prepare(folder: Path, shape: str, rows: int, batch: int, *, cuda: bool = False) -> Bench:
    """Rows of payments, and a base of this shape with a tokenizer that was learned from them; the ids beyond it are never said."""
    import torch
    import transformers

    from gen.corpus.reading import read_rows
    from gen.training.tiny import Shape, _tokenizer, plain_texts

    bench = Bench(folder, batch)
    command = [sys.executable, "-m", "gen", "synth", "--recipe", "payments", "--rows", str(rows), "--out", str(bench.corpus), "--quiet"]
    subprocess.run(command, check=True)
    tokenizer = _tokenizer((text for row in read_rows(bench.corpus) for text in plain_texts(row)), Shape())
    config = transformers.Gemma2Config(
        **SHAPES[shape],
        sliding_window=4096,
        max_position_embeddings=8192,
        **{f"{name}_token_id": getattr(tokenizer, f"{name}_token_id") for name in ("pad", "bos", "eos")},
    )
    torch.manual_seed(0)
    with torch.device("cuda" if cuda else "cpu"):
        kind = torch.bfloat16 if cuda else torch.float32
        model = transformers.AutoModelForCausalLM.from_config(config, dtype=kind, attn_implementation="eager")
    model.save_pretrained(bench.base)
    tokenizer.save_pretrained(bench.base)
    return bench


# -- the contenders


class Clock:
    """Hears fcgen's training: when its steps began and ended."""

    def __init__(self) -> None:
        self.began = self.ended = 0.0
        self.steps = 0
        self.loss = float("nan")

    def note(self, text: str) -> None:
        """Nothing of it is measured."""

    def sample(self, spans: object) -> None:
        """Nothing of it is measured."""

    def start(self, steps: int, done: int) -> None:
        self.began = now()

    def step(self, metrics: dict[str, Any]) -> None:
        self.steps, self.ended, self.loss = metrics["step"], now(), metrics.get("loss", self.loss)


def now() -> float:
    """Seconds: of this process's CPU time, or of the clock where a GPU computes."""
    import torch

    if not torch.cuda.is_available():
        return time.process_time()
    torch.cuda.synchronize()
    return time.perf_counter()


def peak() -> int:
    """The most memory so far, in bytes."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def planned(bench: Bench, out: Path) -> Any:
    from gen.rendering.templates import template_named
    from gen.training.plan import plan
    from gen.training.settings import settings_of

    settings: dict[str, Any] = {"base": str(bench.base), "lora": LORA, "epochs": 1, "learning_rate": RATE, "held_out": 0}
    settings |= {"batch": bench.batch, "max_length": 8192, "schedule": "linear", "warmup": 0}
    return plan(bench.corpus, out, template_named("gemma"), settings_of(settings))


def length_of(work: Any) -> int:
    """How many tokens the rows have."""
    return sum(len(example.input_ids) for example in work.rows.examples)


def ours(bench: Bench) -> Measured:
    """fcgen's own trainer, the whole of it: what it writes and draws while it trains is in the time."""
    from gen.training.run import train

    work, clock = planned(bench, bench.folder / "ours"), Clock()
    train(work, clock, save_steps=1_000_000)
    return Measured("fcgen", length_of(work), work.trained, clock.steps, clock.ended - clock.began, peak(), clock.loss)


def theirs(bench: Bench, *, packing: bool) -> Measured:
    """TRL's trainer on the same rows, as a careful user of it would have it run."""
    import torch
    from datasets import Dataset
    from peft import LoraConfig, get_peft_model
    from trl import SFTConfig, SFTTrainer

    from gen.training.adapter import linear_layers
    from gen.training.base import open_base
    from gen.training.packing import packed, width_of

    work = planned(bench, bench.folder / "theirs")
    rows = work.rows.examples
    width = width_of(rows)
    steps = -(-len(packed(rows, width)) // bench.batch)
    base = open_base(str(bench.base), work.tokenizer, work.added)
    lora = LoraConfig(
        r=LORA["r"], lora_alpha=LORA["alpha"], task_type="CAUSAL_LM", target_modules=linear_layers(base.model),
        trainable_token_indices={"embed_tokens": list(base.rows)},
    )  # fmt: skip
    model = get_peft_model(base.model, lora)
    model.get_output_embeddings().register_parameter("bias", None)
    cuda = torch.cuda.is_available()
    arguments = SFTConfig(
        output_dir=str(bench.folder / "theirs"),
        max_length=width if packing else None,
        packing=packing,
        per_device_train_batch_size=bench.batch if packing else -(-len(rows) // steps),
        gradient_checkpointing=False,
        bf16=cuda,
        use_cpu=not cuda,
        num_train_epochs=1,
        learning_rate=RATE,
        warmup_steps=0,
        logging_steps=1,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
    )
    table = Dataset.from_dict({"input_ids": [row.input_ids.tolist() for row in rows], "labels": [row.labels.tolist() for row in rows]})
    trainer = SFTTrainer(model, args=arguments, train_dataset=table, processing_class=work.tokenizer)
    began = now()
    trainer.train()
    losses = [line["loss"] for line in trainer.state.log_history if "loss" in line]
    name = "TRL, packed" if packing else "TRL, padded"
    return Measured(name, length_of(work), work.trained, trainer.state.global_step, now() - began, peak(), losses[-1])


CONTENDERS: dict[str, Callable[[Bench], Measured]] = {
    "fcgen": ours,
    "trl-padded": lambda bench: theirs(bench, packing=False),
    "trl-packed": lambda bench: theirs(bench, packing=True),
}


# -- the comparison


def in_its_own_process(name: str, bench: Bench) -> Measured:
    """One contender, where nobody else's memory counts."""
    command = [sys.executable, __file__, "--contender", name, "--folder", str(bench.folder), "--batch", str(bench.batch)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    found = Measured(**json.loads(done.stdout.splitlines()[-1]))
    click.echo(f"note: {found.name}: {found.seconds:,.1f} s, {found.peak_bytes / 1e9:.2f} GB", err=True)
    return found


def ratios(found: Sequence[Measured]) -> dict[str, float]:
    """Ours over TRL's, whichever way TRL is faster."""
    mine, best = found[0], max(found[1:], key=lambda one: one.rate)
    return {"times TRL's trained tokens a second": mine.rate / best.rate, "times TRL's peak memory": mine.peak_bytes / best.peak_bytes}


@click.command(help=__doc__)
@click.option("--shape", type=click.Choice([name for name in SHAPES if name != "small"]), default="shallow", show_default=True)
@click.option("--rows", type=click.IntRange(min=4), default=24, show_default=True, help="Conversations, a tenth of them held out.")
@click.option("--batch", type=click.IntRange(min=1), default=4, show_default=True, help="Packed bins of a step.")
@click.option("--small", is_flag=True, help="Tiny shapes, few rows.")
@click.option("--json", "as_json", is_flag=True)
@click.option("--contender", type=click.Choice(list(CONTENDERS)), hidden=True)
@click.option("--folder", type=click.Path(path_type=Path), hidden=True)
def benchmark(shape: str, rows: int, batch: int, small: bool, as_json: bool, contender: str | None, folder: Path | None) -> None:
    """Compare, or (in a process of its own) be one of those that are compared."""
    if contender is not None and folder is not None:
        click.echo(json.dumps(asdict(CONTENDERS[contender](Bench(folder, batch)))))
        return
    with tempfile.TemporaryDirectory() as place:
        bench = prepare(Path(place), "small" if small else shape, 8 if small else rows, 2 if small else batch)
        found = [in_its_own_process(name, bench) for name in CONTENDERS]
    told = ratios(found)
    if as_json:
        click.echo(json.dumps({"runs": [asdict(one) | {"rate": one.rate} for one in found], "ratios": told}, indent=2))
        return
    click.echo(f"{'':<14} {'steps':>6} {'trained tokens/s':>17} {'peak GB':>9} {'last loss':>10}")
    for one in found:
        click.echo(f"{one.name:<14} {one.steps:>6} {one.rate:>17,.1f} {one.peak_bytes / 1e9:>9.2f} {one.last_loss:>10.4f}")
    for (name, value), (sign, asked) in zip(told.items(), ((">=", FASTER), ("<=", SMALLER)), strict=True):
        held = value >= asked if sign == ">=" else value <= asked
        click.echo(f"{name}: {value:.2f} (asked {sign} {asked}; {'holds' if held else 'MISSED'})")


if __name__ == "__main__":
    benchmark()
