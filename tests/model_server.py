"""A language model's server on loopback, with an OpenAI-compatible face: it says what a test wants, and fails as a test wants.

    with ModelServer(lambda asked: "hello") as server:            asked: the request's JSON; the function may be async, or give a message
        teacher_name(f"server:{server.address}#tiny")
        server.bodies, server.most_in_flight                      what was asked

    ModelServer(answer, enforces=("json_schema",))                which kinds of constraint it holds the model to; the rest is ignored
    ModelServer(answer, refuses={"seed": 422})                    fields that it refuses, with this status
    ModelServer(answer, faults=Faults(seed=1, rate=0.3))          a seeded share of the replies goes wrong: all kinds of FAULTS, or some

What is enforced: the answer where it fits the schema, else an instance made from the schema. The words of refusals are those
of real servers.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import random
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from types import TracebackType
from typing import Any, Self

import jsonschema_rs
from aiohttp import web

Json = dict[str, Any]
Answer = Callable[[Json], str | Json | Awaitable[str | Json]]

ENFORCED = ("json_schema", "json_object", "structured_outputs", "grammar", "tool_choice")

FAULTS = (
    "429", "429 seconds", "429 date", "500", "502 page", "503", "503 seconds", "slow", "cut before", "cut headers", "cut body",
    "garbage", "truncated body", "truncated text", "error in 200", "empty text", "null text", "wrong shape",
)  # fmt: skip
"""Faults of a reply that another try knows nothing of: a client that bears them gets the same completions as without them."""

CONTENT = ("truncated text", "empty text", "null text")
"""Faults of the completion itself, which a client can only guess to be faults."""


@dataclass
class Faults:
    """Which replies go wrong, and how: drawn from the seed and the number of the request.

    ``storm`` further requests are answered with the same complaint after each 429; ``most`` faults befall one body at most,
    those of the completion once (a model that says nothing three times means it).
    """

    seed: int
    rate: float = 0.3
    kinds: Collection[str] = FAULTS
    storm: int = 5
    most: int = 2
    slow: float = 0.05
    happened: Counter[str] = field(default_factory=Counter)
    _storm: list[str] = field(default_factory=list)
    _suffered: Counter[bytes] = field(default_factory=Counter)

    def draw(self, number: int, body: bytes) -> str:
        """The fault of this request, or nothing."""
        dice = random.Random(f"{self.seed}:{number}")
        if self._storm:
            kind = self._storm.pop()
        elif dice.random() >= self.rate or self._suffered[body] >= self.most:
            return ""
        else:
            kind = dice.choice(list(self.kinds))
            if kind in CONTENT and self._suffered[body]:
                return ""
            self._suffered[body] += 1
            if kind.startswith("429"):
                self._storm = [kind] * self.storm
        self.happened[kind] += 1
        return kind


class ModelServer:
    """The server, in a thread of its own while the ``with`` lasts."""

    def __init__(
        self,
        answer: Answer,
        *,
        enforces: Collection[str] = (),
        refuses: Mapping[str, int] | None = None,
        faults: Faults | None = None,
        latency: float = 0.0,
        models: Collection[str] = ("tiny",),
        key: str = "",
        context: int = 100_000,
        system_role: bool = True,
        strict_only: bool = False,
        at_most: int = 1_000_000,
    ) -> None:
        """
        Args:
            models: what ``/models`` lists; others are answered with 404.
            key: the one that a request must carry.
            context: words that a prompt may have.
            system_role: whether the model's template knows system messages.
            strict_only: take schemas as OpenAI does, in the strict profile only.
            at_most: requests that it bears at a time; the others get 429.
        """
        self.answer, self.enforces, self.refuses, self.faults = answer, enforces, refuses or {}, faults
        self.latency, self.models, self.key, self.context = latency, models, key, context
        self.system_role, self.strict_only, self.at_most = system_role, strict_only, at_most
        self.bodies: list[Json] = []
        self.headers: list[Mapping[str, str]] = []
        self.statuses: Counter[int] = Counter()
        self.requests = self.in_flight = self.most_in_flight = 0
        self.port = 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def __enter__(self) -> Self:
        ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(ready)), daemon=True)
        self._thread.start()
        assert ready.wait(20)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(20)

    async def _serve(self, ready: threading.Event) -> None:
        app = web.Application(client_max_size=2**26)
        app.router.add_post("/v1/chat/completions", self._chat)
        app.router.add_get("/v1/models", self._list_models)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", self.port)
        await site.start()
        self.port = site._server.sockets[0].getsockname()[1]
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        ready.set()
        await self._over.wait()
        await runner.cleanup()

    async def _list_models(self, _request: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": name, "object": "model"} for name in self.models]})

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        asked = json.loads(raw)
        self.requests += 1
        self.bodies.append(asked)
        self.headers.append(dict(request.headers))
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            fault = self.faults.draw(self.requests, raw) if self.faults else ""
            reply = await self._reply(request, asked, fault)
        finally:
            self.in_flight -= 1
        self.statuses[reply.status] += 1
        return reply

    async def _reply(self, request: web.Request, asked: Json, fault: str) -> web.StreamResponse:
        if self.in_flight > self.at_most:
            return error(429, "Too many requests")
        if fault and fault not in CONTENT:
            spoiled = await self._spoiled(request, fault)
            if spoiled is not None:
                return spoiled
        refused = self._refused(request, asked)
        if refused is not None:
            return refused
        if self.latency:
            await asyncio.sleep(self.latency)
        said = self.answer(asked)
        message = self._message(asked, await said if inspect.isawaitable(said) else said)
        if fault == "truncated text":
            message["content"] = (message["content"] or "")[: len(message["content"] or "") // 2]
        elif fault:
            message["content"] = "" if fault == "empty text" else None
        return self._completion(asked, message)

    def _completion(self, asked: Json, message: Json) -> web.Response:
        words = _words(asked)
        out = len((message.get("content") or "").split())
        usage = {"prompt_tokens": words, "completion_tokens": out, "prompt_tokens_details": {"cached_tokens": words // 2}}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return web.json_response({"object": "chat.completion", "model": asked["model"], "choices": [choice], "usage": usage})

    def _refused(self, request: web.Request, asked: Json) -> web.Response | None:
        """The errors of a server that is well: key, model, fields, schema, system message, length."""
        if self.key and request.headers.get("Authorization") != f"Bearer {self.key}":
            return error(401, "Incorrect API key provided: " + request.headers.get("Authorization", "none"), code="invalid_api_key")
        if asked["model"] not in self.models:
            return error(404, f"The model `{asked['model']}` does not exist.", code="model_not_found")
        for name, status in self.refuses.items():
            if name in asked or name == (asked.get("response_format") or {}).get("type"):
                return _unknown_field(name, status)
        if self.strict_only and (wrong := _not_strict((asked.get("response_format") or {}).get("json_schema", {}).get("schema", {}))):
            return error(400, f"Invalid schema for response_format 'turn': {wrong}", param="response_format", code=None)
        if not self.system_role and any(message["role"] == "system" for message in asked["messages"]):
            return error(400, "System role not supported", code=None)
        words = _words(asked)
        if words > self.context:
            told = f"This model's maximum context length is {self.context} tokens. However, your messages resulted in {words} tokens."
            return error(400, told, param="messages", code="context_length_exceeded")
        return None

    def _message(self, asked: Json, text: str | Json) -> Json:
        """What the model says, held to what this server enforces; a message is said as it is."""
        if isinstance(text, dict):
            return text
        kind = (asked.get("response_format") or {}).get("type")
        if kind == "json_schema" and kind in self.enforces:
            text = fitting(asked["response_format"]["json_schema"]["schema"], text)
        elif kind == "json_object" and kind in self.enforces and "schema" in asked["response_format"]:
            text = fitting(asked["response_format"]["schema"], text)
        elif "structured_outputs" in asked and "structured_outputs" in self.enforces:
            text = fitting(asked["structured_outputs"]["json"], text)
        elif "grammar" in asked and "grammar" in self.enforces:
            text = asked["grammar"].partition('"')[2].rpartition('"')[0]
        elif asked.get("tool_choice") and "tool_choice" in self.enforces:
            function = asked["tools"][0]["function"]
            arguments = json.dumps(instance_of(function["parameters"], function["parameters"]))
            call = {"id": "c1", "type": "function", "function": {"name": function["name"], "arguments": arguments}}
            return {"role": "assistant", "content": None, "tool_calls": [call]}
        return {"role": "assistant", "content": text}

    async def _spoiled(self, request: web.Request, fault: str) -> web.StreamResponse | None:
        """A reply that goes wrong; None for one that only comes late."""
        status, _, more = fault.partition(" ")
        if status.isdigit():
            waits = {"seconds": "0.05", "date": formatdate(usegmt=True)}
            headers = {"Retry-After": waits[more]} if more in waits else {}
            return page(int(status)) if more == "page" else error(int(status), "Try again later.", headers=headers)
        if fault == "slow":
            assert self.faults is not None
            await asyncio.sleep(self.faults.slow)
            return None
        bodies = {
            "garbage": b"\x00\xff\xfe data: \x80",
            "truncated body": b'{"object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"Your',
            "error in 200": b'{"error": {"message": "upstream connect error", "code": 502}}',
            "wrong shape": b'{"object":"chat.completion","choices":[]}',
        }
        if fault in bodies:
            return web.Response(body=bodies[fault], content_type="application/json")
        assert request.transport is not None
        if fault != "cut before":
            cut = web.StreamResponse(headers={"Content-Length": "1000", "Content-Type": "application/json"})
            await cut.prepare(request)
            await cut.write(b'{"object":"chat.completion","choi' if fault == "cut body" else b"")
        request.transport.close()
        return web.Response()


def error(status: int, told: str, *, headers: Mapping[str, str] | None = None, **more: Any) -> web.Response:
    """An error as OpenAI and vLLM write it."""
    return web.json_response({"error": {"message": told, "type": "error", **more}}, status=status, headers=headers)


def page(status: int) -> web.Response:
    """An error as a proxy writes it."""
    return web.Response(text="<html><body><h1>Bad Gateway</h1></body></html>", status=status, content_type="text/html")


def _unknown_field(name: str, status: int) -> web.Response:
    """As transformers serve (422), vLLM (400) and OpenAI (max_tokens) word it."""
    if name == "max_tokens":
        told = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
        return error(status, told, param="max_tokens", code="unsupported_parameter")
    if status == 422:
        return web.json_response({"detail": "Unexpected fields in the request: {%r}" % name}, status=422)  # noqa: UP031 - braces
    return error(status, f"[{{'type': 'extra_forbidden', 'loc': ('body', '{name}'), 'msg': 'Extra inputs are not permitted'}}]")


def _words(asked: Json) -> int:
    return sum(len(message["content"].split()) for message in asked["messages"])


def _not_strict(schema: Any) -> str:
    """What OpenAI's strict mode would refuse of a schema."""
    if isinstance(schema, list):
        return next(filter(None, map(_not_strict, schema)), "")
    if not isinstance(schema, dict):
        return ""
    properties = schema.get("properties", {})
    if schema.get("type") == "object" and (
        set(schema.get("required", ())) != set(properties) or schema.get("additionalProperties") is not False
    ):
        return "'required' is required to be supplied and to be an array including every key in properties."
    if "maxLength" in schema and not isinstance(schema["maxLength"], dict):
        return "'maxLength' is not permitted."
    return next(filter(None, map(_not_strict, schema.values())), "")


def fitting(schema: Json, text: str) -> str:
    """The text where it fits the schema, else an instance."""
    try:
        if jsonschema_rs.is_valid(schema, json.loads(text)):
            return text
    except ValueError:
        pass
    return json.dumps(instance_of(schema, schema))


def instance_of(schema: Any, root: Json) -> Any:
    """A value that fits the schema: the first alternative, the least that is required."""
    if not isinstance(schema, dict):
        return None
    if "$ref" in schema:
        target: Any = root
        for step in schema["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        return instance_of(target, root)
    if "const" in schema or "enum" in schema:
        return schema["const"] if "const" in schema else schema["enum"][0]
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return instance_of(schema[key][0], root)
    kind = schema.get("type", "object")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        return {name: instance_of(schema.get("properties", {}).get(name), root) for name in schema.get("required", ())}
    if kind == "array":
        return [instance_of(schema.get("items"), root) for _ in range(schema.get("minItems", 0))]
    if kind == "string":
        return "x" * schema.get("minLength", 1)
    return {"integer": schema.get("minimum", 0), "number": schema.get("minimum", 0), "boolean": False, "null": None}[kind]
