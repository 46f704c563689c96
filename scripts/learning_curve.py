"""What a small Gemma learns of payments from nothing, on a CPU: the curve of held-out calls, as it is.

    python scripts/learning_curve.py [--minutes 60] [--out learning-curve]     # goes on where it was stopped
    python scripts/learning_curve.py --small                                   # seconds: that it runs, not what it learns

The whole recipe: every scenario, 18 tools, dates and amounts as people say them. A base like ``--base tiny``, only larger, reads the
corpus's plain text; then LoRA teaches it the calls until the minutes are used up, and the same command goes on to the same weights.
Prints a table for docs/measurements.md; metrics.jsonl has every line of it and loss.svg the picture. A held-out call counts as exact
where each of its tokens is the likeliest one (``gen/training/exactness.py``).
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ |= {"TOKENIZERS_PARALLELISM": "false", "TRANSFORMERS_VERBOSITY": "error"}
os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported

import click

from gen.cli.progress import Silent
from gen.conversation import JsonObject
from gen.recipe import load_recipe
from gen.rendering.templates import template_named
from gen.synthesis.run import synthesize
from gen.training.plan import plan
from gen.training.run import finished, train
from gen.training.settings import TINY_BATCH, settings_of
from gen.training.tiny import Shape
from gen.training.watch import read_metrics


@dataclass(frozen=True, slots=True)
class Size:
    """Rows of the corpus, times that they are seen, held-out rows that are looked at, and the base."""

    rows: int
    epochs: float
    held_out: int
    shape: Shape


RATE = 4e-3
"""As the figures in docs/measurements.md have it; that of ``--base tiny`` may move on."""

LARGE = Size(rows=4000, epochs=2, held_out=60, shape=Shape(words=2000, hidden=160, layers=4, width=320))
SMALL = Size(
    rows=20,
    epochs=1,
    held_out=4,
    shape=Shape(words=300, hidden=32, layers=2, heads=4, drills=2, drilled=4, steps=2, batch=2, width=128),
)


class Clock:
    """Shows how far it is, and presses Ctrl-C when the time is over: what was learned is saved."""

    def __init__(self, minutes: float) -> None:
        self._end = time.monotonic() + 60 * minutes

    def note(self, text: str) -> None:
        click.echo(text, err=True)

    def sample(self, spans: tuple[Any, ...]) -> None: ...

    def start(self, steps: int, done: int) -> None:
        click.echo(f"step {done:,} of {steps:,}", err=True)

    def step(self, metrics: JsonObject) -> None:
        if len(metrics) > 1:
            click.echo(" ".join(f"{name} {value:.4g}" for name, value in metrics.items() if isinstance(value, int | float)), err=True)
        if time.monotonic() > self._end:
            self._end = float("inf")  # a second one would not save
            signal.raise_signal(signal.SIGINT)


def table(lines: Sequence[JsonObject]) -> str:
    """Where held-out rows were looked at, as Markdown."""
    looks = [line for line in lines if "held_out_loss" in line]
    rows = [f"| {line['step']:,} | {line['held_out_loss']:.2f} | {_exact(line)} |" for line in looks]
    return "\n".join(["| steps | held-out loss | held-out calls that are exact |", "| --- | --- | --- |", *rows])


def _exact(line: JsonObject) -> str:
    calls, exact = line["held_out_calls"], line["exact_calls"]
    return f"{exact} of {calls} ({exact / calls:.0%})" if calls else ""


@click.command()
@click.option("--out", type=click.Path(path_type=Path), default=Path("learning-curve"), help="A folder for corpus, base and adapter.")
@click.option("--minutes", type=float, default=60.0, help="Of reading and LoRA; what was learned is saved then.")
@click.option("--small", is_flag=True, help="Seconds: that it runs, not what it learns.")
def main(out: Path, minutes: float, small: bool) -> None:
    """Teach a small Gemma the recipe payments, and print its learning curve."""
    size = SMALL if small else LARGE
    corpus, adapter = out / "corpus", out / "adapter"
    synthesize(load_recipe("payments"), corpus, rows=size.rows, workers=1, shard=None, progress=Silent())
    if not finished(adapter):
        clock = Clock(minutes)
        settings = settings_of(
            {"base": "tiny", "epochs": size.epochs, "learning_rate": RATE, "batch": TINY_BATCH, "held_out": size.held_out}
        )
        work = plan(corpus, adapter, template_named("gemma"), settings, skip_bad=True, shape=size.shape, tell=clock.note)
        try:
            train(work, clock)
        except KeyboardInterrupt:
            click.echo("the time is over; the same command goes on", err=True)
    click.echo(table(read_metrics(adapter)))


if __name__ == "__main__":
    main()
