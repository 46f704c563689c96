"""The card of an adapter: its example runs, scores stand in it, own sections stay; and what is pushed is what others can load."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import ROOT, Fcgen
from hub_server import Hub
from tiny_models import build_model
from training_rows import Heard, write_corpus

from gen.corpus.head import parse_card
from gen.errors import AnswerIsNo, BadInput
from gen.hub.adapter import check_adapter
from gen.hub.files import adapter_files
from gen.hub.model_card import SCORE, model_card, write_model_card
from gen.rendering.templates import template_named
from gen.scoring.intervals import Rate
from gen.scoring.metrics import Change, Group, Scores
from gen.training.adapter import load_adapter
from gen.training.plan import plan
from gen.training.run import train
from gen.training.settings import settings_of
from gen.training.tiny import Shape

IDS = torch.arange(6, 60)[None]


def trained(folder: Path, base: str, name: str) -> Path:
    corpus = write_corpus(folder / "rows.jsonl")
    settings = settings_of({"base": base}, changes=["lora.r=4", "epochs=1", "batch=4"])
    shape = Shape(words=100, hidden=32, layers=1, steps=2, batch=2)
    train(plan(corpus, folder / name, template_named("gemma"), settings, shape=shape), Heard())
    write_model_card(folder / name)
    return folder / name


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter of a base in a folder."""
    folder = tmp_path_factory.mktemp("card")
    return trained(folder, str(build_model(folder / "gemma")), "adapter")


@pytest.fixture
def adapter(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made, tmp_path / "adapter")


@pytest.fixture
def hub() -> Iterator[Hub]:
    server = Hub().start()
    yield server
    server.stop()


def example(card: str) -> str:
    (code,) = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    return str(code)


def our_logits(adapter: Path) -> Any:
    """Of the tokens that there are: rows beyond them, which round the embedding up, are nobody's."""
    model, tokenizer = load_adapter(adapter)
    return model.eval()(input_ids=IDS).logits[..., : len(tokenizer)]


def scores(count: int) -> Scores:
    rates = {"call_accuracy": Rate(count, 10), "over_calling": Rate(1, 4)}
    return Scores(Group(14, rates), {}, {}, {}, {})


@pytest.mark.filterwarnings("ignore::FutureWarning")  # of peft about transformers
def test_the_example_of_the_card_loads_the_adapter_and_asks_it(adapter: Path) -> None:
    told: dict[str, Any] = {}
    exec(example(model_card(adapter, location=str(adapter))).replace("=256", "=4"), told)
    assert torch.equal(told["model"](input_ids=IDS).logits, our_logits(adapter))
    assert "retrieve_payment_status" in told["tokenizer"].decode(told["prompt"]["input_ids"][0])


def test_the_card_says_what_it_was_made_of(adapter: Path) -> None:
    card = model_card(adapter, location="acme/lora")
    for said in ("# lora\n", "| domains | payments (12) |", "rank 4, alpha 32", "![Curves of the training](loss.svg)", "`[TOOL_CALLS]`"):
        assert said in card
    assert "## Scores" not in card


def test_scores_stand_in_the_card_as_they_were_found(adapter: Path) -> None:
    change = Change(Rate(0, 10), Rate(9, 10), 9, 0, 0.0039)
    scored = {"source": "payments", "model": {"name": "x"}, "scores": scores(9).to_json()}
    compared = {"compared": {"name": "its base"}, "before": scores(0).to_json(), "changes": {"call_accuracy": change.to_json()}}
    (adapter / SCORE).write_text(json.dumps(scored | compared))
    card = model_card(adapter, location="acme/lora")
    assert "| call accuracy | 0.0% | 90.0% | 59.6% – 98.2% | 10 | 0.004 |" in card
    assert "| over-calling (less is better) | 25.0% | 25.0% |" in card and "before (its base)" in card
    (index,) = parse_card(card, Path("README.md"))[0]["model-index"]
    assert index["results"][0]["metrics"][0]["value"] == 0.9
    (adapter / SCORE).write_text(json.dumps(scored))
    assert "| call accuracy | 90.0% | 59.6% – 98.2% | 10 |" in model_card(adapter, location="acme/lora")
    (adapter / SCORE).write_text("{}")
    with pytest.raises(BadInput, match="no scores that fcgen score wrote"):
        model_card(adapter, location="acme/lora")


@pytest.mark.slow
def test_the_command_refreshes_a_card_and_keeps_what_is_not_ours(adapter: Path, fcgen: Fcgen) -> None:
    path = adapter / "README.md"
    path.write_text(path.read_text().replace("library_name: peft", "library_name: peft\nlicense: mit") + "\n## About us\n\nHello.\n")
    path.write_text(path.read_text().replace("## Data", "## Data\n\nstale", 1))
    found = adapter.parent / "found.json"
    found.write_text(json.dumps({"source": "payments", "scores": scores(9).to_json()}))
    done = fcgen("card", str(adapter), "--scores", str(found))
    assert done.returncode == 0, done.stderr
    card = path.read_text()
    assert "| call accuracy | 90.0% |" in card
    assert "## About us\n\nHello." in card and "license: mit" in card and "stale" not in card
    assert fcgen("card", str(adapter), "--stdout").stdout == card


def test_a_base_of_a_folder_must_be_named_before_it_is_pushed(adapter: Path) -> None:
    with pytest.raises(AnswerIsNo, match="no base_model: say `base_model: owner/name`"):
        check_adapter(adapter, adapter_files(adapter))


@pytest.mark.slow
def test_what_is_pushed_names_the_base_as_others_know_it(adapter: Path, hub: Hub, fcgen: Fcgen, tmp_path: Path) -> None:
    path = adapter / "README.md"
    path.write_text(path.read_text().replace("library_name: peft", "base_model: google/gemma-2-2b-it\nlibrary_name: peft"))
    done = fcgen("push", str(adapter), "--to", "acme/lora", "--type", "model", env=hub.environment(tmp_path / "home"))
    assert done.returncode == 0, done.stderr
    files = hub.repos["acme/lora"].files()
    assert json.loads(files["adapter_config.json"])["base_model_name_or_path"] == "google/gemma-2-2b-it"
    assert json.loads(files["training.json"])["base"] == "google/gemma-2-2b-it"
    card = files["README.md"].decode()
    assert 'AutoPeftModelForCausalLM.from_pretrained("acme/lora"' in card and str(tmp_path) not in card
    assert {"loss.svg", "metrics.jsonl", "chat_template.jinja", "tokenizer.json"} <= set(files)


@pytest.mark.slow
def test_a_base_that_was_made_on_the_spot_goes_with_its_adapter(hub: Hub, fcgen: Fcgen, tmp_path: Path) -> None:
    adapter = trained(tmp_path, "tiny", "small")
    environment = hub.environment(tmp_path / "home")
    done = fcgen("push", str(adapter), "--to", "acme/small", "--type", "model", env=environment)
    assert done.returncode == 0, done.stderr
    files = hub.repos["acme/small"].files()
    assert "base/model.safetensors" in files and "base_model:" not in files["README.md"].decode().split("---")[1]
    script = example(files["README.md"].decode()).replace("=256", "=2") + (
        f"import torch; torch.save(model(input_ids=torch.arange(6, 60)[None]).logits, {str(tmp_path / 'logits.pt')!r})\n"
    )
    variables = os.environ | environment | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    ran = subprocess.run([sys.executable, "-c", script], env=variables, capture_output=True, text=True, check=False, timeout=300)
    assert ran.returncode == 0, ran.stderr
    assert torch.equal(torch.load(tmp_path / "logits.pt"), our_logits(adapter))
