"""A model on a server with an OpenAI-compatible API: vLLM, SGLang, llama.cpp, Ollama, transformers serve, OpenAI and others.

An engine (``gen/teachers/request.py``). What the server enforces of a schema is found by a canary before the first request that has
one, and remembered in the process; where it enforces nothing, the schema goes to the model in words. Nothing is validated here:
who asked does that, whatever was promised.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from typing import Literal

import orjson

from gen.errors import unknown_name
from gen.teachers.engines.canary import find_tier, learn_by_asking
from gen.teachers.engines.server_asking import Patience, PatientClient
from gen.teachers.engines.server_known import TIERS, Known, Tier, body_of, known
from gen.teachers.engines.server_refusal import Lesson
from gen.teachers.engines.server_reply import Reply, Said
from gen.teachers.naming import TeacherName
from gen.teachers.request import Completion, Request

CONCURRENCY = 64


class ServerEngine:
    """One model on one server. Opens its connections in the event loop that asks first; ``close`` it there."""

    def __init__(
        self,
        name: TeacherName,
        *,
        concurrency: int = CONCURRENCY,
        tier: Tier | None = None,
        patience: Patience | None = None,
        note: Callable[[str], None] = lambda _: None,
    ) -> None:
        """
        Args:
            name: the teacher, of the kind ``server``. Its model is asked, whatever a request calls it.
            concurrency: requests in flight at most; fewer where the server complains.
            tier: how schemas are sent, where that is known already and no canary is to be asked.
            patience: how long to bear what.
            note: hears what a user should know, as it is found out.
        """
        if tier is not None and tier not in TIERS:
            raise unknown_name("way of sending a schema", tier, TIERS)
        self.name = name
        self._client = PatientClient(name.address, name.model, concurrency=concurrency, patience=patience or Patience())
        self._learnt = known(name.address, name.model)
        self._learnt.told = note
        if tier is not None:
            self._learnt.tier = tier
        self._finding: asyncio.Task[None] | None = None

    @property
    def concurrency(self) -> int:
        return self._client.pace.most

    @property
    def tier(self) -> Tier | None:
        """How schemas are sent; None as long as nobody has asked for one."""
        return self._learnt.tier

    @property
    def notes(self) -> tuple[str, ...]:
        """What was found out of the server that a user should know."""
        return tuple(self._learnt.notes)

    @property
    def counts(self) -> Counter[str]:
        """Requests that were sent, and how many of them failed in which way."""
        return self._client.counts

    async def complete(self, request: Request) -> Completion:
        """Ask the model. Raises OutsideFailed where the server is given up, BadInput where it cannot serve this request."""
        while True:
            if request.schema is not None and self._learnt.tier is None:
                await self._find_tier()
            try:
                return await self._completed(request)
            except _TierLostError:
                continue

    async def _completed(self, request: Request) -> Completion:
        learnt = self._learnt
        heard, seconds = await self._client.answer(
            lambda: self._body(request),
            learns=lambda reply, body: self._learns(reply, body, request),
            strange=lambda heard: _strange(heard, constrained=request.schema is not None and learnt.tier != "free"),
        )
        learnt.takes_system = learnt.takes_system or (request.messages[0][0] == "system" and not learnt.no_system)
        if learnt.refused and request.schema is not None:
            _remember_profile(learnt, request)
        finish: Literal["stop", "length"] = "length" if heard.finish == "length" else "stop"
        return Completion(heard.text, finish, heard.tokens_in, heard.tokens_out, heard.tokens_cached, seconds)

    def forget(self, view: str) -> None:
        """Nothing is kept of a chat: the server knows by itself what it has seen."""

    async def close(self) -> None:
        if self._finding is not None:
            self._finding.cancel()
        await self._client.close()

    async def _find_tier(self) -> None:
        """Ask the canaries, once for all that wait for it; whoever waits no longer does not take them along."""
        if self._finding is None:
            self._finding = asyncio.create_task(self._found_tier())
        task = self._finding
        try:
            await asyncio.shield(task)
        finally:
            if task.done() and self._finding is task:
                self._finding = None

    async def _found_tier(self) -> None:
        learnt = self._learnt
        learnt.tier = await find_tier(self._client, learnt, without=learnt.unfit)
        if learnt.tier == "free":
            learnt.note("the server holds the model to no schema: it is asked in words, and what does not fit is asked for again")

    def _body(self, request: Request) -> bytes:
        if request.schema is not None and self._learnt.tier is None:
            raise _TierLostError
        return body_of(request, self.name.model, self._learnt)

    async def _learns(self, reply: Reply, body: bytes, request: Request) -> bool:
        """Whether the request may be sent in another form now. Nothing is learnt twice, so this ends."""
        lesson = await learn_by_asking(self._client, self._learnt, reply, body)
        if lesson in ("schema", "constraint") and request.schema is not None:
            _write_otherwise(self._learnt, orjson.dumps(request.schema), lesson)
        return lesson is not None


class _TierLostError(Exception):
    """The server refused the field that schemas go in: another has to be found first."""


def _write_otherwise(learnt: Known, schema: bytes, lesson: Lesson) -> None:
    """The server refused this schema, or the field that it came in: the next form of it."""
    if lesson == "constraint":
        if learnt.tier is not None:
            learnt.unfit.add(learnt.tier)
            learnt.note(f"the server refuses schemas as {learnt.tier}")
            learnt.tier = None
        return
    tried = learnt.profile_of(schema)
    learnt.refused[schema] = "strict" if tried == "tight" else "free"
    if tried == "strict":
        learnt.note("the server refuses a schema in every form: that one goes in words")


def _remember_profile(learnt: Known, request: Request) -> None:
    """A schema that was refused went through in the strict profile: so the others go that way at once."""
    if learnt.profile == "tight" and learnt.refused.get(orjson.dumps(request.schema)) == "strict":
        learnt.profile = "strict"
        learnt.note("the server takes schemas in the strict profile only: what may be left out comes as null")


def _strange(heard: Said, *, constrained: bool) -> str:
    """What is wrong with a completion that a server cannot mean: nothing said at all, or half a text where it holds to a schema."""
    if heard.finish in ("length", "content_filter"):
        return ""
    if not heard.text.strip():
        return "the completion is empty"
    if constrained and not _is_json(heard.text):
        return "the completion is no JSON, although the server holds the model to a schema"
    return ""


def _is_json(text: str) -> bool:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        try:
            json.loads(text)  # takes half an emoji too
        except ValueError:
            return False
    return True
