"""What a run tells of itself: while it goes on, and at its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Protocol

from gen.conversation import JsonObject
from gen.teachers.budget import Usage


class Progress(Protocol):
    """Who shows people how far a run is."""

    def start(self, total: int, done: int) -> None: ...
    def advance(self, accepted: int, rejected: int) -> None: ...
    def used(self, usage: Usage) -> None: ...
    def note(self, text: str) -> None: ...


@dataclass(frozen=True)
class Summary:
    """What a run came to. ``seconds`` is wall time; ``grown_from`` is how many rows were there before; ``stopped`` says which budget
    was used up; ``usage`` is what models took, and ``faults`` who of them was to blame how often, as in the ledger."""

    corpus: Path
    rows: int
    asked: int
    splits: Mapping[str, int]
    scenarios: Mapping[str, int]
    rejected: Mapping[str, int]
    seconds: float
    complete: bool
    shard: tuple[int, int] | None = None
    grown_from: int = 0
    already_done: bool = False
    stopped: str = ""
    usage: JsonObject | None = None
    faults: Mapping[str, int] = field(default_factory=dict)

    def to_json(self) -> JsonObject:
        return asdict(self) | {"corpus": str(self.corpus), "seconds": round(self.seconds, 3)}
