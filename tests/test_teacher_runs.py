"""Whole runs with a language model's server: on loopback, scripted to answer well, failing as servers fail, killed as nights are lost."""

from __future__ import annotations

import hashlib
import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from model_server import FAULTS, Faults, ModelServer
from scripted import Script

from gen.cli.progress import Silent
from gen.corpus.manifest import read_manifest
from gen.corpus.reading import read_rows
from gen.dice import number
from gen.errors import OutsideFailed
from gen.planning.draws import NothingFits
from gen.recipe import Recipe, Teacher, load_recipe
from gen.synthesis.cast import Models
from gen.synthesis.opening import open_workshop
from gen.synthesis.replaying import replay
from gen.synthesis.run import synthesize
from gen.synthesis.summary import Summary
from gen.teachers.budget import Usage
from gen.teachers.completions import COMPLETIONS, Completions
from gen.teachers.engines.opening import Note
from gen.teachers.engines.server import ServerEngine
from gen.teachers.engines.server_asking import Patience
from gen.teachers.envelope import assistant_schema
from gen.teachers.naming import TeacherName
from gen.teachers.request import Engine
from gen.teachers.store import CompletionStore
from gen.teachers.stored import Key
from gen.teachers.tighten import tighten
from gen.tools.validation import Validator

MODEL = "scripted"
ROWS = 60


def recipe_of(address: str, *changes: str, name: str = "payments") -> Recipe:
    return load_recipe(name, changes=[f"teacher=server:{address}#{MODEL}", f"rows={ROWS}", *changes])


@cache
def script(name: str = "payments") -> Script:
    return Script(recipe_of("http://localhost:1/v1", name=name), ROWS)


def answer(asked: dict[str, Any]) -> str:
    """What the script says; canaries are no part of it."""
    text = script().text_or_none(asked.get("seed"))
    return "I see." if text is None else text


QUICK = Patience(tries=12, first_wait=0.005, longest_wait=0.05, overload=10.0, timeout=10.0)
"""Faults are waited out as they are in a night, but not as long."""


def opened(name: TeacherName, settings: Teacher, note: Note) -> Engine:
    return ServerEngine(name, concurrency=settings.concurrency or 64, patience=QUICK, note=note)


def scripted_server(**options: Any) -> ModelServer:
    return ModelServer(answer, models=(MODEL,), **({"enforces": ("json_schema",)} | options))


def made(out: Path, server: ModelServer, *changes: str) -> Summary:
    recipe = recipe_of(server.address, *changes)
    models = Models(opening=opened)
    return synthesize(recipe, out, rows=recipe.model.rows, workers=1, shard=None, progress=Silent(), models=models)


