"""The command ``fcgen synth``: make a corpus from a recipe.

Options → ``gen.synthesis.run`` → progress on stderr, the summary on stdout.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gen.cli.console import note, print_columns, print_json

if TYPE_CHECKING:
    from gen.corpus.cells import Layout
    from gen.recipe import Recipe
    from gen.synthesis.estimate import Asks
    from gen.synthesis.preview import Preview
    from gen.synthesis.summary import Summary
    from gen.teachers.budget import Budget

ROWS_PER_WORKER = 2000
"""Below this many rows a further process costs more time to start than it saves."""

SHOWN = 2
"""Conversations that a dry run shows."""


def part_of(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[int, int] | None:
    """``"2/8"``, the second of eight parts, as ``(2, 8)``. Raises BadParameter for what is none."""
    if value is None:
        return None
    match = re.fullmatch(r"(\d+)/(\d+)", value)
    part, parts = (int(match[1]), int(match[2])) if match else (0, 0)
    if not 1 <= part <= parts:
        raise click.BadParameter(f"{value!r} is no part. Write i/n with i from 1 to n, such as 2/8.", ctx=ctx, param=param)
    return part, parts


@click.command()
@click.option("--recipe", "name", metavar="NAME|FILE", help="The recipe: a name of `fcgen recipes`, or a YAML file.")
@click.option("--rows", type=click.IntRange(min=1), metavar="N", help="Accepted conversations. More than before grows a corpus.")
@click.option("--seed", type=click.IntRange(min=0), metavar="N", help="Instead of the recipe's seed.")
@click.option("--set", "changes", multiple=True, metavar="KEY=VALUE", help="Change a key of the recipe: scenarios.parallel=30. Repeatable.")
@click.option("--out", type=click.Path(path_type=Path), metavar="FOLDER", help="Where the corpus goes.  [default: corpora/<recipe>]")
@click.option("--workers", type=click.IntRange(min=1), metavar="N", help="Processes; the bytes are the same.  [default: by rows and cores]")
@click.option(
    "--shard", callback=part_of, metavar="I/N", help="Only part I of N, for a job array. Without --shard, the command joins them."
)
@click.option("--ray", metavar="ADDRESS", help="Make it on a Ray cluster: auto, local, HOST:PORT or ray://HOST:PORT.")
@click.option(
    "--layout",
    type=click.Choice(["json", "string"]),
    default="json",
    show_default=True,
    help="Store messages and tools as JSON, or as strings for readers older than datasets 4.7.",
)
@click.option("--teacher", metavar="NAME", help="Who speaks: simulator, local:MODEL, vllm:MODEL or server:http://HOST:PORT/v1#MODEL.")
@click.option("--concurrency", type=click.IntRange(min=1), metavar="N", help="Requests in flight, or slots of a local model.")
@click.option("--token-budget", metavar="N", help="Stop when models have used this many tokens for the corpus: 50M.")
@click.option(
    "--max-cost",
    type=click.FloatRange(min=0, min_open=True),
    metavar="N",
    help="Stop when the corpus has cost this much, by teacher.price.",
)
@click.option("--max-hours", type=click.FloatRange(min=0, min_open=True), metavar="N", help="Stop the run after this long.")
@click.option("--dry-run", is_flag=True, help="Show what would be made, and write nothing.")
@click.option("--json", "as_json", is_flag=True, help="The summary as JSON.")
@click.option("--quiet", is_flag=True, help="No progress and no summary (--json still prints its own).")
@click.pass_context
def synth(
    ctx: click.Context,
    name: str | None,
    rows: int | None,
    seed: int | None,
    changes: tuple[str, ...],
    out: Path | None,
    workers: int | None,
    shard: tuple[int, int] | None,
    ray: str | None,
    layout: Layout,
    teacher: str | None,
    concurrency: int | None,
    token_budget: str | None,
    max_cost: float | None,
    max_hours: float | None,
    dry_run: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Make a corpus of checked conversations from a recipe.

    Killed or interrupted, the same command goes on where it stopped, and ends in the same bytes. Exit code 1 if fewer
    rows than asked passed the checks, or a budget is used up: then the same command with a larger one goes on.

    \b
    fcgen synth --recipe payments
    fcgen synth --recipe payments --rows 5000 --set scenarios.long=10
    fcgen synth --recipe recipes/mine.yaml --dry-run
    fcgen synth --recipe payments --teacher server:http://localhost:8000/v1#my-model --token-budget 50M
    """
    given = {"rows": rows, "seed": seed, "teacher.name": teacher, "teacher.concurrency": concurrency}
    recipe = _recipe(name, given, changes)
    budget = _budget(recipe, token_budget, max_cost, max_hours)
    if dry_run:
        _preview(recipe, as_json=as_json)
        return
    folder = out or Path("corpora") / recipe.model.name
    _check_machines(recipe, workers, ray)
    run = {"workers": workers or default_workers(recipe.model.rows), "ray": ray or "", "shard": shard, "layout": layout}
    summary = _make(recipe, folder, run, quiet=quiet, budget=budget)
    if as_json:
        print_json(summary.to_json())
    elif not quiet:
        show_summary(summary)
    if not summary.complete:
        note(f"Error: {_shortfall(summary)}")
        ctx.exit(1)


