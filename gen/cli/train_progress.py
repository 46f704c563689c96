"""How far a training is, on stderr: a bar on a terminal, a line every few seconds elsewhere, nothing where quiet is asked for."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Self

from gen.cli.console import note, stderr_console
from gen.cli.progress import LINE, Drawn, duration, speed

if TYPE_CHECKING:
    from gen.conversation import JsonObject
    from gen.rendering.spans import Span

SAMPLE = 1500
"""Characters of the sample that are shown, from its end: what is trained stands there."""


def train_progress(*, quiet: bool) -> TrainProgress:
    """The display that fits where stderr goes; of several processes only the first talks."""
    if quiet or os.environ.get("RANK", "0") != "0":
        return TrainProgress()
    return Bar() if stderr_console().is_terminal else Lines()


class TrainProgress:
    """Says nothing, and remembers the newest numbers for those that do."""

    def __init__(self) -> None:
        self._steps = self._resumed = self._done = 0
        self._began = time.monotonic()
        self._numbers: JsonObject = {}

    def note(self, text: str) -> None:
        """A line for people."""

    def sample(self, spans: tuple[Span, ...]) -> None:
        """A row as the model gets it."""

    def start(self, steps: int, done: int) -> None:
        self._steps, self._resumed, self._done = steps, done, done
        self._began = time.monotonic()

    def step(self, metrics: JsonObject) -> None:
        self._done = metrics["step"]
        self._numbers |= metrics

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is open."""

    def _told(self) -> str:
        """The newest numbers: ``loss 0.312 · calls 93 % · 3,200 tokens/s · 6.1 GB``."""
        numbers, parts = self._numbers, []
        if "loss" in numbers:
            parts.append(f"loss {numbers['loss']:.3f}")
        if numbers.get("call_exactness") is not None:
            parts.append(f"held-out calls {numbers['call_exactness']:.0%}")
        if "tokens_per_second" in numbers:
            parts.append(f"{speed(numbers['tokens_per_second'])} tokens/s")
        if "gpu_memory_gb" in numbers:
            parts.append(f"{numbers['gpu_memory_gb']:.1f} GB")
        return " · ".join(parts)

    def _left(self) -> str:
        done = self._done - self._resumed
        return f"{duration((time.monotonic() - self._began) / done * (self._steps - self._done))} left" if done else ""


class Lines(TrainProgress):
    """A line now and then, for logs."""

    def __init__(self) -> None:
        super().__init__()
        self._last = 0.0

    def note(self, text: str) -> None:
        note(text)

    def sample(self, spans: tuple[Span, ...]) -> None:
        text = "".join(f"⟦{span.text}⟧" if span.trained else span.text for span in joined(spans))
        note(f"a row as the model gets it, ⟦what is trained⟧ marked:\n{_end(text)}")

    def step(self, metrics: JsonObject) -> None:
        super().step(metrics)
        now = time.monotonic()
        if now - self._last >= LINE or self._done == self._steps:
            self._last = now
            note(" · ".join(part for part in (f"step {self._done:,} of {self._steps:,}", self._told(), self._left()) if part))


class Bar(Drawn, TrainProgress):
    """A bar with the newest numbers and the time left."""

    def __init__(self) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn

        told = TextColumn("{task.fields[told]}", style="dim")
        Drawn.__init__(self, BarColumn(bar_width=30), MofNCompleteColumn(), told, told="")
        TrainProgress.__init__(self)

    def sample(self, spans: tuple[Span, ...]) -> None:
        from gen.rendering.terminal import terminal_text

        self._progress.console.print("a row as the model gets it; what is trained is underlined:", style="dim")
        self._progress.console.print(terminal_text(spans))

    def start(self, steps: int, done: int) -> None:
        super().start(steps, done)
        self._reset(steps, done)

    def step(self, metrics: JsonObject) -> None:
        super().step(metrics)
        self._update(completed=self._done, told=self._told())


def joined(spans: tuple[Span, ...]) -> list[Span]:
    """Neighbours of one loss flag as one span."""
    from itertools import groupby

    from gen.rendering.spans import Span, text_of

    runs = groupby(spans, key=lambda span: span.trained)
    return [Span(text_of(run), control=False, trained=trained) for trained, run in runs]


def _end(text: str) -> str:
    return text if len(text) <= SAMPLE else "…" + text[-SAMPLE:]
