"""``fcgen recipes``: what there is, one resolved, one to start from, and whether one is right."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from gen.checks.table import RULES
from gen.cli.recipes import recipes
from gen.errors import BadInput
from gen.planning.scenarios import SCENARIOS
from gen.recipe import RecipeModel, load_recipe
from gen.tools.catalogue import find_domain

ROOT = Path(__file__).resolve().parent.parent

OURS = ("orders", "payments", "tiny", "travel")


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(recipes, arguments)


def failure(*arguments: str) -> str:
    error = run(*arguments).exception
    assert isinstance(error, BadInput), error
    return str(error)


def test_the_recipes_that_come_with_fcgen_are_listed() -> None:
    listed = {row["name"]: row for row in json.loads(run("--json").stdout)}
    assert tuple(listed) == OURS
    assert listed["payments"]["rows"] == 1000
    lines = run().stdout.splitlines()
    assert lines[0].split() == ["recipe", "rows", "domains", "scenarios", "description"]
    assert [line.split()[0] for line in lines[1:]] == list(OURS)


def test_ones_own_recipe_hides_ours() -> None:
    Path("recipes").mkdir()
    Path("recipes/tiny.yaml").write_text("name: tiny\nrows: 5\ntools: {domains: [orders]}\n")
    listed = {row["name"]: row for row in json.loads(run("--json").stdout)}
    assert (listed["tiny"]["rows"], listed["tiny"]["path"]) == (5, "recipes/tiny.yaml")


def test_a_broken_recipe_does_not_hide_the_others() -> None:
    Path("recipes").mkdir()
    Path("recipes/broken.yaml").write_text("name: broken\nrows: many\n")
    result = run("--json")
    assert [row["name"] for row in json.loads(result.stdout)] == list(OURS)
    assert "recipes/broken.yaml:" in result.stderr


def test_show_prints_every_key() -> None:
    shown = yaml.safe_load(run("show", "tiny").stdout)
    assert set(shown) == set(RecipeModel.model_fields)
    Path("again.yaml").write_text(run("show", "tiny").stdout)
    assert load_recipe("./again.yaml").digest() == load_recipe("tiny").digest()


def test_schema_is_a_json_schema_that_our_recipes_follow() -> None:
    import jsonschema

    schema = json.loads(run("schema").stdout)
    for name in OURS:
        jsonschema.validate(load_recipe(name).to_json(), schema)


def test_new_writes_a_recipe_that_names_every_key_and_scenario() -> None:
    result = run("new", "mine")
    assert result.exit_code == 0
    assert "recipes/mine.yaml" in result.stderr
    written = yaml.safe_load(Path("recipes/mine.yaml").read_text())
    assert set(written) == set(RecipeModel.model_fields)
    assert set(written["scenarios"]) == set(SCENARIOS)
    assert load_recipe("mine").model.name == "mine"


@pytest.mark.slow
def test_a_new_recipe_passes_its_check() -> None:
    run("new", "mine")
    for given in ("mine", "recipes/mine.yaml"):
        result = run("check", given)
        assert result.exception is None, result.exception
        assert "recipes/mine.yaml: fine" in result.stdout


def test_new_overwrites_nothing() -> None:
    run("new", "mine")
    Path("recipes/mine.yaml").write_text("mine")
    assert "there already" in failure("new", "mine")
    assert Path("recipes/mine.yaml").read_text() == "mine"


@pytest.mark.parametrize("name", ["Mine", "../mine", "a/b", "", "mine.yaml"])
def test_new_refuses_what_cannot_be_a_name(name: str) -> None:
    assert "cannot be a name" in failure("new", name)
    assert not Path("recipes").exists()


@pytest.mark.parametrize(
    ("change", "where", "said"),
    [
        ("rwos: 5", "recipes/mine.yaml:3", "did you mean 'rows'?"),
        ("rows: -5", "recipes/mine.yaml:3", "rows -5"),
        ("scenarios: {single: -1}", "recipes/mine.yaml:3", "scenarios.single -1"),
        ("scenarios: {paralell: 1}", "recipes/mine.yaml:3", "did you mean 'parallel'?"),
        ("personas: {chaty: 1}", "recipes/mine.yaml:3", "did you mean 'chatty'?"),
        ("checks: {ignore: [FC999]}", "recipes/mine.yaml:3", "FC999"),
        ("teacher: nobody", "recipes/mine.yaml:3", "'nobody'"),
        ("render: {template: gema}", "recipes/mine.yaml:3", "did you mean 'gemma'?"),
        ("rows: [", "recipes/mine.yaml:", "not valid YAML"),
        ("name: mine", "recipes/mine.yaml:3", "stands twice"),
    ],
)
def test_check_names_the_line_and_the_key(small_domain: str, change: str, where: str, said: str) -> None:
    Path("recipes").mkdir()
    Path("recipes/mine.yaml").write_text(f"name: mine\ntools: {{domains: [{small_domain}]}}\n{change}\n")
    error = failure("check", "mine")
    assert where in error
    assert said in error


def test_check_names_a_domain_that_is_not_there() -> None:
    Path("mine.yaml").write_text("name: mine\ntools:\n  domains: [paymnts]\n")
    assert "mine.yaml:3: unknown domain 'paymnts'" in failure("check", "./mine.yaml")


@pytest.fixture
def small_domain() -> str:
    """A domain that opens quickly."""
    shutil.copytree(ROOT / "gen" / "cli" / "starters" / "domain", "schemas/small")
    return "small"


# -- the recipes themselves


@pytest.mark.parametrize("name", OURS)
def test_shares_read_as_percent(name: str) -> None:
    assert sum(load_recipe(name).model.scenarios.values()) == 100


@pytest.mark.parametrize("name", ["orders", "payments", "travel"])
def test_a_domains_recipe_has_every_scenario_and_several_days(name: str) -> None:
    model = load_recipe(name).model
    assert set(model.scenarios) == set(SCENARIOS)
    assert (model.name, model.rows, model.tools.domains) == (name, 1000, [name])
    assert "2026-03-17" in map(str, model.today)
    assert len(set(model.today)) >= 5


def test_tiny_has_two_scenarios_and_four_tools_that_cannot_be_confused() -> None:
    model = load_recipe("tiny").model
    assert set(model.scenarios) == {"single", "no_call"}
    environment = find_domain("payments").environment.data["tools"]
    assert len(model.tools.only) == 4
    for name in model.tools.only:
        assert not set(environment[name].get("stands_in_for", ())) & set(model.tools.only)


def test_rules_that_recipes_ignore_exist() -> None:
    assert all(set(load_recipe(name).model.checks.ignore) <= set(RULES) for name in OURS)
