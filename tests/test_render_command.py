"""``fcgen render``: exact text for pipes, colours for people, JSON lines for all rows."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner, Result

from gen.cli.render import render
from gen.conversation import Conversation, Message
from gen.errors import BadInput

ROWS = [
    Conversation(f"payments-{number:06d}", (Message("user", f"Straße {number}"), Message("assistant", "[THINK] is text")), slot=number)
    for number in range(3)
]
TEXT = "<bos><start_of_turn>user\nStraße {}<end_of_turn>\n<start_of_turn>model\n[THINK] is text<end_of_turn>\n"
LEARNED = "[THINK] is text<end_of_turn>"


@pytest.fixture(autouse=True)
def _corpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three rows in the place of a corpus folder: reading one is tested elsewhere."""
    reading = ModuleType("gen.corpus.reading")

    def read_rows(path: Path, *, splits: object = None) -> Iterator[Conversation]:
        assert path == Path("corpora/payments")
        return iter(ROWS)

    vars(reading).update(read_rows=read_rows, find_corpus=lambda path: Path(path or "corpora/payments"), warning_about=lambda path: "")
    monkeypatch.setitem(sys.modules, "gen.corpus.reading", reading)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(render, arguments)


@pytest.mark.parametrize("row", ["1", "payments-000001"])
def test_a_row_in_a_pipe_is_the_exact_text(row: str) -> None:
    result = run("corpora/payments", "--row", row)
    assert (result.exit_code, result.stdout_bytes) == (0, TEXT.format(1).encode())


def test_without_row_every_row_is_a_line() -> None:
    lines = [json.loads(line) for line in run().stdout.splitlines()]
    assert lines == [{"id": row.id, "text": TEXT.format(row.slot), "trained": [LEARNED]} for row in ROWS]


def test_where_no_corpus_is_named_stderr_says_which_one_it_is() -> None:
    assert "corpora/payments (made last in this folder)" in run("--row", "0").stderr
    assert run("corpora/payments", "--row", "0").stderr == ""


def test_json_gives_spans_that_tell_content_from_control() -> None:
    (line,) = [json.loads(line) for line in run("--row", "0", "--json").stdout.splitlines()]
    assert line["id"] == "payments-000000"
    assert "".join(span["text"] for span in line["spans"]) == TEXT.format(0)
    assert {"text": "[THINK] is text", "control": False, "trained": True} in line["spans"]
    assert [json.loads(line)["id"] for line in run("--json").stdout.splitlines()] == [row.id for row in ROWS]


def test_out_is_a_whole_file_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "rows.jsonl"
    assert run("--out", str(out)).stdout == ""
    assert len(out.read_text(encoding="utf-8").splitlines()) == 3
    out.unlink()
    monkeypatch.setattr(sys.modules[__name__], "ROWS", [*ROWS, Conversation("empty", ())])
    assert isinstance(run("--out", str(out)).exception, BadInput)
    assert list(tmp_path.iterdir()) == []


def test_an_unusable_place_is_named(tmp_path: Path) -> None:
    error = run("--out", str(tmp_path / "nowhere" / "rows.jsonl")).exception
    assert isinstance(error, BadInput)
    assert "nowhere" in error.where


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [(("--row", "payments-00001"), "payments-0000"), (("--template", "gema"), "did you mean 'gemma'?")],
)
def test_what_is_not_there_is_answered_with_what_is(arguments: tuple[str, ...], hint: str) -> None:
    error = run(*arguments).exception
    assert isinstance(error, BadInput)
    assert hint in str(error)


def test_a_number_past_the_end_says_how_many_there_are() -> None:
    error = run("--row", "3").exception
    assert isinstance(error, BadInput)
    assert "from 0 to 2" in error.allowed


def test_a_terminal_gets_colours_and_visible_newlines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gen.cli.render._on_terminal", lambda: True)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    shown = run("--row", "0").stdout
    assert "\x1b[" in shown
    assert "⏎" in shown
    assert run("--row", "0", "--plain").stdout == TEXT.format(0)
