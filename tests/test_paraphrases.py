"""The rules understand values in people's and models' words: every case of ``paraphrases.yaml``, and nothing that was not said."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paraphrases import CASES, Case, cases, table

from gen.values.read import read, stands_in

ALL = list(cases())
SUBJECTS = list(dict.fromkeys(case.subject for case in ALL))
KNOWN = frozenset(CASES["known"])
TEXTS = sorted({case.text for case in ALL})


def _wrong(subject: str, good: bool) -> list[Case]:
    return [case for case in ALL if case.subject == subject and case.good == good and case.accepted != good]


@pytest.mark.parametrize("subject", SUBJECTS)
def test_what_is_said_is_found(subject: str) -> None:
    assert [str(case) for case in _wrong(subject, good=True) if case.text not in KNOWN] == []


@pytest.mark.parametrize("subject", SUBJECTS)
def test_what_is_not_said_is_not_found(subject: str) -> None:
    assert [str(case) for case in _wrong(subject, good=False) if case.text not in KNOWN] == []


def test_the_list_of_known_faults_is_true() -> None:
    wrong = {case.text for subject in SUBJECTS for good in (True, False) for case in _wrong(subject, good)}
    assert wrong == KNOWN


def test_both_answers_are_asked_for() -> None:
    assert {case.good for case in ALL} == {True, False}
    assert len(ALL) > 250
    assert all(subject in table() for subject in SUBJECTS)


@given(st.sampled_from(TEXTS), st.integers(10_000, 99_999), st.dates(date(2031, 1, 1), date(2060, 1, 1)))
def test_no_text_says_what_stands_nowhere_in_it(text: str, number: int, day: date) -> None:
    values: list[tuple[Any, Any]] = [
        (f"T{number}9731", {"type": "string"}),
        (number + 0.37, {"type": "number"}),
        (number * 1000 + 731, {"type": "integer"}),
        (day.isoformat(), {"type": "string", "format": "date"}),
        (f"jo{number}@example.com", {"type": "string", "format": "email"}),
        (f"+44 20 {number}7 31", {"type": "string"}),
        ("Ottoline Zwiebelfisch", {"type": "string"}),
        ("13:37", {"type": "string", "format": "time"}),
    ]
    readings = read(text, CASES["today"])
    for value, schema in values:
        assert not stands_in(value, schema, readings), value
