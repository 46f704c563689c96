"""What a run would make, before anything is made: slots, tools, the size of the corpus, and what models would be asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import orjson

from gen.conversation import Conversation, JsonObject
from gen.recipe import Recipe
from gen.synthesis.estimate import Asks, estimate
from gen.synthesis.opening import open_workshop
from gen.synthesis.slots import make
from gen.teachers.naming import SIMULATOR

SAMPLE = 40
"""Rows that a preview makes to estimate a corpus's size."""


@dataclass(frozen=True)
class Preview:
    """What a run would make: slots by scenario and split, tools, and the size estimated from a few rows; ``asks`` of models."""

    rows: int
    scenarios: Mapping[str, int]
    splits: Mapping[str, int]
    tools: tuple[str, ...]
    offered: tuple[int, int]
    estimated_bytes: int
    sample: tuple[Conversation, ...]
    asks: Asks | None = None

    def to_json(self) -> JsonObject:
        return asdict(self) | {"sample": [row.to_wire() for row in self.sample[:3]]}


def preview(recipe: Recipe, *, rows: int) -> Preview:
    """Allot the slots and make a few rows, in memory."""
    workshop = open_workshop(recipe)
    allotment = workshop.planner.allotment
    made = [make(workshop, slot).conversation for slot in range(min(SAMPLE, rows))]
    sample = tuple(row for row in made if row is not None)
    tools = [name for opened in workshop.domains.values() for name in opened.planner.sampler.names]
    size = sum(len(orjson.dumps(row.to_wire())) for row in sample) / max(len(sample), 1)
    return Preview(
        rows=rows,
        scenarios=dict(Counter(allotment.scenario(slot) for slot in range(rows))),
        splits=dict(Counter(allotment.split(slot) for slot in range(rows))),
        tools=tuple(sorted(tools)),
        offered=(recipe.model.tools.offered.min, recipe.model.tools.offered.max),
        estimated_bytes=int(size * rows / COMPRESSION),
        sample=sample,
        asks=None if recipe.model.teacher.name == SIMULATOR else estimate(workshop, sample, rows),
    )


COMPRESSION = 9
"""How many times smaller rows are as Parquet than as JSON (measured, see docs/measurements.md)."""
