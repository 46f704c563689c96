"""Tools told in words, for models that have no tokens for them: what a base can do before it was taught, asked in plain chat.

The words are those that teachers without native tools get (``gen/teachers/prompts.yaml``): the tools as text, a turn as one JSON object.
Who answers with plain text instead has said that text; whatever JSON is written is read as leniently as a teacher's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from gen.canonical import exact_json
from gen.conversation import Conversation, Message, ToolCall
from gen.rendering.normal import call_id
from gen.rendering.template import Template
from gen.rendering.tokens import Encoder
from gen.scoring.prompting import CUT, Prompt, opening
from gen.scoring.speaking import Said
from gen.teachers.brief import results_message
from gen.teachers.engines.chat import alternating, merge_system
from gen.teachers.envelope import Unreadable, read_written
from gen.teachers.prompts import prompt
from gen.teachers.request import ChatMessage

WORDS = "words"
"""What stands for this form where a template is asked for."""

Tokens = Callable[[Sequence[ChatMessage]], list[int]]
"""A chat as the prompt of a model."""


def as_chat(talk: Conversation) -> list[ChatMessage]:
    """A conversation as a plain chat: tools and system text first, calls as the JSON that the model is asked for, results as the user's."""
    system = next((message.content for message in talk.messages if message.role == "system"), "") or prompt("assistant_alone")
    tools = "\n".join(exact_json(tool["function"]) for tool in talk.tools) or "(none)"
    return [("system", prompt("assistant", system=system, tools=tools)), *_spoken(talk.messages)]


def _spoken(messages: Iterable[Message]) -> Iterator[ChatMessage]:
    for is_result, group in groupby(messages, key=lambda message: message.role == "tool"):
        some = list(group)
        if is_result:
            yield "user", results_message((message.name or "", message.content) for message in some)
            continue
        for message in some:
            if message.role == "assistant":
                calls = [{"name": call.name, "arguments": call.arguments} for call in message.tool_calls]
                yield "assistant", exact_json({"thought": message.reasoning_content or "", "text": message.content, "calls": calls})
            elif message.role == "user":
                yield "user", message.content


def read_words(text: str, made: int) -> Said:
    """The message that a model wrote; ``made`` calls were made before it."""
    try:
        turn = read_written(text)
    except Unreadable as error:
        if error.reason == "no_json" and text.strip() and "{" not in text:
            return Said(Message("assistant", text.strip()))
        return Said(None, text, str(error))
    calls = tuple(ToolCall(call_id(made + number), name, arguments) for number, (name, arguments) in enumerate(turn.calls))
    return Said(Message("assistant", turn.text, turn.thought or None, calls))


class Words:
    """The form for a model of this process."""

    def __init__(self, tokenizer: Any, tokens: Tokens, ends: tuple[int, ...]) -> None:
        self._tokenizer = tokenizer
        self._tokens = tokens
        self.ends = ends

    def prompt(self, talk: Conversation, *, thinks: bool) -> Prompt:
        return Prompt((), self._tokens(as_chat(talk)), calls_in(talk))

    def read(self, prompt: Prompt, tokens: tuple[int, ...], *, ended: bool) -> Said:
        said = tokens[:-1] if ended else tokens
        text = str(self._tokenizer.decode(list(said), skip_special_tokens=True))
        found = read_words(text, prompt.made) if ended else Said(None, text, CUT)
        return replace(found, tokens=len(tokens))


def calls_in(talk: Conversation) -> int:
    """How many calls were made so far."""
    return sum(len(message.tool_calls) for message in talk.messages)


def in_turns_of(tokenizer: Any, template: Template) -> Tokens:
    """Chats in a template's own turns, for a tokenizer without a chat template; none of the template's added tokens is said."""
    bare = replace(template, added_tokens=())
    encoder = Encoder(tokenizer, bare)

    def tokens(messages: Sequence[ChatMessage]) -> list[int]:
        talk = Conversation("", tuple(Message(role, text) for role, text in alternating(merge_system(messages))))
        return encoder.encode(opening(talk, bare)).input_ids

    return tokens
