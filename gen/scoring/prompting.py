"""Conversations as a model's prompt in one of our templates, and its tokens as a message again.

A prompt is the beginning of the row that training would see: everything before the first token that the assistant is trained to say.
What comes back is read by the template's own parser, strictly, together with the prompt that it answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from gen.conversation import Conversation, Message, ToolCall
from gen.errors import BadInput
from gen.rendering.decoding import Decoder
from gen.rendering.parse import parse_spans
from gen.rendering.reference import REFERENCE
from gen.rendering.spans import Span
from gen.rendering.template import Template
from gen.rendering.templates import render
from gen.rendering.tokens import UNTRAINED, Encoder
from gen.scoring.speaking import Said

CUT = "the output was cut at the limit of tokens"


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a model is given: the tokens, the spans that they came from, and how many calls were made so far."""

    spans: tuple[Span, ...]
    tokens: list[int]
    made: int = 0


class Prompter:
    """Prompts in one template for one tokenizer. Raises BadInput where the tokenizer lacks control tokens of the template."""

    def __init__(self, tokenizer: Any, template: Template) -> None:
        self.template = template
        self._encoder = Encoder(tokenizer, template)
        self._decoder = Decoder(tokenizer, template)
        self._tokenizer = tokenizer
        self._closings = closings(template)

    @property
    def ends(self) -> tuple[int, ...]:
        """The tokens at which the model must stop: those that end a turn, and the one that ends any text."""
        tokens = [*self._tokenizer.convert_tokens_to_ids([end.text for end in self._closings]), self._tokenizer.eos_token_id]
        return tuple(dict.fromkeys(token for token in tokens if token is not None))

    def prompt(self, talk: Conversation, *, thinks: bool) -> Prompt:
        """The prompt for the assistant's next message. Raises BadInput where the template cannot say what was said so far."""
        spans = opening(talk, self.template, thinks=thinks)
        return Prompt(spans, self._encoder.encode(spans).input_ids)

    def longest(self, row: Conversation) -> int:
        """The tokens of the longest message that the row's assistant says; 0 where the template cannot say the row."""
        try:
            labels = self._encoder.encode(render(replace(row, untrained=()), self.template)).labels
        except BadInput:
            return 0
        return max([len(list(run)) for trained, run in groupby(labels, key=UNTRAINED.__ne__) if trained], default=0)

    def read(self, prompt: Prompt, tokens: Sequence[int], *, ended: bool) -> Said:
        """What these tokens say, the one that ended them included; ``ended`` is whether there is such a one."""
        if not ended:
            return self._unread(tokens, CUT)
        problem = ""
        try:
            for spans in self._closed(tokens):
                try:
                    read = parse_spans((*prompt.spans, *spans), self.template)
                except BadInput as error:
                    problem = problem or f"{error.what} ({error.where})"
                else:
                    return Said(read.messages[-1], tokens=len(tokens))
        except BadInput as error:  # tokens that no text of the template has
            problem = error.what
        return self._unread(tokens, problem)

    def _closed(self, tokens: Sequence[int]) -> Iterator[list[Span]]:
        """The output with what the template puts behind it; where another token ended it, as if each of its own ends had."""
        if tokens[-1] in self._tokenizer.convert_tokens_to_ids([end.text for end in self._closings]):
            spans = self._decoder.spans(tokens)
            yield [*spans, *self._closings[spans[-1]]]
            return
        spans = self._decoder.spans(tokens[:-1])
        for end, behind in self._closings.items():
            yield [*spans, end, *behind]

    def _unread(self, tokens: Sequence[int], problem: str) -> Said:
        return Said(None, str(self._tokenizer.decode(list(tokens), skip_special_tokens=False)), problem, len(tokens))


def opening(talk: Conversation, template: Template, *, thinks: bool = False) -> tuple[Span, ...]:
    """The spans of a conversation up to where the assistant speaks next. Raises BadInput where the template cannot say them."""
    placeholder = Message("assistant", "x", "x" if thinks else None)
    earlier = tuple(index for index, message in enumerate(talk.messages) if message.role == "assistant")
    spans = render(replace(talk, messages=(*talk.messages, placeholder), untrained=earlier), template)
    first = next(index for index, span in enumerate(spans) if span.trained)
    return spans[:first]


def closings(template: Template) -> dict[Span, tuple[Span, ...]]:
    """The tokens that end what the assistant says, and what the template puts behind each of them."""
    found: dict[Span, tuple[Span, ...]] = {}
    name = REFERENCE.tools[0]["function"]["name"]
    for said in (Message("assistant", "x"), Message("assistant", "", tool_calls=(ToolCall("abcdefghi", name, {}),))):
        spans = render(Conversation("", (Message("user", "x"), said), REFERENCE.tools), template)
        last = max(index for index, span in enumerate(spans) if span.trained)
        found[spans[last]] = spans[last + 1 :]
    return found
