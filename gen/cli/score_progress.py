"""How far a scoring is, on stderr: a bar on a terminal, a line every few seconds elsewhere, nothing where quiet is asked for."""

from __future__ import annotations

import time
from typing import Self

from gen.cli.console import note, stderr_console
from gen.cli.progress import LINE, Drawn, duration, speed


def score_progress(*, quiet: bool) -> ScoreProgress:
    """The display that fits where stderr goes."""
    if quiet:
        return ScoreProgress()
    return Bar() if stderr_console().is_terminal else Lines()


class ScoreProgress:
    """Says nothing, and counts for those that do."""

    def __init__(self) -> None:
        self._title, self._total, self._resumed, self._done = "", 0, 0, 0
        self._began = time.monotonic()

    def note(self, text: str) -> None:
        """A line for people."""

    def start(self, title: str, total: int, done: int) -> None:
        self._title, self._total, self._resumed, self._done = title, total, done, done
        self._began = time.monotonic()

    def step(self) -> None:
        self._done += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is open."""

    def _rate(self) -> float:
        return (self._done - self._resumed) / max(time.monotonic() - self._began, 1e-9)


class Lines(ScoreProgress):
    """A line now and then, for logs."""

    def __init__(self) -> None:
        super().__init__()
        self._told = time.monotonic()

    def note(self, text: str) -> None:
        note(text)

    def step(self) -> None:
        super().step()
        now = time.monotonic()
        if now - self._told >= LINE or self._done == self._total:
            self._told = now
            rate = self._rate()
            left = f" · {duration((self._total - self._done) / rate)} left" if self._done < self._total else ""
            note(f"{self._title}: {self._done:,} of {self._total:,} conversations · {speed(rate)}/s{left}")


class Bar(Drawn, ScoreProgress):
    """A bar with the rate and the time left."""

    def __init__(self) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn

        title, rate = TextColumn("{task.description}", markup=False), TextColumn("{task.fields[rate]}/s", style="dim")
        Drawn.__init__(self, title, BarColumn(bar_width=30), MofNCompleteColumn(), rate, rate="0")
        ScoreProgress.__init__(self)

    def start(self, title: str, total: int, done: int) -> None:
        super().start(title, total, done)
        self._reset(total, done, description=title, rate="0")

    def step(self) -> None:
        super().step()
        self._update(completed=self._done, rate=speed(self._rate()))
