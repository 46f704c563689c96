"""Canaries: what a server really holds a model to, found by asking for something that no model says by itself.

A schema allows one random word, and the message asks for another: the word comes back where the schema is enforced. A status of
200 proves nothing, for most servers ignore what they do not know.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from typing import Literal

import orjson

from gen.conversation import JsonObject
from gen.teachers.engines.server_asking import PASSING, PatientClient
from gen.teachers.engines.server_known import TIERS, Known, Tier, constrained, written_body
from gen.teachers.engines.server_refusal import Lesson, learn, no_system, too_long
from gen.teachers.engines.server_reply import Broken, Reply, Said, said, spoken
from gen.teachers.request import ChatMessage

Outcome = Literal["enforced", "ignored", "refused"]

MESSAGES: tuple[ChatMessage, ...] = (("user", "Answer with the single word hello, in plain text."),)
"""Asks for what the schema forbids: a server that only shows the schema to a good model is not taken for one that enforces it."""

ROOM = 128
MORE_ROOM = 2048
"""Tokens for the answer; more where a model thought until there was no room for it."""

TIMES = 3
"""Times that a canary is asked before its silence is believed: a reply may be spoiled on its way."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a canary; ``status`` is that of a refusal, ``words`` what the server said of it."""

    outcome: Outcome
    status: int = 200
    words: str = ""

    def __str__(self) -> str:
        return self.outcome if self.outcome != "refused" else f"refused ({self.status})"


def schema_of(word: str) -> JsonObject:
    """The schema that only ``{"k": word}`` fits."""
    return {"type": "object", "properties": {"k": {"type": "string", "enum": [word]}}, "required": ["k"], "additionalProperties": False}


def _tools(word: str) -> list[JsonObject]:
    function = {"name": "answer", "description": "Answers.", "parameters": schema_of(word), "strict": True}
    return [{"type": "function", "function": function}]


CANARIES: dict[str, Callable[[str], JsonObject]] = {
    "json_schema": lambda word: constrained("json_schema", schema_of(word)),
    "json_object": lambda word: constrained("json_object", schema_of(word)),
    "structured_outputs": lambda word: constrained("structured_outputs", schema_of(word)),
    "grammar": lambda word: {"grammar": f'root ::= "{word}"'},
    "tool_choice named": lambda word: {"tools": _tools(word), "tool_choice": {"type": "function", "function": {"name": "answer"}}},
    "tool_choice required": lambda word: {"tools": _tools(word), "tool_choice": "required"},
}
"""The fields of each canary, by the word that must come back."""


async def find_tier(client: PatientClient, learnt: Known, *, without: Collection[Tier] = ()) -> Tier:
    """The first way of sending a schema that the server enforces; "free" where it enforces none."""
    for tier in TIERS:
        if tier == "free" or tier in without:
            continue
        if (await sing(client, learnt, tier)).outcome == "enforced":
            return tier
    return "free"


async def sing(client: PatientClient, learnt: Known, name: str) -> Verdict:
    """Ask one canary. Raises what the engine raises where the server does not answer at all."""
    room = ROOM
    for _ in range(TIMES):
        word = "k" + secrets.token_hex(4)
        reply = await _asked(client, learnt, CANARIES[name](word), room)
        if reply.status != 200:
            return Verdict("refused", reply.status, reply.body.decode(errors="replace"))
        if word in spoken(reply):
            return Verdict("enforced")
        heard = said(reply)
        if isinstance(heard, Said) and not heard.text and heard.finish == "length":
            room = MORE_ROOM
    return Verdict("ignored")


async def _asked(client: PatientClient, learnt: Known, fields: JsonObject, room: int) -> Reply:
    """A reply of 200, or a refusal that is about these fields: without them, the server answers."""
    refused = 0
    while True:
        exchange = await client.once(lambda: _body(client, learnt, fields, room))
        body, reply = exchange.body, exchange.outcome
        if isinstance(reply, Reply) and reply.status == 200 and not isinstance(said(reply), Broken):
            return reply
        if isinstance(reply, Reply) and reply.status not in PASSING:
            if _body(client, learnt, fields, room) != body or learn(reply, orjson.loads(body), learnt) == "field":
                continue
            await _control(client, learnt)
            return reply
        await _control(client, learnt)  # waits as long as it takes; raises where the server is down
        refused += isinstance(reply, Reply) and reply.status in (500, 501, 502)
        if refused >= TIMES and isinstance(reply, Reply):
            return reply


async def learns(client: PatientClient, learnt: Known, reply: Reply, body: bytes) -> bool:
    """Whether a refusal teaches anything."""
    return await learn_by_asking(client, learnt, reply, body) is not None


async def learn_by_asking(client: PatientClient, learnt: Known, reply: Reply, body: bytes) -> Lesson | None:
    """What a refusal teaches. transformers serve says nothing but 500 where a template knows no system message: then we try."""
    sent = orjson.loads(body)
    lesson = learn(reply, sent, learnt)
    if lesson is None and reply.status in (400, 422, 500) and not (learnt.takes_system or learnt.no_system or too_long(reply)):
        has_system = any(message["role"] == "system" for message in sent["messages"])
        return no_system(learnt) if has_system and await _refuses_system(client, learnt) else None
    return lesson


async def _refuses_system(client: PatientClient, learnt: Known) -> bool:
    """Whether the server answers without a system message and not with one. A connection that broke says nothing of either."""
    messages: tuple[ChatMessage, ...] = (("system", "Be brief."), *MESSAGES)
    refusals = 0
    for _ in range(2 * TIMES):
        await _control(client, learnt)
        outcome = (await client.once(lambda: written_body(client.model, messages, {learnt.tokens_field: 4}, learnt))).outcome
        if isinstance(outcome, Reply) and outcome.status == 200:
            return False
        refusals += isinstance(outcome, Reply) and outcome.status in (400, 422, 500)
        if refusals == TIMES:
            return True
    return False


async def _control(client: PatientClient, learnt: Known) -> None:
    """The same message without any canary."""
    await client.answer(
        lambda: _body(client, learnt, {}, ROOM),
        learns=partial(learns, client, learnt),
        strange=lambda _: "",
    )


def _body(client: PatientClient, learnt: Known, fields: JsonObject, room: int) -> bytes:
    return written_body(client.model, MESSAGES, {learnt.tokens_field: room, "temperature": 0, **fields}, learnt)
