"""A small corpus for tests of training: questions after transactions, and a progress that remembers what it was told."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from gen.conversation import Conversation, Message, ToolCall
from gen.rendering.reference import REFERENCE


def row(number: int, split: str = "train") -> Conversation:
    """The reference conversation with another transaction."""
    name = f"T{1000 + 7 * number}"
    call = ToolCall("VvvODy9mT", "retrieve_payment_status", {"transaction_id": name})
    asked = Message("user", f"What's the status of my transaction {name}?" + " Please." * (number % 4))
    said = Message("assistant", f"Your transaction {name} has been successfully paid.")
    messages = (asked, Message("assistant", "", None, (call,)), REFERENCE.messages[3], said)
    return replace(REFERENCE, id=f"r{number}", messages=messages, split=split)


def write_corpus(path: Path, train: int = 12, test: int = 4) -> Path:
    """A file of rows."""
    rows = [row(n) for n in range(train)] + [row(100 + n, "test") for n in range(test)]
    path.write_text("".join(json.dumps(one.to_wire() | {"split": one.split}) + "\n" for one in rows), encoding="utf-8")
    return path


class Heard:
    """Remembers notes, samples and steps; ``at`` is called with every step."""

    def __init__(self, at: Any = None) -> None:
        self.notes: list[str] = []
        self.samples: list[Any] = []
        self.steps: list[dict[str, Any]] = []
        self._at = at

    def note(self, text: str) -> None:
        self.notes.append(text)

    def sample(self, spans: Any) -> None:
        self.samples.append(spans)

    def start(self, steps: int, done: int) -> None:
        self.began = (steps, done)

    def step(self, metrics: dict[str, Any]) -> None:
        self.steps.append(metrics)
        if self._at:
            self._at(metrics)
