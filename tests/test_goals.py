"""Goals and entities of a domain: what stands in environment.yaml, and every wrong name with its line and the nearest right one."""

from __future__ import annotations

from pathlib import Path

import pytest
from own_domains import LIBRARY, library

from gen.environments.declaration import declare
from gen.errors import BadInput
from gen.planning.goals import Entity, Goal, read_entities, read_goals
from gen.tools.catalogue import Domain, find_domain

TEXT = (LIBRARY / "environment.yaml").read_text(encoding="utf-8")


def read(domain: Domain) -> tuple[dict[str, Entity], dict[str, Goal]]:
    declaration = declare(domain)
    entities = read_entities(declaration)
    return entities, read_goals(declaration, entities)


def refused(folder: Path, old: str, new: str) -> tuple[BadInput, list[str]]:
    assert old in TEXT
    before, _, after = TEXT.rpartition(old)
    text = before + new + after
    (folder / "tools.json").write_text((LIBRARY / "tools.json").read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "environment.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(BadInput) as caught:
        read(Domain("mine", folder))
    return caught.value, text.splitlines()


def test_what_is_declared() -> None:
    entities, goals = read(library())
    loan = entities["loan"]
    assert (loan.table, loan.id, loan.owner) == ("loans", "loan_id", "member_id")
    assert [find.said for find in loan.finds] == ["title", "last"]
    renewal = goals["renewal"]
    assert (renewal.tool, renewal.subject, renewal.confirm, renewal.writes, renewal.weight) == ("renew_loan", "loan", True, True, 2.0)
    assert renewal.subject_argument == "loan_id"
    assert set(renewal.drawn) == {"weeks"} and set(renewal.refused) == {"returned", "renewed_twice"}
    assert not goals["loan"].writes and not goals["loan"].needs_person
    assert goals["reservation"].needs_person and goals["reservation"].subject_argument is None
    assert goals["loan"].where == "1"


@pytest.mark.parametrize("name", ["payments", "orders", "travel"])
def test_ours_are_read_and_every_tool_is_reached_by_a_goal_or_a_search(name: str) -> None:
    domain = find_domain(name)
    entities, goals = read(domain)
    reached = {goal.tool for goal in goals.values()} | {find.tool for entity in entities.values() for find in entity.finds}
    assert set(domain.tools) - reached == set()
    assert any(goal.confirm for goal in goals.values()) and any(goal.refused for goal in goals.values())


@pytest.mark.parametrize(
    ("old", "new", "line", "what", "hint"),
    [
        ("    table: loans", "    tabel: loans", "tabel", "unknown key 'tabel'", "did you mean 'table'?"),
        ("    table: loans", "    table: loan", "table: loan", "unknown table 'loan'", "did you mean 'loans'?"),
        ("    id: loan_id", "    id: loan_nr", "loan_nr", "unknown column of loans 'loan_nr'", "did you mean 'loan_id'?"),
        ("    id: loan_id\n", "", "loan:", "unknown column of loans 'None'", ""),
        ("    owner: member_id", "    owner: membr_id", "membr_id", "unknown column of loans 'membr_id'", "did you mean 'member_id'?"),
        ("      - by: [title]", "      - by: [titel]", "titel", "unknown column of loans 'titel'", "did you mean 'title'?"),
        ("        rows: loans\n\ngoals", "        row: loans\n\ngoals", "row: loans", "unknown key 'row'", "did you mean 'rows'?"),
        ("title: it.title}", "titel: it.title}", "titel", "unknown parameter of list_loans 'titel'", "did you mean 'title'?"),
        ("title: it.title}", "title: it.titel}", "it.titel", "unknown column of loans 'titel'", "did you mean 'title'?"),
        ("title: it.title}", "title: its.title}", "its.title", "'its.title' names nothing", ""),
        ("    tool: get_loan", "    tool: get_lone", "get_lone", "unknown tool 'get_lone'", "did you mean 'get_loan'?"),
        ("    tool: reserve_book\n", "", "reservation:", "unknown tool 'None'", ""),
        ("    tells: [title, status]", "    tell: [title, status]", "tell:", "unknown key 'tell'", "did you mean 'tells'?"),
        (
            "    subject: loan\n    where",
            "    subject: loans\n    where",
            "subject: loans",
            "unknown entity 'loans'",
            "did you mean 'loan'?",
        ),
        ('      returned: "', '      retruned: "', "retruned", "unknown guard of renew_loan 'retruned'", "did you mean 'returned'?"),
        (
            "      loan_id: it.loan_id\n      weeks",
            "      loan_nr: it.loan_id\n      weeks",
            "loan_nr",
            "unknown parameter of renew_loan 'loan_nr'",
            "did you mean 'loan_id'?",
        ),
        (
            "      loan_id: it.loan_id\n      weeks",
            "      loan_id: it.loan\n      weeks",
            "it.loan",
            "unknown column of loans 'loan'",
            "did you mean 'loan_id'?",
        ),
        (
            "      weeks: {integer: {min: 2, max: 6}}\n",
            "",
            "arguments:",
            "the goal 'renewal' gives no 'weeks', which renew_loan requires",
            "",
        ),
        ("{integer: {min: 2, max: 6}}", "{integre: {min: 2}}", "integre", "'weeks' is declared as", ""),
        ("{integer: {min: 2, max: 6}}", "{integer: {min: 2, max: 6}, flag: true}", "integer", "'weeks' is declared as", ""),
        ("{integer: {min: 2, max: 6}}", "3", "weeks: 3", "'weeks' is declared as 3", ""),
        ("      branch: {choice: enum}", "      branch: {entity: branch}", "entity: branch", "unknown entity 'branch'", ""),
        ("      branch: {choice: enum}", "      branch: it.title", "it.title", "'it.title' needs a subject", ""),
        ("      branch: {choice: enum}", "      branch: me.branch", "me.branch", "unknown column of members 'branch'", ""),
        ("      branch: {choice: enum}", "      branch: central", "branch: central", "'central' names nothing", ""),
    ],
)
def test_every_error_has_its_line_and_the_nearest_name(tmp_path: Path, old: str, new: str, line: str, what: str, hint: str) -> None:
    error, lines = refused(tmp_path, old, new)
    assert error.what.startswith(what)
    assert line in lines[int(error.where.rpartition(":")[2]) - 1]
    assert error.where.startswith(str(tmp_path / "environment.yaml"))
    assert hint in error.hint


def test_an_argument_may_be_a_constant(tmp_path: Path) -> None:
    text = TEXT.replace("      status: {choice: enum}\n", "      status: {choice: enum}\n      limit: {value: 1}\n")
    assert text != TEXT
    (tmp_path / "tools.json").write_text((LIBRARY / "tools.json").read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "environment.yaml").write_text(text, encoding="utf-8")
    _, goals = read(Domain("mine", tmp_path))
    assert goals["loans"].arguments["limit"] == {"value": 1}
    assert "limit" not in goals["loans"].drawn


def test_a_draw_that_is_none_names_the_draws_there_are(tmp_path: Path) -> None:
    error, _ = refused(tmp_path, "{integer: {min: 2, max: 6}}", "{nothing: 1}")
    assert {"money", "integer", "date", "entity"} <= set(error.allowed.replace("it.column, me.column, or one of ", "").split(", "))


def test_a_domain_without_goals_is_refused(tmp_path: Path) -> None:
    error, _ = refused(tmp_path, TEXT[TEXT.index("\ngoals:") :], "\n")
    assert error.what == "the environment declares no goals"


def test_me_needs_a_table_of_people(tmp_path: Path) -> None:
    error, _ = refused(tmp_path, "person: members\n", "")
    assert "needs `person:`" in error.what
