"""What ``hermes``, ``qwen2.5`` and ``qwen3`` share: ChatML turns with tools, calls and results in tagged blocks.

    <|im_start|>system
    {system}{tools}<|im_end|>
    <|im_start|>user
    {user}<|im_end|>
    <|im_start|>assistant
    {thought}{words}
    <tool_call>
    {call}
    </tool_call><|im_end|>
    <|im_start|>user
    <tool_response>
    {result}
    </tool_response><|im_end|>

What differs between them is data (``Form``); where the tools stand, a pair of functions. ``hermes.py`` and ``qwen.py`` have theirs.
Ids are not said: results stand in the order of their calls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from gen.canonical import exact_json
from gen.conversation import Conversation, JsonObject, Message
from gen.rendering.formats.blocks import (
    RESPONSE,
    RESPONSE_END,
    RESPONSE_TEMPLATE_CALLS,
    RESPONSE_TOKENS,
    THINK,
    THINK_END,
    answered,
    is_named,
    read_words_and_calls,
    write_response,
    write_words_and_calls,
)
from gen.rendering.losses import Loss, Says
from gen.rendering.normal import reduced
from gen.rendering.reader import Reader
from gen.rendering.spans import Span, SpanWriter
from gen.rendering.template import Template

START, END = TURN_TOKENS = ("<|im_start|>", "<|im_end|>")
GAP = "\n\n"

Opening = tuple[list[Message], tuple[JsonObject, ...]]
"""What a system turn says: a system message or none, and tools."""


@dataclass(frozen=True, slots=True)
class Form:
    """What a ChatML format does differently from the others.

    Attributes:
        tokens: its control tokens: those that the models' tokenizers have, and that it says.
        says: what it can say.
        write_opening: writes the system turns; returns how many messages they hold.
        read_opening: reads what stands in a system turn.
        call_keys: the keys of a call, in order.
        result_role: whose turn results are.
        named_results: whether a result names its tool, and is JSON; else it is a text as the tool gave it.
        bos: the token that opens a conversation.
        system: the system text that the format says where a conversation has none.
    """

    tokens: tuple[str, ...]
    says: Says
    write_opening: Callable[[SpanWriter, Conversation], int]
    read_opening: Callable[[Reader], Opening]
    call_keys: tuple[str, str] = ("name", "arguments")
    result_role: str = "user"
    named_results: bool = False
    bos: str = ""
    system: str = ""


# -- what each can say


def _express(form: Form, conversation: Conversation) -> Conversation:
    """What this format can say of a conversation, which is exactly what ``parse`` reads back from its spans."""
    told = reduced(conversation, form.says)
    if form.says.thoughts:
        told = replace(told, messages=tuple(map(trimmed, told.messages)))
    if form.system and told.messages[0].role != "system":
        untrained = tuple(index + 1 for index in told.untrained)
        told = replace(told, messages=(Message("system", form.system), *told.messages), untrained=untrained)
    return told


def trimmed(message: Message) -> Message:
    """An assistant message without the newlines that Qwen3 strips from a thought, and from words behind it."""
    if message.role != "assistant":
        return message
    thought = (message.reasoning_content or "").strip("\n")
    return replace(message, content=message.content.lstrip("\n"), reasoning_content=thought or None)


# -- writing


def _render(form: Form, conversation: Conversation) -> list[Span]:
    """The spans of a conversation that ``express`` made."""
    writer = SpanWriter(form.tokens)
    writer.own(form.bos)
    messages = conversation.messages
    for index in range(form.write_opening(writer, conversation), len(messages)):
        message = messages[index]
        if message.role == "assistant":
            _write_assistant(writer, conversation, index, form)
        elif message.role == "tool":
            # where it is named it is JSON text already: express saw to it
            named = f'{{"name": {exact_json(message.name)}, "content": {message.content}}}'
            payload = named if form.named_results else message.content
            write_response(writer, messages, index, (f"{START}{form.result_role}\n", f"{END}\n"), payload)
        else:
            write_turn(writer, message)
    return writer.spans


def write_turn(writer: SpanWriter, message: Message) -> None:
    """A message that says a text and nothing else."""
    writer.own(f"{START}{message.role}\n")
    writer.text(message.content)
    writer.own(f"{END}\n")


def _write_assistant(writer: SpanWriter, conversation: Conversation, index: int, form: Form) -> None:
    trained = index not in conversation.untrained
    writer.own(f"{START}assistant\n")
    if form.says.thoughts:
        writer.own(f"{THINK}\n", trained=trained)
        writer.text(conversation.messages[index].reasoning_content or "", trained=trained)
        writer.own(f"\n{THINK_END}{GAP}", trained=trained)
    write_words_and_calls(writer, conversation, index, form.call_keys)
    writer.own(END, trained=trained)
    writer.own("\n")


# -- reading


def _parse(form: Form, reader: Reader) -> Conversation:
    """The conversation that these spans say, with ids by order. Raises BadInput, with the place, where they say none."""
    messages: list[Message] = []
    untrained: list[int] = []
    tools: tuple[JsonObject, ...] = ()
    calls = 0
    if form.bos:
        reader.control(form.bos)
    while not reader.at_end():
        reader.control(START)
        role = reader.word(*_roles(form, messages))
        if role == "system\n":
            opening, offered = form.read_opening(reader)
            messages += opening
            tools = tools or offered
        elif role == "assistant\n":
            messages.append(_read_assistant(reader, calls, form))
            calls += len(messages[-1].tool_calls)
        elif _holds_results(reader, role, messages, form):
            messages += _read_results(reader, messages, form)
        else:
            messages.append(Message("user", reader.text()))
        reader.control(END)
        if role == "assistant\n" and not reader.trained:
            untrained.append(len(messages) - 1)
        reader.word("\n")
    return Conversation(id="", messages=tuple(messages), tools=tools, untrained=tuple(untrained))


def _roles(form: Form, messages: list[Message]) -> list[str]:
    """Whose turn it can be."""
    if not messages and form.system:
        return ["system\n"]
    roles = dict.fromkeys(["user", "assistant", form.result_role])
    return [f"{role}\n" for role in (roles if messages else ["system", *roles])]


def _holds_results(reader: Reader, role: str, messages: list[Message], form: Form) -> bool:
    """Whether a turn holds results: its role says so, or it begins like one and calls wait for an answer."""
    if form.result_role != "user":
        return role == f"{form.result_role}\n"
    if RESPONSE in form.tokens:
        return reader.sees(RESPONSE)
    return bool(messages and messages[-1].tool_calls) and reader.sees_word(f"{RESPONSE}\n")


def _read_assistant(reader: Reader, made: int, form: Form) -> Message:
    thought = None
    if form.says.thoughts:
        reader.own(f"{THINK}\n", form.tokens)
        thought = reader.line_before(THINK_END) or None
        reader.own(f"{THINK_END}{GAP}", form.tokens)
    words, calls = read_words_and_calls(reader, made)
    return Message("assistant", words, thought, calls)


def _read_results(reader: Reader, messages: list[Message], form: Form) -> list[Message]:
    calls = messages[-1].tool_calls if messages else ()
    results: list[Message] = []
    while not results or reader.sees_word("\n"):
        reader.own(f"\n{RESPONSE}\n" if results else f"{RESPONSE}\n", form.tokens)
        call = answered(reader, calls, len(results))
        content = _read_named_result(reader, call.name) if form.named_results else _read_text_result(reader, form)
        results.append(Message("tool", content, tool_call_id=call.id, name=call.name))
    return results


def _read_named_result(reader: Reader, name: str) -> str:
    result = reader.json_value()
    if not is_named(result, "content"):
        reader.fail(f'{RESPONSE} must hold {{"name": …, "content": …}}')
    if result["name"] != name:
        reader.fail(f"the result names tool {result['name']!r}, its call {name!r}")
    reader.own(f"\n{RESPONSE_END}", RESPONSE_TOKENS)
    return exact_json(result["content"])


def _read_text_result(reader: Reader, form: Form) -> str:
    if RESPONSE_END not in form.tokens:
        return reader.until(f"\n{RESPONSE_END}")
    content = reader.line_before(RESPONSE_END)
    reader.control(RESPONSE_END)
    return content


# -- the templates


def chatml_says(*lost: str, thoughts: bool = False, results: Literal["value", "text"] = "text") -> Says:
    """What a ChatML format can say, and what of a conversation is lost."""
    return Says("own role", parallel_calls=True, text_beside_calls=True, thoughts=thoughts, ids=False, results=results, lost=lost)


RESPONSE_FIELDS: JsonObject = {
    "tool_calls": RESPONSE_TEMPLATE_CALLS,
    "content": {"close": END, "content_args": {"strip": False}},
}
THOUGHT_FIELD: JsonObject = {
    "open_pattern": rf"{THINK}\n*",
    "close_pattern": rf"\n*{THINK_END}\n*",
    "content_args": {"strip": False},
}


def chatml_template(
    name: str,
    description: str,
    form: Form,
    *,
    loses: Callable[[Conversation], Iterator[Loss]] | None = None,
    marks: tuple[str, ...] = (),
) -> Template:
    """The template of the format with this form."""
    plain = Template(
        name=name,
        description=description,
        base_tokens=form.tokens,
        added_tokens=(),
        express=partial(_express, form),
        render=partial(_render, form),
        parse=partial(_parse, form),
        says=form.says,
        marks=marks,
        response=_response(form),
    )
    return plain if loses is None else replace(plain, loses=loses)


def _response(form: Form) -> JsonObject:
    thought = {"reasoning_content": THOUGHT_FIELD} if form.says.thoughts else {}
    return {"defaults": {"role": "assistant"}, "start_anchor": f"{START}assistant\n", "fields": thought | RESPONSE_FIELDS}
