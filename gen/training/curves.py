"""The curves of a training as one picture: loss of trained and of held-out rows, exact calls, learning rate, all over the steps.

Drawn from the lines of metrics.jsonl, as SVG that stands alone: no script, no font from elsewhere, light and dark. A plotting library
would bring megabytes for four lines.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from gen.conversation import JsonObject

CURVES = "loss.svg"

WIDTH, LEFT, RIGHT, GAP = 760, 58, 70, 58
"""Pixels: of the picture, beside its panels for the axis and for the last values, and between panels."""

WIDE_RANGE = 20
"""Losses whose largest is so many times the smallest are drawn on a logarithmic axis: on a plain one the end lies on the ground."""

_STYLE = """
svg { --a: #0969da; --b: #bc4c00; --paper: #fff; --ink: #1f2328; --quiet: #59636e; --grid: #d1d9e0; }
@media (prefers-color-scheme: dark) {
svg { --a: #4493f8; --b: #f0883e; --paper: #0d1117; --ink: #f0f6fc; --quiet: #9198a1; --grid: #3d444d; }
}
text { font: 12px system-ui, sans-serif; fill: var(--quiet); font-variant-numeric: tabular-nums; }
.title { font-weight: 600; fill: var(--ink); } .paper { fill: var(--paper); } .grid { stroke: var(--grid); }
polyline { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
polyline.a { stroke: var(--a); } polyline.b { stroke: var(--b); }
.a:not(polyline) { fill: var(--a); } .b:not(polyline) { fill: var(--b); }
"""

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Curve:
    """A line of a panel: what it is, its colour ("a" or "b"), its points in the order of the steps."""

    name: str
    colour: str
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Panel:
    """Curves with one axis. ``text`` says a value; ``bounds`` are those of the axis, where they do not follow from the points."""

    title: str
    height: int
    curves: tuple[Curve, ...]
    text: Callable[[float], str]
    bounds: tuple[float, float] | None = None


def curves(lines: Sequence[JsonObject]) -> str:
    """The picture for these lines of metrics.jsonl; panels of which nothing was measured are left out."""
    loss = (Curve("trained rows", "a", _points(lines, "loss")), Curve("held-out rows", "b", _points(lines, "held_out_loss")))
    exact, rate = Curve("", "b", _points(lines, "call_exactness")), Curve("", "a", _points(lines, "learning_rate"))
    panels = (
        Panel("loss of a trained token", 230, loss, _number),
        Panel("held-out calls that are exact", 130, (exact,), lambda share: f"{100 * share:.0f} %", (0.0, 1.0)),
        Panel("learning rate", 80, (rate,), lambda value: f"{value:.1e}".replace("e-0", "e-") if value else "0"),
    )
    shown = [panel for panel in panels if any(curve.points for curve in panel.curves)]
    steps = [step for panel in shown for curve in panel.curves for step, _ in curve.points]
    return _picture(shown, max(1.0, max(steps, default=1.0)))


def _points(lines: Sequence[JsonObject], key: str) -> tuple[Point, ...]:
    found = ((line["step"], line.get(key)) for line in lines)
    return tuple((float(step), float(value)) for step, value in found if value is not None and math.isfinite(value))


def _picture(panels: Sequence[Panel], last: float) -> str:
    parts, top = [], 34
    for panel in panels:
        parts.append(_panel(panel, top, last))
        top += panel.height + GAP
    height = top - GAP + 44
    parts.append(_steps_axis(last, height - 28))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img">'
        f"<title>curves of the training</title><style>{_STYLE}</style>"
        f'<rect class="paper" width="{WIDTH}" height="{height}"/>{"".join(parts)}</svg>\n'
    )


def _panel(panel: Panel, top: int, last: float) -> str:
    values = [value for curve in panel.curves for _, value in curve.points]
    logarithmic = panel.bounds is None and min(values) > 0 and max(values) > WIDE_RANGE * min(values)
    low, high = panel.bounds or (min(values), max(values))
    marks = logarithmic_marks(low, high) if logarithmic else plain_marks(min(0.0, low), high, most=panel.height // 26)
    scale = math.log10 if logarithmic else float
    low, high = scale(marks[0]), scale(marks[-1])

    def place(value: float) -> float:
        return top + panel.height * (1 - (scale(value) - low) / (high - low))

    parts = [f'<text class="title" x="{LEFT}" y="{top - 14}">{escape(panel.title)}</text>', _legend(panel, top - 14)]
    for mark in marks:
        y = f"{place(mark):.1f}"
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y}" dy="4" text-anchor="end">{panel.text(mark)}</text>')
    drawn = [curve for curve in panel.curves if curve.points]
    parts += [_line(curve, place, last) for curve in drawn]
    ends = apart([place(curve.points[-1][1]) for curve in drawn])
    parts += [
        f'<text class="{curve.colour}" x="{WIDTH - RIGHT + 8}" y="{y:.1f}" dy="4">{panel.text(curve.points[-1][1])}</text>'
        for curve, y in zip(drawn, ends, strict=True)
    ]
    return "".join(parts)


def _legend(panel: Panel, y: int) -> str:
    """The names of the curves in their colours, where there are two."""
    named = [curve for curve in panel.curves if curve.name and curve.points]
    words = " &#160; ".join(f'<tspan class="{curve.colour}">{escape(curve.name)}</tspan>' for curve in named)
    return f'<text x="{WIDTH - RIGHT}" y="{y}" text-anchor="end">{words}</text>' if named else ""


def _line(curve: Curve, place: Callable[[float], float], last: float) -> str:
    """The curve; few points are shown as dots too."""
    points = [(_across(step, last), place(value)) for step, value in curve.points]
    line = f'<polyline class="{curve.colour}" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}"/>'
    dots = "".join(f'<circle class="{curve.colour}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in points) if len(points) <= 30 else ""
    return line + dots


def _across(step: float, last: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * step / last


def _steps_axis(last: float, y: int) -> str:
    marks = [mark for mark in plain_marks(0.0, last, most=8) if mark <= last and mark == int(mark)]
    parts = [f'<text x="{_across(mark, last):.1f}" y="{y}" text-anchor="middle">{mark:,.0f}</text>' for mark in marks]
    return "".join(parts) + f'<text x="{WIDTH - 4}" y="{y}" text-anchor="end">steps</text>'


def plain_marks(low: float, high: float, most: int = 6) -> list[float]:
    """Round numbers, evenly apart, from below ``low`` to above ``high``."""
    width = (high - low) or abs(high) or 1.0
    unit = 10.0 ** math.floor(math.log10(width / most))
    step = next(unit * times for times in (1, 2, 2.5, 5, 10, 20) if width / (unit * times) <= most)
    first, after = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [number * step for number in range(first, max(after, first + 1) + 1)]


def logarithmic_marks(low: float, high: float) -> list[float]:
    """1, 2 and 5 of each power of ten (1 alone where there are many) from below ``low`` to above ``high``."""
    first, after = math.floor(math.log10(low)), math.ceil(math.log10(high))
    digits = (1, 2, 5) if after - first <= 2 else (1,)
    marks = [digit * 10.0**power for power in range(first, after + 1) for digit in digits]
    begin = max((mark for mark in marks if mark <= low), default=marks[0])
    end = min((mark for mark in marks if mark >= high), default=marks[-1])
    return [mark for mark in marks if begin <= mark <= end]


def apart(places: Sequence[float], least: float = 15) -> list[float]:
    """Heights of texts, moved until none lies on another: two at most, as panels have."""
    if len(places) != 2 or abs(places[0] - places[1]) >= least:
        return list(places)
    middle, sign = sum(places) / 2, 1 if places[0] >= places[1] else -1
    return [middle + sign * least / 2, middle - sign * least / 2]


def _number(value: float) -> str:
    return f"{value:.3g}" if value < 0.1 else f"{value:.4g}" if value >= 10 else f"{value:.2f}".rstrip("0").rstrip(".") or "0"