def _check_machines(recipe: Recipe, workers: int | None, ray: str | None) -> None:
    """Raises UsageError where the options that say who makes the rows do not go together."""
    if ray and workers:
        raise click.UsageError("--workers is for this machine, and --ray for a cluster: they do not go together.")
    if recipe.model.teacher.name == "simulator":
        return
    if ray:
        raise click.UsageError("A model is asked from one process: --ray is for the simulator. Several machines: --shard i/n on each.")
    if workers:
        note("a model is asked from one process: --workers is not used")


def _shortfall(summary: Summary) -> str:
    """Why there are fewer rows than asked, and what to do."""
    there = f"{summary.rows:,} of {summary.asked:,} rows"
    if summary.stopped:
        return f"{there} are there: {summary.stopped}. The same command with a larger limit goes on; nothing is asked for twice."
    return f"only {there} passed in the recipe's attempts; the reasons are in {summary.corpus}/rejected"


def _budget(recipe: Recipe, tokens: str | None, cost: float | None, hours: float | None) -> Budget:
    """The limits of this run. Raises BadInput for those that mean nothing: the simulator uses no tokens."""
    from gen.errors import BadInput
    from gen.teachers.budget import Budget, Price, parse_tokens
    from gen.teachers.naming import SIMULATOR

    teacher = recipe.model.teacher
    given = {"--token-budget": tokens, "--max-cost": cost, "--max-hours": hours}
    if teacher.name == SIMULATOR:
        for option, value in given.items():
            if value is not None:
                raise BadInput("the simulator uses no model", where=option, hint="name a model with --teacher")
    price = None if teacher.price is None else Price(teacher.price.input, teacher.price.output)
    return Budget(None if tokens is None else parse_tokens(tokens), cost, hours, price)


def _recipe(name: str | None, given: Mapping[str, object], changes: tuple[str, ...]) -> Recipe:
    from gen.errors import BadInput
    from gen.recipe import load_recipe, recipes

    if name is None:
        raise BadInput("which recipe?", where="--recipe", allowed=", ".join(recipes()), hint="fcgen synth --recipe payments")
    quoted = [f"{key}={json.dumps(value)}" for key, value in given.items() if value is not None]  # YAML takes "local:x" for a mapping
    return load_recipe(name, changes=[*changes, *quoted])


