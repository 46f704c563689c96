"""How fast rows are made, end to end, and where the time goes.

    python scripts/benchmark.py [--recipe payments] [--rows 20000] [--workers 1 --workers 2] [--json]
    python scripts/benchmark.py --profile [--rows 2000] [--top 30] [--by own]

Each run is ``gen.synthesis.run.synthesize`` into a fresh folder in a fresh process, whose CPU time counts together with that of
its workers. What the figures mean stands in docs/measurements.md. Needs a system that accounts for child processes (not Windows).
"""

from __future__ import annotations

import cProfile
import json
import multiprocessing
import os
import platform
import pstats
import resource
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import gen
from gen.cli.progress import Silent
from gen.errors import FcgenError

if TYPE_CHECKING:
    from gen.recipe import Recipe

PACKAGE = Path(gen.__file__).parent

ROWS = 20_000
PROFILED_ROWS = 2_000

ASKED = {"rows_per_cpu_second": "at least 1,000", "cpu_ratio": "at most 1.1", "wall_ratio": "at least 1.7 on an idle machine"}


@dataclass(frozen=True, slots=True)
class Cost:
    """What a process and all its children took, in seconds; ``cpu`` is user and system time."""

    cpu: float
    wall: float


@dataclass(frozen=True, slots=True)
class Run:
    """A making of rows with so many workers; what was rejected on the way is in the cost too."""

    workers: int
    rows: int
    rejected: int
    cost: Cost

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"rows_per_second": self.rows / self.cost.wall}


@click.command()
@click.option("--recipe", "name", default="payments", show_default=True, help="A recipe's name or file.")
@click.option("--rows", type=click.IntRange(min=1), help=f"Rows that a run makes.  [default: {ROWS:,}; profiled {PROFILED_ROWS:,}]")
@click.option("--workers", multiple=True, type=click.IntRange(min=1), default=(1, 2), show_default=True, help="Processes; repeatable.")
@click.option("--set", "changes", multiple=True, metavar="KEY=VALUE", help="Change a key of the recipe; repeatable.")
@click.option("--profile", is_flag=True, help="Where the time goes, in this process, instead.")
@click.option("--top", type=click.IntRange(min=1), default=30, show_default=True, help="Functions that are shown of a profile.")
@click.option(
    "--by",
    type=click.Choice(["cumulative", "own"]),
    default="cumulative",
    show_default=True,
    help="Which of them: by time with or without what they call.",
)
@click.option("--json", "as_json", is_flag=True, help="All figures as JSON.")
def benchmark(
    name: str, rows: int | None, workers: tuple[int, ...], changes: tuple[str, ...], profile: bool, top: int, by: str, as_json: bool
) -> None:
    """Measure the making of rows."""
    from gen.recipe import load_recipe

    with _errors_shown():
        recipe = load_recipe(name, changes=changes)
        figures = {"recipe": recipe.model.name, "machine": machine()}
        figures |= profiled(recipe, rows or PROFILED_ROWS, top, by) if profile else measured(recipe, rows or ROWS, workers)
    if as_json:
        click.echo(json.dumps(figures, indent=2))
    elif profile:
        _show_profile(figures)
    else:
        _show_runs(figures)


