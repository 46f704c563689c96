"""Cards: said anew, with what people added; and one card for a repository of several corpora."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from gen.corpus.head import parse_card
from gen.errors import BadInput
from gen.hub.card import config_card, refreshed_card

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("card")
    command = [sys.executable, "-m", "gen", "synth", "--recipe", "tiny", "--rows", "30", "--out", "tiny", "--quiet"]
    command += ["--set", "splits={train: 0.9, test: 0.1}"]
    subprocess.run(command, cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT)}, check=True, capture_output=True, timeout=120)
    return folder / "tiny"


@pytest.fixture
def readme(made: Path) -> Any:
    """The card of the corpus, put back afterwards."""
    path = made / "README.md"
    before = path.read_text()
    yield path
    path.write_text(before)


def head_of(card: str) -> dict[str, Any]:
    return parse_card(card, Path("README.md"))[0]


def test_a_card_made_again_is_the_same(made: Path) -> None:
    kept = (made / "README.md").read_text()
    location = kept.split('load_dataset("')[1].split('"')[0]
    assert refreshed_card(made, location=location) == kept


def test_own_sections_and_keys_are_kept(made: Path, readme: Path) -> None:
    text = readme.read_text().replace("license: apache-2.0", "license: cc-by-4.0\nviewer: false", 1)
    text = text.replace(
        "## Limitations", "## About us\n\nHello.\n\n```md\n## No heading\n```\n\n## Limitations\n\nGone with the next card.\n", 1
    )
    readme.write_text(text)
    card = refreshed_card(made, location="acme/tiny")
    readme.write_text(card)
    assert refreshed_card(made, location="acme/tiny") == card
    assert head_of(card)["license"] == "cc-by-4.0" and head_of(card)["viewer"] is False
    assert card.count("## About us\n\nHello.\n\n```md\n## No heading\n```") == 1
    assert "Gone with the next card" not in card
    assert "## Licence and citation\n\ncc-by-4.0." in card


def test_facts_of_the_head_are_said_anew(made: Path, readme: Path) -> None:
    readme.write_text(readme.read_text().replace("num_examples: 27", "num_examples: 26"))
    splits = head_of(refreshed_card(made, location="x"))["dataset_info"]["splits"]
    assert [split["num_examples"] for split in splits] == [27, 3]


def test_a_card_needs_a_finished_corpus(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="finished corpus"):
        refreshed_card(tmp_path, location="x")


def test_two_configs_have_one_card(made: Path) -> None:
    first = config_card(refreshed_card(made, location="acme/x", config="a"), None, "a")
    both = config_card(refreshed_card(made, location="acme/x", config="b"), first + "\n## Ours\n\nStays.\n", "b")
    again = config_card(refreshed_card(made, location="acme/x", config="a"), both, "a")
    assert again == both
    head = head_of(both)
    assert [(one["config_name"], one.get("default", False)) for one in head["configs"]] == [("a", True), ("b", False)]
    assert head["configs"][1]["data_files"][0]["path"].startswith("b/data/train-")
    assert [one["config_name"] for one in head["dataset_info"]] == ["a", "b"]
    assert 'load_dataset("acme/x", "b", split="train")' in both
    assert both.count("## Ours\n\nStays.") == 1
    assert both.count("<!-- fcgen: config a -->") == 1


def test_sizes_of_configs_add_up_and_languages_are_listed(made: Path) -> None:
    other = {"language": ["fr"], "size_categories": ["n<1K"], "tags": ["mine"]}
    other["dataset_info"] = {"config_name": "z", "splits": [{"name": "train", "num_examples": 5000}]}  # type: ignore[assignment]
    there = f"---\n{yaml.safe_dump(other)}---\nhello\n"
    head = head_of(config_card(refreshed_card(made, location="acme/x", config="a"), there, "a"))
    assert head["size_categories"] == ["1K<n<10K"]
    assert head["language"] == ["fr", "en"]
    assert head["tags"][0] == "mine" and "function-calling" in head["tags"]


def test_the_quick_start_of_a_place_runs(made: Path) -> None:
    card = refreshed_card(made, location=f"file://{made}")
    code = card.split("```python\n")[1].split("```")[0]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(("system", "user"))
