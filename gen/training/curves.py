"""The curves of a training as one picture: loss of trained and of held-out rows, exact calls, learning rate, all over the steps.

Drawn from the lines of metrics.jsonl by matplotlib, as SVG that stands alone. The same lines make the same bytes.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gen.conversation import JsonObject

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CURVES = "loss.svg"

WIDE_RANGE = 20
"""Losses whose largest is so many times the smallest are drawn on a logarithmic axis: on a plain one the end lies on the ground."""

FEW = 30
"""Points up to which each is marked."""

_STYLE: Any = {
    "svg.fonttype": "none",  # texts stay texts: small, and found by a search
    "svg.hashsalt": "fcgen",  # else the ids in the file are drawn at random
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.35,
    "axes.titlelocation": "left",
    "axes.titlesize": "medium",
    "legend.frameon": False,
}

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Panel:
    """Curves with one axis: the name of each → its key in the lines.

    ``share`` is an axis from 0 to 100 %; ``wide`` one that is logarithmic where the values need it.
    """

    title: str
    height: int
    curves: dict[str, str]
    share: bool = False
    wide: bool = False


PANELS = (
    Panel("loss of a trained token", 3, {"trained rows": "loss", "held-out rows": "held_out_loss"}, wide=True),
    Panel("held-out calls that are exact", 2, {"": "call_exactness"}, share=True),
    Panel("learning rate", 1, {"": "learning_rate"}),
)


def curves(lines: Sequence[JsonObject]) -> bytes:
    """The picture for these lines of metrics.jsonl; panels of which nothing was measured are left out."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    shown = [(panel, drawn) for panel in PANELS if (drawn := _drawn(panel, lines))]
    heights = [panel.height for panel, _ in shown] or [1]
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(8, 1.2 + 1.1 * sum(heights)), layout="constrained")
        axes = figure.subplots(len(heights), sharex=True, squeeze=False, height_ratios=heights)[:, 0]
        for part, (panel, drawn) in zip(axes, shown, strict=False):
            _draw(part, panel, drawn)
        axes[-1].set_xlabel("steps")
        file = io.BytesIO()
        figure.savefig(file, format="svg", metadata={"Date": None, "Title": "curves of the training"})
    return file.getvalue()


def _drawn(panel: Panel, lines: Sequence[JsonObject]) -> dict[str, list[Point]]:
    """The points of the curves that have any."""
    found = {name: _points(lines, key) for name, key in panel.curves.items()}
    return {name: points for name, points in found.items() if points}


def _points(lines: Sequence[JsonObject], key: str) -> list[Point]:
    found = ((line["step"], line.get(key)) for line in lines)
    return [(float(step), float(value)) for step, value in found if value is not None and math.isfinite(value)]


def _draw(axes: Axes, panel: Panel, drawn: dict[str, list[Point]]) -> None:
    from matplotlib.ticker import LogLocator, NullLocator, PercentFormatter, StrMethodFormatter

    for name, points in drawn.items():
        steps, values = zip(*points, strict=True)
        last = f"{values[-1]:.0%}" if panel.share else f"{values[-1]:.3g}"
        axes.plot(steps, values, label=f"{name} {last}".strip(), marker="o" if len(points) <= FEW else "", markersize=3)
    axes.set_title(panel.title)
    axes.legend(loc="lower right" if panel.share else "upper right")  # where curves that go as they should leave room
    every = [value for points in drawn.values() for _, value in points]
    if panel.share:
        axes.set_ylim(-0.03, 1.03)
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    elif panel.wide and 0 < WIDE_RANGE * min(every) < max(every):
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    else:
        axes.set_ylim(bottom=0)
