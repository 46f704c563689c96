"""What a refusal (a status of 4xx, or a 500 that says why) is about: what to leave out, or what to tell the user.

Read from the words of vLLM, SGLang, llama.cpp, Ollama, transformers serve and OpenAI, which agree on statuses only roughly.
"""

from __future__ import annotations

import re
from typing import Literal

from gen.conversation import JsonObject
from gen.errors import BadInput, FcgenError, OutsideFailed, did_you_mean
from gen.teachers.engines.server_known import Known
from gen.teachers.engines.server_reply import Reply, error_of, quoted
from gen.teachers.request import TooLong

KEYS = ("FCGEN_API_KEY", "OPENAI_API_KEY")
"""Where the key comes from: the first of these in the environment."""

Lesson = Literal["field", "system", "schema", "constraint"]
"""What was learnt of a refusal, so that the same request may be sent in another form."""

_OPTIONAL = ("seed", "top_p", "temperature")
_CONSTRAINTS = ("response_format", "structured_outputs", "json_schema", "json_object")
_TOO_LONG = re.compile(
    r"context[ _](?:length|window|size)|maximum (?:model |sequence )?length|max_model_len|n_ctx|prompt is too long|too many tokens"
    r"|longer than the (?:maximum|model)|input (?:is too long|length)|reduce the length",
    re.IGNORECASE,
)
_NO_SYSTEM = re.compile(
    r"system['\"]? (?:role|message|prompt|instruction)s?.{0,40}(?:not|n't|only|unsupported)|(?:role|roles).{0,40}system"
    r"|roles must alternate|(?:developer instruction|only user and assistant roles)",
    re.IGNORECASE | re.DOTALL,
)
_OF_SCHEMA = re.compile(r"schema|grammar|regex|pattern|additionalProperties|\brequired\b|\$ref|\$defs", re.IGNORECASE)
_NO_QUOTA = ("insufficient_quota", "billing_hard_limit_reached", "billing_not_active")


def learn(reply: Reply, sent: JsonObject, learnt: Known) -> Lesson | None:
    """Change ``learnt`` by what the refusal says of the request. None where it asks for nothing that can be changed."""
    if reply.status not in (400, 404, 415, 422, 500, 501) or too_long(reply):
        return None
    error = error_of(reply)
    told, parameter = str(error["message"]), str(error.get("param") or "")
    if reply.status in (404, 415):  # of paths and media types, unless it names a field of ours
        return None
    if _speaks_of_system(told, sent) and not learnt.no_system:
        return no_system(learnt)
    if learnt.tokens_field in sent and learnt.tokens_field == "max_tokens" and _names("max_tokens", told, parameter):
        learnt.tokens_field = "max_completion_tokens"
        learnt.note("the server wants max_completion_tokens instead of max_tokens")
        return "field"
    for name in _OPTIONAL:
        if name in sent and name not in learnt.dropped and _names(name, told, parameter):
            learnt.dropped.add(name)
            learnt.note(f"the server refuses {name!r} ({quoted(told)}): it is left out, so completions are drawn as the server likes")
            return "field"
    if not any(name in sent for name in _CONSTRAINTS):
        return None
    if any(_names(name, told, parameter) for name in _CONSTRAINTS) and not _OF_SCHEMA.search(_without_names(told)):
        return "constraint"
    return "schema" if _OF_SCHEMA.search(told) or parameter.startswith(_CONSTRAINTS) else None


def no_system(learnt: Known) -> Lesson:
    """System messages are not taken: from now on they are no messages of their own."""
    learnt.no_system = True
    learnt.note("the server takes no system message: its text goes into the first message of the user")
    return "system"


def _speaks_of_system(told: str, sent: JsonObject) -> bool:
    return any(message["role"] == "system" for message in sent["messages"]) and bool(_NO_SYSTEM.search(told))


def _names(name: str, told: str, parameter: str) -> bool:
    """Whether the error is about this field: in ``param``, or as a word of the message."""
    if parameter:
        return parameter == name or parameter.startswith((f"{name}.", f"{name}["))
    return re.search(rf"(?<![\w.]){name}(?!\w)", told) is not None


def _without_names(told: str) -> str:
    return re.sub("json_schema|response_format", "", told)


def too_long(reply: Reply) -> bool:
    """Whether the refusal says that the prompt does not fit the model."""
    if reply.status == 413:
        return True
    error = error_of(reply)
    code = f"{error.get('code') or ''} {error.get('type') or ''}"
    return reply.status in (400, 422, 500) and ("context" in code or _TOO_LONG.search(str(error["message"])) is not None)


def is_no_quota(reply: Reply) -> bool:
    """Whether a 429 means that the account is empty, which no waiting helps."""
    error = error_of(reply)
    return error.get("code") in _NO_QUOTA or error.get("type") in _NO_QUOTA


def refusal(reply: Reply, *, address: str, model: str, key_from: str, models: list[str]) -> FcgenError:
    """The error for a refusal that nothing can be learnt from."""
    words = quoted(str(error_of(reply)["message"]))
    if too_long(reply):
        return _error_of_length(reply, model, words)
    if reply.status in (401, 403):
        return _error_of_key(reply, address, key_from, words)
    if reply.status in (404, 405):
        return _error_of_name(reply, address, model, models, words)
    if reply.status in (402, 429):
        return OutsideFailed(
            f"the account at the server is empty (HTTP {reply.status}): {words}", where=address, hint="then run the same command again"
        )
    if 300 <= reply.status < 400:
        return OutsideFailed(
            f"the server sends elsewhere (HTTP {reply.status}): {reply.location!r}", where=address, hint="name that address"
        )
    return BadInput(f"the server refuses the request (HTTP {reply.status}): {words}", where=f"{address}#{model}")


def _error_of_length(reply: Reply, model: str, words: str) -> TooLong:
    error = error_of(reply)
    figures = [f"{name} {error[name]:,}" for name in ("n_prompt_tokens", "n_ctx") if isinstance(error.get(name), int)]
    return TooLong(
        f"the request is too long for {model!r}" + (f" ({', '.join(figures)})" if figures else "") + f": {words}",
        hint="offer fewer tools, allow fewer turns or a smaller max_tokens, or serve the model with a longer context",
    )


def _error_of_key(reply: Reply, address: str, key_from: str, words: str) -> OutsideFailed:
    what = f"the server does not accept the key of {key_from}" if key_from else "the server wants a key, and the environment holds none"
    hint = f"look at {key_from}" if key_from else f"export {KEYS[0]}=..., or {KEYS[1]}"
    return OutsideFailed(f"{what} (HTTP {reply.status}): {words}", where=address, hint=hint)


def _error_of_name(reply: Reply, address: str, model: str, models: list[str], words: str) -> OutsideFailed:
    if models and model not in models:
        near = did_you_mean(model, models)
        return OutsideFailed(f"the server has no model {model!r}", where=address, allowed=", ".join(models[:20]), hint=near)
    hint = "" if address.endswith("/v1") else f"most servers speak at .../v1: server:{address}/v1#{model}?"
    return OutsideFailed(f"there are no chat completions there (HTTP {reply.status}): {words}", where=address, hint=hint)
