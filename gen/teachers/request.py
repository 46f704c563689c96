"""What is asked of a language model, and what comes back: the seam between who speaks and what runs the model.

A request is plain chat: system, user and assistant messages with text. What an assistant may call stands in the text of its
system message, and the form of its turn in ``schema``; no engine needs to know of tools.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Literal, Protocol

import orjson

from gen.canonical import digest
from gen.conversation import JsonObject
from gen.errors import BadInput

ChatRole = Literal["system", "user", "assistant"]
ChatMessage = tuple[ChatRole, str]
"""Who says it, and the text."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How tokens are drawn. ``temperature`` 0 is greedy; ``max_tokens`` bounds the completion, in tokens of the model."""

    temperature: float = 0.8
    top_p: float = 0.95
    max_tokens: int = 768


@dataclass(frozen=True, slots=True)
class Request:
    """One completion that is asked for.

    Attributes:
        model: the model's name, as the engine knows it.
        messages: the chat so far. Of one conversation and role they only ever grow, so that an engine may keep what it computed.
        schema: the JSON Schema that the completion's text must fit as a JSON text; None for free text. Not yet tightened.
        sampling: how tokens are drawn.
        seed: what the draws follow from, in [0, 2**31); another slot, attempt, turn, role or try has another one.
        view: which chat this continues, the same for all requests of one conversation and role. No part of the address.
    """

    model: str
    messages: tuple[ChatMessage, ...]
    schema: JsonObject | None
    sampling: Sampling
    seed: int
    view: str = ""

    def address(self) -> str:
        """The SHA-256 of all that decides the completion, as 64 hexadecimal digits."""
        drawn = [self.sampling.temperature, self.sampling.top_p, self.sampling.max_tokens, self.seed]
        decides = [self.model, self.messages, self.schema, drawn]
        try:
            return hashlib.sha256(orjson.dumps(decides)).hexdigest()  # a tenth of the time: it is computed for every request
        except TypeError:  # integers beyond 64 bits, halves of surrogate pairs
            return digest(decides)


@dataclass(frozen=True, slots=True)
class Completion:
    """What the model said.

    Attributes:
        text: the completion, without what marks its end.
        finish: "stop" where the model ended it, "length" where ``max_tokens`` (or the model's context) did.
        tokens_in: tokens of the prompt; ``tokens_cached`` of them were computed for an earlier request.
        tokens_out: tokens of the completion.
        seconds: from the request to the whole completion, waiting in the engine's queue left out.
        tokens: the completion's own tokens with the one that ended it, where a model of this process said it. Not stored.
    """

    text: str
    finish: Literal["stop", "length"] = "stop"
    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0
    seconds: float = 0.0
    tokens: tuple[int, ...] = field(default=(), compare=False, repr=False)


class TooLong(BadInput):
    """The chat does not fit into what the model can read. Of this conversation; others may be shorter."""


class Engine(Protocol):
    """What runs a language model. Used by one event loop; any number of requests may wait at a time.

    ``complete`` raises TooLong for a chat that the model cannot read (it never cuts one), OutsideFailed where the engine gave up
    (after its own retries), BadInput where no request can be served (a schema that the engine refuses).
    """

    @property
    def concurrency(self) -> int:
        """Requests that are worth having in flight at a time."""
        ...

    async def complete(self, request: Request) -> Completion: ...

    def forget(self, view: str) -> None:
        """The chat ``view`` is over: nothing needs to be kept for it."""
        ...

    async def close(self) -> None: ...
