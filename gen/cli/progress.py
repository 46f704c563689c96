"""How far a run is, on stderr: a bar on a terminal, a line every few seconds elsewhere, nothing where quiet is asked for.

Fed by the run with increments. The bar is redrawn by the calls themselves, not by a thread of its own: a run starts
processes, and a process that has threads cannot be copied safely.
"""

from __future__ import annotations

import time
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

from gen.cli.console import note, stderr_console

if TYPE_CHECKING:
    from rich.progress import ProgressColumn, Task
    from rich.text import Text

    from gen.teachers.budget import Usage

REDRAW = 0.1
"""Seconds between two drawings of the bar."""

LINE = 5.0
"""Seconds between two lines where stderr is no terminal."""


class Reporter(Protocol):
    """What a run tells of itself, and the ``with`` that closes the display."""

    def start(self, total: int, done: int) -> None: ...
    def advance(self, accepted: int, rejected: int) -> None: ...
    def used(self, usage: Usage) -> None: ...
    def note(self, text: str) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...


def reporter(*, quiet: bool) -> Reporter:
    """The display that fits where stderr goes."""
    if quiet:
        return Silent()
    return Bar() if stderr_console().is_terminal else Lines()


class Silent:
    """Says nothing."""

    def start(self, total: int, done: int) -> None:
        """See ``Reporter``."""

    def advance(self, accepted: int, rejected: int) -> None:
        """See ``Reporter``."""

    def used(self, usage: Usage) -> None:
        """See ``Reporter``."""

    def note(self, text: str) -> None:
        """See ``Reporter``."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is open."""


class Lines:
    """A line now and then, for logs."""

    def __init__(self) -> None:
        self._total = self._resumed = self._accepted = self._rejected = 0
        self._began = self._told = time.monotonic()
        self._used = ""

    def start(self, total: int, done: int) -> None:
        self._total, self._resumed = total, done
        self._began = self._told = time.monotonic()

    def advance(self, accepted: int, rejected: int) -> None:
        self._accepted += accepted
        self._rejected += rejected
        self._tell_sometimes()

    def used(self, usage: Usage) -> None:
        self._used = tokens(usage, time.monotonic() - self._began)
        self._tell_sometimes()

    def note(self, text: str) -> None:
        note(text)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._accepted:
            self._tell(time.monotonic())

    def _tell_sometimes(self) -> None:
        now = time.monotonic()
        if now - self._told >= LINE:
            self._told = now
            self._tell(now)

    def _tell(self, now: float) -> None:
        done = self._resumed + self._accepted
        rate = self._accepted / max(now - self._began, 1e-9)
        parts = [f"{done:,} of {self._total:,} rows", f"{speed(rate)} rows/s", f"{self._rejected:,} rejected"]
        if self._used:
            parts.append(self._used)
        if rate and done < self._total:
            parts.append(f"{duration((self._total - done) / rate)} left")
        note(" · ".join(parts))


class Drawn:
    """A bar on the terminal and the ``with`` that closes it. Redrawn by the calls that feed it, but not more often than anyone sees."""

    def __init__(self, *columns: Any, **fields: Any) -> None:
        from rich.progress import Progress, TimeRemainingColumn

        self._progress = Progress(*columns, TimeRemainingColumn(compact=True), console=stderr_console(), auto_refresh=False)
        self._task = self._progress.add_task("", total=None, **fields)
        self._drawn = 0.0

    def note(self, text: str) -> None:
        self._progress.console.print(text)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.refresh()
        self._progress.stop()

    def _reset(self, total: int, done: int, **fields: Any) -> None:
        self._progress.reset(self._task, total=total, completed=done, **fields)
        self._progress.refresh()

    def _update(self, **changes: Any) -> None:
        self._progress.update(self._task, **changes)
        now = time.monotonic()
        if now - self._drawn >= REDRAW:
            self._drawn = now
            self._progress.refresh()


class Bar(Drawn):
    """A bar with rate, accepted and rejected, and the time left."""

    def __init__(self) -> None:
        super().__init__(*_columns(), resumed=0, rejected=0, used="")

    def start(self, total: int, done: int) -> None:
        self._reset(total, done, resumed=done, rejected=0, used="")

    def advance(self, accepted: int, rejected: int) -> None:
        self._update(advance=accepted, rejected=self._progress.tasks[0].fields["rejected"] + rejected)

    def used(self, usage: Usage) -> None:
        self._update(used=" · " + tokens(usage, self._progress.tasks[0].elapsed or 0.0))


def _columns() -> tuple[ProgressColumn, ...]:
    from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn
    from rich.text import Text

    class Speed(ProgressColumn):
        """Accepted rows a second since the start, and how many candidates were rejected."""

        def render(self, task: Task) -> Text:
            rate = (task.completed - task.fields["resumed"]) / (task.elapsed or 1.0)
            return Text(f"{speed(rate)} rows/s · {task.fields['rejected']:,} rejected{task.fields['used']}", style="dim")

    return BarColumn(bar_width=30), MofNCompleteColumn(), Speed()


def speed(rate: float) -> str:
    """A rate: whole above ten, else with two digits that matter."""
    return f"{rate:,.0f}" if rate >= 10 or not rate else f"{rate:.2g}"


def tokens(usage: Usage, seconds: float) -> str:
    """What models took so far, and how fast they speak: ``"1.2M tokens paid for, 350/s"``."""
    from gen.teachers.budget import short_count

    used = usage.total
    rate = used.tokens_out / seconds if seconds > 0 else 0.0
    return f"{short_count(used.tokens)} tokens paid for, {speed(rate)} written a second"


def duration(seconds: float) -> str:
    """``"3.2 s"``, ``"4 min 10 s"``, ``"2 h 5 min"``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"
