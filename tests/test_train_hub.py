"""Bases on the Hub that cannot be trained: each is said at once, before any weights are fetched, and with what to do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Fcgen
from hub_server import Blob, Hub
from tiny_models import build_model
from training_rows import write_corpus


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    server = Hub().start()
    files = {path.name: Blob(path.read_bytes()) for path in build_model(tmp_path_factory.mktemp("model")).iterdir()}
    for name, left_out in (("acme/gated", "nothing"), ("acme/no-tokenizer", "token"), ("acme/no-weights", "safetensors")):
        kept = {file: blob for file, blob in files.items() if left_out not in file}
        server.repo(name, kind="model", private=False).commit("main", kept, "a model")
    server.repo("acme/private", kind="model")
    server.gated.add("acme/gated")
    yield server
    server.stop()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("base", "said"),
    [
        ("acme/gated", "acme/gated is gated: its licence must be accepted"),
        ("acme/no-tokenizer", "acme/no-tokenizer has no tokenizer.json on the Hub"),
        ("acme/no-weights", "acme/no-weights has no weights as safetensors on the Hub"),
        ("acme/private", "no model of this name on the Hub, or it is private"),
    ],
)
def test_a_base_that_cannot_be_fetched(hub: Hub, fcgen: Fcgen, tmp_path: Path, base: str, said: str) -> None:
    environment = hub.environment(tmp_path / "home") | {"HF_TOKEN": ""}
    hub.calls.clear()
    done = fcgen("train", str(write_corpus(tmp_path / "rows.jsonl")), "--base", base, env=environment)
    assert done.returncode == 2, done.stderr
    assert said in done.stderr and "hint: " in done.stderr
    assert not any(call.startswith("GET") and "safetensors" in call for call in hub.calls)
    assert not (tmp_path / "adapters").exists()
