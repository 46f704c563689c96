"""The turns that FunctionGemma and Gemma 4 share: calls, their results and what follows stand in one turn of the model.

    {bos}{start}system                            only where there is system text, a tool or a thought
    {flag}
    {system}{tool}declaration:f{…}{tool end}{end}
    {start}user
    {text}{end}
    {start}model
    {thought}{text}{call}call:f{…}{call end}{response}response:f{…}{response end}{text}{end}

The words of a message stand before its calls, as a model says them. A message that calls ends in the token that opens its
first result: at inference the model stops there, so it is trained. What follows the results goes on in the same turn; any
other message of the assistant begins its own. A format is a ``Frame``; ``braces`` writes values, ``declarations`` tools.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from gen.canonical import exact_json
from gen.conversation import Conversation, Json, JsonObject, Message, ToolCall
from gen.errors import BadInput
from gen.rendering.formats import braces, declarations
from gen.rendering.formats.turn_frame import Frame, response
from gen.rendering.formats.turn_spans import parse, render
from gen.rendering.losses import KEY_ORDER, NO_TOOL_KEYS, RETOLD, TRIMMED, Loss
from gen.rendering.normal import call_json, normalised, place, reduced
from gen.rendering.template import Template


def template(name: str, description: str, frame: Frame) -> Template:
    """The template of the format with this frame."""
    return Template(
        name=name,
        description=description,
        base_tokens=frame.tokens,
        added_tokens=(),
        express=partial(express, frame=frame),
        render=partial(render, frame=frame),
        parse=partial(parse, frame=frame),
        says=frame.says,
        loses=partial(loses, frame=frame),
        response=response(frame),
    )


# -- what the format can say


def express(conversation: Conversation, frame: Frame) -> Conversation:
    """What the format can say of a conversation, which is exactly what ``parse`` reads back from its spans."""
    told = reduced(conversation, frame.says)
    tools = tuple(declarations.declared(conversation, tool).tool for tool in told.tools)
    messages: list[Message] = []
    untrained: list[int] = []
    for index, message in enumerate(told.messages):
        if message.role == "user" and messages and messages[-1].role == "tool":
            # results without an answer: the turn closes all the same, with nothing said
            untrained.append(len(messages))
            messages.append(Message("assistant", ""))
        if index in told.untrained:
            untrained.append(len(messages))
        messages.append(_said(conversation, message, index, offer=frame.offer if tools else ""))
    if _opens_with_nothing(messages, tools, frame):
        messages, untrained = messages[1:], [index - 1 for index in untrained]
    return replace(told, messages=tuple(messages), tools=tools, untrained=tuple(untrained))


def _opens_with_nothing(messages: list[Message], tools: tuple[JsonObject, ...], frame: Frame) -> bool:
    """Whether there is an empty system message in a turn that stands there without it too, before other messages."""
    return messages[0] == Message("system", "") and len(messages) > 1 and bool(tools or frame.says_flag(messages))


def _said(conversation: Conversation, message: Message, index: int, *, offer: str) -> Message:
    where = place(conversation, index)
    if message.role == "tool":
        return replace(message, content=exact_json(braces.in_order(_as_object(json.loads(message.content)), where)))
    content = _without_offer(message.content.strip(), offer) if message.role == "system" else message.content.strip()
    return replace(message, content=content, tool_calls=tuple(_said_call(conversation, call, where) for call in message.tool_calls))


def _said_call(conversation: Conversation, call: ToolCall, where: str) -> ToolCall:
    call_json(conversation, call.arguments)
    if not isinstance(call.arguments, dict):
        raise BadInput("the arguments of a call must be an object", where=where)
    braces.checked_name(call.name, what="name of a tool", where=where)
    return replace(call, arguments=braces.in_order(call.arguments, where))


def _as_object(value: Json) -> JsonObject:
    """A result as the format says it: an object as its keys, anything else as a ``value``."""
    return value if isinstance(value, dict) else {"value": value}


def _without_offer(text: str, offer: str) -> str:
    """System text without the sentence that offers tools, which the format says itself."""
    while offer and (text == offer or text.endswith(f"\n{offer}")):
        text = text.removesuffix(offer).strip()
    return text


# -- what is left out or told otherwise


def loses(conversation: Conversation, frame: Frame) -> Iterator[Loss]:
    """What ``express`` leaves out of a conversation or says otherwise, beyond what ``says`` tells."""
    messages = normalised(conversation).messages
    yield from _tool_losses(conversation)
    yield from _system_losses(messages, conversation, frame)
    for index, message in enumerate(messages):
        if message.role == "tool":
            yield from _result_losses(message, index)
        elif message.content != message.content.strip():
            yield Loss(TRIMMED, index, "white space at the ends of a text")
        for call in message.tool_calls:
            if exact_json(call.arguments) != exact_json(braces.in_order(call.arguments, "")):
                yield Loss(KEY_ORDER, index, f"the arguments of {call.name}")
        if message.role == "user" and index and messages[index - 1].role == "tool":
            yield Loss(RETOLD, index, "results that nobody took up are followed by an empty answer, which is not trained")


def _tool_losses(conversation: Conversation) -> Iterator[Loss]:
    for tool in conversation.tools:
        found = declarations.declared(conversation, tool)
        name = found.tool["function"]["name"]
        if found.left_out:
            yield Loss(NO_TOOL_KEYS, None, f"{name} without {', '.join(found.left_out)}")
        for what in dict.fromkeys(found.retold):
            yield Loss(RETOLD, None, f"{name}: {what}")
        if found.reordered:
            yield Loss(KEY_ORDER, None, f"the properties of {name}")


def _system_losses(messages: tuple[Message, ...], conversation: Conversation, frame: Frame) -> Iterator[Loss]:
    text = messages[0].content.strip()
    if messages[0].role != "system":
        return
    if conversation.tools and _without_offer(text, frame.offer) != text:
        yield Loss(RETOLD, 0, "the sentence that offers tools is the format's own")
    if not text and len(messages) > 1 and (conversation.tools or frame.says_flag(messages)):
        yield Loss(RETOLD, 0, "an empty system message: its turn stands there without it")


def _result_losses(message: Message, index: int) -> Iterator[Loss]:
    value = json.loads(message.content)
    if not isinstance(value, dict):
        yield Loss(RETOLD, index, f"the result {message.content[:40]} is said as a value")
    elif exact_json(braces.in_order(value, "")) != message.content:
        yield Loss(KEY_ORDER, index, f"the result of {message.name}")
