"""``fcgen show``: conversations as people read them, plain in a pipe, safe in a terminal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from gen.cli.console import safe
from gen.cli.show import plain_text, show
from gen.conversation import Conversation, Message, ToolCall
from gen.errors import BadInput

TOOL = {
    "type": "function",
    "function": {
        "name": "retrieve_payment_status",
        "description": "Get the status of a payment.",
        "parameters": {"type": "object", "properties": {"transaction_id": {}, "verbose": {}}, "required": ["transaction_id"]},
    },
}


def conversation(number: int, **known: Any) -> Conversation:
    call = ToolCall("VvvODy9mT", "retrieve_payment_status", {"transaction_id": f"T{number}"})
    messages = (
        Message("user", f"What's the status of T{number}?"),
        Message("assistant", "", reasoning_content="They gave the number.", tool_calls=(call,)),
        Message("tool", '{"status": "Paid"}', tool_call_id="VvvODy9mT", name="retrieve_payment_status"),
        Message("assistant", f"T{number} has been paid."),
    )
    return Conversation(f"payments-{number:06d}", messages, (TOOL,), slot=number, **{"scenario": "single", "persona": "terse", **known})


ROWS = [conversation(n, split="test" if n % 5 == 4 else "train", scenario="no_call" if n == 7 else "single") for n in range(12)]


@pytest.fixture(autouse=True)
def _corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lines = [json.dumps(row.to_wire()) for row in ROWS]
    Path("rows.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(show, ["rows.jsonl", *arguments])


def ids(result: Result) -> list[str]:
    assert result.exception is None, result.exception
    return [line.split(" ")[0] for line in result.stdout.splitlines() if line.startswith("payments-")]


def test_a_row_is_read_like_a_talk() -> None:
    assert run("--row", "3").stdout.splitlines() == [
        "payments-000003 · single · terse · train",
        "user       What's the status of T3?",
        "thought    They gave the number.",
        'call       retrieve_payment_status(transaction_id="T3")',
        'result     {"status": "Paid"}',
        "assistant  T3 has been paid.",
    ]


def test_rows_are_chosen() -> None:
    assert ids(run()) == [row.id for row in ROWS[:3]]
    assert ids(run("--count", "5")) == [row.id for row in ROWS[:5]]
    assert ids(run("--scenario", "no_call")) == ["payments-000007"]
    assert ids(run("--split", "test")) == ["payments-000004", "payments-000009"]
    assert ids(run("--row", "payments-000011")) == ["payments-000011"]


def test_a_draw_can_be_repeated() -> None:
    drawn = ids(run("--random", "--seed", "5", "--count", "4"))
    assert drawn == ids(run("--random", "--seed", "5", "--count", "4"))
    assert len(set(drawn)) == 4
    assert drawn == sorted(drawn)
    assert any(ids(run("--random", "--seed", str(seed), "--count", "4")) != drawn for seed in range(4))


def test_a_draw_says_how_to_repeat_it() -> None:
    result = run("--random")
    seed = result.stderr.split()[1]
    assert ids(run("--random", "--seed", seed)) == ids(result)


def test_tools_show_what_was_offered() -> None:
    assert (
        "tool       retrieve_payment_status(transaction_id, verbose?): Get the status of a payment." in run("--row", "0", "--tools").stdout
    )


def test_json_is_the_wire_form() -> None:
    lines = run("--json", "--count", "2").stdout.splitlines()
    assert [Conversation.from_wire(json.loads(line)) for line in lines] == ROWS[:2]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(("--scenario", "singel"), "did you mean 'single'?"), (("--row", "12"), "there is no row '12'")],
)
def test_what_is_not_there_is_answered_with_what_is(arguments: tuple[str, ...], said: str) -> None:
    error = run(*arguments).exception
    assert isinstance(error, BadInput)
    assert said in str(error)


def test_text_of_strangers_does_not_steer_the_terminal() -> None:
    nasty = "\x1b[2J\x07 ok \u202egnp.exe \x9b31m \r"
    row = Conversation("x", (Message("user", nasty),))
    shown = plain_text(row, width=80)
    assert not set(shown) & {"\x1b", "\x07", "\u202e", "\x9b", "\r"}
    assert "ok" in shown
    assert safe("two\nlines\tof text, 42 €") == "two\nlines\tof text, 42 €"


def test_lines_are_wrapped_below_themselves() -> None:
    row = Conversation("x", (Message("user", "word " * 30 + "\nsecond"),))
    lines = plain_text(row, width=60).splitlines()[1:]
    assert all(len(line) <= 60 for line in lines)
    assert lines[0].startswith("user       word")
    assert all(line.startswith(" " * 11) for line in lines[1:])
    assert lines[-1].strip() == "second"


def test_colours_are_for_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    coloured = run("--row", "0").stdout
    assert "\x1b[1;33muser       \x1b[0mWhat's the status" in coloured
    assert "\x1b[2;3mThey gave the number.\x1b[0m" in coloured
    monkeypatch.delenv("FORCE_COLOR")
    assert "\x1b" not in run("--row", "0").stdout


def test_without_a_folder_it_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gen.corpus.reading.find_corpus", lambda given: Path(given or "rows.jsonl"))
    result = CliRunner().invoke(show, ["--count", "1"])
    assert "rows.jsonl (made last in this folder)" in result.stderr
    assert ids(result) == ["payments-000000"]
