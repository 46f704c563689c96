"""``fcgen score`` and ``fcgen chat`` against a server on loopback: one that plays the corpus's assistant, and ones that err."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from as_corpus import AsCorpus, Spoil
from conftest import ROOT, Fcgen
from model_server import ModelServer
from test_run import run

from gen.cli.score_progress import ScoreProgress
from gen.conversation import Conversation, Message
from gen.corpus.reading import read_rows
from gen.errors import BadInput
from gen.scoring.bfcl_files import as_row, load_bfcl, undotted
from gen.scoring.comparing import Asked, score_models
from gen.scoring.metrics import METRICS
from gen.scoring.talking import open_scene
from gen.scoring.tasks import Task, on_bfcl, on_corpus
from gen.teachers.engines.canary import MESSAGES

ROWS = 80
BFCL = ROOT.parent / "shared" / "data" / "bfcl"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus of payments, half of it held out."""
    path = tmp_path_factory.mktemp("corpora") / "payments"
    run(path, rows=ROWS, changes=("splits={train: 0.5, test: 0.5}",))
    return path


def held_out(corpus: Path) -> list[Conversation]:
    return list(read_rows(corpus, splits=["test"]))


def named(server: ModelServer) -> str:
    return f"server:{server.address}#tiny"


def by_command(fcgen: Fcgen, corpus: Path | str, server: ModelServer, *more: str) -> dict[str, Any]:
    done = fcgen("score", str(corpus), "--model", named(server), "--json", *more)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def scores(task: Task, server: ModelServer, folder: Path, **more: Any) -> dict[str, Any]:
    return score_models(task, Asked(named(server), **more), folder, ScoreProgress()).to_json()


def shares(found: dict[str, Any]) -> dict[str, float]:
    return {name: rate["share"] for name, rate in found["scores"]["overall"]["metrics"].items()}


@pytest.mark.slow
def test_who_plays_the_corpus_has_every_metric_right(fcgen: Fcgen, tmp_path: Path, corpus: Path) -> None:
    rows = held_out(corpus)
    with ModelServer(AsCorpus(rows)) as server:
        found = by_command(fcgen, corpus, server, "--report", "score.html")
        asked, *_ = server.bodies
    assert found["conversations"] == len(rows)
    assert shares(found) == {name: float(metric.more_is_better) for name, metric in METRICS.items()}
    assert asked["tools"][0]["type"] == "function" and asked["temperature"] == 0 and "response_format" not in asked
    assert found["facts"] == ["played with calls executed"]
    page = (tmp_path / "score.html").read_text(encoding="utf-8")
    assert "conversation success" in page and "Worst conversations" not in page
    written = json.loads((tmp_path / "scores" / "tiny-on-payments.json").read_text())
    assert [one["id"] for one in written.pop("outcomes")] == [row.id for row in rows] and written == found


def with_other_arguments(message: Message) -> Message:
    calls = tuple(replace(call, arguments=call.arguments | {"surprise": 1}) for call in message.tool_calls)
    return replace(message, tool_calls=calls)


def asking_nothing(message: Message) -> Message:
    return message if message.tool_calls else replace(message, content="Fine.")


OTHER_ARGUMENTS = {"schema_valid": 0, "arguments_right": 0, "call_accuracy": 0, "right_tool": 1, "missed_calls": 0, "parses": 1}


@pytest.mark.parametrize(
    ("spoil", "expected"), [(with_other_arguments, OTHER_ARGUMENTS), (asking_nothing, {"asks": 0, "call_accuracy": 1, "end_state": 1})]
)
def test_what_is_spoiled_is_what_the_metrics_say(tmp_path: Path, corpus: Path, spoil: Spoil, expected: dict[str, float]) -> None:
    task = on_corpus(corpus)
    with ModelServer(AsCorpus(task.rows, spoil)) as server:
        found = shares(scores(task, server, tmp_path))
    assert {name: found[name] for name in expected} == expected and found["success"] < 1


@pytest.mark.slow
def test_before_and_after_are_compared_on_the_same_rows(fcgen: Fcgen, corpus: Path) -> None:
    with ModelServer(lambda _: "I cannot do that.") as silent, ModelServer(AsCorpus(held_out(corpus))) as good:
        told = (str(corpus), "--model", named(good), "--compare", named(silent), "--limit", "20", "--out", "mine.json")
        table = fcgen("score", *told).stdout
        page = fcgen("score", *told, "--report", "score.html", "--json")
    found = json.loads(page.stdout)
    assert found["before"]["overall"]["metrics"]["call_accuracy"]["share"] == 0
    assert found["changes"]["call_accuracy"]["p"] < 0.01 and found["changes"]["call_accuracy"]["lost"] == 0
    assert page.stderr.count("20 of 20 were played before (played/") == 2
    assert "call accuracy" in table and "+100.0" in table and "by scenario (before)" in table


