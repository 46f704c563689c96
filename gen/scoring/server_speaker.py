"""A model on a server as a speaker: OpenAI's chat completions with native tools, at temperature 0.

Asking, pace, retries and what a server refuses are the teachers' (``gen/teachers/engines/server_asking.py``). The server renders the tools
and reads the calls; what it could not read stays text, and is judged as text.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from typing import Any

import orjson

from gen.canonical import STRICT_JSON
from gen.conversation import Conversation, JsonObject, Message, ToolCall
from gen.errors import BadInput, missing_extra
from gen.rendering.reference import REFERENCE
from gen.scoring.prompting import CUT
from gen.scoring.settings import Bounds
from gen.scoring.speaking import Said
from gen.scoring.words import WORDS, as_chat, calls_in, read_words
from gen.teachers.engines import server_reply
from gen.teachers.engines.canary import learns
from gen.teachers.engines.server_asking import Patience, PatientClient
from gen.teachers.engines.server_known import known
from gen.teachers.naming import TeacherName, teacher_name
from gen.teachers.request import TooLong

_PLAIN = replace(REFERENCE, messages=(Message("user", "Hello."),))
"""What any server that serves tools answers."""

CONCURRENCY = 32

MOST = 1024
"""Tokens of a message."""


class ServerSpeaker:
    """One model on one server. Opens its connections in the event loop that asks first; ``close`` it there.

    Args:
        words: tell the tools in words instead of natively.
    """

    def __init__(
        self,
        name: TeacherName,
        bounds: Bounds,
        *,
        words: bool = False,
        concurrency: int = CONCURRENCY,
        patience: Patience | None = None,
        note: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._client = PatientClient(name.address, name.model, concurrency=concurrency, patience=patience or Patience())
        self._learnt = known(name.address, name.model)
        self._learnt.told = note
        self._words = words
        self._tokens = bounds.tokens
        self._serves: bool | None = None

    @property
    def concurrency(self) -> int:
        return self._client.pace.most

    async def say(self, talk: Conversation, *, view: str, thinks: bool) -> Said:
        try:
            heard = await self._answer(talk)
        except TooLong as error:
            return Said(None, problem=error.what)
        except BadInput as error:
            await self._require_service(error)
            return Said(None, problem=error.what)
        if self._words:
            return read_words(heard.text, calls_in(talk)) if heard.finish != "length" else Said(None, heard.text, CUT)
        return _read(heard)

    async def _answer(self, talk: Conversation) -> server_reply.Said:
        heard, _ = await self._client.answer(
            lambda: self._body(talk), learns=partial(learns, self._client, self._learnt), strange=lambda _: ""
        )
        learnt = self._learnt
        learnt.takes_system = learnt.takes_system or (talk.messages[0].role == "system" and not learnt.no_system)
        return heard

    async def _require_service(self, refused: BadInput) -> None:
        """Raises what was refused, unless the server answers a plain question that offers a tool: then it was that one chat."""
        if self._serves is None:
            try:
                await self._answer(_PLAIN)
                self._serves = True
            except BadInput:
                self._serves = False
        if not self._serves:
            hint = "" if self._words else "where the server takes no tools: --template words"
            raise BadInput(refused.what, where=refused.where, allowed=refused.allowed, hint=refused.hint or hint)

    def _body(self, talk: Conversation) -> bytes:
        learnt = self._learnt
        messages = [{"role": role, "content": text} for role, text in as_chat(talk)] if self._words else list(map(_wire, talk.messages))
        if learnt.no_system:
            messages = _without_system(messages)
        body: JsonObject = {"model": self._client.model, "messages": messages, learnt.tokens_field: self._tokens, "temperature": 0}
        if talk.tools and not self._words:
            body["tools"] = [{"type": "function", "function": tool["function"]} for tool in talk.tools]
        for name in learnt.dropped:
            body.pop(name, None)
        return orjson.dumps(body)

    def forget(self, view: str) -> None:
        """The server knows by itself what it has seen."""

    async def close(self) -> None:
        await self._client.close()


@dataclass(frozen=True)
class ServerModel:
    """A model on a server that is to be scored; ``words`` as of its speaker."""

    name: str
    teacher: TeacherName
    words: bool = False

    @property
    def told(self) -> str:
        """In words, the prompt that it gets."""
        return "tools told in words, in the server's own template" if self.words else "the server's own prompt, with native tools"

    @property
    def identity(self) -> JsonObject:
        """The address and the name: what lies behind them, nobody here can know."""
        return {"server": self.teacher.address, "model": self.teacher.model}

    def room(self, rows: Sequence[Conversation]) -> int:
        """The tokens that a message may have."""
        return MOST

    def refusal(self, talk: Conversation) -> str:
        """Why the prompt cannot say a talk: what a server refuses, it says when it is asked."""
        return ""

    def speaker(self, bounds: Bounds, note: Callable[[str], None]) -> ServerSpeaker:
        return ServerSpeaker(self.teacher, bounds, words=self.words, note=note)

    def active(self) -> AbstractContextManager[None]:
        """A server has one model under a name."""
        return nullcontext()


def server_model(name: str, template: str = "") -> ServerModel:
    """The model that ``server:ADDRESS#MODEL`` names. Raises BadInput for a name that cannot be asked, and for a template."""
    teacher = teacher_name(name, where="--model")
    if not teacher.address:
        raise BadInput(f"{name} names no address to ask", where="--model", allowed=f"server:http://HOST:PORT/v1#{teacher.model}")
    if template not in ("", WORDS):
        raise BadInput("a server says chats in a template of its own", where=f"--template {template}", allowed=WORDS)
    if find_spec("aiohttp") is None:
        raise missing_extra("aiohttp", "server", "a model on a server")
    return ServerModel(name, teacher, template == WORDS)


