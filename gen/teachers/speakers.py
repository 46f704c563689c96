"""Who speaks in one conversation, and how a speaker says that it cannot go on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from gen.conversation import Message


class Speakers(Protocol):
    """A teacher in one conversation: how it opens, and what user and assistant say next (None: the user is done)."""

    def system(self) -> Message | None: ...
    async def user(self, messages: Sequence[Message]) -> Message | None: ...
    async def assistant(self, messages: Sequence[Message]) -> Message: ...


class GaveUp(Exception):
    """A speaker cannot go on: at fault is ``fault`` ("user", "assistant"), for ``reason`` (a word). Holds what was said before."""

    def __init__(self, fault: str, reason: str, message: str) -> None:
        super().__init__(message)
        self.fault = fault
        self.reason = reason
        self.messages: tuple[Message, ...] = ()
