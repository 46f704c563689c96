"""The corpus played back: a model that knows the rows by heart comes to what the corpus's assistant said, in every template."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from functools import cache

import pytest
from by_heart import ByHeart
from talk import trained_tokenizer

from gen.canonical import canonical_json
from gen.conversation import Conversation, Message
from gen.errors import BadInput
from gen.recipe import load_recipe
from gen.rendering.templates import render, template_named
from gen.scoring.local_speaker import LocalSpeaker
from gen.scoring.outcomes import judge
from gen.scoring.played import Played, as_played
from gen.scoring.playing import play, play_all
from gen.scoring.prompting import Prompter
from gen.scoring.settings import Bounds, History
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