def digest_of(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted((folder / "data").iterdir()):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "corpus"
    with scripted_server() as server:
        assert made(out, server).complete
    return out


def test_a_server_that_answers_well_loses_nothing(reference: Path) -> None:
    manifest = read_manifest(reference)
    assert manifest is not None
    refused = {reason: n for reason, n in manifest.ledger["rejected"].items() if not reason.startswith(("plan:", "corpus:"))}
    assert sum(refused.values()) <= 0.01 * ROWS, refused
    assert manifest.rows == ROWS


def test_replay_makes_the_same_bytes(reference: Path, tmp_path: Path) -> None:
    assert replay(reference, tmp_path / "copy", workers=1, progress=Silent()).same


@pytest.mark.parametrize("enforces", [(), ("json_object",), ("structured_outputs",)])
def test_whatever_a_server_enforces_the_bytes_are_the_same(reference: Path, tmp_path: Path, enforces: tuple[str, ...]) -> None:
    with scripted_server(enforces=enforces) as server:
        assert made(tmp_path / "c", server).complete
    assert digest_of(tmp_path / "c") == digest_of(reference)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_faults_of_every_kind_change_no_byte(reference: Path, tmp_path: Path, seed: int) -> None:
    faults = Faults(seed=seed, rate=0.25)
    with scripted_server(faults=faults) as server:
        assert made(tmp_path / "c", server).complete
    assert digest_of(tmp_path / "c") == digest_of(reference)
    assert len(faults.happened) > len(FAULTS) * 0.8, "hardly any fault happened: the test shows nothing"


FCGEN = [sys.executable, "-m", "gen"]


def started(out: Path, server: ModelServer) -> subprocess.Popen[bytes]:
    command = [*FCGEN, "synth", "--recipe", "payments", "--rows", str(ROWS), "--out", str(out), "--quiet", "--concurrency", "8"]
    return subprocess.Popen([*command, "--teacher", f"server:{server.address}#{MODEL}"], stderr=subprocess.PIPE)


@pytest.mark.slow
def test_killed_twenty_times_it_asks_for_nothing_that_was_stored_and_ends_in_the_same_bytes(reference: Path, tmp_path: Path) -> None:
    out = tmp_path / "killed"
    die = random.Random(7)
    stored: set[int] = set()
    for _ in range(20):
        with scripted_server(latency=0.02) as server:
            run = started(out, server)
            until = die.randint(8, 30)
            while run.poll() is None and len(server.bodies) < until:
                time.sleep(0.002)
            assert run.poll() is None, "it ended before it could be killed: the test shows nothing"
            run.send_signal(signal.SIGKILL)
            run.communicate()
            assert not stored & seeds_asked(server), "a stored completion was asked for again"
        stored |= {seed_of(kept.key) for kept in Completions(out / COMPLETIONS)}
    assert len(stored) > 40
    with scripted_server() as server:
        run = started(out, server)
        _, errors = run.communicate(timeout=120)
        assert run.returncode == 0, errors.decode()
        assert not stored & seeds_asked(server)
    assert digest_of(out) == digest_of(reference)


def seeds_asked(server: ModelServer) -> set[int]:
    return {body["seed"] for body in server.bodies if script().text_or_none(body.get("seed")) is not None}


def seed_of(key: Key) -> int:
    """The seed of the request that a stored completion answers."""
    seed = recipe_of("http://localhost:1/v1").model.seed
    return number(seed, "completion", key.slot, key.attempt, key.role, key.turn, key.retry) % 2**31


@pytest.mark.slow
def test_shards_of_an_array_write_side_by_side_and_join(tmp_path: Path) -> None:
    with scripted_server() as server:
        recipe = recipe_of(server.address, "rows=260")  # two blocks

        def run(out: Path, shard: tuple[int, int] | None) -> Summary:
            return synthesize(recipe, out, rows=260, workers=1, shard=shard, progress=Silent())

        big = Script(recipe, 260)
        server.answer = lambda asked: big.text_or_none(asked.get("seed")) or "I see."
        whole = tmp_path / "whole"
        assert run(whole, None).complete
        parts = tmp_path / "parts"
        for part in (1, 2):
            assert run(parts, (part, 2)).complete
        assert {path.name for path in (parts / "completions").glob("*.jsonl")} == {f"part-0000{part}-of-00002.jsonl" for part in (1, 2)}
        asked = len(server.bodies)
        assert run(parts, None).complete
        assert len(server.bodies) - asked < 40, "only what the pass refused is made anew"
    assert digest_of(parts) == digest_of(whole)


def typed(*words: str, cwd: Path, **environment: str) -> tuple[int, str]:
    import os

    kept = {key: value for key, value in os.environ.items() if key not in ("FCGEN_API_KEY", "OPENAI_API_KEY")}
    root = str(Path(__file__).resolve().parent.parent)
    done = subprocess.run(
        [*FCGEN, *words], cwd=cwd, env=kept | {"PYTHONPATH": root} | environment, capture_output=True, text=True, timeout=120, check=False
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.slow
def test_a_server_that_is_down_ends_with_3(tmp_path: Path) -> None:
    code, said = typed("synth", "--recipe", "tiny", "--teacher", "server:http://127.0.0.1:9/v1#m", "--quiet", cwd=tmp_path)
    assert code == 3, said
    assert "127.0.0.1:9" in said
    assert "Traceback" not in said


def test_a_mistyped_model_does_not_bind_the_folder(tmp_path: Path) -> None:
    with scripted_server() as server:
        with pytest.raises(OutsideFailed, match="did you mean 'scripted'"):
            made(tmp_path / "c", server, f"teacher.name=server:{server.address}#scrptd", "rows=4")
        assert made(tmp_path / "c", server, "rows=4").complete


@pytest.mark.slow
def test_a_budget_ends_with_1_and_says_how_to_go_on(tmp_path: Path) -> None:
    with scripted_server() as server:
        words = ["synth", "--recipe", "payments", "--rows", str(ROWS), "--teacher", f"server:{server.address}#{MODEL}"]
        code, said = typed(*words, "--token-budget", "40k", cwd=tmp_path)
        assert code == 1, said
        assert "token budget of 40k" in said
        assert "goes on" in said
        code, said = typed(*words, "--token-budget", "50M", "--json", "--quiet", cwd=tmp_path)
        assert code == 0, said
        summary = json.loads(said)
    assert summary["rows"] == ROWS
    assert len(list(read_rows(tmp_path / "corpora" / "payments"))) == ROWS


class PressedWhileNoting(CompletionStore):
    """A store in which Ctrl-C is pressed while completions that came together are being put down."""

    _pressed = False

    def _note(self, batch: list[Any], start: int) -> None:
        super()._note(batch[:1], start)
        if len(self) >= 9 and not self._pressed:
            self._pressed = True
            signal.raise_signal(signal.SIGINT)
        super()._note(batch[1:], start + len(batch[0].line))


def keep_pressed(folder: Path, writer: str, run: str) -> PressedWhileNoting:
    return PressedWhileNoting(folder / COMPLETIONS, writer, run=run)


class PressedWhileTold(Silent):
    """Ctrl-C is pressed while one conversation goes on with what it was told."""

    def used(self, usage: Usage) -> None:
        if usage.total.requests == 9:
            signal.raise_signal(signal.SIGINT)


@pytest.fixture
def ctrl_c_raises() -> Iterator[None]:
    """A handler of Ctrl-C that raises, as the command line's does: beside it asyncio does not look after the loop."""

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, interrupt)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c_raises")
@pytest.mark.parametrize("moment", ["told", "noting"])
def test_ctrl_c_at_any_moment_keeps_what_was_asked(tmp_path: Path, moment: str) -> None:
    models = Models(opening=opened) if moment == "told" else Models(opening=opened, keeping=keep_pressed)
    progress = PressedWhileTold() if moment == "told" else Silent()
    with scripted_server(latency=0.05) as server:
        recipe = recipe_of(server.address, "teacher.concurrency=8")
        with pytest.raises(KeyboardInterrupt):
            synthesize(recipe, tmp_path / "c", rows=ROWS, workers=1, shard=None, progress=progress, models=models)
        kept = {seed_of(kept.key) for kept in Completions(tmp_path / "c" / COMPLETIONS)}
        assert kept == seeds_asked(server)
    assert 9 < len(kept) < 9 + 2 * 8, "nothing was in flight, or it went on asking"


@pytest.mark.slow
def test_ctrl_c_keeps_what_was_in_flight(tmp_path: Path) -> None:
    out = tmp_path / "c"
    with scripted_server(latency=0.1) as server:
        run = started(out, server)
        while len(server.bodies) < 30:
            time.sleep(0.01)
        run.send_signal(signal.SIGINT)
        _, errors = run.communicate(timeout=60)
        assert run.returncode == 130, errors.decode()
        asked = [body["seed"] for body in server.bodies if "seed" in body]
        run = started(out, server)
        run.communicate(timeout=120)
        again = [body["seed"] for body in server.bodies if "seed" in body][len(asked) :]
    assert run.returncode == 0
    turns = {seed for seed in asked if script().text_or_none(seed) is not None}
    assert not turns & set(again), "what was in flight was paid for, and is asked for again"


def test_whatever_is_said_well_fits_the_schema_that_servers_are_sent() -> None:
    """Amounts with cents, long names, lists: what is bounded must not lose what a good model says."""
    workshop = open_workshop(recipe_of("http://localhost:1/v1"))
    long_script = Script(recipe_of("http://localhost:1/v1"), 300, attempts=1)
    said = 0
    for slot in range(300):
        try:
            planned = workshop.planner.plan(slot, 0)
        except NothingFits:
            continue
        check = Validator(tighten(assistant_schema(planned.tools)).schema)
        for text in long_script.texts(slot, 0, "assistant"):
            assert not check.errors(json.loads(text)), text
            said += 1
    assert said > 600
