"""The engine that runs a model in this process says, token for token, what ``generate`` of transformers says."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tiny_models import build_model

from gen.errors import BadInput, OutsideFailed
from gen.teachers.envelope import assistant_schema, user_schema
from gen.teachers.request import ChatMessage, Completion, Request, Sampling
from gen.tools.schema import read_tools
from gen.tools.validation import Validator

torch = pytest.importorskip("torch")
pytest.importorskip("llguidance")

from gen.teachers.engines.chat import Chat, alternating, merge_system  # noqa: E402 -- these need torch
from gen.teachers.engines.loading import Loaded, load  # noqa: E402
from gen.teachers.engines.local import LocalEngine  # noqa: E402
from gen.teachers.engines.sampling import draw, forbid  # noqa: E402
from gen.teachers.engines.slots import cache_name  # noqa: E402
from gen.teachers.engines.vllm import VllmEngine  # noqa: E402

PAYMENTS = Path(__file__).resolve().parents[1] / "schemas" / "payments" / "tools.json"

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # libraries below us


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Loaded]:
    """Each tiny model, built and loaded once."""
    known: dict[str, Loaded] = {}

    def model(kind: str) -> Loaded:
        if kind not in known:
            known[kind] = load(str(build_model(tmp_path_factory.mktemp("models") / kind, kind)))
        return known[kind]

    return model


def asked(loaded: Loaded, requests: list[Request], **options: Any) -> tuple[list[Completion], dict[str, float]]:
    """What a fresh engine answers to requests that are all asked at once."""

    async def main() -> tuple[list[Completion], dict[str, float]]:
        engine = LocalEngine("tiny", loaded=loaded, **options)
        try:
            found = await asyncio.gather(*[engine.complete(request) for request in requests])
            return list(found), engine.statistics()
        finally:
            await engine.close()

    return asyncio.run(main())


def request(text: str, *, tokens: int = 24, temperature: float = 0.0, seed: int = 1, **others: Any) -> Request:
    fields: dict[str, Any] = {"messages": (("user", text),), "schema": None, "view": "", **others}
    return Request("tiny", sampling=Sampling(temperature, 0.9, tokens), seed=seed, **fields)


def generated(loaded: Loaded, messages: tuple[ChatMessage, ...], tokens: int) -> list[int]:
    """What transformers generates, greedily, for this chat alone."""
    prompt = torch.tensor([Chat(loaded.tokenizer, "tiny").tokens(messages)])
    with torch.inference_mode():
        out = loaded.model.generate(
            prompt, attention_mask=torch.ones_like(prompt), do_sample=False, max_new_tokens=tokens, eos_token_id=list(loaded.ends)
        )
    return [int(token) for token in out[0, prompt.shape[1] :]]


def said(loaded: Loaded, tokens: list[int]) -> str:
    return str(loaded.tokenizer.decode([token for token in tokens if token not in loaded.ends], skip_special_tokens=True))


WORDS = "payment customer refund number status which day and how much was it please the account of our travel booking order".split()


def prompts(count: int) -> list[str]:
    """Texts of many lengths: some shorter than a sliding window, some much longer."""
    return [" ".join(WORDS[(number * 7 + place) % len(WORDS)] for place in range(1 + number * number % 97)) for number in range(count)]


@pytest.mark.parametrize("kind", ["gemma2", "gemma3", "llama"])
def test_mixed_lengths_and_refilled_slots_say_what_generate_says(kind: str, models: Callable[[str], Loaded]) -> None:
    loaded = models(kind)
    requests = [request(text, tokens=5 + number * 5 % 31) for number, text in enumerate(prompts(11))]
    found, statistics = asked(loaded, requests, slots=3)
    for one, completion in zip(requests, found, strict=True):
        expected = generated(loaded, one.messages, one.sampling.max_tokens)
        assert completion.text == said(loaded, expected)
        assert completion.tokens_out == len(expected)
        assert completion.finish == ("stop" if expected[-1] in loaded.ends else "length")
    assert len({completion.text for completion in found}) > 5  # the models do not say the same to everybody
    assert statistics["occupancy"] > 0.6


@pytest.mark.parametrize("kind", ["gemma2", "gemma3", "llama"])
@pytest.mark.parametrize("slots", [4, 1])
def test_a_chat_that_goes_on_computes_what_is_new(kind: str, slots: int, models: Callable[[str], Loaded]) -> None:
    """With one slot, the chats take turns in it and wait in memory."""
    loaded = models(kind)

    async def main() -> None:
        engine = LocalEngine("tiny", loaded=loaded, slots=slots)
        chats: list[tuple[ChatMessage, ...]] = [(("user", text),) for text in prompts(9)[6:]]
        try:
            for turn in range(3):
                asks = [request("", messages=chat, view=f"view {number}", tokens=9, seed=turn) for number, chat in enumerate(chats)]
                found = await asyncio.gather(*[engine.complete(ask) for ask in asks])
                for number, (ask, completion) in enumerate(zip(asks, found, strict=True)):
                    assert completion.text == said(loaded, generated(loaded, ask.messages, 9))
                    new = completion.tokens_in - completion.tokens_cached
                    assert completion.tokens_cached == 0 if turn == 0 else new < completion.tokens_in / 2
                    chats[number] = (*ask.messages, ("assistant", completion.text), ("user", "and what of the other one"))
        finally:
            await engine.close()

    asyncio.run(main())


def test_a_chat_that_is_forgotten_is_computed_anew(models: Callable[[str], Loaded]) -> None:
    async def main() -> list[int]:
        engine = LocalEngine("tiny", loaded=models("llama"), slots=2)
        first = await engine.complete(request("hello there", view="v"))
        again = await engine.complete(request("hello there", view="v"))
        engine.forget("v")
        anew = await engine.complete(request("hello there", view="v"))
        await engine.close()
        assert first.text == again.text == anew.text
        return [first.tokens_cached, again.tokens_cached, anew.tokens_cached]

    first, again, anew = asyncio.run(main())
    assert first == anew == 0
    assert again > 5


@pytest.mark.parametrize("schema", [None, user_schema()])
def test_what_a_seed_says_does_not_depend_on_the_company(schema: Any, models: Callable[[str], Loaded]) -> None:
    loaded = models("gemma2")
    requests = [request(text, temperature=1.0, seed=number, tokens=40, schema=schema) for number, text in enumerate(prompts(7))]
    together, _ = asked(loaded, requests, slots=4)
    alone = [asked(loaded, [one], slots=1)[0][0] for one in requests[:3]]
    assert [one.text for one in alone] == [one.text for one in together[:3]]
    others, _ = asked(loaded, [request("hello", temperature=1.0, seed=seed) for seed in range(6)], slots=6)
    assert len({one.text for one in others}) == 6


def test_two_hundred_turns_of_weights_by_chance_fit_their_schema(models: Callable[[str], Loaded]) -> None:
    """Whatever a model without any training says: a whole JSON text, and calls that the tools' own schemas let through."""
    tools = list(read_tools(PAYMENTS).values())
    schemas = [assistant_schema(tools[first : first + 6]) for first in (0, 6, 12)] + [assistant_schema([]), user_schema()]
    validators = [Validator(schema) for schema in schemas]
    for kind in ("gemma2", "llama"):
        requests = [
            request(f"turn {number}", temperature=1.2, seed=number, tokens=240 + number % 3 * 90, schema=schemas[number % 5])
            for number in range(100)
        ]
        found, _ = asked(models(kind), requests, slots=25)
        turns = [json.loads(completion.text) for completion in found]
        for number, turn in enumerate(turns):
            assert validators[number % 5].is_valid(turn), (validators[number % 5].errors(turn), turn)
        assert sum(len(turn.get("calls", ())) for turn in turns) > 10
        assert {completion.finish for completion in found} == {"stop", "length"}
        assert not any("<end_of_turn>" in completion.text or "<eos>" in completion.text for completion in found)