@pytest.mark.slow
def test_what_was_played_before_a_kill_is_not_played_again(tmp_path: Path, corpus: Path) -> None:
    rows = held_out(corpus)
    messages = sum(message.role == "assistant" for row in rows for message in row.messages)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with ModelServer(AsCorpus(rows)) as server:
        said, stuck = AsCorpus(rows), len(rows) + 5

        def answer(asked: dict[str, Any]) -> dict[str, Any]:
            """First messages and a few more at once, so that some conversations end; then no more for a long time."""
            if server.requests >= stuck:
                server.latency = 600.0
            return said(asked)

        server.answer = answer
        command = [sys.executable, "-m", "gen", "score", str(corpus), "--model", f"server:{server.address}#tiny", "--json"]
        with subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            while not [line for kept in kept_files(tmp_path) for line in kept.read_text().splitlines()[3:]]:
                assert process.poll() is None, process.communicate()
            process.send_signal(signal.SIGINT)
            out, told = process.communicate()
        assert (process.returncode, out) == (130, "") and told.endswith("Interrupted.\n"), told
        assert not list((tmp_path / "scores").glob("*.json"))
        (kept,) = kept_files(tmp_path)
        whole = len(kept.read_text().splitlines()) - 1
        with kept.open("a") as file:
            file.write('{"row": "torn')  # as a kill -9 would leave it
        server.answer, server.latency, before = said, 0.0, server.requests
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert f"{whole} of {len(rows)} were played before" in done.stderr
        assert server.requests - before < messages
        assert shares(json.loads(done.stdout))["success"] == 1
        assert len(kept.read_text().splitlines()) == len(rows) + 1
        again = server.requests
        assert subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=False).returncode == 0
        assert server.requests == again


def kept_files(folder: Path) -> list[Path]:
    return list((folder / "scores" / "played").glob("*.jsonl"))


def test_tools_told_in_words_for_a_server_without_them(tmp_path: Path, corpus: Path) -> None:
    with ModelServer(lambda asked: json.dumps({"thought": "", "text": "I cannot do that.", "calls": []})) as server:
        found = scores(on_corpus(corpus, limit=6), server, tmp_path, template="words")
        assert all("tools" not in body for body in server.bodies) and "Your tools:" in server.bodies[0]["messages"][0]["content"]
    assert found["model"]["prompt"].startswith("tools told in words") and shares(found)["parses"] == 1


def test_a_chat_that_a_server_refuses_is_wrong_and_tools_that_it_refuses_are_an_error(tmp_path: Path, corpus: Path) -> None:
    task = on_corpus(corpus, limit=12)
    plays = AsCorpus(task.rows)

    def answer(asked: dict[str, Any]) -> dict[str, Any]:
        if asked["messages"][-1]["content"] in ("Hello.", MESSAGES[0][1]):
            return {"role": "assistant", "content": "Hello."}
        if sum(message["role"] == "user" for message in asked["messages"]) > 1:
            raise web.HTTPBadRequest(text="Only one message of the user is supported!")
        return plays(asked)

    with ModelServer(answer) as server:
        found = scores(task, server, tmp_path)
    assert 0 < shares(found)["parses"] < 1 and shares(found)["success"] < 1
    with ModelServer(lambda _: "Hi.", refuses={"tools": 400}) as server, pytest.raises(BadInput, match="refuses the request") as error:
        scores(task, server, tmp_path)
    assert "--template words" in str(error.value)


@pytest.mark.slow
def test_a_server_that_is_down_or_refuses_is_told_with_its_exit_code(fcgen: Fcgen, corpus: Path) -> None:
    with ModelServer(lambda _: "hello") as server:
        address = server.address
        other = fcgen("score", str(corpus), "--model", f"server:{address}#other", "--limit", "2")
        template = fcgen("score", str(corpus), "--model", f"server:{address}#tiny", "--template", "gemma")
    down = fcgen("score", str(corpus), "--model", f"server:{address}#tiny", "--limit", "2")
    assert (other.returncode, down.returncode, template.returncode) == (3, 3, 2)
    assert "no model 'other'" in other.stderr and "is the server running" in down.stderr
    assert "a template of its own" in template.stderr


@pytest.mark.skipif(not BFCL.is_dir(), reason="BFCL's files are not beside this checkout (../shared/data/bfcl)")
@pytest.mark.slow
def test_bfcl_is_scored_by_its_own_rules(fcgen: Fcgen, tmp_path: Path) -> None:
    cases = [undotted(case) for case in load_bfcl(BFCL).cases]
    with ModelServer(AsCorpus([answering(as_row(case)) for case in cases])) as server:
        found = by_command(fcgen, f"bfcl:{BFCL}", server, "--limit", "8")
        assert not any("." in tool["function"]["name"] for body in server.bodies for tool in body.get("tools", []))
    assert found["left_out"] == ["BFCL_v4_multi_turn_base.json"]
    by_category = {name: group["metrics"]["success"] for name, group in found["scores"]["by_scenario"].items()}
    assert set(by_category) == {"irrelevance", "live_simple", "multiple", "parallel", "simple_python"}
    assert all(rate["of"] == 8 and rate["share"] == 1 and rate["low"] < 1 for rate in by_category.values())
    with ModelServer(lambda _: "No.") as silent:
        none = scores(on_bfcl(BFCL, categories=["irrelevance", "parallel"], limit=2), silent, tmp_path)
    assert {name: group["metrics"]["success"]["share"] for name, group in none["scores"]["by_scenario"].items()} == {
        "irrelevance": 1, "parallel": 0,
    }  # fmt: skip


