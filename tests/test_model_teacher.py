"""Language models as user and assistant: the loop loses nothing, refuses what it must, and stops where its budget ends."""

from __future__ import annotations

import asyncio
import hashlib
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted import Script, ScriptedEngine

from gen.cli.progress import Silent
from gen.corpus.manifest import read_manifest
from gen.corpus.reading import read_rows
from gen.errors import BadInput, OutsideFailed
from gen.recipe import Recipe, load_recipe
from gen.synthesis.cast import Models
from gen.synthesis.ledger import Ledger
from gen.synthesis.preview import preview
from gen.synthesis.replaying import replay
from gen.synthesis.run import synthesize
from gen.synthesis.slots import Rejection
from gen.synthesis.summary import Summary
from gen.teachers.brief import assistant_brief, user_brief
from gen.teachers.budget import Budget
from gen.teachers.envelope import Unreadable, assistant_schema, read_assistant, read_user
from gen.teachers.places import Places
from gen.teachers.request import Completion, Request, TooLong
from gen.tools.schema import tool_schema
from gen.tools.validation import validator

ROWS = 40

Answer = Callable[[Request, str], Completion | str]


def recipe_of(*changes: str) -> Recipe:
    return load_recipe("payments", changes=["teacher=server:http://localhost:1/v1#scripted", f"rows={ROWS}", *changes])


@cache
def script() -> Script:
    return Script(recipe_of(), ROWS)


class Bent(ScriptedEngine):
    """The script with some of its answers changed."""

    def __init__(self, bend: Answer, concurrency: int = 8) -> None:
        super().__init__(script(), concurrency)
        self.bend = bend
        self.flying = self.most = 0

    async def complete(self, request: Request) -> Completion:
        self.flying += 1
        self.most = max(self.most, self.flying)
        try:
            await asyncio.sleep(0)
            done = await super().complete(request)
            bent = self.bend(request, done.text)
            return bent if isinstance(bent, Completion) else replace(done, text=bent)
        finally:
            self.flying -= 1


def faithful(request: Request, text: str) -> str:
    return text


def made(out: Path, engine: ScriptedEngine, *changes: str, rows: int = ROWS, budget: Budget | None = None) -> Summary:
    models = Models(budget or Budget(), lambda name, settings, note: engine)
    return synthesize(recipe_of(*changes), out, rows=rows, workers=1, shard=None, progress=Silent(), models=models)


