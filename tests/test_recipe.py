"""A recipe is validated as a whole, with the key and the line of what is wrong; its digest says what decides a row's bytes."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest

from gen.errors import BadInput
from gen.recipe import Recipe, build_recipe, find_recipe, json_schema, load_recipe, recipes
from gen.shipped import shipped
from gen.yaml_file import parse_yaml

LEAST = "name: mine\ntools: {domains: [payments]}\n"


def built(text: str, *changes: str) -> Recipe:
    return build_recipe(parse_yaml(text, Path("mine.yaml")), changes=changes)


def refused(text: str, *changes: str) -> BadInput:
    with pytest.raises(BadInput) as caught:
        built(text, *changes)
    return caught.value


# -- what a recipe says


def test_a_name_and_a_domain_are_enough() -> None:
    model = built(LEAST).model
    assert (model.rows, model.seed, model.teacher.name, model.language) == (1000, 7, "simulator", "en")
    assert (model.tools.offered.min, model.tools.offered.max) == (3, 8)
    assert model.splits == {"train": 0.9, "test": 0.1}
    assert [day.isoformat() for day in model.today] == ["2026-03-17"]


def test_today_is_a_day_or_several() -> None:
    assert [d.isoformat() for d in built(LEAST + "today: 2026-05-01\n").model.today] == ["2026-05-01"]
    assert len(built(LEAST + "today: [2026-05-01, 2026-06-01]\n").model.today) == 2


def test_the_resolved_recipe_as_yaml_is_the_same_recipe() -> None:
    recipe = built(LEAST + "scenarios: {single: 2, parallel: 1}\ntoday: [2026-05-01, 2026-06-01]\n")
    again = build_recipe(parse_yaml(recipe.to_yaml(), Path("recipe.yaml")))
    assert again.to_json() == recipe.to_json()
    assert again.digest() == recipe.digest()


@pytest.mark.parametrize("path", sorted(shipped("recipes").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_recipe_that_comes_with_fcgen_is_valid_and_named_like_its_file(path: Path) -> None:
    recipe = load_recipe(str(path))
    assert recipe.model.name == path.stem
    jsonschema.validate(recipe.to_json(), json_schema(), cls=jsonschema.Draft202012Validator)


# -- errors


@pytest.mark.parametrize(
    ("text", "line", "what", "hint"),
    [
        (LEAST + "row: 10\n", 3, "unknown key 'row'", "did you mean 'rows'?"),
        ("name: mine\ntools:\n  domains: [payments]\n  offerd: {min: 1}\n", 4, "unknown key 'tools.offerd'", "did you mean 'offered'?"),
        (
            "name: mine\ntools:\n  domains: [a]\n  distractors:\n    neer: 1\n",
            5,
            "unknown key 'tools.distractors.neer'",
            "did you mean 'near'?",
        ),
        (LEAST + "checks: {ignored: []}\n", 3, "unknown key 'checks.ignored'", "did you mean 'ignore'?"),
    ],
)
def test_an_unknown_key_has_its_line_what_is_allowed_and_the_nearest(text: str, line: int, what: str, hint: str) -> None:
    error = refused(text)
    assert (error.where, error.what, error.hint) == (f"mine.yaml:{line}", what, hint)
    assert hint.removeprefix("did you mean '").removesuffix("'?") in error.allowed.split(", ")


@pytest.mark.parametrize(
    ("text", "line", "key"),
    [
        (LEAST + "scenarios:\n  single: 2\n  parallel: -1\n", 5, "scenarios.parallel -1"),
        (LEAST + "splits: {train: -0.1, test: 1}\n", 3, "splits.train -0.1"),
        (LEAST + "personas: {terse: -2}\n", 3, "personas.terse -2"),
        (LEAST + "rows: 0\n", 3, "rows 0"),
        (LEAST + "rows: many\n", 3, "rows 'many'"),
        (LEAST + "seed: -1\n", 3, "seed -1"),
        (LEAST + "thoughts: 1.5\n", 3, "thoughts 1.5"),
        (LEAST + "today: tomorrow\n", 3, "today.0 'tomorrow'"),
        (LEAST + "today: []\n", 3, "today []"),
        (LEAST + "today: 2026-02-30\n", 3, "'2026-02-30': day is out of range"),
        (LEAST + "scenarios: {single: .nan}\n", 3, "scenarios.single nan"),
        (LEAST + "scenarios: {single: .inf}\n", 3, "scenarios.single inf"),
        ("name: Mine!\ntools: {domains: [payments]}\n", 1, "name 'Mine!'"),
        ("name: mine\ntools: {domains: []}\n", 2, "tools.domains []"),
        ("name: mine\ntools:\n  domains: [a]\n  offered: {min: 5, max: 3}\n", 4, "tools.offered: max (3) is below min (5)"),
        ("name: mine\ntools:\n  domains: [a]\n  distractors: {near: 2}\n", 4, "tools.distractors.near 2"),
    ],
)
def test_a_bad_value_is_shown_with_its_key_and_line(text: str, line: int, key: str) -> None:
    error = refused(text)
    assert error.where == f"mine.yaml:{line}"
    assert error.what.startswith(key)


@pytest.mark.parametrize(("key", "text"), [("scenarios", "{single: 0}"), ("scenarios", "{}"), ("splits", "{train: 0, test: 0}")])
def test_shares_that_are_all_nought_are_refused(key: str, text: str) -> None:
    assert f"{key}: no weight is above zero" in refused(f"{LEAST}{key}: {text}\n").what


@pytest.mark.parametrize(
    ("text", "key"), [("tools: {domains: [a]}\n", "name"), ("name: mine\n", "tools"), ("name: mine\ntools: {}\n", "tools.domains")]
)
def test_a_missing_key_is_named(text: str, key: str) -> None:
    assert refused(text).what == f"the key {key!r} is missing"


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "payments\n"])
def test_a_recipe_that_is_no_mapping_is_refused(text: str) -> None:
    assert refused(text).what == "the recipe holds no mapping"


def test_bad_yaml_has_its_line(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text("name: mine\ntools: [\n", encoding="utf-8")
    with pytest.raises(BadInput, match="not valid YAML") as caught:
        load_recipe(str(path))
    assert caught.value.where.startswith(f"{path}:")


def test_an_unknown_recipe_has_the_nearest_and_a_missing_file_says_so() -> None:
    with pytest.raises(BadInput) as caught:
        find_recipe("payment")
    assert caught.value.hint == "did you mean 'payments'?"
    with pytest.raises(BadInput, match="there is no recipe file"):
        find_recipe("./nowhere.yaml")


def test_the_working_folders_own_recipes_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    own = tmp_path / "recipes" / "payments.yaml"
    own.parent.mkdir()
    own.write_text(LEAST, encoding="utf-8")
    assert find_recipe("payments").resolve() == own
    assert "travel" in recipes()


# -- --set


@pytest.mark.parametrize(
    ("change", "keys", "value"),
    [
        ("rows=5", ("rows",), 5),
        ("scenarios.parallel=30", ("scenarios", "parallel"), 30),
        ("tools.offered.max=4", ("tools", "offered", "max"), 4),
        ("tools.domains=[orders, travel]", ("tools", "domains"), ["orders", "travel"]),
        ("scenarios={single: 1}", ("scenarios",), {"single": 1}),
        ("today=2026-05-01", ("today",), ["2026-05-01"]),
        ("description=a = b", ("description",), "a = b"),
    ],
)
def test_any_key_can_be_set(change: str, keys: tuple[str, ...], value: object) -> None:
    found: object = built(LEAST, change).to_json()
    for key in keys:
        found = found[key]  # type: ignore[index]
    assert found == value


def test_a_change_leaves_its_neighbours_and_the_file_alone() -> None:
    source = parse_yaml(LEAST + "scenarios: {single: 1}\n", Path("mine.yaml"))
    assert build_recipe(source, changes=["scenarios.parallel=2"]).model.scenarios == {"single": 1, "parallel": 2}
    assert build_recipe(source).model.scenarios == {"single": 1}


def test_of_two_changes_the_later_wins() -> None:
    assert built(LEAST, "rows=1", "rows=2").model.rows == 2


@pytest.mark.parametrize("change", ["rows", "=3", "scenarios.=3", ".a=3", ""])
def test_what_is_no_change_is_refused(change: str) -> None:
    error = refused(LEAST, change)
    assert error.where == "--set" and "key=value" in error.allowed


@pytest.mark.parametrize(
    ("change", "where", "what"),
    [
        ("row=3", "--set row", "unknown key 'row'"),
        ("rows=-1", "--set rows", "-1: input should be"),
        ("scenarios.single=-1", "--set scenarios.single", "-1: input should be"),
        ("rows.deep=1", "--set rows.deep", "rows"),
        ("name.deep=1", "--set name.deep", "'name' holds no keys"),
        ("today=2026-02-30", "--set today:1", "'2026-02-30': day is out of range"),
        ("rows=]", "--set rows:1", "not valid YAML"),
    ],
)
def test_a_bad_change_is_named_as_one(change: str, where: str, what: str) -> None:
    error = refused(LEAST, change)
    assert error.where == where
    assert error.what.startswith(what)


# -- digest and schema


@pytest.mark.parametrize(
    "change",
    ["rows=5", "description=other", "attempts=3", "render.template=other", "push.to=me/mine", "push.private=false", "train.base=other"],
)
def test_what_decides_no_row_changes_no_digest(change: str) -> None:
    assert built(LEAST, change).digest() == built(LEAST).digest()


@pytest.mark.parametrize(
    "change",
    [
        "name=other",
        "seed=8",
        "tools.domains=[orders]",
        "tools.offered.max=9",
        "tools.distractors.far=0.2",
        "scenarios.parallel=1",
        "personas.terse=1",
        "thoughts=0.5",
        "today=2026-03-18",
        "splits.test=0.2",
        "checks.ignore=[FC401]",
        "checks.near_duplicates=0.8",
    ],
)
def test_what_decides_rows_changes_the_digest(change: str) -> None:
    assert built(LEAST, change).digest() != built(LEAST).digest()


def test_a_default_that_is_written_out_changes_no_digest() -> None:
    assert built(LEAST + "rows: 1000\nseed: 7\nscenarios: {single: 1}\n").digest() == built(LEAST).digest()


def test_the_json_schema_accepts_what_is_valid_and_refuses_what_is_not() -> None:
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    check = jsonschema.Draft202012Validator(schema)
    assert check.is_valid({"name": "mine", "tools": {"domains": ["payments"]}, "today": "2026-03-17"})
    assert check.is_valid({"name": "mine", "tools": {"domains": ["payments"]}, "today": ["2026-03-17"]})
    for wrong in (
        {"name": "mine"},
        {"name": "mine", "tools": {"domains": ["a"]}, "row": 1},
        {"name": "mine", "tools": {"domains": ["a"]}, "rows": 0},
    ):
        assert not check.is_valid(wrong)
