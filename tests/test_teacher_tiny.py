"""A model of random weights plays both roles: every call that it makes fits its schema, and hardly a goal is reached."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from tiny_models import build_model

from gen.cli.progress import Silent
from gen.recipe import Teacher, load_recipe
from gen.synthesis.cast import Models
from gen.synthesis.run import synthesize
from gen.teachers.completions import COMPLETIONS, Completions
from gen.teachers.engines.local import LocalEngine
from gen.teachers.engines.opening import Note
from gen.teachers.naming import TeacherName
from gen.teachers.request import Completion, Request
from gen.tools.validation import validator

CONVERSATIONS = 50


class Watched(LocalEngine):
    """The local engine, and what went through it."""

    seen: list[tuple[Request, Completion]]

    async def complete(self, request: Request) -> Completion:
        completion = await super().complete(request)
        self.seen.append((request, completion))
        return completion


@pytest.mark.slow
def test_fifty_conversations_of_random_weights(tmp_path: Path) -> None:
    model = build_model(tmp_path / "model", "gemma2", context=8192)
    changes = [f"teacher=local:{model}", f"rows={CONVERSATIONS}", "attempts=1", "teacher.turns=3", "teacher.max_tokens=240"]
    recipe = load_recipe("tiny", changes=[*changes, "teacher.tries=1"])
    engines: list[Watched] = []

    def opened(name: TeacherName, settings: Teacher, note: Note) -> Watched:
        engine = Watched(name.model, slots=16, note=note)
        engine.seen = []
        engines.append(engine)
        return engine

    out = tmp_path / "corpus"
    summary = synthesize(recipe, out, rows=CONVERSATIONS, workers=1, shard=None, progress=Silent(), models=Models(opening=opened))

    turns = [(request, completion) for engine in engines for request, completion in engine.seen]
    calls = 0
    for request, completion in turns:
        turn = orjson.loads(completion.text)
        assert not validator("turn", request.schema or {}).errors(turn), completion.text
        calls += len(turn.get("calls", ()))
    assert calls > CONVERSATIONS / 2, "hardly anything was called: the test shows little"
    assert len(Completions(out / COMPLETIONS)) == len(turns)

    assert summary.rows < CONVERSATIONS
    assert summary.usage is not None
    assert sum(summary.rejected.values()) + summary.rows == CONVERSATIONS
    assert sum(summary.faults.values()) > 0
    assert (out / "rejected" / "rejected.jsonl").read_text().count("\n") == sum(summary.rejected.values())