def machine() -> dict[str, Any]:
    """What the figures were measured on, and how busy it was then."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.is_file() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "cpu": models[0] if models else platform.processor() or platform.machine(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        "system": platform.system(),
        "python": platform.python_version(),
    }


# -- whole runs


def measured(recipe: Recipe, rows: int, workers: Sequence[int]) -> dict[str, Any]:
    """Open the workshop alone, then make the rows once for each number of workers, and compare."""
    with tempfile.TemporaryDirectory() as scratch:
        start_up = min((_in_process(_open, recipe) for _ in range(3)), key=lambda cost: cost.cpu)
        runs = [_run(recipe, rows, count, Path(scratch) / f"workers-{count}") for count in workers]
    return {"start_up": asdict(start_up), "runs": [run.to_json() for run in runs]} | compared(start_up, runs)


def compared(start_up: Cost, runs: Sequence[Run]) -> dict[str, float]:
    """Rows per CPU second of one worker beside its start-up, and what two workers cost and bring against one."""
    by_workers = {run.workers: run for run in runs}
    one, two = by_workers.get(1), by_workers.get(2)
    figures = {}
    if one:
        figures["rows_per_cpu_second"] = one.rows / (one.cost.cpu - start_up.cpu)
        figures["rows_per_cpu_second_with_start_up"] = one.rows / one.cost.cpu
    if one and two:
        figures["cpu_ratio"] = two.cost.cpu / one.cost.cpu
        figures["wall_ratio"] = one.cost.wall / two.cost.wall
    return figures


def _run(recipe: Recipe, rows: int, workers: int, folder: Path) -> Run:
    cost = _in_process(_make, recipe, rows, workers, folder)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    ledger = manifest["ledger"]
    return Run(workers, rows=ledger["accepted"], rejected=ledger["candidates"] - ledger["accepted"], cost=cost)


def _in_process(target: Callable[..., None], *arguments: Any) -> Cost:
    """Run a function in a fresh process. Exits as that process did where it failed."""
    cpu, wall = _children_cpu(), time.perf_counter()
    process = multiprocessing.get_context("spawn").Process(target=target, args=arguments)
    process.start()
    process.join()
    if process.exitcode:
        sys.exit(process.exitcode)
    return Cost(_children_cpu() - cpu, time.perf_counter() - wall)


def _children_cpu() -> float:
    """CPU seconds of the children that have ended, and of theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _open(recipe: Recipe) -> None:
    import gen.corpus.parquet
    import gen.synthesis.run  # noqa: F401 - what a run imports is part of its start-up; pyarrow too, which it imports at its first shard
    from gen.synthesis.opening import open_workshop

    with _errors_shown():
        open_workshop(recipe)


def _make(recipe: Recipe, rows: int, workers: int, folder: Path) -> None:
    from gen.synthesis.run import synthesize

    with _errors_shown():
        synthesize(recipe, folder, rows=rows, workers=workers, shard=None, progress=Silent())
    for child in multiprocessing.active_children():  # only children that were waited for are accounted for
        child.join()


@contextmanager
def _errors_shown() -> Iterator[None]:
    """What a user can fix ends a process of ours as it ends the command line: said once, with its exit code."""
    try:
        yield
    except FcgenError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(error.exit_code)


