"""What is known of a model on a server, and the body of a request that follows from it.

By default only what all servers know is sent. What a server refuses is left out from then on, and noted: it stays so for the
life of the process, whoever asks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import orjson

from gen.conversation import JsonObject
from gen.teachers.engines.chat import merge_system
from gen.teachers.request import ChatMessage, Request
from gen.teachers.strict import strict
from gen.teachers.tighten import tighten

Tier = Literal["json_schema", "json_object", "structured_outputs", "free"]
TIERS: tuple[Tier, ...] = get_args(Tier)
"""How a schema is sent, the most widely enforced way first; ``free``: nothing holds the model to it but our asking."""

Profile = Literal["tight", "strict", "free"]
"""How a schema is written: bounded (``tighten``), for the strictest servers (``strict``), or in words for the model."""

INSTRUCTION = "Answer with one JSON value and nothing else, no code fence and no comment. It must fit this JSON Schema:\n{}"

MOST_SCHEMAS = 1024
"""Written schemas that are kept: more than the conversations in flight, each of which has one for either role."""


@dataclass(slots=True)
class Known:
    """What was learnt of one model on one server.

    Attributes:
        tier: how schemas are sent; None until a canary has found out.
        dropped: fields that the server refused.
        tokens_field: what it calls the bound of the completion.
        no_system: whether the system message has to go into the first message of the user.
        takes_system: whether a system message was let through once.
        profile: how schemas are written that were not refused by themselves.
        unfit: ways of sending a schema that the server refused although it, or somebody, had said that they work.
        refused: schemas that the server refused, by their text, with the profile that was tried next.
        notes: what a user should know, in the order in which it was found; ``told`` hears it too.
    """

    tier: Tier | None = None
    dropped: set[str] = field(default_factory=set)
    tokens_field: str = "max_tokens"
    no_system: bool = False
    takes_system: bool = False
    profile: Profile = "tight"
    unfit: set[Tier] = field(default_factory=set)
    refused: dict[bytes, Profile] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    told: Callable[[str], None] = lambda _: None
    _written: dict[tuple[bytes, Profile], orjson.Fragment] = field(default_factory=dict)

    def note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)
            self.told(text)

    def profile_of(self, schema: bytes) -> Profile:
        return self.refused.get(schema, self.profile) if self.refused else self.profile

    def written(self, schema: JsonObject, text: bytes, profile: Profile) -> orjson.Fragment:
        """The schema as this server gets it: made once, for it is sent with each turn of a conversation."""
        kept = self._written.get((text, profile))
        if kept is None:
            if len(self._written) >= MOST_SCHEMAS:
                self._written.clear()
            tight = tighten(schema).schema
            kept = orjson.Fragment(orjson.dumps(strict(tight) if profile == "strict" else tight))
            self._written[text, profile] = kept
        return kept


_KNOWN: dict[tuple[str, str], Known] = {}


def known(address: str, model: str) -> Known:
    """What this process knows of the model on the server."""
    return _KNOWN.setdefault((address, model), Known())


def body_of(request: Request, model: str, learnt: Known) -> bytes:
    """The body of the request, with nothing in it that the server is known to refuse."""
    messages: Sequence[ChatMessage] = request.messages
    constraint: Mapping[str, Any] = {}
    if request.schema is not None:
        text = orjson.dumps(request.schema)
        profile = learnt.profile_of(text)
        tier = learnt.tier or "json_schema"
        if tier == "free" or profile == "free":
            messages = instructed(messages, INSTRUCTION.format(text.decode()))
        else:
            constraint = constrained(tier, learnt.written(request.schema, text, profile))
    sampling = request.sampling
    fields = {
        learnt.tokens_field: sampling.max_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "seed": request.seed,
        **constraint,
    }
    return written_body(model, messages, fields, learnt)


def written_body(model: str, messages: Sequence[ChatMessage], fields: Mapping[str, Any], learnt: Known) -> bytes:
    """A body of these messages and fields, without those fields that the server refused."""
    if learnt.no_system:
        messages = merge_system(messages)
    body: dict[str, Any] = {"model": model, "messages": [{"role": role, "content": text} for role, text in messages], **fields}
    for name in learnt.dropped:
        body.pop(name, None)
    return orjson.dumps(body)


def constrained(tier: Tier, schema: Any) -> JsonObject:
    """The fields that ask the server to hold the model to the schema."""
    if tier == "json_schema":
        return {"response_format": {"type": "json_schema", "json_schema": {"name": "turn", "schema": schema, "strict": True}}}
    if tier == "json_object":
        return {"response_format": {"type": "json_object", "schema": schema}}
    return {"structured_outputs": {"json": schema}} if tier == "structured_outputs" else {}


def instructed(messages: Sequence[ChatMessage], instruction: str) -> list[ChatMessage]:
    """The messages with the instruction in front, where it stays as the chat grows: at the end of the system message."""
    if messages and messages[0][0] == "system":
        return [("system", f"{messages[0][1]}\n\n{instruction}"), *messages[1:]]
    return [("system", instruction), *messages]
