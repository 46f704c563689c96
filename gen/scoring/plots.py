"""Figures of the page of scores, as HTML and SVG that stand alone: dots with intervals, cells that are tinted by their share.

A dot plot is two lines and two circles in percent of its box, so it is written here; a plotting library would bring megabytes for
a picture that neither scales with the page nor knows its dark colours.
"""

from __future__ import annotations

from collections.abc import Mapping

from gen.rendering.html import safe
from gen.scoring.intervals import Rate

_STEPS = (0, 25, 50, 75, 100)
_STRONGEST = 46
"""Percent of colour in the cell of a share of 1: text stays readable on it, light and dark."""


def percent(share: float) -> str:
    """A share as people read it: whole percents, with a decimal where it would otherwise seem to be all or nothing."""
    whole = 100 * share
    near_an_end = 0 < whole < 1 or 99 < whole < 100
    return f"{whole:.1f} %" if near_an_end else f"{whole:.0f} %"


def interval(rate: Rate) -> str:
    """Wilson's interval in words."""
    low, high = rate.interval
    return f"95 % between {percent(low)} and {percent(high)}"


def axis() -> str:
    marks = "".join(f'<span style="left:{step}%">{step}</span>' for step in _STEPS)
    return f'<div class="axis figure"><div>{marks}</div></div>'


def dots(after: Rate, before: Rate | None = None) -> str:
    """A rate with its interval on an axis from 0 to 100 %, and above it the rate before, hollow."""
    grid = "".join(f'<line class="grid" x1="{step}%" x2="{step}%" y1="0" y2="100%"/>' for step in _STEPS)
    lanes = [("after", after, 0)] if before is None else [("before", before, -6), ("after", after, 6)]
    drawn = "".join(_lane(kind, rate, off) for kind, rate, off in lanes)
    told = "; ".join(f"{kind}: {percent(rate.share)}, {interval(rate)}" for kind, rate, _ in lanes)
    return (
        f'<div class="figure"><svg class="plot" role="img" aria-label="{safe(told)}"><title>{safe(told)}</title>{grid}{drawn}</svg></div>'
    )


def _lane(kind: str, rate: Rate, off: int) -> str:
    """A rate on a line so many pixels below the middle."""
    low, high = rate.interval
    line = f'<line class="{kind}" x1="{100 * low:.2f}%" x2="{100 * high:.2f}%" y1="50%" y2="50%"/>'
    dot = f'<circle class="{kind}" cx="{100 * rate.share:.2f}%" cy="50%" r="4.5"/>'
    return f'<g transform="translate(0 {off})">{line}{dot}</g>'


def key(kind: str, words: str) -> str:
    """What a kind of dot stands for."""
    line = f'<line class="{kind}" x1="5%" x2="95%" y1="6" y2="6"/><circle class="{kind}" cx="50%" cy="6" r="4.5"/>'
    return f'<span class="key"><svg aria-hidden="true">{line}</svg>{safe(words)}</span>'


def rate_cell(after: Rate | None, before: Rate | None = None, *, more_is_better: bool = True) -> str:
    """A cell of a table: the share, tinted the more the worse it is; and the share before. Counts and interval are told by its title."""
    if after is None:
        return '<td class="none">–</td>'
    amiss = 1 - after.share if more_is_better else after.share
    was = f"<small>was {percent(before.share).removesuffix(' %')}</small>" if before else ""
    title = safe(f"{after.count} of {after.of}, {interval(after)}")
    told = percent(after.share) + was
    return f'<td class="rate" title="{title}" style="{_tint("--bad", amiss)}">{told}</td>'


def _tint(colour: str, share: float) -> str:
    return f"background:color-mix(in srgb,var({colour}) {_STRONGEST * share:.0f}%,transparent)"


def heat_map(counts: Mapping[tuple[str, str], int], *, apart: str) -> str:
    """How often each row's name came with each column's, tinted by the share of the row; ``apart`` comes first, before a line.

    The columns begin with the rows' names in the same order, so that what is right stands on the diagonal.
    """
    rows = sorted({row for row, _ in counts} - {apart})
    more = sorted({column for _, column in counts} - {*rows, apart})
    columns = [apart, *rows, *more]
    head = "".join(f"<th{' class=out' if name == apart else ''}><span>{safe(name)}</span></th>" for name in columns)
    lines = []
    for row in [*([apart] if any(one == apart for one, _ in counts) else []), *rows]:
        total = sum(count for (one, _), count in counts.items() if one == row)
        cells = "".join(_heat_cell(row, column, counts.get((row, column), 0), total, out=column == apart) for column in columns)
        lines.append(f"<tr><th>{safe(row)}</th>{cells}</tr>")
    return (
        f'<table class="confusion"><thead><tr><th>expected ↓ &nbsp; called →</th>{head}</tr></thead><tbody>{"".join(lines)}</tbody></table>'
    )


def _heat_cell(row: str, column: str, count: int, total: int, *, out: bool) -> str:
    mark = ' class="out"' if out else ""
    if not count:
        return f"<td{mark}></td>"
    # a single slip among hundreds must still be seen
    share = max(count / total, 0.2)
    tint = _tint("--good" if row == column else "--bad", share)
    return f'<td{mark} style="{tint}" title="{safe(f"{row} → {column}: {count} of {total}")}">{count}</td>'
