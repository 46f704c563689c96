"""environment.yaml is validated with file and line: sections, tables, tools, guards, results and the names in them."""

from __future__ import annotations

from pathlib import Path

import pytest
from own_domains import library, tool, written

from gen.environments.declaration import Declaration, declare
from gen.errors import BadInput
from gen.tools.catalogue import find_domain

GOOD = """\
description: Notes
person: people
tables:
  people:
    rows: 3
    columns:
      person_id: {id: "P{}"}
      name: {person: name}
  notes:
    per: people
    rows: {min: 1, max: 2}
    columns:
      note_id: {id: "N{}", start: 101}
      person_id: {parent: person_id}
tools:
  read_note:
    guards:
      - {name: unknown, find: "SELECT 1 FROM notes WHERE note_id = :note_id", else: "There is no {note_id}."}
    result: SELECT note_id FROM notes WHERE note_id = :note_id
  drop_note:
    stands_in_for: [read_note]
    statements:
      - DELETE FROM notes WHERE note_id = :note_id
    result:
      left: {value: SELECT count(*) FROM notes}
      rest: {each: "SELECT note_id FROM notes WHERE ':nothing' <> :today"}
passing_errors: [Try again.]
"""
NOTE = {"note_id": {"type": "string"}}
TOOLS = (tool("read_note", NOTE), tool("drop_note", NOTE))


def declared(folder: Path, text: str = GOOD) -> Declaration:
    return declare(written(folder, text, *TOOLS))


def changed(folder: Path, old: str, new: str) -> tuple[BadInput, list[str]]:
    """The error of the declaration with a part replaced, and its lines."""
    assert GOOD.count(old) == 1
    text = GOOD.replace(old, new)
    with pytest.raises(BadInput) as caught:
        declared(folder, text)
    return caught.value, text.splitlines()


def test_what_is_declared(tmp_path: Path) -> None:
    read = declared(tmp_path)
    assert read.person == ("people", "person_id")
    assert list(read.tables) == ["people", "notes"]
    assert list(read.tools) == ["read_note", "drop_note"]
    assert not read.tools["read_note"].writes and read.tools["drop_note"].writes
    assert [guard.name for guard in read.tools["read_note"].guards] == ["unknown"]
    assert [(part.key, part.form) for part in read.tools["drop_note"].result] == [("left", "value"), ("rest", "each")]
    assert read.tools["drop_note"].stands_in_for == ("read_note",)
    assert read.passing_errors == ("Try again.",)


def test_places_are_file_and_line(tmp_path: Path) -> None:
    read = declared(tmp_path)
    lines = GOOD.splitlines()
    guard = read.tools["read_note"].guards[0]
    assert "name: unknown" in lines[int(guard.where.rpartition(":")[2]) - 1]
    _, where = read.tools["drop_note"].statements[0]
    assert "DELETE FROM" in lines[int(where.rpartition(":")[2]) - 1]


@pytest.mark.parametrize("name", ["payments", "orders", "travel"])
def test_ours_are_declared_without_an_error(name: str) -> None:
    read = declare(find_domain(name))
    assert read.person is not None
    assert len(read.tools) >= 12
    assert any(found.writes for found in read.tools.values()) and any(not found.writes for found in read.tools.values())
    assert read.passing_errors


def test_an_own_domain_is_declared_like_ours() -> None:
    assert set(declare(library()).tools) == {"list_loans", "get_loan", "renew_loan", "reserve_book"}


