"""What bounds a model that plays, and which history it has: settings that decide what comes out, beside the model and the rows."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

from gen.conversation import JsonObject

History = Literal["executed", "gold"]
"""``executed``: what the model said so far, and what its calls really returned; ``gold``: what the corpus's assistant said so far."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Bounds of a turn: tokens of one message, and messages with calls before the answer."""

    tokens: int = 512
    rounds: int = 10

    def to_wire(self) -> JsonObject:
        return asdict(self)
