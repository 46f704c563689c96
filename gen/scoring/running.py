"""A model plays a task from its first row to its last, and is judged: what ``fcgen score`` does once for each model.

What was played before is not played again. Everything shown to people is the business of the caller.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from gen.canonical import exact_json
from gen.conversation import Conversation, JsonObject
from gen.errors import BadInput
from gen.scoring.kept import Kept
from gen.scoring.outcomes import Outcome
from gen.scoring.played import Played
from gen.scoring.playing import play_all
from gen.scoring.settings import Bounds
from gen.scoring.speaking import Speaker
from gen.scoring.tasks import Task
from gen.synthesis.interruptible import run_interruptibly

PLAYING = 1
"""Counts changes of how conversations are played: what was kept before one is played again."""


class Model(Protocol):
    """A model that can be scored; see ``local_model.LocalModel`` and ``server_speaker.ServerModel``."""

    @property
    def name(self) -> str: ...
    @property
    def told(self) -> str: ...
    @property
    def identity(self) -> JsonObject: ...
    def room(self, rows: Sequence[Conversation]) -> int: ...
    def refusal(self, talk: Conversation) -> str: ...
    def speaker(self, bounds: Bounds, note: Note) -> Speaker: ...
    def active(self) -> AbstractContextManager[None]: ...


class Note(Protocol):
    """Who hears what a user should know."""

    def __call__(self, text: str, /) -> None: ...


class Progress(Protocol):
    """Who hears how far it is."""

    def note(self, text: str) -> None: ...
    def start(self, title: str, total: int, done: int) -> None: ...
    def step(self) -> None: ...


@dataclass(frozen=True)
class Result:
    """What a model played, and what came of it, row by row. ``refused`` are rows that its prompt cannot say, and why."""

    name: str
    told: str
    bounds: Bounds
    played: Mapping[str, Played]
    outcomes: Sequence[Outcome]
    refused: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> JsonObject:
        return {"name": self.name, "prompt": self.told, **self.bounds.to_wire()}


def run(model: Model, task: Task, folder: Path, progress: Progress, *, max_new_tokens: int | None = None, fresh: bool = False) -> Result:
    """Play and judge. What was played is kept in ``folder``; KeyboardInterrupt and errors leave it there.

    Raises OutsideFailed where whatever runs the model gave up, BadInput where its prompt can say none of the rows.
    """
    rows, refused = _sayable(model, task)
    bounds = Bounds(max_new_tokens or model.room(rows))
    identity = model.identity | {"prompt": model.told, "playing": PLAYING} | bounds.to_wire()
    with Kept(folder, identity, fresh=fresh) as kept, model.active():
        found = {row.id: played for row in rows if (played := kept.get(row, task.setting(row)))}
        left = sorted((row for row in rows if row.id not in found), key=_length, reverse=True)
        progress.start(model.name, len(rows), len(found))
        if found:
            progress.note(f"{len(found):,} of {len(rows):,} were played before ({kept.path}); --fresh plays them again")

        def over(row: Conversation, played: Played) -> None:
            kept.put(row, task.setting(row), played)
            found[row.id] = played
            progress.step()

        if left:
            with asyncio.Runner() as runner:
                run_interruptibly(runner, _played(model.speaker(bounds, progress.note), task, left, bounds, over))
    return Result(model.name, model.told, bounds, found, [task.judge(row, found[row.id]) for row in rows], refused)


def _sayable(model: Model, task: Task) -> tuple[list[Conversation], dict[str, str]]:
    """The rows that the model's prompt can say, and why it cannot say the others."""
    refused: dict[str, str] = {}
    for row in task.rows:
        why = next(filter(None, map(model.refusal, task.begins(row))), "")
        if why:
            refused[row.id] = why
    if len(refused) == len(task.rows):
        raise BadInput(f"the prompt of {model.name} can say none of these rows: {next(iter(refused.values()))}", hint="--template another")
    return [row for row in task.rows if row.id not in refused], refused


def _length(row: Conversation) -> int:
    """About how long a row is: long ones first, so that those under way at a time are alike, and none comes last that takes long."""
    return len(exact_json(row.tools)) + sum(len(message.content) for message in row.messages)


async def _played(speaker: Speaker, task: Task, rows: Sequence[Conversation], bounds: Bounds, over: _Over) -> None:
    try:
        await play_all(rows, lambda row: task.play(row, speaker, bounds), concurrency=speaker.concurrency, played=over)
    finally:
        await speaker.close()


class _Over(Protocol):
    def __call__(self, row: Conversation, played: Played, /) -> None: ...
