"""What is told of a training while it runs: a line of metrics.jsonl now and then, progress, held-out rows; and Ctrl-C.

Nothing here changes what is learned.
"""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from transformers import TrainerCallback

from gen.conversation import JsonObject
from gen.corpus.atomic import write_whole
from gen.rendering.spans import Span
from gen.training.curves import CURVES, curves
from gen.training.exactness import Judged

METRICS = "metrics.jsonl"

LOOKS = 10
"""How often held-out rows are looked at, evenly over a run; and before it and after."""


class Progress(Protocol):
    """Who hears how far a training is."""

    def note(self, text: str) -> None: ...
    def sample(self, spans: tuple[Span, ...]) -> None: ...
    def start(self, steps: int, done: int) -> None: ...
    def step(self, metrics: JsonObject) -> None: ...


class Interruption:
    """Whether somebody wants the run to end. The first signal asks; a second Ctrl-C ends it at once.

    A second SIGTERM does not: what launches several processes sends one after the Ctrl-C that they had themselves.
    """

    def __init__(self) -> None:
        self.asked = False

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Within this, Ctrl-C and SIGTERM are requests. Elsewhere than in the main thread, signals stay what they are."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self._hear) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def agreed(self) -> bool:
        """Whether any of several processes was asked: they must all stop after the same step. To be called by all of them."""
        import torch
        from torch import distributed

        if not (distributed.is_available() and distributed.is_initialized()):
            return self.asked
        asked = torch.tensor(int(self.asked), device="cuda" if distributed.get_backend() == "nccl" else "cpu")
        distributed.all_reduce(asked, distributed.ReduceOp.MAX)
        self.asked = bool(asked)
        return self.asked

    def _hear(self, number: int, _frame: object) -> None:
        if self.asked and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.asked = True


class Metrics:
    """The lines of metrics.jsonl. A run that goes on from a checkpoint forgets what came after that."""

    def __init__(self, folder: Path, step: int, *, writes: bool = True) -> None:
        self._path, self._writes = folder / METRICS, writes
        if writes:
            kept = [line for line in read_metrics(folder) if line["step"] <= step] if step else []
            write_whole(self._path, (_line(line) for line in kept))

    def add(self, line: JsonObject) -> None:
        """Write a line, readable at once."""
        if self._writes:
            with self._path.open("ab") as file:
                file.write(_line(line))

    def draw(self) -> None:
        """The picture of all lines so far, beside them."""
        if self._writes and (lines := read_metrics(self._path.parent)):
            write_whole(self._path.with_name(CURVES), (curves(lines),))


def read_metrics(folder: Path) -> list[JsonObject]:
    """The lines of metrics.jsonl, but for one that a killed run left half-written."""
    try:
        lines = (folder / METRICS).read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in lines[:-1]]


def _line(line: JsonObject) -> bytes:
    return json.dumps(line).encode() + b"\n"


@dataclass(slots=True)
class Counts:
    """Tokens that went through the model since the process began to train: all of them, and those that are learned."""

    seen: int
    trained: int


class Watch(TrainerCallback):
    """Hears the Trainer's steps.

    Attributes:
        looks: step → what held-out rows gave.
    """

    def __init__(
        self,
        metrics: Metrics,
        progress: Progress,
        interruption: Interruption,
        look: Callable[[], Judged | None],
        counts: Callable[[], Counts],
        report: Callable[[JsonObject], None],
    ) -> None:
        self._metrics, self._progress, self._interruption, self._look, self._counts = metrics, progress, interruption, look, counts
        self._report = report
        self.looks: dict[int, Judged] = {}
        self._began = time.monotonic()
        self._paused = 0.0
        self._told: JsonObject = {}

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._began = time.monotonic()
        self._progress.start(state.max_steps, state.global_step)
        if not state.global_step:
            self._look_at_held_out(0)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step % max(1, state.max_steps // LOOKS) == 0 or state.global_step == state.max_steps:
            self._look_at_held_out(state.global_step)
        self._progress.step({"step": state.global_step})
        if self._interruption.agreed():
            control.should_save = control.should_training_stop = True

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._metrics.draw()

    def on_log(self, args: Any, state: Any, control: Any, logs: JsonObject | None = None, **kwargs: Any) -> None:
        if not logs or "loss" not in logs:
            return
        counts, seconds = self._counts(), time.monotonic() - self._began - self._paused
        line = {"step": state.global_step, "epoch": logs.get("epoch"), "loss": logs["loss"], "learning_rate": logs.get("learning_rate")}
        line["grad_norm"] = logs.get("grad_norm")
        speed = {
            "tokens_per_second": round(counts.seen / seconds),
            "trained_tokens_per_second": round(counts.trained / seconds),
        } | _memory()
        self._add(line | speed, reported=speed)

    def _look_at_held_out(self, step: int) -> None:
        began = time.monotonic()
        found = self._look()
        self._paused += time.monotonic() - began
        if found is not None:
            self.looks[step] = found
            told = found.to_wire()
            self._add({"step": step} | told, reported={f"eval_{name.removeprefix('held_out_')}": value for name, value in told.items()})
        self._metrics.draw()

    def _add(self, line: JsonObject, *, reported: JsonObject) -> None:
        """A line for our own file and display; of what the Trainer itself does not say, ``reported`` is for the trackers."""
        self._metrics.add(line)
        self._progress.step(line)
        self._report({name: value for name, value in reported.items() if value is not None})


def _memory() -> JsonObject:
    """The most memory that the GPU needed so far, in GB; nothing without one."""
    import torch

    return {"gpu_memory_gb": round(torch.cuda.max_memory_allocated() / 1e9, 2)} if torch.cuda.is_available() else {}
