"""What ``fcgen score`` says on stdout: metrics with intervals, before and after, by group and by tool, and plain chat."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import click

from gen.cli.console import print_columns, safe

if TYPE_CHECKING:
    from gen.scoring.intervals import Rate
    from gen.scoring.metrics import Change, Group
    from gen.scoring.scored import Scored

TOOLS = 12
"""Tools that are listed, those with most mistakes; the JSON has all of them."""

SURE = 0.001
"""A p below which it is not spelled out."""

OF_GROUPS = ("success", "call_accuracy", "end_state", "asks", "over_calling")
"""Metrics of groups: the page and the JSON have all of them."""


def print_scores(scored: Scored) -> None:
    """All of it."""
    click.echo(safe(f"{scored.task.source}: {len(scored.rows):,} conversations"))
    for fact in scored.facts():
        click.echo(safe(f"  {fact}"))
    if scored.left_out:
        click.echo(safe(f"  not scored: {'; '.join(scored.left_out)}"))
    click.echo()
    _summary(scored)
    earlier = scored.earlier
    _groups(scored.task.kind, scored.scores.by_scenario, earlier.by_scenario if earlier else {})
    if len(scored.scores.by_part) > 1:
        _groups("tools", scored.scores.by_part, earlier.by_part if earlier else {})
    if len(scored.scores.by_domain) > 1:
        _groups("domain", scored.scores.by_domain, earlier.by_domain if earlier else {})
    _tools(scored)
    _plain_chat(scored)


def percents(rate: Rate) -> str:
    """``93.3 % (86-97)``: the share and its interval."""
    low, high = rate.interval
    return f"{100 * rate.share:.1f} % ({100 * low:.0f}-{100 * high:.0f})"


def _summary(scored: Scored) -> None:
    from gen.scoring.metrics import METRICS

    rates = scored.scores.overall.rates
    before = scored.earlier.overall.rates if scored.earlier else {}
    lines: list[list[object]] = []
    for name, rate in rates.items():
        title = METRICS[name].title + ("" if METRICS[name].more_is_better else " (less is better)")
        line: list[object] = [title, f"{rate.count:,} of {rate.of:,}", percents(rate)]
        if before:
            line += [percents(before[name]) if name in before else "–", *_change(scored.changes.get(name))]
        lines.append(line)
    head = ["metric", "count", "after" if before else "share (95 %)"]
    print_columns(lines, head=[*head, *(["before", "points", "p"] if before else [])])


def _change(change: Change | None) -> tuple[str, str]:
    if change is None:
        return "–", "–"
    points = 100 * (change.after.share - change.before.share)
    return f"{points:+.1f}", f"< {SURE}" if change.p < SURE else f"{change.p:.3f}"


def _groups(kind: str, groups: Mapping[str, Group], before: Mapping[str, Group]) -> None:
    """The main metrics of each group; with those before in brackets."""
    from gen.scoring.metrics import METRICS

    names = [name for name in OF_GROUPS if any(name in group.rates for group in groups.values())]
    if not groups or not names:
        return
    click.echo()
    lines = [[title, group.conversations, *_cells(names, group, before.get(title))] for title, group in groups.items()]
    was = " (before)" if before else ""
    print_columns(lines, head=[f"by {kind}{was}", "rows", *(METRICS[name].title for name in names)])


def _cells(names: Sequence[str], group: Group, before: Group | None) -> Iterator[str]:
    for name in names:
        if name not in group.rates:
            yield "–"
            continue
        was = before.rates.get(name) if before else None
        yield f"{100 * group.rates[name].share:.0f} %" + (f" ({100 * was.share:.0f})" if was else "")


def _tools(scored: Scored) -> None:
    tools, before = scored.scores.by_tool, scored.earlier.by_tool if scored.earlier else {}
    if not tools:
        return
    worst = sorted(tools, key=lambda name: (tools[name].right.count - tools[name].right.of, name))[:TOOLS]
    click.echo()
    lines: list[list[object]] = []
    for name in worst:
        found = tools[name]
        line: list[object] = [name, found.right.of, f"{100 * found.named.share:.0f} %", percents(found.right)]
        if before:
            line.append(percents(before[name].right) if name in before else "–")
        lines.append(line)
    head = ["by tool", "calls", "this tool", "right", *(["right before"] if before else [])]
    print_columns(lines, head=head)
    if len(tools) > len(worst):
        click.echo(f"{len(tools) - len(worst):,} more tools, with fewer mistakes, are in the JSON")


def _plain_chat(scored: Scored) -> None:
    found = scored.forgetting
    if found is not None:
        click.echo(
            f"\nplain chat ({found.chats:,} chats without tools): perplexity {found.before.perplexity:,.2f} before ({found.compared}), "
            f"{found.after.perplexity:,.2f} after: × {found.ratio:.3f}"
        )