def _wire(message: Message) -> JsonObject:
    """A message as OpenAI's API has it: arguments are a text."""
    wire: JsonObject = {"role": message.role, "content": message.content}
    if message.tool_calls:
        wire["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": json.dumps(call.arguments, ensure_ascii=False)},
            }
            for call in message.tool_calls
        ]
    if message.role == "tool":
        wire |= {"tool_call_id": message.tool_call_id, "name": message.name}
    return wire


def _without_system(messages: list[JsonObject]) -> list[JsonObject]:
    """The system text at the beginning of the user's first message."""
    if not messages or messages[0]["role"] != "system":
        return messages
    system, *rest = messages
    at = next((index for index, message in enumerate(rest) if message["role"] == "user"), None)
    if at is None:
        return [{"role": "user", "content": system["content"]}, *rest]
    return [*rest[:at], rest[at] | {"content": f"{system['content']}\n\n{rest[at]['content']}"}, *rest[at + 1 :]]


def _read(heard: server_reply.Said) -> Said:
    """The message in a completion, or why there is none."""
    if heard.finish == "length":
        return Said(None, heard.text, CUT, heard.tokens_out)
    try:
        calls = tuple(_calls(heard.calls))
    except BadInput as error:
        return Said(None, json.dumps(heard.calls, ensure_ascii=False), error.what, heard.tokens_out)
    return Said(Message("assistant", heard.text, heard.thought or None, calls), tokens=heard.tokens_out)


def _calls(told: Iterable[Any]) -> Iterable[ToolCall]:
    """The calls of a completion. Raises BadInput where one is none."""
    for number, call in enumerate(told):
        function = call.get("function") if isinstance(call, dict) else None
        name = function.get("name") if isinstance(function, dict) else None
        if not isinstance(function, dict) or not isinstance(name, str):
            raise BadInput(f"call {number} names no function")
        arguments = function.get("arguments")
        if isinstance(arguments, str):
            try:
                arguments = STRICT_JSON.decode(arguments or "{}")
            except (ValueError, RecursionError) as error:
                raise BadInput(f"the arguments of {name} are no JSON: {error}") from error
        if not isinstance(arguments, dict):
            raise BadInput(f"the arguments of {name} are no object")
        yield ToolCall(str(call.get("id") or f"call{number:05d}"), name, arguments)