@pytest.mark.parametrize(
    ("old", "new", "line", "what", "hint"),
    [
        ("description: Notes", "descripton: Notes", "descripton", "unknown key 'descripton'", "did you mean 'description'?"),
        ("person: people", "person: persons", "person: persons", "unknown table 'persons'", ""),
        ("passing_errors:", "passing_error:", "passing_error:", "unknown key 'passing_error'", "did you mean 'passing_errors'?"),
        ("  drop_note:", "  drop_notes:", "drop_notes", "unknown tool 'drop_notes'", "did you mean 'drop_note'?"),
        ("    per: people", "    pre: people", "pre: people", "unknown key 'pre' of a table", ""),
        ("  notes:\n    per", "  Notes:\n    per", "Notes:", "'Notes' is no name", ""),
        ("      note_id: {id", "      noteId: {id", "noteId", "'noteId' is no name", ""),
        ("{person: name}", "{persn: name}", "persn", "the column 'name' needs exactly one generator", "did you mean 'person'?"),
        ("    guards:", "    guard:", "guard:", "unknown key 'guard' of a tool", "did you mean 'guards'?"),
        (', else: "There is no {note_id}."}', "}", "name: unknown", "a guard of read_note is not complete", ""),
        ("name: unknown", "name: unknown, more: 1", "name: unknown", "a guard of read_note is not complete", ""),
        ('else: "There is no {note_id}."', "else: no", "name: unknown", "a guard of read_note is not complete", ""),
        ("[read_note]", "[read_nota]", "read_nota", "unknown tool 'read_nota'", "did you mean 'read_note'?"),
        ("      - DELETE FROM notes", "      - 7 #", "- 7", "drop_note.statements holds 7", ""),
        ("    result: SELECT note_id", "    reslt: SELECT note_id", "reslt", "unknown key 'reslt' of a tool", "did you mean 'result'?"),
        ("    result: SELECT note_id FROM notes WHERE note_id = :note_id\n", "", "read_note:", "read_note declares no result", ""),
        ("    result: SELECT note_id", "    result: 7 #", "result: 7", "read_note.result is 7", ""),
        ("{value: SELECT count(*) FROM notes}", "{valu: SELECT 1}", "valu:", "drop_note.result.left is", ""),
        ("{value: SELECT count(*) FROM notes}", "{value: 1}", "value: 1", "drop_note.result.left is", ""),
        ("{value: SELECT count(*) FROM notes}", "SELECT 1", "left: SELECT 1", "drop_note.result.left is", ""),
        ("{value: SELECT count(*) FROM notes}", "{value: SELECT 1, one: SELECT 2}", "one: SELECT 2", "drop_note.result.left is", ""),
        (
            "WHERE note_id = :note_id\n  drop",
            "WHERE note_id = :noteid\n  drop",
            ":noteid",
            "unknown parameter of read_note 'noteid'",
            "did you mean 'note_id'?",
        ),
        (
            "DELETE FROM notes WHERE note_id = :note_id",
            "DELETE FROM notes WHERE note_id = :id",
            ":id",
            "unknown parameter of drop_note 'id'",
            "",
        ),
        (
            'WHERE note_id = :note_id", else',
            'WHERE note_id = :not_id", else',
            ":not_id",
            "unknown parameter of read_note 'not_id'",
            "did you mean 'note_id'?",
        ),
        (
            ':note_id", else: "There is no {note_id}."',
            ':note_id", else: "There is no {node}."',
            "{node}",
            "unknown parameter of read_note 'node'",
            "",
        ),
    ],
)
def test_every_error_has_its_line_and_the_nearest_name(tmp_path: Path, old: str, new: str, line: str, what: str, hint: str) -> None:
    error, lines = changed(tmp_path, old, new)
    assert error.what.startswith(what)
    assert line in lines[int(error.where.rpartition(":")[2]) - 1]
    assert error.where.startswith(str(tmp_path / "environment.yaml"))
    assert hint in error.hint


@pytest.mark.parametrize("section", ["tables", "tools"])
def test_a_section_that_holds_no_mapping_is_refused(tmp_path: Path, section: str) -> None:
    with pytest.raises(BadInput, match=f"'{section}' holds no mapping"):
        declared(tmp_path, "person: people\n" if section == "tables" else GOOD[: GOOD.index("tools:")] + "tools: [a]\n")


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("      - {name: unknown", "      - unknown #", "a guard of read_note is not complete"),
        ("    guards:\n      - {name: unknown", "    guards:\n      {name: unknown", "read_note.guards holds no list"),
        ("    statements:\n      - DELETE", "    statements:\n      DELETE", "drop_note.statements holds no list"),
        ("    stands_in_for: [read_note]", "    stands_in_for: read_note", "drop_note.stands_in_for holds no list"),
        ("passing_errors: [Try again.]", "passing_errors: Try again.", "passing_errors holds no list"),
        ("    rows: 3\n", "    rows: many\n", "the number of rows"),
        ("    rows: {min: 1, max: 2}", "    rows: {min: 1}", "the number of rows"),
        ('    columns:\n      person_id: {id: "P{}"}\n      name: {person: name}', "    columns: {}", "the table 'people' has no columns"),
    ],
)
def test_a_part_of_the_wrong_kind_is_refused(tmp_path: Path, old: str, new: str, what: str) -> None:
    error, _ = changed(tmp_path, old, new)
    assert error.what.startswith(what)


def test_a_tool_without_a_declaration_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as caught:
        declare(written(tmp_path, GOOD, *TOOLS, tool("more_notes")))
    assert caught.value.what == "the tool 'more_notes' of tools.json has no declaration"
    assert caught.value.hint == "add more_notes: under tools:"


def test_what_stands_in_quotes_is_no_parameter(tmp_path: Path) -> None:
    assert declared(tmp_path).tools["drop_note"].result[1].sql.startswith("SELECT note_id")