def _show_runs(figures: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("", title=_title(figures), title_justify="left")
    for head in ("rows", "rejected", "CPU s", "wall s", "rows/s"):
        table.add_column(head, justify="right")
    table.add_row("start-up", "", "", f"{figures['start_up']['cpu']:.2f}", f"{figures['start_up']['wall']:.2f}", "")
    for run in figures["runs"]:
        cost = f"{run['cost']['cpu']:.2f}", f"{run['cost']['wall']:.2f}"
        table.add_row(
            f"{run['workers']} worker{'s' * (run['workers'] > 1)}",
            f"{run['rows']:,}",
            f"{run['rejected']:,}",
            *cost,
            f"{run['rows_per_second']:,.0f}",
        )
    console = Console(highlight=False)
    console.print(table)
    for name, asked in ASKED.items():
        if name in figures:
            console.print(f"{name.replace('_', ' ')}: {figures[name]:,.2f} (asked: {asked})")


def _title(figures: Mapping[str, Any]) -> str:
    on = figures["machine"]
    return f"{figures['recipe']}, Python {on['python']} on {on['cores']} cores of {on['cpu']}, load {on['load']}"


# -- the profile

Function = tuple[str, int, str]
"""File, line and name, as pstats has them."""

Stats = Mapping[Function, tuple[int, int, float, float, Mapping[Function, tuple[int, int, float, float]]]]
"""Function → calls without recursion, calls, own seconds, cumulative seconds, and the same by caller."""

STAGES = {
    "synthesis/deciding": "deciding",
    "checks/near_duplicates": "deciding",
    "corpus/splits": "deciding",
    "synthesis/converse": "speaking",
    "synthesis": "writing",
    "planning": "planning",
    "teachers": "speaking",
    "environments": "environment",
    "checks": "checks",
    "corpus": "writing",
}
"""Module or package of gen → stage. What others use (values, tools, libraries) counts where it is called from."""

ROUNDS = 25
"""Steps up the callers after which time that found no owner is "other"."""


def profiled(recipe: Recipe, rows: int, top: int, by: str) -> dict[str, Any]:
    """Make rows in this process with one worker, and profile that from the moment the workshop is open until the corpus is there."""
    from gen.synthesis.run import synthesize

    progress = _ProfileFromStart()
    with tempfile.TemporaryDirectory() as scratch:
        # What is imported and compiled on first use is start-up, so a row is made first.
        synthesize(recipe, Path(scratch) / "first", rows=1, workers=1, shard=None, progress=Silent())
        synthesize(recipe, Path(scratch) / "profiled", rows=rows, workers=1, shard=None, progress=progress)
        progress.profile.disable()
    stats: Stats = pstats.Stats(progress.profile).stats  # type: ignore[attr-defined]  # typeshed leaves it out
    total = sum(entry[2] for entry in stats.values())
    return {
        "rows": rows,
        "seconds": total,
        "stages": {name: seconds / total for name, seconds in own_seconds(stats, _stage).items()},
        "packages": {name: seconds / total for name, seconds in own_seconds(stats, _package).items()},
        "functions": _functions(stats, top, by),
    }


class _ProfileFromStart(Silent):
    """Profiles a run from its start on: a run reports that when its workshop is open."""

    def __init__(self) -> None:
        self.profile = cProfile.Profile()

    def start(self, total: int, done: int) -> None:
        self.profile.enable()


def own_seconds(stats: Stats, owner: Callable[[Function], str | None]) -> dict[str, float]:
    """Seconds by owner, largest first; what has no owner counts where it is called from. They sum to the whole."""
    shares: dict[Function, dict[str, float]] = {f: {name: 1.0} if (name := owner(f)) else {} for f in stats}
    ownerless = [f for f, found in shares.items() if not found]
    for _ in range(ROUNDS):  # a step up the callers each
        for function in ownerless:
            shares[function] = _callers_shares({c: entry[3] for c, entry in stats[function][4].items()}, shares)
    seconds: defaultdict[str, float] = defaultdict(float)
    for function, (_, _, own, _, callers) in stats.items():
        found = shares[function] if owner(function) else _callers_shares({c: entry[2] for c, entry in callers.items()}, shares)
        for name, share in found.items():
            seconds[name] += own * share
        seconds["other"] += own * (1 - sum(found.values()))
    return dict(sorted(seconds.items(), key=lambda item: (-item[1], item[0])))


def _callers_shares(weights: Mapping[Function, float], shares: Mapping[Function, Mapping[str, float]]) -> dict[str, float]:
    total = sum(weights.values())
    found: defaultdict[str, float] = defaultdict(float)
    for caller, weight in weights.items():
        for name, share in shares.get(caller, {}).items():
            found[name] += share * weight / total if total else 0.0
    return dict(found)


def _module(function: Function) -> str | None:
    """The module of gen that a function stands in, such as ``values/read``; None for all others."""
    file = Path(function[0])
    return file.relative_to(PACKAGE).with_suffix("").as_posix() if file.is_relative_to(PACKAGE) else None


def _stage(function: Function) -> str | None:
    module = _module(function)
    return None if module is None else STAGES.get(module) or STAGES.get(module.partition("/")[0])


def _package(function: Function) -> str | None:
    module = _module(function)
    return None if module is None else "gen." + module.partition("/")[0]


def _functions(stats: Stats, top: int, by: str) -> list[dict[str, Any]]:
    """The functions of gen that took the longest, with what they call (``cumulative``) or without (``own``)."""
    ours: list[dict[str, Any]] = [
        {"function": f"{module}:{line} {name}", "calls": calls, "own": own, "cumulative": cumulative}
        for (file, line, name), (_, calls, own, cumulative, _) in stats.items()
        if (module := _module((file, line, name)))
    ]
    return sorted(ours, key=lambda one: (-one[by], one["function"]))[:top]


def _show_profile(figures: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    console.print(
        f"{_title(figures)}\n{figures['rows']:,} rows, {figures['seconds']:.2f} s under cProfile (which slows small functions most)"
    )
    for head in ("stages", "packages"):
        table = Table(head, "share")
        for name, share in figures[head].items():
            table.add_row(name, f"{share:6.1%}")
        console.print(table)
    table = Table("function", "calls", "own s", "cumulative s")
    for one in figures["functions"]:
        table.add_row(one["function"], f"{one['calls']:,}", f"{one['own']:.2f}", f"{one['cumulative']:.2f}")
    console.print(table)


if __name__ == "__main__":
    benchmark()
