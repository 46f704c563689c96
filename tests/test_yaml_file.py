"""YAML is read with the line of every key; what cannot be read is named with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from gen.errors import BadInput
from gen.yaml_file import YamlFile, parse_yaml, read_yaml

TEXT = """\
name: mine
tools:
  domains:
    - payments
    - {path: ./mine,
       only: [a]}
scenarios: {single: 1,
            parallel: 2}
"""


@pytest.fixture
def parsed() -> YamlFile:
    return parse_yaml(TEXT, Path("mine.yaml"))


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ((), 1),
        (("name",), 1),
        (("tools",), 2),
        (("tools", "domains"), 3),
        (("tools", "domains", 0), 4),
        (("tools", "domains", 1), 5),
        (("tools", "domains", 1, "only"), 6),
        (("scenarios", "single"), 7),
        (("scenarios", "parallel"), 8),
    ],
)
def test_every_key_and_item_knows_its_line(parsed: YamlFile, keys: tuple[str | int, ...], line: int) -> None:
    assert parsed.where(*keys) == f"mine.yaml:{line}"


def test_what_is_not_there_has_the_line_of_its_nearest_ancestor(parsed: YamlFile) -> None:
    assert parsed.where("tools", "domains", 1, "nothing", 3) == "mine.yaml:5"
    assert parsed.where("nothing") == "mine.yaml:1"


def test_data_is_what_yaml_says(parsed: YamlFile) -> None:
    assert parsed.data == {
        "name": "mine",
        "tools": {"domains": ["payments", {"path": "./mine", "only": ["a"]}]},
        "scenarios": {"single": 1, "parallel": 2},
    }


def test_anchors_and_merges_work_and_an_own_key_beats_the_merged_one() -> None:
    parsed = parse_yaml("base: &base {a: 1, b: 2}\nother: &other\n  <<: *base\n  a: 3\nthird: *other\n", Path("x.yaml"))
    assert parsed.data["other"] == parsed.data["third"] == {"a": 3, "b": 2}


def test_of_several_merged_mappings_the_first_wins() -> None:
    parsed = parse_yaml("one: &one {a: 1}\ntwo: &two {a: 2, b: 2}\nboth:\n  <<: [*one, *two]\n", Path("x.yaml"))
    assert parsed.data["both"] == {"a": 1, "b": 2}


def test_a_value_that_holds_itself_is_an_error() -> None:
    with pytest.raises(BadInput, match="holds itself"):
        parse_yaml("a: &a [*a]\n", Path("bad.yaml"))


def test_an_empty_file_holds_nothing() -> None:
    assert parse_yaml("# only a comment\n", Path("x.yaml")).data is None


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "the key 'a' stands twice"),
        ("a:\n  b: {c: 1, c: 2}\n", 2, "the key 'c' stands twice"),
        ("a: 1\n2: b\n", 2, "the key 2 is not text"),
        ("a: 1\nyes: b\n", 2, "the key True is not text"),
        ("a: 1\nb: ]\n", 2, "not valid YAML"),
        ("a: 1\n\tb: 2\n", 2, "not valid YAML"),
        ("a: 1\nb: *nowhere\n", 2, "not valid YAML"),
        ("a: !!python/object/apply:os.getcwd []\n", 1, "not valid YAML: the tag"),
        ("a: 1\nb: !!set {c, d}\n", 2, "not valid YAML: the tag"),
        ("a: 1\nb: 2026-02-30\n", 2, "'2026-02-30': day is out of range"),
        ("a: 1\n2026-02-30: b\n", 2, "'2026-02-30': day is out of range"),
        ("a: !own text\n", 1, "not valid YAML"),
        ("a: 1\n--- \nb: 2\n", 2, "not valid YAML"),
    ],
)
def test_what_cannot_be_read_names_file_and_line(text: str, line: int, what: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse_yaml(text, Path("bad.yaml"))
    assert caught.value.where == f"bad.yaml:{line}"
    assert caught.value.what.startswith(what)


def test_characters_that_yaml_forbids_are_an_error_with_the_file() -> None:
    with pytest.raises(BadInput, match=r"bad\.yaml"):
        parse_yaml("a: \x07\n", Path("bad.yaml"))


def test_a_file_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    path = tmp_path / "latin.yaml"
    path.write_bytes(b"name: caf\xe9\n")
    with pytest.raises(BadInput, match="not UTF-8") as caught:
        read_yaml(path)
    assert caught.value.where == str(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="No such file") as caught:
        read_yaml(tmp_path / "none.yaml")
    assert str(tmp_path / "none.yaml") in str(caught.value)


def test_a_folder_in_place_of_a_file_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput):
        read_yaml(tmp_path)
