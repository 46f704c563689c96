"""What a corpus teaches: the tiny model's scores by the number of rows, and with each kind of conversation left out.

    python scripts/ablation.py [--out ablation]      # an hour on one core; goes on where it was stopped
    python scripts/ablation.py --small               # a minute: that it runs, not what it finds

One corpus is made (recipe ``tiny``, with two more scenarios). One tiny base reads the plain text of its single calls, and nothing of the
other kinds: how one asks back or refuses it can only learn from an arm. Every arm teaches that base with LoRA on some of the corpus's
training rows, and sees as many in all. Arms without a kind of conversation get as many rows as the others, of what is left. All are
played and judged as ``fcgen score`` does it, on the same held-out rows of every kind. Writes results.json, ablation.svg and a table on
stdout, for docs/measurements.md.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

os.environ |= {"TOKENIZERS_PARALLELISM": "false", "TRANSFORMERS_VERBOSITY": "error"}
os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported

import click

from gen.cli.progress import Silent
from gen.conversation import Conversation
from gen.corpus.reading import read_rows
from gen.recipe import load_recipe
from gen.rendering.templates import template_named
from gen.scoring.comparing import Asked, score_models
from gen.scoring.intervals import Rate
from gen.scoring.metrics import METRICS as ALL_METRICS
from gen.scoring.tasks import on_corpus
from gen.synthesis.run import synthesize
from gen.training.plan import plan
from gen.training.run import finished, train
from gen.training.settings import TINY_BATCH, settings_of
from gen.training.tiny import Shape, build_tiny

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SCENARIOS = {"single": 40, "no_call": 15, "irrelevant": 20, "missing_parameter": 25}
EVERYWHERE = "single"
"""The kind that every arm has."""

METRICS = ("call_accuracy", "over_calling", "missed_calls", "asks", "success")
NO_TOOL_FITS = "over_calling_irrelevant"
"""Over-calling in conversations of the kind ``irrelevant`` alone: what rows of that kind are there to teach."""

TITLES = {name: ALL_METRICS[name].title for name in METRICS} | {NO_TOOL_FITS: "over-calling where no tool fits"}
RESULTS = "results.json"
RATE = 4e-3
"""Pinned with the shape of LARGE, as the figures in docs/measurements.md have them: those of ``--base tiny`` may move on."""

Found = dict[str, dict[str, Rate]]
"""Arm → metric → rate."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much of everything: rows of the arms, held-out rows, times that the largest arm sees its rows, and the base."""

    arms: tuple[int, ...]
    held_out: int
    epochs: float
    shape: Shape

    @property
    def rows(self) -> int:
        return self.arms[-1]


@dataclass(frozen=True, slots=True)
class Arm:
    """One training: on how many rows, and the kind of conversation that it does without."""

    rows: int
    without: str = ""

    @property
    def name(self) -> str:
        return f"without {self.without}" if self.without else f"{self.rows} rows"


LARGE = Size(arms=(100, 200, 400, 800, 1600), held_out=150, epochs=2, shape=Shape(words=1200))
SMALL = Size(
    arms=(4, 8),
    held_out=4,
    epochs=1,
    shape=Shape(words=300, hidden=32, layers=2, heads=4, drills=2, drilled=4, steps=2, batch=2, width=128),
)


def arms(size: Size) -> list[Arm]:
    """All rows; as many without one kind or another; and ever fewer."""
    return [Arm(size.rows), *(Arm(size.rows, kind) for kind in SCENARIOS if kind != EVERYWHERE), *map(Arm, reversed(size.arms[:-1]))]


def rows_of(arm: Arm, rows: Sequence[Conversation]) -> list[Conversation]:
    """The first rows that an arm may have."""
    return [row for row in rows if row.scenario != arm.without][: arm.rows]


def make_corpus(folder: Path, size: Size) -> None:
    """A corpus of which every arm finds its rows, and with so many held-out ones."""
    train = 2 * size.rows
    rows = train + size.held_out
    changes = [f"scenarios={json.dumps(SCENARIOS)}", f"splits={{train: {train / rows:.6f}, test: {size.held_out / rows:.6f}}}"]
    synthesize(load_recipe("tiny", changes=changes), folder, rows=rows, workers=1, shard=None, progress=Silent())