def default_workers(rows: int) -> int:
    """One process for every 2,000 rows, as far as there are cores."""
    return max(1, min(cores(), rows // ROWS_PER_WORKER))


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _make(recipe: Recipe, folder: Path, run: Mapping[str, Any], *, quiet: bool, budget: Budget) -> Summary:
    from gen.cli.progress import reporter
    from gen.synthesis.cast import Models
    from gen.synthesis.run import synthesize

    try:
        with reporter(quiet=quiet) as progress:
            return synthesize(recipe, folder, rows=recipe.model.rows, progress=progress, models=Models(budget), **run)
    except KeyboardInterrupt:
        note(f"{folder} is not finished, and nothing of it is lost: the same command goes on where it stopped.")
        raise


def show_summary(summary: Summary) -> None:
    """The summary for people, on stdout, with what to type next."""
    click.echo(_headline(summary))
    facts = {"splits": _counts(summary.splits), "scenarios": _counts(summary.scenarios), "rejected": _rejected(summary.rejected)}
    if summary.usage is not None:
        facts |= {"to blame": _counts(summary.faults), "models": _usage(summary)}
    print_columns([(f"  {label}", text) for label, text in facts.items() if text])
    if not summary.rows:
        return
    if summary.shard is not None:
        click.echo("\nWhen all parts are made, the same command without --shard joins them.")
        return
    click.echo("\nNext:")
    for command in ("show {}", "check {}", "render {} --row 0"):
        click.echo(f"  fcgen {command.format(summary.corpus)}")


def _headline(summary: Summary) -> str:
    from gen.cli.progress import duration

    rows = f"{summary.corpus}: {summary.rows:,} conversations"
    if summary.already_done:
        return f"{rows}, made before"
    if summary.shard is not None:
        rows += f" in part {summary.shard[0]} of {summary.shard[1]}"
    if summary.grown_from:
        rows += f", grown from {summary.grown_from:,}"
    made = summary.rows - summary.grown_from
    return f"{rows}, in {duration(summary.seconds)} ({made / max(summary.seconds, 1e-9):,.0f} rows/s)"


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())


def _rejected(reasons: Mapping[str, int]) -> str:
    most = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    total = sum(reasons.values())
    return (
        f"{total:,} candidate{'s' if total > 1 else ''}: {_counts({reason.replace(': ', ' '): n for reason, n in most})}" if total else ""
    )


def _preview(recipe: Recipe, *, as_json: bool) -> None:
    from gen.synthesis.preview import preview

    plan = preview(recipe, rows=recipe.model.rows)
    if as_json:
        print_json(plan.to_json())
        return
    _show_preview(recipe, plan)


def _show_preview(recipe: Recipe, plan: Preview) -> None:
    from gen.cli.show import print_conversation

    click.echo(f"{recipe.model.name}: {plan.rows:,} conversations, about {plan.estimated_bytes / 1e6:,.1f} MB. Nothing is written.")
    facts = {
        "splits": _counts(plan.splits),
        "scenarios": _counts(plan.scenarios),
        "tools": ", ".join(plan.tools),
        "offered": f"{plan.offered[0]} to {plan.offered[1]} in a conversation",
    }
    if plan.asks is not None:
        facts["models"] = _asks(recipe, plan.asks)
    print_columns([(f"  {label}", text) for label, text in facts.items()])
    for conversation in plan.sample[:SHOWN]:
        click.echo()
        print_conversation(conversation)


def _asks(recipe: Recipe, asks: Asks) -> str:
    from gen.cli.progress import duration
    from gen.synthesis.estimate import IN_FLIGHT, PACE
    from gen.teachers.budget import short_count

    teacher = recipe.model.teacher
    cost = "" if asks.cost is None else f", a cost of {asks.cost:,.2f}"
    return (
        f"about {short_count(asks.requests)} requests, {short_count(asks.tokens_in)} tokens in ({short_count(asks.tokens_new)} new, "
        f"the rest may be cached), {short_count(asks.tokens_out)} out{cost}; {duration(asks.seconds)} at {PACE:g} tokens/s of each of "
        f"{teacher.concurrency or IN_FLIGHT} requests in flight. As if every first attempt were accepted."
    )


def _usage(summary: Summary) -> str:
    from gen.teachers.budget import Usage, short_count

    usage = Usage.from_json(summary.usage or {})
    paid, kept = usage.total, sum(used.requests for used in usage.reused.values())
    parts = [f"{short_count(paid.requests)} requests, {short_count(paid.tokens_in)} tokens in, {short_count(paid.tokens_out)} out"]
    if summary.rows:
        parts.append(f"{short_count(round(paid.tokens / summary.rows))} tokens for each accepted row")
    if kept:
        parts.append(f"{short_count(kept)} answers were kept from before")
    return "; ".join(parts)
