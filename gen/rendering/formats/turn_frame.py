"""What the formats of ``shared_turn`` differ in, as data: a ``Frame``, and what follows from it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from gen.conversation import JsonObject, Message
from gen.rendering.losses import Says

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Frame:
    """What differs from format to format.

    Attributes:
        system: the name of the role that says system text and offers tools.
        turn, tool, call, response: the tokens that open and close each.
        quote: the token on both sides of a string in a value.
        thought: what opens and closes a thought; None where the format says none.
        flag: the token in the system turn which says that thoughts may come; "" where there is none.
        offer: the sentence before the tools, on a line of its own behind system text; "" where there is none.
    """

    system: str
    turn: Pair
    tool: Pair
    call: Pair
    response: Pair
    quote: str
    thought: Pair | None = None
    flag: str = ""
    offer: str = ""

    @property
    def says(self) -> Says:
        """What the format can say."""
        return Says(
            system="own role",
            parallel_calls=True,
            text_beside_calls=True,
            thoughts=self.thought is not None,
            ids=False,
            results="value",
            lost=LOST,
        )

    @property
    def tokens(self) -> tuple[str, ...]:
        """The format's control tokens."""
        said = (BOS, *self.turn, *self.tool, *self.call, *self.response, *(self.thought or ()), self.flag, self.quote)
        return tuple(token for token in said if token)

    def says_flag(self, messages: Sequence[Message]) -> bool:
        """Whether the flag stands before these messages: where one of them holds a thought."""
        return bool(self.flag) and any([message.reasoning_content for message in messages])


BOS = "<bos>"

LOST = (
    "the order of keys: they are sorted, without regard to case",
    "whether a result that is no object was so, or an object with one key, `value`",
    "of a tool's parameters all that is no description, enum of texts, items, nullable, property, required or type",
    "that results were not taken up: an empty answer follows them",
)
"""What is lost of a conversation, in words."""


def response(frame: Frame) -> JsonObject:
    """transformers' response template of an answer in this format."""
    fields: JsonObject = {
        "tool_calls": {
            "open_pattern": rf"{re.escape(frame.call[0])}call:(?P<name>[^{{]+)",
            "close": frame.call[1],
            "repeats": True,
            "content": "json",
            "content_args": {"string_delims": [[frame.quote, frame.quote]], "unquoted_keys": True},
            "transform": {"type": "function", "function": {"name": "{name}", "arguments": "{content}"}},
        },
        "content": {"close": [frame.turn[1], frame.response[0]], "content_args": {"strip": False}},
    }
    if frame.thought:
        thought = {"open": f"{frame.thought[0]}thought\n", "close": f"\n{frame.thought[1]}", "content_args": {"strip": False}}
        fields = {"reasoning_content": thought, **fields}
    return {
        "defaults": {"role": "assistant"},
        # an answer begins a turn, or goes on behind results
        "start_anchor": [f"{frame.turn[0]}model\n", frame.response[1]],
        "fields": fields,
    }
