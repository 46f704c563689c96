"""``fcgen teacher probe``: what a server really does is shown, whatever it says; and a real server is asked like any other."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import ClientSession
from click.testing import CliRunner
from model_server import ENFORCED, Faults, Json, ModelServer
from tiny_models import build_model

from gen.cli.teacher import teacher
from gen.errors import BadInput, OutsideFailed
from gen.teachers.engines.probe import Probe, probe
from gen.teachers.engines.server import ServerEngine
from gen.teachers.engines.server_asking import Patience
from gen.teachers.envelope import user_schema
from gen.teachers.naming import teacher_name
from gen.teachers.request import Completion, Request, Sampling

QUICK = Patience(first_wait=0.005, longest_wait=0.05, timeout=10.0)


def seeded(asked: Json) -> str:
    """Words that follow from the seed, as many as there may be."""
    digits = hashlib.sha256(str(asked.get("seed")).encode()).hexdigest()
    return " ".join(digits[: asked["max_tokens"]])


def drawn(_: Json) -> str:
    return os.urandom(4).hex()


def probed(server: ModelServer) -> Probe:
    return asyncio.run(probe(teacher_name(f"server:{server.address}#tiny"), patience=QUICK))


def outcomes(found: Probe) -> dict[str, str]:
    return {finding.what: finding.outcome for finding in found.findings}


def test_a_server_that_does_all_of_it() -> None:
    with ModelServer(seeded, enforces=ENFORCED) as server:
        found = probed(server)
    assert found.tier == "json_schema"
    seen = outcomes(found)
    assert seen.pop("latency").endswith(" s")
    assert seen == {
        "json_schema": "enforced",
        "json_object": "enforced",
        "structured_outputs": "enforced",
        "grammar": "enforced",
        "tool_choice named": "enforced",
        "tool_choice required": "enforced",
        "system role": "yes",
        "seed": "yes",
        "max_tokens": "enforced",
        "long prompt": "kept",
        "usage reported": "yes",
    }


def test_a_server_that_ignores_or_refuses() -> None:
    """A status of 200 proves nothing; what is refused is named with its status."""
    refuses = {"grammar": 422, "json_object": 500, "tool_choice": 400}
    with ModelServer(drawn, enforces=("structured_outputs",), refuses=refuses, system_role=False, context=500) as server:
        found = probed(server)
    assert found.tier == "structured_outputs"
    seen = outcomes(found)
    assert seen["json_schema"] == "ignored"
    assert seen["json_object"] == "refused (500)"
    assert seen["grammar"] == "refused (422)"
    assert seen["tool_choice named"] == "refused (400)"
    assert seen["system role"] == "refused"
    assert seen["seed"] == "ignored"
    assert seen["long prompt"] == "refused (400)"


def test_a_canary_survives_faults() -> None:
    with ModelServer(seeded, enforces=("json_schema",), faults=Faults(seed=3, rate=0.3, kinds=("500", "cut body", "429"))) as server:
        asked = ServerEngine(teacher_name(f"server:{server.address}#tiny"), patience=QUICK)
        asyncio.run(_one(asked))
    assert asked.tier == "json_schema"


async def _one(engine: ServerEngine) -> Completion:
    try:
        return await engine.complete(Request("", (("system", "Be kind."), ("user", "hi")), user_schema(), Sampling(max_tokens=24), 1))
    finally:
        await engine.close()


def test_the_command_prints_a_table_or_json() -> None:
    with ModelServer(seeded) as server:
        name = f"server:{server.address}#tiny"
        table = CliRunner().invoke(teacher, ["probe", name])
        as_json = CliRunner().invoke(teacher, ["probe", name, "--json"])
    assert "fcgen will use: free" in table.stdout
    assert table.stdout.splitlines()[0].split() == ["asked", "outcome", "detail"]
    value = json.loads(as_json.stdout)
    assert value["tier"] == "free"
    assert value["teacher"] == "server:tiny"
    assert {finding["outcome"] for finding in value["findings"] if finding["what"] in ("json_schema", "grammar")} == {"ignored"}


def test_a_server_that_is_down_is_an_error_of_the_outside() -> None:
    with ModelServer(seeded) as server:
        pass
    error = CliRunner().invoke(teacher, ["probe", f"server:{server.address}#tiny"]).exception
    assert isinstance(error, OutsideFailed)
    assert error.exit_code == 3


@pytest.mark.parametrize(
    ("name", "word"), [("local:acme/tiny", "in this process"), ("vllm:acme/tiny", "in this process"), ("simulator", "no model")]
)
def test_what_runs_here_is_not_probed(name: str, word: str) -> None:
    assert word in CliRunner().invoke(teacher, ["probe", name]).stdout
    assert json.loads(CliRunner().invoke(teacher, ["probe", name, "--json"]).stdout)["findings"] == []


def test_an_unknown_teacher() -> None:
    assert isinstance(CliRunner().invoke(teacher, ["probe", "sever:http://x#y"]).exception, BadInput)


# -- a real server: transformers serve, with a tiny model by chance


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The name of a teacher: a tiny model that `transformers serve` runs, started once for the tests here."""
    folder = tmp_path_factory.mktemp("served")
    model = build_model(folder / "tiny", "gemma2")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(folder / "home")}
    command = [str(Path(sys.executable).with_name("transformers")), "serve", str(model), "--device", "cpu", "--dtype", "float32"]
    with (folder / "log.txt").open("wb") as log:
        process = subprocess.Popen([*command, "--host", "127.0.0.1", "--port", str(port)], env=environment, stdout=log, stderr=log)
    try:
        asyncio.run(_ready(f"http://127.0.0.1:{port}", process, folder / "log.txt"))
        yield f"server:http://127.0.0.1:{port}/v1#{model}"
    finally:
        process.terminate()
        process.wait(30)


async def _ready(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 120
    async with ClientSession() as session:
        while time.monotonic() < end:
            assert process.poll() is None, _told(log)
            try:
                async with session.get(f"{address}/health") as response:
                    if response.status == 200:
                        return
            except OSError:
                pass
            await asyncio.sleep(0.2)
    raise AssertionError(_told(log))


def _told(log: Path) -> str:
    return log.read_text(errors="replace")[-2000:]


@pytest.mark.slow
def test_transformers_serve_completes(served: str) -> None:
    """A template without system messages; the text is by chance, and the schema goes in words."""
    engine = ServerEngine(teacher_name(served), concurrency=2, patience=Patience(timeout=120))
    completion = asyncio.run(_one(engine))
    assert completion.text
    assert completion.tokens_in > 20
    assert 0 < completion.tokens_out <= 24
    assert engine.tier == "free"
    assert any("system" in text for text in engine.notes)


@pytest.mark.slow
def test_transformers_serve_enforces_nothing(served: str) -> None:
    found = asyncio.run(probe(teacher_name(served), patience=Patience(timeout=120)))
    seen = outcomes(found)
    assert found.tier == "free", seen
    assert {seen["json_schema"], seen["json_object"], seen["tool_choice required"], seen["tool_choice named"]} == {"ignored"}
    assert seen["structured_outputs"] == seen["grammar"] == "refused (422)"
    assert seen["system role"] == "refused"
    assert seen["max_tokens"] == "enforced"
    assert seen["usage reported"] == "yes"
