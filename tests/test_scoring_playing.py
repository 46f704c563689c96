"""The corpus played back: a model that knows the rows by heart comes to what the corpus's assistant said, in every template."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from by_heart import ByHeart
from talk import trained_tokenizer

from gen.canonical import canonical_json
from gen.conversation import Conversation, Message, ToolCall
from gen.errors import BadInput
from gen.recipe import load_recipe
from gen.rendering.templates import render, template_named
from gen.scoring.local_speaker import LocalSpeaker
from gen.scoring.outcomes import judge
from gen.scoring.played import Played, as_played
from gen.scoring.playing import play, play_all
from gen.scoring.prompting import Prompter
from gen.scoring.settings import Bounds, History
from gen.scoring.speaking import Said
from gen.scoring.words import as_chat, read_words
from gen.scoring.worlds import Worlds
from gen.synthesis.opening import Workshop, open_workshop
from gen.synthesis.slots import make

DOMAINS = ("payments", "orders", "travel")
SLOTS = 40
PLAYED = ("gemma", "functiongemma", "gemma-4", "qwen3", "llama-3.1")


@cache
def workshop(name: str) -> Workshop:
    return open_workshop(load_recipe(name))


@cache
def rows(name: str) -> tuple[Conversation, ...]:
    made = [make(workshop(name), slot).conversation for slot in range(SLOTS)]
    return tuple(row for row in made if row is not None)


def worlds(name: str) -> Worlds:
    shop = workshop(name)
    return Worlds(shop.context(), {domain: opened.worlds for domain, opened in shop.domains.items()})


def sayable(row: Conversation, template: str) -> bool:
    try:
        render(row, template_named(template))
    except BadInput:
        return False
    return True


def play_by_heart(name: str, template: str, history: History) -> list[tuple[Conversation, Played]]:
    told = [row for row in rows(name) if sayable(row, template)]
    known = template_named(template)
    tokenizer = trained_tokenizer(known.control_tokens)
    places = worlds(name)
    found: list[tuple[Conversation, Played]] = []

    async def main() -> None:
        engine = ByHeart(told, tokenizer, known)
        speaker = LocalSpeaker(Prompter(tokenizer, known), engine, Bounds())

        async def one(row: Conversation) -> Played:
            return await play(row, speaker, places.world(row, history), history=history, bounds=Bounds())

        await play_all(told, one, concurrency=4, played=lambda row, played: found.append((row, played)))
        assert sorted(engine.forgotten) == sorted(row.id for row in told)

    asyncio.run(main())
    return found


def plainly(played: Played) -> Played:
    """With ids that tell the order only, and results with sorted keys: there are formats that say no more."""
    names: dict[str | None, str] = {}

    def plain(message: Message) -> Message:
        for call in message.tool_calls:
            names[call.id] = f"call{len(names):05d}"
        calls = tuple(replace(call, id=names[call.id]) for call in message.tool_calls)
        told = message.tool_call_id
        content = canonical_json(json.loads(message.content)) if message.role == "tool" else message.content
        return replace(message, content=content, tool_calls=calls, tool_call_id=None if told is None else names[told])

    turns = [replace(turn, messages=tuple(map(plain, turn.messages))) for turn in played.turns]
    return replace(played, turns=tuple(turns))


@pytest.mark.parametrize("name", DOMAINS)
@pytest.mark.parametrize(("template", "history"), [*((name, "executed") for name in PLAYED), ("gemma", "gold")])
def test_what_is_known_by_heart_is_played_as_it_was_made(name: str, template: str, history: History) -> None:
    found = play_by_heart(name, template, history)
    assert len(found) > SLOTS // 2
    assert template == "llama-3.1" or {row.scenario for row, _ in found} == {row.scenario for row in rows(name)}
    for row, played in found:
        expected = as_played(template_named(template).express(row))
        assert plainly(played) == plainly(replace(expected, state=expected.state if history == "executed" else ""))
        wrong = [turn.problems for turn in judge(row, played, workshop(name).context()).turns if turn.problems]
        assert not wrong, (row.id, wrong)


# -- a model that errs


class Speaks:
    """A speaker that says these messages, one after another, whatever it is asked."""

    concurrency = 1

    def __init__(self, *said: Message | Said) -> None:
        self._said = iter(said)
        self.asked: list[Conversation] = []

    async def say(self, talk: Conversation, *, view: str, thinks: bool) -> Said:
        self.asked.append(talk)
        said = next(self._said)
        return said if isinstance(said, Said) else Said(said)

    def forget(self, view: str) -> None:
        """Nothing is kept."""

    async def close(self) -> None:
        """Nothing is open."""


def played_by(row: Conversation, speaker: Speaks, history: History = "executed", bounds: Bounds | None = None) -> Played:
    world = worlds("payments").world(row, history)
    return asyncio.run(play(row, speaker, world, history=history, bounds=bounds or Bounds()))


def assistants(row: Conversation) -> list[Message]:
    return [message for message in row.messages if message.role == "assistant"]


def a_write() -> Conversation:
    """A conversation of one turn that ends in another state than it began."""
    writes = workshop("payments").context().domain("payments").writes or frozenset()
    return next(
        row for row in rows("payments") if row.scenario == "single" and any(c.name in writes for m in row.messages for c in m.tool_calls)
    )


def test_a_write_that_differs_ends_in_another_state() -> None:
    row = a_write()
    context = workshop("payments").context()
    right = played_by(row, Speaks(*assistants(row)))
    assert judge(row, right, context).verdicts["end_state"]
    nothing = played_by(row, Speaks(Message("assistant", "Done.")))
    found = judge(row, nothing, context)
    assert not found.verdicts["end_state"] and found.turns[0].verdicts["missed_calls"] and not found.verdicts["success"]
    twice = [message for message in assistants(row) if message.tool_calls]
    other = played_by(row, Speaks(*twice, Message("assistant", "Done.")))
    assert other.state == right.state


def test_a_call_that_was_not_offered_is_refused_and_not_executed() -> None:
    row = a_write()
    offered = {tool["function"]["name"] for tool in row.tools}
    name = next(name for name in workshop("payments").domains["payments"].declaration.tools if name not in offered)
    played = played_by(row, Speaks(Message("assistant", "", tool_calls=(ToolCall("a", name, {}),)), Message("assistant", "Hm.")))
    assert played.turns[0].messages[1].content == f'{{"error": "There is no tool {name}."}}'
    assert not judge(row, played).turns[0].verdicts["schema_valid"]


@pytest.mark.parametrize("arguments", [{"transaction_id": 10**40}, {"transaction_id": "\ud800"}, {"x": None}, {}])
def test_arguments_that_no_database_can_hold_are_an_error_for_the_model(arguments: dict[str, Any]) -> None:
    row = next(row for row in rows("payments") if any(tool["function"]["name"] == "retrieve_payment_status" for tool in row.tools))
    called = Message("assistant", "", tool_calls=(ToolCall("a", "retrieve_payment_status", arguments),))
    turns = sum(message.role == "user" for message in row.messages)
    played = played_by(row, Speaks(called, *[Message("assistant", "I see.")] * turns))
    assert played.turns[0].messages[1].content.startswith('{"error"')


def test_a_model_without_an_end_is_stopped_and_the_user_goes_on() -> None:
    row = a_write()
    called = next(message for message in assistants(row) if message.tool_calls)
    played = played_by(row, Speaks(*[called] * 9), bounds=Bounds(rounds=2))
    assert len(played.turns[0].messages) == 6 and "after 2 messages with calls" in played.turns[0].problem
    assert not judge(row, played).turns[0].verdicts["parses"]


def test_what_cannot_be_read_ends_the_turn() -> None:
    row = a_write()
    played = played_by(row, Speaks(Said(None, "[TOOL_CALLS]{", "this is not JSON")))
    assert played.turns[0].unread == "[TOOL_CALLS]{" and judge(row, played).turns[0].problems[0] == "this is not JSON"


def test_with_gold_history_each_turn_begins_from_the_corpus() -> None:
    row = next(row for row in rows("payments") if sum(message.role == "user" for message in row.messages) > 1)
    wrong = Message("assistant", "", tool_calls=(ToolCall("a", "retrieve_payment_status", {"transaction_id": "T1"}),))
    turns = sum(message.role == "user" for message in row.messages)
    speaker = Speaks(*[wrong] * turns)
    played = played_by(row, speaker, "gold")
    assert [len(turn.messages) for turn in played.turns] == [1] * turns and played.state == ""
    users = [index for index, message in enumerate(row.messages) if message.role == "user"]
    assert [talk.messages for talk in speaker.asked] == [row.messages[: index + 1] for index in users]


# -- prompts and what is read


def test_a_message_may_end_with_another_token_that_ends_texts() -> None:
    template = template_named("gemma")
    tokenizer = trained_tokenizer((*template.control_tokens, "<eos>"))
    tokenizer.eos_token = "<eos>"
    prompter = Prompter(tokenizer, template)
    row = rows("payments")[0]
    talk = replace(row, messages=row.messages[:2])
    prompt = prompter.prompt(talk, thinks=False)
    hello = tokenizer("Hello there.", add_special_tokens=False)["input_ids"]
    eos, end, other = (tokenizer.convert_tokens_to_ids(token) for token in ("<eos>", "<end_of_turn>", "<start_of_turn>"))
    assert set(prompter.ends) == {eos, end}
    for last in (eos, end):
        assert prompter.read(prompt, [*hello, last], ended=True).message == Message("assistant", "Hello there.")
    cut = prompter.read(prompt, hello, ended=False)
    assert (cut.message, cut.unread, cut.problem) == (None, "Hello there.", "the output was cut at the limit of tokens")
    strange = prompter.read(prompt, [*hello, other, *hello, end], ended=True)
    assert strange.message is None and "<start_of_turn>" in strange.unread and "expected <end_of_turn>" in strange.problem
    stray = prompter.read(prompt, [eos, *hello, end], ended=True)
    assert stray.message is None and "<eos> is none of the template" in stray.problem


def test_what_others_hold_without_calls_is_told_in_words() -> None:
    row = next(row for row in rows("payments") if row.scenario == "chained")
    chat = as_chat(row)
    assert chat[0][0] == "system" and row.messages[0].content in chat[0][1] and row.tools[0]["function"]["name"] in chat[0][1]
    spoken = [text for role, text in chat if role == "assistant"]
    read = [read_words(text, 0).message for text in spoken]
    for said, message in zip(read, assistants(row), strict=True):
        assert said is not None and (said.content, said.reasoning_content) == (message.content, message.reasoning_content)
        assert [(c.name, c.arguments) for c in said.tool_calls] == [(c.name, c.arguments) for c in message.tool_calls]
    assert read_words("Just a text.", 0).message == Message("assistant", "Just a text.")
    assert read_words('```json\n{"text": "Hi", "calls": []}\n```', 0).message == Message("assistant", "Hi")
    for broken in ("", "{", '{"text": 1}', '{"calls": [{"name": "f"}]}'):
        assert read_words(broken, 0).message is None
