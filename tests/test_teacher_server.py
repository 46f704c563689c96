"""A server as teacher: every way in which one fails ends in the same completions, or in an error that says what to do."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Callable, Iterator
from email.utils import formatdate
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from model_server import CONTENT, FAULTS, Faults, Json, ModelServer

from gen.errors import BadInput, FcgenError, OutsideFailed
from gen.teachers.engines.server import ServerEngine
from gen.teachers.engines.server_asking import Patience
from gen.teachers.engines.server_http import seconds_of
from gen.teachers.engines.server_known import INSTRUCTION, Tier
from gen.teachers.engines.server_pace import Pace
from gen.teachers.engines.server_refusal import too_long
from gen.teachers.engines.server_reply import Broken, Reply, Said, said, whole
from gen.teachers.envelope import user_schema
from gen.teachers.naming import teacher_name
from gen.teachers.request import Completion, Request, Sampling

QUICK = Patience(tries=12, first_wait=0.005, longest_wait=0.05, overload=10.0, timeout=10.0)

OPTIONAL = {
    "type": "object",
    "properties": {"text": {"type": "string"}, "limit": {"type": "integer"}},
    "required": ["text"],
    "additionalProperties": False,
}


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FCGEN_API_KEY", "OPENAI_API_KEY", *(name for name in os.environ if name.lower().endswith("_proxy"))):
        monkeypatch.delenv(name, raising=False)


def request(number: int = 0, *, schema: Json | None = None, system: str = "Be kind.") -> Request:
    return Request("tiny", (("system", system), ("user", f"question {number}")), schema, Sampling(), seed=number)


PLAIN = Request("tiny", (("user", "hello"),), None, Sampling(), seed=0)
"""Without a system message, which a server may refuse by a bare 500: then it would be tried without."""


def backwards(asked: Json) -> str:
    """A turn that follows from what was asked."""
    return json.dumps({"text": asked["messages"][-1]["content"][::-1], "done": False})


def turn(number: int) -> str:
    return json.dumps({"text": f"question {number}"[::-1], "done": False})


def engine_for(server: ModelServer, *, concurrency: int = 32, model: str = "tiny", tier: Tier | None = None, **more: Any) -> ServerEngine:
    patience = more.pop("patience", QUICK)
    return ServerEngine(teacher_name(f"server:{server.address}#{model}"), concurrency=concurrency, tier=tier, patience=patience)


def ask(engine: ServerEngine, *requests: Request) -> list[Completion]:
    """All at a time."""

    async def asked() -> list[Completion]:
        try:
            return await asyncio.gather(*[engine.complete(one) for one in requests])
        finally:
            await engine.close()

    return asyncio.run(asked())


def refused(engine: ServerEngine, kind: type[FcgenError], *requests: Request) -> str:
    with pytest.raises(kind) as caught:
        ask(engine, *(requests or (request(),)))
    return str(caught.value)


# -- what is sent and what comes back


def test_only_what_all_servers_know_is_sent() -> None:
    with ModelServer(lambda _: "hello") as server:
        (completion,) = ask(engine_for(server), request(7))
    assert (completion.text, completion.finish, completion.tokens_in, completion.tokens_out, completion.tokens_cached) == (
        "hello",
        "stop",
        4,
        1,
        2,
    )
    (body,) = server.bodies
    assert body == {
        "model": "tiny",
        "messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "question 7"}],
        "max_tokens": 768,
        "temperature": 0.8,
        "top_p": 0.95,
        "seed": 7,
    }
    assert "Authorization" not in server.headers[0]


def test_an_answer_may_take_its_time_and_be_cut_by_the_model() -> None:
    async def slowly(_: Json) -> str:
        await asyncio.sleep(0.01)
        return "late"

    with ModelServer(slowly) as server:
        assert ask(engine_for(server), request())[0].text == "late"


# -- the key


@pytest.mark.parametrize("name", ["FCGEN_API_KEY", "OPENAI_API_KEY"])
def test_the_key_comes_from_the_environment(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "sk-test-0123456789")
    with ModelServer(lambda _: "hello", key="sk-test-0123456789") as server:
        assert ask(engine_for(server), request())[0].text == "hello"


def test_a_key_that_is_missing_or_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    with ModelServer(lambda _: "hello", key="sk-test-0123456789") as server:
        assert "export FCGEN_API_KEY" in refused(engine_for(server), OutsideFailed)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-wrong-9876543210")
        told = refused(engine_for(server), OutsideFailed)
    assert "OPENAI_API_KEY" in told
    assert "sk-wrong-9876543210" not in told  # the server says it in its error
    assert server.requests == 2


# -- faults


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_borne(fault: str) -> None:
    faults = Faults(seed=1, rate=0.5, kinds=[fault])
    with ModelServer(backwards, enforces=("json_schema",), faults=faults) as server:
        completions = ask(engine_for(server), *(request(number, schema=user_schema()) for number in range(24)))
    assert faults.happened[fault] >= 5
    assert [completion.text for completion in completions] == [turn(number) for number in range(24)]


@pytest.mark.parametrize("seed", range(3))
def test_all_faults_together_change_no_completion(seed: int) -> None:
    faults = Faults(seed=seed, rate=0.4)
    with ModelServer(backwards, enforces=("json_schema",), faults=faults, at_most=24) as server:
        engine = engine_for(server)
        completions = ask(engine, *(request(number, schema=user_schema()) for number in range(100)))
    assert len(faults.happened) >= 12
    assert [completion.text for completion in completions] == [turn(number) for number in range(100)]
    assert engine.tier == "json_schema"
    assert server.most_in_flight <= 32


def test_faults_are_counted_by_what_they_are() -> None:
    counts = []
    for fault in ("truncated body", "cut body", "garbage", "502 page", "empty text"):
        with ModelServer(lambda _: "hello", faults=Faults(seed=2, rate=1.0, kinds=[fault], most=1)) as server:
            engine = engine_for(server)
            ask(engine, request())
            counts += [name for name in engine.counts if name not in ("requests", "tokens wasted")]
    assert counts == ["cut reply", "cut reply", "garbage", "HTTP 502", "strange completion"]


def test_a_server_that_goes_on_failing_is_given_up() -> None:
    with ModelServer(lambda _: "hello", faults=Faults(seed=0, rate=1.0, kinds=["500"], most=1000)) as server:
        told = refused(engine_for(server), OutsideFailed, PLAIN)
    assert server.requests == QUICK.tries_at_first
    assert server.address in told
    assert "HTTP 500" in told
    assert "run the same command again" in told


def test_a_server_that_is_down() -> None:
    with ModelServer(lambda _: "hello") as server:
        pass
    told = refused(engine_for(server), OutsideFailed)
    assert "is the server running" in told
    assert OutsideFailed.exit_code == 3


def test_a_slow_server_is_given_up_by_our_clock() -> None:
    patience = Patience(tries_at_first=2, first_wait=0.01, timeout=0.1)
    with ModelServer(lambda _: "hello", latency=5.0) as server:
        told = refused(engine_for(server, patience=patience), OutsideFailed)
    assert "no reply within 0.1 s" in told


def test_waiting_for_ever_is_no_option() -> None:
    def far(_: Json) -> str:
        raise web.HTTPTooManyRequests(headers={"Retry-After": "86400"})

    with ModelServer(far) as server:
        assert "86,400 s" in refused(engine_for(server), OutsideFailed)
    assert server.requests == 1


def test_an_empty_account_is_not_waited_for() -> None:
    def broke(_: Json) -> str:
        raise web.HTTPTooManyRequests(text=json.dumps({"error": {"message": "You exceeded your quota", "code": "insufficient_quota"}}))

    with ModelServer(broke) as server:
        assert "account" in refused(engine_for(server), OutsideFailed)
    assert server.requests == 1


def test_a_model_that_says_nothing_is_believed_in_the_end() -> None:
    with ModelServer(lambda _: "") as server:
        assert ask(engine_for(server), request())[0].text == ""
    assert server.requests == 3


def test_a_text_that_does_not_fit_is_for_the_caller_to_judge() -> None:
    with ModelServer(lambda _: '{"other": 1}') as server:
        assert ask(engine_for(server, tier="json_schema"), request(schema=user_schema()))[0].text == '{"other": 1}'
    assert server.requests == 1


@given(st.integers(0, 10**6))
def test_retry_after_as_seconds_or_date(seconds: int) -> None:
    now = 1_700_000_000.0
    assert seconds_of(str(seconds), now) == seconds
    assert seconds_of(formatdate(now + seconds, usegmt=True), now) == seconds
    assert seconds_of(formatdate(now - seconds, usegmt=True), now) == 0
    assert seconds_of("soon", now) == seconds_of("", now) == 0


# -- replies


def reply(content: Any, **more: Any) -> Reply:
    return Reply(200, json.dumps({"choices": [{"message": {"content": content}, **more}]}).encode())


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("Ça va 🎉 שלום", "Ça va 🎉 שלום"),
        ("half \ud83c", "half \ufffd"),
        ("\ud83c\udf89", "🎉"),
        ([{"type": "text", "text": "two "}, {"type": "text", "text": "parts"}], "two parts"),
        (None, ""),
    ],
)
def test_texts_of_all_kinds(content: Any, text: str) -> None:
    heard = said(reply(content))
    assert isinstance(heard, Said)
    assert heard.text == text
    heard.text.encode()


def test_what_ran_out_of_tokens_says_so() -> None:
    heard = said(reply('{"text": "half', finish_reason="length"))
    assert isinstance(heard, Said) and heard.finish == "length"


@given(st.text(), st.integers(1, 40))
def test_a_reply_that_was_cut_is_called_cut(text: str, missing: int) -> None:
    body = reply(text).body
    broken = said(Reply(200, body[: max(1, len(body) - missing)]))
    assert isinstance(broken, Broken)
    assert broken.kind in ("cut reply", "garbage")  # cut right behind an inner brace, it is no reply of ours either
    assert "JSON" not in broken.reason or broken.kind == "garbage"


@given(st.text(st.characters(codec=None)))
def test_texts_can_be_written(text: str) -> None:
    assert whole(text).encode()[:0] == b""
    assert whole(whole(text)) == whole(text)


# -- refusals


@pytest.mark.parametrize("status", [400, 422])
@pytest.mark.parametrize("name", ["seed", "top_p", "temperature"])
def test_a_field_that_is_refused_is_left_out_from_then_on(name: str, status: int) -> None:
    with ModelServer(lambda _: "hello", refuses={name: status}) as server:
        engine = engine_for(server)
        completions = ask(engine, *map(request, range(40)))
    assert {completion.text for completion in completions} == {"hello"}
    assert sum(name in body for body in server.bodies) <= 16  # those that were under way
    assert any(name in note for note in engine.notes)
    with ModelServer(lambda _: "hello") as other:
        ask(engine_for(other), request())
    assert name in other.bodies[0]


def test_max_completion_tokens_where_max_tokens_is_refused() -> None:
    with ModelServer(lambda _: "hello", refuses={"max_tokens": 400}) as server:
        assert ask(engine_for(server), request())[0].text == "hello"
    assert server.bodies[-1]["max_completion_tokens"] == 768


def test_a_server_without_system_messages() -> None:
    with ModelServer(lambda _: "hello", system_role=False) as server:
        engine = engine_for(server)
        assert ask(engine, request(1))[0].text == "hello"
    assert server.bodies[-1]["messages"] == [{"role": "user", "content": "Be kind.\n\nquestion 1"}]
    assert any("system" in note for note in engine.notes)


def test_a_server_that_refuses_system_messages_without_a_word() -> None:
    def template(asked: Json) -> str:
        if asked["messages"][0]["role"] == "system":
            raise web.HTTPInternalServerError
        return "hello"

    with ModelServer(template) as server:
        assert ask(engine_for(server), request(1))[0].text == "hello"
    assert server.bodies[-1]["messages"] == [{"role": "user", "content": "Be kind.\n\nquestion 1"}]


def test_a_prompt_that_is_too_long_says_the_numbers() -> None:
    with ModelServer(lambda _: "hello", context=50) as server:
        told = refused(engine_for(server), BadInput, request(system="word " * 80))
    assert "50" in told and "82" in told
    assert server.requests == 1


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"code": 400, "message": "request (4100) exceeds", "type": "exceed_context_size_error", "n_prompt_tokens": 4100}},
        {"error": {"message": "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens", "code": 400}},
        {"object": "error", "message": "The input (5000 tokens) is longer than the model's context length (4096 tokens).", "code": 400},
    ],
)
def test_servers_say_too_long_in_many_words(body: Json) -> None:
    assert too_long(Reply(400, json.dumps(body).encode()))


def test_an_unknown_model_names_those_that_are_there() -> None:
    with ModelServer(lambda _: "hello", models=("gemma-3-27b", "other")) as server:
        told = refused(engine_for(server, model="gema-3-27b"), OutsideFailed)
    assert "gemma-3-27b, other" in told
    assert "did you mean 'gemma-3-27b'?" in told


def test_an_address_without_its_path() -> None:
    with ModelServer(lambda _: "hello") as server:
        engine = ServerEngine(teacher_name(f"server:http://127.0.0.1:{server.port}#tiny"), patience=QUICK)
        assert "/v1#tiny" in refused(engine, OutsideFailed)


def test_another_refusal_is_told_as_it_is() -> None:
    def no(_: Json) -> str:
        raise web.HTTPBadRequest(text=json.dumps({"error": {"message": "no such thing"}}))

    with ModelServer(no) as server:
        assert "no such thing" in refused(engine_for(server), BadInput, PLAIN)
    assert server.requests == 1


# -- schemas


@pytest.mark.parametrize(
    ("enforces", "tier"),
    [
        (("json_schema", "json_object"), "json_schema"),
        (("json_object", "structured_outputs"), "json_object"),
        (("structured_outputs",), "structured_outputs"),
        ((), "free"),
    ],
)
def test_the_way_of_sending_schemas_is_found(enforces: tuple[str, ...], tier: str) -> None:
    """Once for all requests, and for all engines of the process."""
    with ModelServer(backwards, enforces=enforces) as server:
        engine = engine_for(server)
        completions = ask(engine, *(request(number, schema=user_schema()) for number in range(12)))
        asked = server.requests
        ask(engine_for(server), request(schema=user_schema()))
    assert [completion.text for completion in completions] == [turn(number) for number in range(12)]
    assert engine.tier == tier
    assert asked <= 12 + 9
    assert server.requests == asked + 1
    last = server.bodies[-1]
    assert ("response_format" in last) == (tier in ("json_schema", "json_object"))
    assert ("structured_outputs" in last) == (tier == "structured_outputs")
    assert (last["messages"][0]["content"].startswith("Be kind.\n\n" + INSTRUCTION[:30])) == (tier == "free")


def test_a_way_that_is_refused_with_an_error_is_passed_over() -> None:
    with ModelServer(backwards, enforces=("json_object",), refuses={"json_schema": 500}) as server:
        engine = engine_for(server)
        ask(engine, request(schema=user_schema()))
    assert engine.tier == "json_object"


def test_a_way_that_was_handed_in_is_not_looked_for() -> None:
    with ModelServer(backwards, enforces=("structured_outputs",)) as server:
        ask(engine_for(server, tier="structured_outputs"), request(schema=user_schema()))
    assert server.requests == 1
    with pytest.raises(BadInput, match="did you mean 'json_schema'"):
        engine_for(server, tier="jsonschema")  # type: ignore[arg-type]


def test_a_way_that_was_handed_in_and_is_refused_is_replaced() -> None:
    with ModelServer(backwards, enforces=("json_schema",), refuses={"structured_outputs": 422}) as server:
        engine = engine_for(server, tier="structured_outputs")
        completions = ask(engine, *(request(number, schema=user_schema()) for number in range(20)))
    assert engine.tier == "json_schema"
    assert [completion.text for completion in completions] == [turn(number) for number in range(20)]


def test_schemas_are_tightened_before_they_are_sent() -> None:
    with ModelServer(backwards, enforces=("json_schema",)) as server:
        ask(engine_for(server), request(schema=OPTIONAL))
    sent = server.bodies[-1]["response_format"]["json_schema"]
    assert sent["strict"] is True
    assert sent["schema"]["properties"]["text"]["maxLength"] > 0


def test_the_strict_profile_where_the_plain_one_is_refused() -> None:
    def answer(_: Json) -> str:
        return '{"text": "x", "limit": null}'

    with ModelServer(answer, enforces=("json_schema",), strict_only=True) as server:
        engine = engine_for(server)
        (completion,) = ask(engine, request(schema=OPTIONAL))
        ask(engine_for(server), request(schema=user_schema()))
    assert completion.text == answer({})
    assert any("strict profile" in note for note in engine.notes)
    assert server.statuses[400] == 1  # the second schema goes in the strict profile at once


# -- pace


def test_never_more_in_flight_than_allowed() -> None:
    with ModelServer(lambda _: "hello", latency=0.005) as server:
        ask(engine_for(server, concurrency=5), *map(request, range(60)))
    assert 2 <= server.most_in_flight <= 5


def test_the_window_opens_to_what_was_asked_for() -> None:
    with ModelServer(lambda _: "hello", latency=0.05) as server:
        ask(engine_for(server, concurrency=48), *map(request, range(300)))
    assert 16 < server.most_in_flight <= 48


def test_a_server_that_bears_less_is_asked_less() -> None:
    with ModelServer(lambda _: "hello", latency=0.01, at_most=4) as server:
        engine = engine_for(server, concurrency=64)
        completions = ask(engine, *map(request, range(200)))
    assert {completion.text for completion in completions} == {"hello"}
    assert server.statuses[429] < 150


def run_pace(scene: Callable[[Pace], Any], most: int = 64) -> Any:
    async def run() -> Any:
        pace = Pace(most)
        try:
            return await scene(pace)
        finally:
            pace.close()

    return asyncio.run(run())


def test_the_window_halves_once_a_round_and_recovers() -> None:
    async def scene(pace: Pace) -> list[float]:
        rounds = [await pace.enter() for _ in range(16)]
        seen = []
        for left_in in rounds:
            pace.complained(left_in)
            pace.leave()
            seen.append(pace.window)
        for _ in range(2000):
            pace.praised()
        return [*seen, pace.window]

    assert run_pace(scene) == [8.0] * 16 + [pytest.approx(63.4, abs=0.7)]


def test_nobody_enters_while_the_server_asks_to_be_left_alone() -> None:
    async def scene(pace: Pace) -> float:
        left_in = await pace.enter()
        begun = time.monotonic()
        pace.complained(left_in, wait=0.1)
        pace.leave()
        await asyncio.gather(pace.enter(), pace.enter())
        return time.monotonic() - begun

    assert run_pace(scene) >= 0.09


@given(st.lists(st.sampled_from(["enter", "leave", "cancel", "praise", "complain"]), max_size=80), st.integers(1, 6))
def test_places_are_neither_lost_nor_given_twice(steps: list[str], most: int) -> None:
    async def scene(pace: Pace) -> None:
        tasks: list[asyncio.Task[int]] = []
        inside = 0
        for step in steps:
            if step == "enter":
                tasks.append(asyncio.create_task(pace.enter()))
            elif step == "leave" and inside:
                pace.leave()
                inside -= 1
            elif step == "cancel" and tasks:
                tasks.pop().cancel()
            elif step == "praise":
                pace.praised()
            elif step == "complain" and inside:
                pace.complained(pace._round)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            inside += len([task for task in tasks if task.done()])
            tasks = [task for task in tasks if not task.done()]
            assert pace.busy == inside <= most
        while tasks or inside:
            if inside:
                pace.leave()
                inside -= 1
            await asyncio.sleep(0)
            inside += len([task for task in tasks if task.done()])
            tasks = [task for task in tasks if not task.done()]
        assert pace.busy == 0

    run_pace(scene, most)


def test_whoever_stops_waiting_takes_nobody_along() -> None:
    """The canary goes on for the others where the one that asked for it is cancelled."""
    with ModelServer(backwards, enforces=("json_schema",), latency=0.05) as server:

        async def scene() -> str:
            engine = engine_for(server)
            first = asyncio.create_task(engine.complete(request(1, schema=user_schema())))
            second = asyncio.create_task(engine.complete(request(2, schema=user_schema())))
            await asyncio.sleep(0.02)
            first.cancel()
            try:
                return (await second).text
            finally:
                await engine.close()

        assert asyncio.run(scene()) == turn(2)


def test_the_kinds_of_faults_are_all_there() -> None:
    assert set(CONTENT) < set(FAULTS)


@pytest.fixture(autouse=True)
def _nothing_learnt_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What one test's server taught is not known of another's that has its port."""
    monkeypatch.setattr("gen.teachers.engines.server_known._KNOWN", {})
    return