def digest_of(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted((folder / "data").iterdir()):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def ledger_of(folder: Path) -> dict[str, Any]:
    manifest = read_manifest(folder)
    assert manifest is not None
    return manifest.ledger


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("models") / "corpus"
    summary = made(out, Bent(faithful))
    assert summary.complete
    return out


def test_a_model_that_answers_well_loses_nothing(reference: Path) -> None:
    ledger = ledger_of(reference)
    assert ledger["accepted"] == ROWS
    assert not [reason for reason in ledger["rejected"] if not reason.startswith(("plan:", "corpus:"))]
    row = next(read_rows(reference))
    assert row.teacher == "server:scripted"
    assert row.sources


def test_the_ledger_says_what_models_took(reference: Path) -> None:
    ledger = ledger_of(reference)
    roles = {entry["role"]: entry for entry in ledger["usage"]["paid"]}
    assert roles.keys() == {"user", "assistant"}
    assert all(entry["requests"] > ROWS and entry["tokens_in"] > entry["tokens_out"] > 0 for entry in roles.values())
    assert ledger["per_accepted_row"]["requests"] == round(sum(entry["requests"] for entry in roles.values()) / ROWS, 2)


def test_the_funnel_is_told_by_scenario(tmp_path: Path) -> None:
    def silent(request: Request, text: str) -> str:
        return "..." if _role(request) == "assistant" else text

    out = tmp_path / "c"
    summary = made(out, Bent(silent), "attempts=1", "scenarios={single: 1, parallel: 1}", rows=6)
    assert summary.rows == 0
    lines = [orjson.loads(line) for line in (out / "rejected" / "rejected.jsonl").read_text().splitlines()]
    ledger = Ledger()
    ledger.refused(Rejection.from_wire(line) for line in lines)
    funnel = ledger.to_json()["rejected_by_scenario"]
    assert funnel.keys() == {"single", "parallel"}
    assert sum(n for reasons in funnel.values() for n in reasons.values()) == 6
    assert all("speech: no_json" in reasons for reasons in funnel.values())


def test_what_no_engine_enforces_is_named() -> None:
    assert any("uniqueItems" in what for what in script()._workshop.unenforced())


def test_no_address_leaves_the_house(reference: Path) -> None:
    for name in ("recipe.yaml", "README.md", "manifest.json"):
        assert "localhost" not in (reference / name).read_text()


def test_never_more_in_flight_than_asked(tmp_path: Path) -> None:
    engine = Bent(faithful, concurrency=3)
    made(tmp_path / "c", engine, rows=12)
    assert engine.most == 3
    assert engine.closed


def test_a_second_run_asks_nothing_and_makes_the_same_bytes(reference: Path, tmp_path: Path) -> None:
    out = tmp_path / "again"
    (out / "completions").mkdir(parents=True)
    for path in (reference / "completions").glob("*.*"):
        (out / "completions" / path.name).write_bytes(path.read_bytes())
    engine = Bent(faithful)
    made(out, engine)
    assert engine.asked == 0
    assert digest_of(out) == digest_of(reference)


def test_replay_makes_the_same_bytes_without_any_engine(reference: Path, tmp_path: Path) -> None:
    assert replay(reference, tmp_path / "copy", workers=1, progress=Silent()).same


def test_a_budget_stops_the_run_and_a_larger_one_ends_in_the_same_bytes(reference: Path, tmp_path: Path) -> None:
    out = tmp_path / "cut"
    engine = Bent(faithful)
    asked = 0
    for thousands in (60, 140, 10_000):
        summary = made(out, engine, budget=Budget(tokens=thousands * 1000))
        assert summary.rows >= asked
        asked = summary.rows
        if thousands == 60:
            assert not summary.complete
            assert 0 < summary.rows < ROWS
            assert "60k" in summary.stopped
            assert [row.slot for row in read_rows(out)] == sorted(row.slot for row in read_rows(out))
    assert summary.complete
    assert not summary.stopped
    assert {row.id: row.to_wire() for row in read_rows(out)} == {row.id: row.to_wire() for row in read_rows(reference)}
    whole = ledger_of(reference)["usage"]["paid"]
    assert engine.asked == sum(entry["requests"] for entry in whole), "nothing is asked for twice"


def test_a_budget_for_nothing_publishes_nothing(tmp_path: Path) -> None:
    summary = made(tmp_path / "c", Bent(faithful), budget=Budget(tokens=1))
    assert (summary.rows, summary.complete) == (0, False)
    assert read_manifest(tmp_path / "c") is None


def test_an_engine_that_gives_up_ends_the_run_and_nothing_is_lost(reference: Path, tmp_path: Path) -> None:
    out = tmp_path / "down"
    limit = 90

    def dies(request: Request, text: str) -> str:
        if engine.asked > limit:
            raise OutsideFailed("the server does not answer", where="http://localhost:1")
        return text

    engine = Bent(dies)
    with pytest.raises(OutsideFailed, match="does not answer"):
        made(out, engine)
    well = Bent(faithful)
    made(out, well)
    assert digest_of(out) == digest_of(reference)
    total = sum(entry["requests"] for entry in ledger_of(reference)["usage"]["paid"])
    assert well.asked == total - limit


@pytest.mark.parametrize(
    ("spoiled", "reason"),
    [
        ("I would rather talk about the weather.", "no_json"),
        ('{"thought": "", "text": "", "calls": []}', "empty"),
        ('{"thought": "", "text": "", "calls": [{"name": "fly_away", "arguments": {}}]}', "unknown_tool"),
        ('{"thought": 3, "text": "", "calls": []}', "wrong_form"),
    ],
)
def test_a_turn_that_cannot_be_used_is_asked_for_again_and_then_given_up(tmp_path: Path, spoiled: str, reason: str) -> None:
    seen: list[Request] = []

    def once(request: Request, text: str) -> str:
        if _role(request) == "assistant" and "cannot be used" not in request.messages[-1][1]:
            return spoiled
        seen.append(request)
        return text

    summary = made(tmp_path / "once", Bent(once), rows=10)
    assert summary.complete
    corrections = [request for request in seen if "cannot be used" in request.messages[-1][1]]
    assert corrections
    assert all(request.messages[-2] == ("assistant", spoiled) for request in corrections)

    def always(request: Request, text: str) -> str:
        return spoiled if _role(request) == "assistant" else text

    out = tmp_path / "always"
    summary = made(out, Bent(always), "attempts=1", rows=10)
    assert summary.rows < 10
    assert f"speech: {reason}" in summary.rejected


def test_what_was_cut_off_is_called_that(tmp_path: Path) -> None:
    def cut(request: Request, text: str) -> Completion:
        return Completion(text[: len(text) // 2], "length", tokens_out=7)

    summary = made(tmp_path / "c", Bent(cut), "attempts=1", rows=4)
    assert set(summary.rejected) == {"speech: truncated"}
    rejected = [orjson.loads(line) for line in (tmp_path / "c" / "rejected" / "rejected.jsonl").read_text().splitlines()]
    assert {line["fault"] for line in rejected} == {"user"}


def test_a_chat_that_the_model_cannot_read_ends_that_conversation_only(tmp_path: Path) -> None:
    """A conversation of many turns may be too long where others are not: nothing is cut, and the run goes on."""
    limit = 6_500

    def short_sighted(request: Request, text: str) -> str:
        length = sum(len(said) for _, said in request.messages)
        if length > limit:
            raise TooLong(f"{length} characters, and this model reads {limit}")
        return text

    summary = made(tmp_path / "c", Bent(short_sighted), "attempts=2", rows=ROWS)
    assert 0 < summary.rows < ROWS
    assert summary.rejected["speech: too_long"] > 0
    lengths = [line["message"] for line in map(orjson.loads, (tmp_path / "c" / "rejected" / "rejected.jsonl").read_text().splitlines())]
    assert any(f"reads {limit}" in message for message in lengths)


def test_a_conversation_without_an_end_is_given_up(tmp_path: Path) -> None:
    def restless(request: Request, text: str) -> str:
        return '{"text": "And once more, please.", "done": false}' if _role(request) == "user" else text

    summary = made(tmp_path / "c", Bent(restless), "attempts=1", "teacher.turns=4", rows=6)
    assert summary.rows == 0
    assert set(summary.rejected) <= {"speech: endless", "speech: empty", "speech: wrong_form", "plan: nothing_fits"}


def test_who_is_to_blame_is_told(tmp_path: Path) -> None:
    """A user who never says the number is to blame, an assistant who calls with another one is."""

    def mumbles(request: Request, text: str) -> str:
        said = orjson.loads(text)
        if _role(request) == "user" and said["text"]:
            said["text"] = "Hello, something about a payment of mine, you know which."
        return orjson.dumps(said).decode()

    out = tmp_path / "mumbles"
    made(out, Bent(mumbles), "attempts=1", "scenarios={single: 1}", rows=ROWS)
    assert ledger_of(out)["faults"].get("user", 0) + ledger_of(out)["faults"].get("assistant", 0) > 0


def test_the_judge_is_heard(tmp_path: Path) -> None:
    class Judged(Bent):
        marks = 2

        async def complete(self, request: Request) -> Completion:
            if request.messages[0][1].startswith("You judge"):
                assert "user: " in request.messages[1][1]
                return Completion(orjson.dumps({"marks": [5, self.marks, 5], "reason": "stiff"}).decode())
            return await super().complete(request)

    strict = made(tmp_path / "strict", Judged(faithful), "teacher.judge={least: 3}", "attempts=1", rows=5)
    assert strict.rows == 0
    assert strict.rejected["judge: low_marks"] >= 4
    mild = made(tmp_path / "mild", Judged(faithful), "teacher.judge={least: 2}", rows=5)
    assert mild.complete


def test_a_wrong_call_that_was_repaired_is_kept_and_not_learned(tmp_path: Path) -> None:
    def stumbles(request: Request, text: str) -> str:
        """The first call of each conversation has another number of the same form, which nothing bears."""
        said = orjson.loads(text)
        if _role(request) != "assistant" or "(Results" in request.messages[-1][1] or len(request.messages) > 2:
            return text
        for call in said["calls"]:
            if "transaction_id" in call["arguments"]:
                call["arguments"]["transaction_id"] = "T999999"
        return orjson.dumps(said).decode()

    class Stumbling(Bent):
        """After the failed call, the script goes on from its first turn."""

        async def complete(self, request: Request) -> Completion:
            results = [said for _, said in request.messages if "(Results" in said and "T999999" in said]
            if _role(request) == "assistant" and results:
                place = self.script._places[request.seed]
                return Completion(self.script.text_at(place[0], place[1], place[2], place[3] - 1))
            return await super().complete(request)

    out = tmp_path / "kept"
    changes = ("scenarios={single: 1}", "attempts=5")
    made(out, Stumbling(stumbles), *changes, rows=12)
    repaired = [row for row in read_rows(out) if row.untrained]
    assert repaired
    for row in repaired:
        assert all(row.messages[index].tool_calls[0].arguments["transaction_id"] == "T999999" for index in row.untrained)


def _role(request: Request) -> str:
    return "user" if request.messages[0][1].startswith("You play") else "assistant"


def test_the_user_never_sees_a_tool_and_the_assistant_never_the_plan(reference: Path) -> None:
    planner = script()._workshop.planner
    for slot in range(ROWS):
        planned = planner.plan(slot, 0) if slot != 999 else None
        assert planned is not None
        rehearsal = script()._workshop.domains[planned.domain].teacher.rehearse(planned)
        brief = user_brief(planned, rehearsal)
        assert not [tool.name for tool in planned.tools if tool.name in brief]
        hidden = assistant_brief(planned, rehearsal, guided=False)
        shown = assistant_brief(planned, rehearsal, guided=True)
        assert shown.startswith(hidden)
        assert all(line not in hidden for _, line in rehearsal.lines if len(line) > 20)


def test_guidance_is_recorded_and_not_stored(tmp_path: Path) -> None:
    out = tmp_path / "guided"
    made(out, Bent(faithful), "teacher.guidance=plan", rows=4)
    rows = list(read_rows(out))
    assert {row.teacher for row in rows} == {"server:scripted, guided"}
    assert "this conversation is to go like this" not in "".join(message.content for row in rows for message in row.messages)


def test_other_words_or_models_make_another_corpus_and_another_address_does_not(reference: Path, tmp_path: Path) -> None:
    engine = Bent(faithful)
    with pytest.raises(BadInput, match="teacher"):
        made(reference, engine, "teacher=server:http://localhost:1/v1#another")
    moved = made(reference, engine, "teacher=server:https://elsewhere.example/v1#scripted", "teacher.concurrency=3")
    assert moved.already_done


def test_a_dry_run_estimates_what_is_then_asked(reference: Path) -> None:
    asks = preview(recipe_of("teacher.price={input: 1, output: 2}"), rows=ROWS).asks
    assert asks is not None
    paid = ledger_of(reference)["usage"]["paid"]
    assert asks.requests == pytest.approx(sum(entry["requests"] for entry in paid), rel=0.15)
    assert asks.tokens_out == pytest.approx(sum(entry["tokens_out"] for entry in paid), rel=0.5)
    assert asks.cost is not None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (("teacher=sever:http://localhost:1/v1#m",), "did you mean 'server'"),
        (("teacher=server:localhost:1/v1#m",), "no address"),
        (("teacher=server:http://localhost:1/v1",), "names no model"),
        (("teacher=server:http://me:secret@localhost:1/v1#m",), "holds no key"),
        (('teacher="local:"',), "names no model"),
        (("teacher.user=simulator",), "cannot speak with"),
        (("teacher=simulator", "teacher.judge={least: 3}"), "nothing to judge"),
    ],
)
def test_a_teacher_that_cannot_be(tmp_path: Path, changes: tuple[str, ...], message: str) -> None:
    with pytest.raises(BadInput) as error:
        made(tmp_path / "c", Bent(faithful), *changes)
    assert message in str(error.value)
    assert not (tmp_path / "c").exists()


async def _order_of(ranks: list[int]) -> list[int]:
    """In which order these get the one place, once whoever has it leaves."""
    places, got, leave = Places(1), list[int](), asyncio.Event()

    async def hold() -> None:
        async with places.taken(0):
            await leave.wait()

    async def wait(rank: int) -> None:
        async with places.taken(rank):
            got.append(rank)

    tasks = [asyncio.create_task(hold()), *(asyncio.create_task(wait(rank)) for rank in ranks)]
    await asyncio.sleep(0)
    leave.set()
    await asyncio.gather(*tasks)
    return got


@given(ranks=st.lists(st.integers(0, 9), max_size=12))
def test_the_lowest_slot_is_first_in_line(ranks: list[int]) -> None:
    assert asyncio.run(_order_of(ranks)) == sorted(ranks)


def test_a_place_that_is_given_to_somebody_who_has_gone_is_not_lost() -> None:
    async def scene() -> bool:
        places = Places(1)
        leave = asyncio.Event()

        async def hold() -> None:
            async with places.taken(0):
                await leave.wait()

        async def want() -> None:
            async with places.taken(1):
                pass

        holding, gone = asyncio.create_task(hold()), asyncio.create_task(want())
        await asyncio.sleep(0)
        leave.set()
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.gather(holding, gone, return_exceptions=True)
        await asyncio.wait_for(want(), 1)
        return True

    assert asyncio.run(scene())


@pytest.mark.parametrize(
    ("teacher", "package", "extra"),
    [
        ("server:http://127.0.0.1:9/v1#m", "aiohttp", "server"),
        ("local:some/model", "torch", "gpu"),
        ("vllm:some/model", "vllm", "vllm"),
    ],
)
def test_a_missing_package_is_named_with_what_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, teacher: str, package: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(BadInput) as error:
        synthesize(recipe_of(f"teacher={teacher}"), tmp_path / "c", rows=2, workers=1, shard=None, progress=Silent())
    assert repr(package) in str(error.value)
    assert f"pip install 'fcgen[{extra}]'" in str(error.value)


# -- the envelope

TOOL = tool_schema(
    {
        "type": "function",
        "function": {
            "name": "move",
            "parameters": {
                "type": "object",
                "properties": {"to": {"$ref": "#/$defs/place"}, "fast": {"type": "boolean"}, "note": {"type": ["string", "null"]}},
                "required": ["to"],
                "additionalProperties": False,
                "$defs": {"place": {"enum": ["here", "there"]}},
            },
        },
    }
)


def test_the_schema_of_a_turn_takes_calls_of_offered_tools_only() -> None:
    check = validator("turn", assistant_schema([TOOL]))
    call = {"name": "move", "arguments": {"to": "here"}}
    assert check.is_valid({"thought": "", "text": "", "calls": [call]})
    assert not check.is_valid({"thought": "", "text": "", "calls": [{"name": "move", "arguments": {"to": "nowhere"}}]})
    assert not check.is_valid({"thought": "", "text": "", "calls": [call | {"name": "fly"}]})
    assert not validator("turn", assistant_schema([])).is_valid({"thought": "", "text": "", "calls": [call]})


def test_null_that_means_left_out_is_left_out() -> None:
    text = '{"thought": "", "text": "", "calls": [{"name": "move", "arguments": {"to": "here", "fast": null, "note": null}}]}'
    assert read_assistant(text, {"move": TOOL}).calls == (("move", {"to": "here", "note": None}),)


@pytest.mark.parametrize("text", ['{"text": "Hi", "done": false}', '```json\n{"text": "Hi", "done": false}\n```', "Hi"])
def test_a_user_may_say_it_in_several_ways(text: str) -> None:
    assert read_user(text).text == "Hi"


@pytest.mark.parametrize("text", ["", '{"text": 3}', '{"text": "Hi"', "[1]{"])
def test_what_a_user_cannot_say(text: str) -> None:
    with pytest.raises(Unreadable):
        read_user(text)