# -- what goes wrong


def test_out_of_memory_lowers_the_slots_and_goes_on(models: Callable[[str], Loaded], monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = models("llama")
    requests = [request(text, temperature=1.0, seed=number) for number, text in enumerate(prompts(6))]
    expected, _ = asked(loaded, requests, slots=4)
    forward, steps = type(loaded.model).forward, iter(range(1000))

    def short_of_memory(self: Any, *args: Any, **options: Any) -> Any:
        if options["input_ids"].shape[0] > 2 and next(steps) >= 5:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")
        return forward(self, *args, **options)

    monkeypatch.setattr(type(loaded.model), "forward", short_of_memory)
    notes: list[str] = []
    found, statistics = asked(loaded, requests, slots=4, note=notes.append)
    assert [one.text for one in found] == [one.text for one in expected]
    assert notes == ["memory ran out: 2 slots from here on"]
    assert statistics["slots"] == 2


def test_no_memory_for_one_turn_is_said(models: Callable[[str], Loaded], monkeypatch: pytest.MonkeyPatch) -> None:
    def no_memory(*_: Any, **__: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(type(models("llama").model), "forward", no_memory)
    with pytest.raises(OutsideFailed, match="does not suffice for one turn"):
        asked(models("llama"), [request("hello")], slots=2)


def test_a_chat_that_is_too_long_is_refused_with_numbers(models: Callable[[str], Loaded]) -> None:
    with pytest.raises(BadInput, match=r"the chat has \d+ tokens, and tiny reads 4096"):
        asked(models("llama"), [request("word " * 9000)])


def test_too_few_tokens_for_the_schema_are_refused_and_the_others_served(models: Callable[[str], Loaded]) -> None:
    schema = assistant_schema(list(read_tools(PAYMENTS).values()))

    async def main() -> None:
        engine = LocalEngine("tiny", loaded=models("llama"), slots=2)
        few, good = await asyncio.gather(
            engine.complete(request("hello", schema=schema, tokens=40)), engine.complete(request("hello")), return_exceptions=True
        )
        await engine.close()
        assert isinstance(few, BadInput) and "raise max_tokens to" in few.hint
        assert isinstance(good, Completion)

    asyncio.run(main())


def test_an_engine_that_is_closed_ends_what_is_in_flight(models: Callable[[str], Loaded]) -> None:
    async def main() -> None:
        engine = LocalEngine("tiny", loaded=models("gemma2"), slots=2)
        tasks = [asyncio.create_task(engine.complete(request("hello", tokens=2000, temperature=1.0, seed=n))) for n in range(5)]
        await asyncio.sleep(0.2)
        tasks[0].cancel()
        await engine.close()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(outcomes[0], asyncio.CancelledError)
        assert all(isinstance(outcome, Completion | OutsideFailed) for outcome in outcomes[1:])
        assert any(isinstance(outcome, OutsideFailed) for outcome in outcomes)
        with pytest.raises(OutsideFailed, match="has ended"):
            await engine.complete(request("hello"))

    asyncio.run(main())
    assert not [thread for thread in threading.enumerate() if thread.name == "fcgen-local-engine"]


def test_a_fault_in_the_model_reaches_who_asked(models: Callable[[str], Loaded], monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    monkeypatch.setattr(type(models("llama").model), "forward", broken)
    with pytest.raises(RuntimeError, match="illegal memory access"):
        asked(models("llama"), [request("hello")])


# -- chats and models


def test_a_template_without_system_gets_it_in_the_first_message(models: Callable[[str], Loaded]) -> None:
    messages = (("system", "Be brief."), ("user", "hello"), ("assistant", "hi"), ("user", "bye"))
    gemma, llama = models("gemma2").tokenizer, models("llama").tokenizer
    text = gemma.decode(Chat(gemma, "gemma").tokens(messages))
    assert text == (
        "<bos><start_of_turn>user\nBe brief.\n\nhello<end_of_turn>\n<start_of_turn>model\nhi<end_of_turn>\n"
        "<start_of_turn>user\nbye<end_of_turn>\n<start_of_turn>model\n"
    )
    assert "<start_of_turn>system\nBe brief.<end_of_turn>" in llama.decode(Chat(llama, "llama").tokens(messages))


def test_messages_of_one_role_in_a_row_are_one_where_the_template_wants_it(models: Callable[[str], Loaded]) -> None:
    tokenizer = models("gemma2").tokenizer
    text = tokenizer.decode(Chat(tokenizer, "gemma").tokens((("user", "a"), ("user", "b"))))
    assert "<start_of_turn>user\na\n\nb<end_of_turn>" in text
    with pytest.raises(BadInput, match="refuses the chat"):
        Chat(tokenizer, "gemma").tokens((("assistant", "I begin"),))


def test_merged_chats_only_grow() -> None:
    assert merge_system([("system", "s"), ("assistant", "a")]) == [("user", "s"), ("assistant", "a")]
    assert alternating([("user", "a"), ("user", "b"), ("assistant", "c")]) == [("user", "a\n\nb"), ("assistant", "c")]


def test_a_model_that_was_not_trained_to_talk_is_refused(tmp_path: Path) -> None:
    folder = build_model(tmp_path / "plain", "llama", template=None)
    with pytest.raises(BadInput, match="has no chat template"):
        LocalEngine(str(folder))


def test_models_that_are_not_there_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadInput, match="there is no folder"):
        load(str(tmp_path / "nothing"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match=r"cannot be loaded|there is no model"):
        load(str(tmp_path / "empty"))
    folder = build_model(tmp_path / "no weights", "llama")
    (folder / "model.safetensors").unlink()
    with pytest.raises(BadInput, match="safetensors"):
        load(str(folder))


def test_a_model_that_does_not_fit_is_refused_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = build_model(tmp_path / "huge", "llama")
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config |= {"hidden_size": 8192, "intermediate_size": 28672, "num_hidden_layers": 80, "num_attention_heads": 64, "head_dim": 128}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(BadInput, match="billion weights and there is no GPU"):
        load(str(folder))


# -- the draw


def test_a_draw_is_the_nucleus_inverted() -> None:
    logits = torch.tensor([[0.5, 0.3, 0.15, 0.05]]).log().repeat(8, 1)
    chance = torch.tensor([0.0, 0.3, 0.52, 0.55, 0.7, 0.85, 0.97, 0.999999])
    drawn = draw(logits, torch.ones(8), torch.full((8,), 0.9), chance)
    assert drawn.tolist() == [0, 0, 0, 1, 1, 2, 2, 2]  # 0.95 of the mass: shares 0.53, 0.84, 1
    assert draw(logits, torch.ones(8), torch.ones(8), chance).tolist() == [0, 0, 1, 1, 1, 2, 3, 3]
    assert draw(logits, torch.zeros(8), torch.ones(8), chance).tolist() == [0] * 8


def test_what_is_forbidden_is_never_drawn() -> None:
    allowed = torch.zeros(2, 2, dtype=torch.int32)
    allowed[0, 1], allowed[1, 0] = 4, -(2**31)
    logits = forbid(torch.zeros(2, 40), allowed)
    for chance in (0.0, 0.5, 0.9999999):
        assert draw(logits, torch.ones(2), torch.ones(2), torch.full((2,), chance)).tolist() == [34, 31]


# -- vLLM


@pytest.mark.skipif(importlib.util.find_spec("vllm") is not None, reason="vLLM is here")
def test_the_cache_goes_by_the_name_that_the_model_gives_it() -> None:
    """Both names that transformers 5 has had, and a model that peft wraps, whose own signature tells nothing."""

    class Old:
        def forward(self, input_ids: Any, past_key_values: Any = None, **more: Any) -> None: ...

    class New:
        def forward(self, input_ids: Any, cache: Any = None, **more: Any) -> None: ...

    class Wrapped:
        def forward(self, *args: Any, **more: Any) -> None: ...
        def get_base_model(self) -> New:
            return New()

    assert [cache_name(model) for model in (Old(), New(), Wrapped())] == ["past_key_values", "cache", "cache"]


def test_vllm_that_is_not_installed_is_named() -> None:
    with pytest.raises(BadInput, match="needs the package 'vllm'") as missing:
        VllmEngine("Qwen/Qwen3-32B")
    assert missing.value.hint == "pip install 'fcgen[vllm]'"
