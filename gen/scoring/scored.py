"""What ``fcgen score`` comes to: one model's scores, and those of the model before it, as JSON and as what the page shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version

from gen.conversation import Conversation, JsonObject
from gen.scoring.examples import Example, worst
from gen.scoring.metrics import Change, Scores, compare, score
from gen.scoring.outcomes import Outcome
from gen.scoring.report import Report
from gen.scoring.running import Result
from gen.scoring.surprise import Forgetting
from gen.scoring.tasks import Task

EXAMPLES = 12
"""Worst conversations on the page."""

PACKAGES = ("fcgen", "torch", "transformers", "peft")


@dataclass(frozen=True)
class Scored:
    """Results on one task.

    Attributes:
        after: of the model that was scored.
        before: of the model that it is compared with.
        forgetting: plain chat before and after, where that could be looked at.
        notes: what people should know, in words.
    """

    task: Task
    after: Result
    before: Result | None = None
    forgetting: Forgetting | None = None
    notes: Sequence[str] = field(default=())

    @cached_property
    def rows(self) -> list[Conversation]:
        """What was scored: the rows that every model could be given."""
        refused = {**self.after.refused, **(self.before.refused if self.before else {})}
        return [row for row in self.task.rows if row.id not in refused]

    @property
    def left_out(self) -> list[str]:
        """What was not scored, and why."""
        refused = {**self.after.refused, **(self.before.refused if self.before else {})}
        told = [
            f"{_counted(len(refused))} that a model's prompt cannot say, such as {name}: {why}" for name, why in list(refused.items())[:1]
        ]
        return [*self.task.left_out, *told]

    def _outcomes(self, result: Result) -> list[Outcome]:
        scored = {row.id for row in self.rows}
        return [outcome for outcome in result.outcomes if outcome.id in scored]

    @cached_property
    def scores(self) -> Scores:
        return score(self._outcomes(self.after))

    @cached_property
    def earlier(self) -> Scores | None:
        return None if self.before is None else score(self._outcomes(self.before))

    @cached_property
    def changes(self) -> Mapping[str, Change]:
        return {} if self.before is None else compare(self._outcomes(self.before), self._outcomes(self.after))

    def facts(self) -> list[str]:
        """How the models were asked, in words."""
        told = [f"{self.after.name}: {self.after.told}"]
        if self.before is not None:
            told.append(f"{self.before.name}: {self.before.told}")
        return [*told, *self.task.facts, *self.notes]

    def to_json(self, *, rows: bool = False) -> JsonObject:
        """The numbers; with ``rows`` also what came of each conversation."""
        wire: JsonObject = {
            "source": self.task.source,
            "conversations": len(self.rows),
            "facts": list(self.task.facts),
            "left_out": self.left_out,
            "model": self.after.to_json(),
            "scores": self.scores.to_json(),
        }
        if self.before is not None and self.earlier is not None:
            wire["compared"] = self.before.to_json()
            wire["before"] = self.earlier.to_json()
            wire["changes"] = {name: change.to_json() for name, change in self.changes.items()}
        if self.forgetting is not None:
            wire["plain_chat"] = self.forgetting.to_json()
        wire |= {"notes": list(self.notes), "versions": _versions()}
        if rows:
            wire["outcomes"] = [outcome.to_wire() for outcome in self._outcomes(self.after)]
            if self.before is not None:
                wire["outcomes_before"] = [outcome.to_wire() for outcome in self._outcomes(self.before)]
        return wire

    def report(self) -> Report:
        """What the page shows."""
        outcomes = {outcome.id: outcome for outcome in self.after.outcomes}
        examples = [Example(row, self.after.played[row.id], outcomes[row.id]) for row in self.rows]
        return Report(
            model=self.after.name,
            source=self.task.source,
            scores=self.scores,
            examples=worst(examples, EXAMPLES),
            compared=self.before.name if self.before else "",
            before=self.earlier,
            changes=self.changes,
            kind=self.task.kind,
            facts=self.facts(),
            left_out=self.left_out,
            forgetting=self.forgetting,
        )


def _counted(rows: int) -> str:
    return "1 row" if rows == 1 else f"{rows:,} rows"


def _versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:  # a server needs neither torch nor peft
            continue
    return found
