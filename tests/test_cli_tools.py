"""``fcgen tools``: what there is, one of them, a domain to start from, and whether one is right."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gen.cli.tools import tools
from gen.errors import BadInput

OURS = ("orders", "payments", "travel")


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(tools, arguments)


def failure(*arguments: str) -> str:
    error = run(*arguments).exception
    assert isinstance(error, BadInput), error
    return str(error)


def change(path: str, old: str, new: str) -> None:
    text = Path(path).read_text(encoding="utf-8")
    assert old in text
    Path(path).write_text(text.replace(old, new, 1), encoding="utf-8")


def test_the_domains_that_come_with_fcgen_are_listed() -> None:
    listed = {row["domain"]: row for row in json.loads(run("--json").stdout)}
    assert tuple(listed) == OURS
    for row in listed.values():
        assert row["reads"] + row["writes"] == len(row["tools"]) >= 12
        assert row["writes"] >= 3
    assert run().stdout.splitlines()[0].split() == ["domain", "tools", "reads", "writes", "description"]


def test_show_names_parameters_and_what_is_needed() -> None:
    shown = run("show", "retrieve_payment_status").stdout
    assert shown.startswith("retrieve_payment_status\n")
    assert "transaction_id" in shown
    assert "required" in shown
    assert run("show", "payments").stdout.count("\n\n") == 17


def test_json_is_what_models_are_offered() -> None:
    (tool,) = json.loads(run("show", "retrieve_payment_status", "--json").stdout)
    assert set(tool["function"]) == {"name", "description", "parameters"}


def test_new_writes_a_domain_that_passes_its_check() -> None:
    assert "fcgen tools check schemas/mine" in run("new", "mine").stderr
    assert {path.name for path in Path("schemas/mine").iterdir()} == {"tools.json", "environment.yaml", "phrases.yaml"}
    for given in ("mine", "schemas/mine", "schemas/mine/tools.json"):
        result = run("check", given)
        assert result.exception is None, result.exception
        assert ": fine; tools: 3" in result.stdout
    assert "mine" in {row["domain"] for row in json.loads(run("--json").stdout)}


def test_a_new_domain_makes_conversations_of_every_kind() -> None:
    from gen.planning.scenarios import SCENARIOS
    from gen.recipe import build_recipe
    from gen.synthesis.opening import open_workshop
    from gen.synthesis.slots import make
    from gen.yaml_file import YamlFile

    run("new", "mine")
    recipe = {"name": "mine", "tools": {"domains": ["mine"]}, "scenarios": dict.fromkeys(SCENARIOS, 1), "today": "2026-03-17"}
    workshop = open_workshop(build_recipe(YamlFile(Path("mine.yaml"), recipe)))
    made = [make(workshop, slot) for slot in range(2 * len(SCENARIOS))]
    assert [candidate.slot for candidate in made if candidate.conversation is None] == []
    assert {candidate.conversation.scenario for candidate in made if candidate.conversation} == set(SCENARIOS)


def test_new_overwrites_nothing() -> None:
    run("new", "mine")
    Path("schemas/mine/tools.json").write_text("mine")
    assert "there already" in failure("new", "mine")
    assert Path("schemas/mine/tools.json").read_text() == "mine"


@pytest.mark.parametrize("name", ["Mine", "../mine", "my-domain", "1st", ""])
def test_new_refuses_what_cannot_be_a_name(name: str) -> None:
    assert "cannot be a name" in failure("new", name)
    assert not Path("schemas").exists()


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("tools.json", '"type": "integer"', '"type": "integr"', "tools.json:"),
        ("tools.json", '"name": "get_loan"', '"name": "Get Loan"', "is no name for a tool"),
        ("tools.json", "[", "", "not valid JSON"),
        ("environment.yaml", "SELECT loan_id, title, due_on, status FROM", "SELECT loan_id, titel FROM", "titel"),
        ("environment.yaml", "AND status = 'Borrowed'\n        else", "AND sttus = 'Borrowed'\n        else", "sttus"),
        ("environment.yaml", "tool: renew_loan", "tool: renew_laon", "did you mean 'renew_loan'?"),
        ("environment.yaml", "goals:  ", "golas:  ", "did you mean 'goals'?"),
        ("environment.yaml", "{person: name}", "{persn: name}", "did you mean 'person'?"),
        ("environment.yaml", ":loan_id\n        else", ":loan\n        else", "did you mean 'loan_id'?"),
        ("phrases.yaml", "<weeks> weeks longer", "<weeks weeks longer", "phrases.yaml:"),
        ("phrases.yaml", "answers:", "answer:", "did you mean 'answers'?"),
        ("phrases.yaml", "{could|may}", "{could|may", "phrases.yaml:"),
    ],
)
def test_check_names_file_and_line(file: str, old: str, new: str, said: str) -> None:
    run("new", "mine")
    change(f"schemas/mine/{file}", old, new)
    error = failure("check", "schemas/mine")
    assert f"schemas/mine/{file}:" in error
    assert said in error


def test_what_is_not_there_is_answered_with_what_is() -> None:
    assert "did you mean 'payments'?" in failure("show", "paymnts")
    assert "did you mean 'payments'?" in failure("check", "paymnts")
    assert "nowhere" in failure("check", "./nowhere")
    assert "nowhere.json" in failure("check", "nowhere.json")


@pytest.mark.slow
@pytest.mark.parametrize("name", OURS)
def test_our_domains_pass_their_check(name: str) -> None:
    result = run("check", name)
    assert result.exception is None, result.exception
