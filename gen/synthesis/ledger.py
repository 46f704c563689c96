"""The ledger: the funnel of a run. How many candidates, accepted, rejected at which stage for which reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from gen.conversation import JsonObject
from gen.corpus.cells import Cells
from gen.synthesis.slots import Rejection
from gen.teachers.budget import Usage


@dataclass
class Ledger:
    """Counts of a run, and the lines of ``rejected/``."""

    accepted: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    scenarios: dict[str, Counter[str]] = field(default_factory=dict)
    short: list[int] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    funnel: dict[str, Counter[str]] = field(default_factory=dict)
    faults: Counter[str] = field(default_factory=Counter)
    usage: Usage = field(default_factory=Usage)

    def accept(self, row: Cells) -> None:
        self.accepted += 1
        self.scenarios.setdefault(row["scenario"], Counter())[row["split"]] += 1

    def refused(self, rejections: Iterable[Rejection]) -> None:
        for rejection in rejections:
            reason = f"{rejection.stage}: {rejection.reason}"
            self.rejected[reason] += 1
            self.funnel.setdefault(rejection.scenario, Counter())[reason] += 1
            if rejection.fault:
                self.faults[rejection.fault] += 1
            self.lines.append(orjson.dumps(rejection.to_wire()).decode())

    def fell_short(self, slot: int) -> None:
        """A slot used up its attempts."""
        self.short.append(slot)

    def add_earlier(self, ledger: Mapping[str, Any], lines: Iterable[str]) -> None:
        """The rejections of the run whose corpus grows."""
        self.rejected.update(ledger.get("rejected", {}))
        self.short.extend(ledger.get("short", []))
        for scenario, reasons in ledger.get("rejected_by_scenario", {}).items():
            self.funnel.setdefault(scenario, Counter()).update(reasons)
        self.faults.update(ledger.get("faults", {}))
        if "usage" in ledger:
            self.usage.add(Usage.from_json(ledger["usage"]))
        self.lines.extend(lines)

    def to_json(self) -> JsonObject:
        rejected = dict(sorted(self.rejected.items()))
        counts = self._counts(rejected)
        return counts | self._costs() if self.usage.paid or self.usage.reused else counts

    def _counts(self, rejected: dict[str, int]) -> JsonObject:
        return {
            "candidates": self.accepted + sum(rejected.values()),
            "accepted": self.accepted,
            "rejected": rejected,
            "rejected_by_scenario": {name: dict(sorted(reasons.items())) for name, reasons in sorted(self.funnel.items())},
            "scenarios": {name: dict(counts) for name, counts in sorted(self.scenarios.items())},
            "short": self.short,
        }

    def _costs(self) -> JsonObject:
        """What models took: by role, and for each accepted row; and who was at fault where they failed."""
        used = [*self.usage.paid.values(), *self.usage.reused.values()]
        rows = max(self.accepted, 1)
        return {
            "faults": dict(sorted(self.faults.items())),
            "usage": self.usage.to_json(),
            "per_accepted_row": {
                "requests": round(sum(one.requests for one in used) / rows, 2),
                "tokens_in": round(sum(one.tokens_in for one in used) / rows, 1),
                "tokens_out": round(sum(one.tokens_out for one in used) / rows, 1),
                "seconds": round(sum(one.seconds for one in used) / rows, 3),
            },
        }