def teach(arm: Arm, size: Size, out: Path, corpus: Path, base: Path) -> Path:
    """An adapter that has seen as many rows, again and again, as that of any other arm."""
    folder = out / "adapters" / f"{arm.name.replace(' ', '-')}-{size.epochs:g}"
    if finished(folder):
        return folder
    rows = rows_of(arm, list(read_rows(corpus, splits=["train"])))
    lines = folder.with_suffix(".jsonl")
    lines.parent.mkdir(parents=True, exist_ok=True)
    lines.write_text("".join(json.dumps(row.to_wire() | {"split": "train"}, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    epochs = size.epochs * size.rows / len(rows)
    settings = settings_of({"base": str(base), "epochs": epochs, "learning_rate": RATE, "batch": TINY_BATCH})
    train(plan(lines, folder, template_named("gemma"), settings), Quiet())
    return folder


def measure(adapter: Path, out: Path, corpus: Path) -> dict[str, Rate]:
    """What the model does on the held-out rows."""
    scored = score_models(on_corpus(corpus, split="test"), Asked(str(adapter), guard=False), out / "played", Quiet())
    rates = dict(scored.scores.overall.rates)
    irrelevant = scored.scores.by_scenario.get("irrelevant")
    if irrelevant and "over_calling" in irrelevant.rates:
        rates[NO_TOOL_FITS] = irrelevant.rates["over_calling"]
    return {name: rates[name] for name in TITLES if name in rates}


class Quiet:
    """Hears of trainings and scores, and says nothing."""

    def note(self, text: str) -> None: ...
    def sample(self, spans: tuple[Any, ...]) -> None: ...
    def start(self, *_: Any) -> None: ...
    def step(self, *_: Any) -> None: ...


def table(found: Found) -> str:
    """The results as Markdown."""
    lines = ["| trained on | " + " | ".join(TITLES.values()) + " |", "| --- |" + " --- |" * len(TITLES)]
    for arm, rates in found.items():
        cells = [f"{rate.count} of {rate.of} ({rate.share:.0%})" if (rate := rates.get(name)) else "" for name in TITLES]
        lines.append(f"| {arm} | {' | '.join(cells)} |")
    return "\n".join(lines)


def picture(found: Found, size: Size) -> bytes:
    """Scores over the number of rows, and beside them those without one kind or another, with Wilson's intervals."""
    import io

    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "fcgen", "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(11, 4.2), layout="constrained")
        left, right = figure.subplots(1, 2, width_ratios=(3, 4), sharey=True)
        grown = {arm.name: arm for arm in arms(size) if not arm.without}
        _lines(left, {grown[name].rows: rates for name, rates in found.items() if name in grown})
        _bars(right, {name: rates for name, rates in found.items() if name not in grown or name == f"{size.rows} rows"})
        figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)
        file = io.BytesIO()
        figure.savefig(file, format="svg", metadata={"Date": None, "Title": "what a corpus teaches"})
    return file.getvalue()


def _lines(axes: Axes, by_rows: Mapping[int, Mapping[str, Rate]]) -> None:
    from matplotlib.ticker import PercentFormatter

    for name in TITLES:
        points = [(rows, rates[name]) for rows, rates in by_rows.items() if name in rates]
        if points:
            where, rates = zip(*points, strict=True)
            axes.errorbar(where, [rate.share for rate in rates], yerr=_errors(rates), label=TITLES[name], capsize=2, marker="o")
    axes.set_xscale("log", base=2)
    axes.set_xticks(list(by_rows), [str(rows) for rows in by_rows])
    axes.set_title("by rows of the corpus", loc="left")
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set_ylim(-0.03, 1.03)


def _bars(axes: Axes, by_arm: Mapping[str, Mapping[str, Rate]]) -> None:
    width = 0.8 / len(TITLES)
    for place, name in enumerate(TITLES):
        rates = [arm.get(name, Rate(0, 0)) for arm in by_arm.values()]
        where = [number + (place - len(TITLES) / 2 + 0.5) * width for number in range(len(rates))]
        axes.bar(where, [rate.share for rate in rates], width, yerr=_errors(rates), capsize=1.5)
    axes.set_xticks(range(len(by_arm)), [name.replace("without ", "without\n") for name in by_arm])
    axes.set_title("with a kind of conversation left out", loc="left")


def _errors(rates: Sequence[Rate]) -> list[list[float]]:
    """How far the intervals reach below and above; not at all where nothing was counted."""
    reach = [rate.interval if rate.of else (0.0, 0.0) for rate in rates]
    return [
        [max(0.0, rate.share - low) for rate, (low, _) in zip(rates, reach, strict=True)],
        [max(0.0, high - rate.share) for rate, (_, high) in zip(rates, reach, strict=True)],
    ]


@click.command()
@click.option("--out", type=click.Path(path_type=Path), default=Path("ablation"), help="A folder; what is there already is not made again.")
@click.option("--epochs", type=click.FloatRange(min=0, min_open=True), help="Times that the largest arm sees its rows.  [default: 2]")
@click.option("--arm", "names", multiple=True, help="Only this arm, such as '1600 rows' or 'without irrelevant'; may be said again.")
@click.option("--small", is_flag=True, help="A minute: that it runs, not what it finds.")
@click.option("--json", "as_json", is_flag=True)
def main(out: Path, epochs: float | None, names: tuple[str, ...], small: bool, as_json: bool) -> None:
    """Teach the tiny base on more and more rows, and without one kind of conversation or another."""
    size = SMALL if small else LARGE
    size = replace(size, epochs=epochs or size.epochs)
    chosen = {arm.name: arm for arm in arms(size)}
    for name in names:
        if name not in chosen:
            raise click.BadParameter(f"{name!r} is none of {', '.join(chosen)}", param_hint="--arm")
    corpus = out / "corpus"
    make_corpus(corpus, size)
    rows = list(read_rows(corpus, splits=["train"]))
    plain = [row for row in rows if row.scenario == EVERYWHERE]
    base = build_tiny(out / "base", plain, template_named("gemma"), shape=size.shape, tell=lambda text: click.echo(text, err=True))
    found: Found = {}
    for arm in [chosen[name] for name in names or chosen]:
        found[arm.name] = measure(teach(arm, size, out, corpus, base), out, corpus)
        click.echo(f"{arm.name}: " + ", ".join(f"{name} {rate.count}/{rate.of}" for name, rate in found[arm.name].items()), err=True)
        wire = {name: {metric: rate.to_json() for metric, rate in rates.items()} for name, rates in found.items()}
        (out / RESULTS).write_text(json.dumps(wire, indent=2) + "\n", "utf-8")
        (out / "ablation.svg").write_bytes(picture(found, size))
    click.echo(json.dumps(wire) if as_json else table(found))


if __name__ == "__main__":
    main()
