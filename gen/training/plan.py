"""What would be trained, with everything found right that can be looked at before any weights are read.

Packages, the corpus's split, the base's files, its tokenizer, and every row in the template's tokens. ``run.py`` trains a plan.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gen.conversation import Conversation, JsonObject
from gen.corpus.reading import read_rows
from gen.errors import BadInput
from gen.recipe import Train
from gen.rendering.template import Template
from gen.training.adapter import BESIDE
from gen.training.base import base_tokenizer, require_packages
from gen.training.data import Example, Prepared, Preparer
from gen.training.quantized import require_quantization
from gen.training.settings import TINY
from gen.training.source import about_corpus
from gen.training.tiny import Shape, build_tiny
from gen.training.trackers import require_trackers
from gen.training.weights import require_weights, require_weights_on_hub

HELD_OUT = ("validation", "test")
"""Splits that are held out, the first that there is."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be trained, with everything found right that can be looked at without weights."""

    corpus: Path
    out: Path
    template: Template
    train: Train
    name: str
    tokenizer: Any
    added: tuple[str, ...]
    rows: Prepared
    held_out: tuple[Example, ...]
    source: JsonObject

    @property
    def trained(self) -> int:
        """How many tokens are learned each time that all rows are seen."""
        return sum(example.trained for example in self.rows.examples)


def plan(
    corpus: Path,
    out: Path,
    template: Template,
    train: Train,
    *,
    skip_bad: bool = False,
    shape: Shape | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> Plan:
    """Look at everything. The tiny base is made here, for it is small, and there is no tokenizer before it.

    Raises BadInput where a package, the weights, the tokenizer or the train split is missing, or a row cannot be trained on.
    """
    require_packages()
    require_trackers(train.report_to)
    if train.quantize == "4bit":
        require_quantization()
    splits = _splits(corpus)
    if "train" not in splits:
        raise BadInput(
            "the corpus has no split 'train'", where=str(corpus), allowed=f"it has {', '.join(splits)}" if splits else "it has no rows"
        )
    if train.base != TINY:
        require_weights(train.base)
    rows = list(read_rows(corpus, splits=["train"]))
    name = train.base if not Path(train.base).expanduser().exists() else str(Path(train.base).expanduser().resolve())
    if train.base == TINY:
        name = str(_first(lambda: build_tiny(out / BESIDE, rows, template, shape=shape, tell=tell)))
    tokenizer, added = base_tokenizer(name, template)
    require_weights_on_hub(name)
    preparer = Preparer(tokenizer, template, train.max_length)
    ready = preparer.prepare(rows)
    if not skip_bad:
        ready.require_all()
    if not ready.examples:
        raise BadInput("no row is left to train on", where=str(corpus), hint="--max-length allows longer rows")
    held = next((split for split in HELD_OUT if split in splits), None)
    held_out = _held_out(preparer, corpus, held, train.held_out)
    return Plan(corpus, out, template, train, name, tokenizer, added, ready, held_out, about_corpus(corpus, rows))


def _splits(corpus: Path) -> list[str]:
    return list(dict.fromkeys(row.split for row in read_rows(corpus)))


def _held_out(preparer: Preparer, corpus: Path, split: str | None, count: int) -> tuple[Example, ...]:
    rows: list[Conversation] = []
    if split is not None and count:
        rows = [row for row, _ in zip(read_rows(corpus, splits=[split]), range(count), strict=False)]
    return preparer.prepare(rows).examples


def _first(work: Callable[[], Path]) -> Path:
    """Do this in the first of several processes, then in the others, which find it done."""
    import torch
    from accelerate import PartialState  # type: ignore[import-untyped]  # it has no types

    with PartialState(cpu=not torch.cuda.is_available()).main_process_first():
        return work()
