"""A model that plays the corpus's assistant, in an OpenAI-compatible server's words: well, or wrong in a way that a test names."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from gen.conversation import Conversation, Message

Spoil = Callable[[Message], Message]


class AsCorpus:
    """What the corpus's assistant says next, found by the first messages of the chat and how often the assistant spoke."""

    def __init__(self, rows: Iterable[Conversation], spoil: Spoil = lambda message: message) -> None:
        self._rows = {_beginning([message.to_wire() for message in row.messages]): row for row in rows}
        self._spoil = spoil

    def __call__(self, asked: dict[str, Any]) -> dict[str, Any]:
        row = self._rows[_beginning(asked["messages"])]
        spoken = sum(message["role"] == "assistant" for message in asked["messages"])
        said = self._spoil([message for message in row.messages if message.role == "assistant"][spoken])
        wire: dict[str, Any] = {"role": "assistant", "content": said.content or None}
        if said.tool_calls:
            wire["tool_calls"] = [
                {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": json.dumps(call.arguments)}}
                for call in said.tool_calls
            ]
        return wire


def _beginning(messages: list[dict[str, Any]]) -> tuple[str, ...]:
    """What stands before the assistant speaks."""
    first = next((place for place, message in enumerate(messages) if message["role"] == "assistant"), len(messages))
    return tuple(message["content"] for message in messages[:first])
