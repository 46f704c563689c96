"""What a server's reply is: a completion, or one of the ways in which a reply goes wrong on the way.

A reply that was cut is called so, and never invalid JSON: it is asked for again, and says nothing about the model.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

import orjson

from gen.conversation import JsonObject
from gen.redact import redacted

QUOTED = 300
"""Characters of a server's own words that a message quotes."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as it came: status, the header fields that matter, the whole body."""

    status: int
    body: bytes
    retry_after: str = ""
    location: str = ""


@dataclass(frozen=True, slots=True)
class Broken:
    """No answer, or none that can be read. ``kind`` is for counting, ``reason`` for people; a slow server may be asked too much."""

    kind: str
    reason: str
    slow: bool = False


@dataclass(frozen=True, slots=True)
class Said:
    """What a model said, by its server's account of it; ``calls`` of tools and its ``thought`` where the server tells them apart."""

    text: str
    finish: str
    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0
    calls: tuple[Any, ...] = ()
    thought: str = ""


def said(reply: Reply) -> Said | Broken:
    """The completion in a reply of status 200, or what is wrong with the reply."""
    value = _json(reply.body)
    if isinstance(value, Broken):
        return value
    if not isinstance(value, dict) or (value.get("error") and not value.get("choices")):
        return Broken("error in a reply", f"the server answered 200 with an error: {quoted(reply.body)}")
    choices = value.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(message, dict):
        return Broken("no completion", f"the reply holds no choices[0].message: {quoted(reply.body)}")
    usage = value.get("usage")
    heard = _counted(_text(message), str(choice.get("finish_reason") or "stop"), usage if isinstance(usage, dict) else {})
    calls, thought = message.get("tool_calls"), message.get("reasoning_content") or message.get("reasoning")
    return replace(heard, calls=tuple(calls) if isinstance(calls, list) else (), thought=whole(thought) if isinstance(thought, str) else "")


def _counted(text: str, finish: str, usage: JsonObject) -> Said:
    details = usage.get("prompt_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, dict) else 0
    return Said(text, finish, _number(usage.get("prompt_tokens")), _number(usage.get("completion_tokens")), _number(cached))


def _number(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return _by_hand(body)


def _by_hand(body: bytes) -> Any:
    """A body that the strict reader refuses. The lenient one reads half an emoji (a lone surrogate); what is left is broken."""
    try:
        return json.loads(body.decode())
    except ValueError:  # bytes that are no UTF-8 too
        return _unreadable(body.strip())


def _unreadable(body: bytes) -> Broken:
    if not body:
        return Broken("empty reply", "the reply has no body")
    if body[:1] == b"{" and body[-1:] != b"}":
        return Broken("cut reply", f"the reply was cut after {len(body):,} bytes")
    if body[:1] == b"<":
        return Broken("page", f"the reply is a page for people, of a proxy perhaps: {quoted(body)}")
    return Broken("garbage", f"the reply is no JSON: {quoted(body)}")


def _text(message: JsonObject) -> str:
    """The text of a message: a string, its parts, or why the model refused to say one."""
    content = message.get("content")
    if isinstance(content, list):
        content = "".join(part["text"] for part in content if isinstance(part, dict) and isinstance(part.get("text"), str))
    if not content:
        content = message.get("refusal")
    return whole(content) if isinstance(content, str) else ""


def spoken(reply: Reply) -> str:
    """All that the model said, its calls of tools too, as one text; nothing where the reply cannot be read."""
    value = _json(reply.body)
    try:
        message = value["choices"][0]["message"]
        return _text(message) + json.dumps(message.get("tool_calls") or "")
    except (AttributeError, IndexError, KeyError, TypeError):  # a Broken too
        return ""


def whole(text: str) -> str:
    """The text with each half of a letter (a lone surrogate, which no file can hold) replaced by U+FFFD."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def error_of(reply: Reply) -> JsonObject:
    """What an error says of itself: ``message``, and ``code``, ``type``, ``param`` where the server has them."""
    value = _json(reply.body)
    if isinstance(value, Broken) or not isinstance(value, dict):
        return {"message": reply.body.decode(errors="replace")}
    error = value.get("error", value)
    if not isinstance(error, dict):
        return {"message": str(error)}
    told = error.get("message") or error.get("detail") or reply.body.decode(errors="replace")
    return {**error, "message": told if isinstance(told, str) else orjson.dumps(told).decode()}


def quoted(text: bytes | str) -> str:
    """A server's own words, short, on one line, without keys."""
    words = " ".join(redacted(text if isinstance(text, str) else text.decode(errors="replace")).split())
    return repr(words if len(words) <= QUOTED else words[:QUOTED] + "…")