def answering(row: Conversation) -> Conversation:
    """A row whose assistant says something, also where it calls nothing."""
    calls = row.messages[-1].role == "assistant"
    return row if calls else replace(row, messages=(*row.messages, Message("assistant", "None of my tools does that.")))


# -- fcgen chat


def test_a_talk_in_a_pipe(fcgen: Fcgen, tmp_path: Path) -> None:
    def answer(asked: dict[str, Any]) -> dict[str, Any] | str:
        last = asked["messages"][-1]
        if last["role"] == "tool":
            return f"It says {last['content']}."
        function = {"name": "retrieve_payment_status", "arguments": '{"transaction_id": "T1"}'}
        return {"role": "assistant", "content": None, "tool_calls": [{"id": "c1", "type": "function", "function": function}]}

    said = "is T1 paid?\n/system\n/reset\n/save talk.jsonl\nand now?\n/save talk.jsonl\n/quit\nnever said\n"
    with ModelServer(answer) as server:
        done = fcgen("chat", "--model", f"server:{server.address}#tiny", input=said)
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if not line.startswith(" ")]
    kinds = [line.split(maxsplit=1)[0] for line in lines]
    talk = ["user", "call", "result", "assistant"]
    assert kinds == ["system", *talk, "system", *talk] and "\x1b" not in done.stdout
    assert 'call       retrieve_payment_status(transaction_id="T1")' in lines
    assert any(line.startswith('result     {"error"') for line in lines)  # executed: there is no such payment
    empty, saved = read_rows(tmp_path / "talk.jsonl")
    assert [message.role for message in empty.messages] == ["system"]
    assert [message.content for message in saved.messages if message.role == "user"] == ["and now?"]
    assert fcgen("show", "talk.jsonl", "--row", "1").returncode == 0


def test_a_talk_needs_a_model_and_a_domain(fcgen: Fcgen) -> None:
    none = fcgen("chat", "--tools", "payments", input="")
    domain = fcgen("chat", "--model", "server:http://127.0.0.1:9/v1#m", "--tools", "paymints", input="")
    assert none.returncode == 2 and "there is no adapter adapters/payments" in none.stderr
    assert domain.returncode == 2 and "did you mean 'payments'" in domain.stderr


def test_a_talk_offers_the_tools_that_were_asked_for(fcgen: Fcgen) -> None:
    """The example needs no other tool, and a name that is none is an error."""
    with ModelServer(lambda asked: f"{len(asked['tools'])} tools") as server:
        chat = ("chat", "--model", f"server:{server.address}#tiny")
        done = fcgen(*chat, "--only", "cancel_standing_order", "--only", "retrieve_refund_status", input="/tools\nhello\n")
        unknown = fcgen(*chat, "--only", "cancel_standing_orders", input="")
        both = fcgen(*chat, "--only", "cancel_standing_order", "--all-tools", input="")
    assert "assistant  2 tools" in done.stdout and "2 tools of payments;" in done.stderr
    assert "cancel_standing_order(" in done.stderr and "retrieve_refund_status(" in done.stderr
    assert unknown.returncode == 2 and "did you mean 'cancel_standing_order'" in unknown.stderr
    assert both.returncode == 2 and "leave one of them out" in both.stderr


@pytest.mark.parametrize("name", ["retrieve_refund_status", "retrieve_payment_date"])
def test_the_example_of_a_talk_does_with_the_tools_on_offer(name: str) -> None:
    scene = open_scene("payments", only=[name])
    assert [tool["function"]["name"] for tool in scene.tools] == [name]
    assert scene.example and scene.example != open_scene("payments").example


def test_without_scipy_it_says_so_before_anything_is_played(tmp_path: Path, corpus: Path) -> None:
    (tmp_path / "hidden.py").write_text(
        "import importlib.util as u\nfound = u.find_spec\n"
        "u.find_spec = lambda name, *more: None if name == 'scipy' else found(name, *more)\n"
        "from gen.cli.main import main\nmain()\n"
    )
    command = [sys.executable, str(tmp_path / "hidden.py"), "score", str(corpus), "--model", "server:http://127.0.0.1:9/v1#m"]
    done = subprocess.run(command, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "pip install 'fcgen[score]'" in done.stderr, done.stderr
