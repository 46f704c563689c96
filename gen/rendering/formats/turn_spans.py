"""The turns of ``shared_turn`` as spans, written and read back."""

from __future__ import annotations

import json
from collections.abc import Iterator

from gen.canonical import exact_json
from gen.conversation import Conversation, JsonObject, Message, ToolCall
from gen.rendering.formats import braces, declarations
from gen.rendering.formats.turn_frame import BOS, Frame
from gen.rendering.normal import call_id
from gen.rendering.reader import Reader
from gen.rendering.spans import Span, SpanWriter

# -- spans


def render(conversation: Conversation, frame: Frame) -> list[Span]:
    """The spans of a conversation that ``express`` made."""
    writer = SpanWriter(frame.tokens)
    start, end = frame.turn
    messages = conversation.messages
    writer.own(BOS)
    at = _write_opening(writer, conversation, frame)
    for index in range(at, len(messages)):
        message = messages[index]
        follows_result = index > 0 and messages[index - 1].role == "tool"
        if message.role == "tool":
            _write_result(writer, message, frame, first=not follows_result)
        elif message.role == "user":
            writer.own(f"{start}user\n")
            writer.text(message.content)
            writer.own(f"{end}\n")
        else:
            if not follows_result:
                writer.own(f"{start}model\n")
            _write_spoken(writer, message, frame, trained=index not in conversation.untrained)
    return writer.spans


def _write_opening(writer: SpanWriter, conversation: Conversation, frame: Frame) -> int:
    """The turn with system text and tools, if there are any; how many messages it holds."""
    start, end = frame.turn
    first = conversation.messages[0]
    system = first.content if first.role == "system" else ""
    thinks = frame.says_flag(conversation.messages)
    if not (first.role == "system" or conversation.tools or thinks):
        return 0
    writer.own(f"{start}{frame.system}\n")
    if thinks:
        writer.own(f"{frame.flag}\n")
    writer.text(system)
    if conversation.tools and frame.offer:
        writer.own(f"\n{frame.offer}" if system else frame.offer)
    for tool in conversation.tools:
        writer.own(frame.tool[0])
        declarations.write(writer, tool, frame.quote)
        writer.own(frame.tool[1])
    writer.own(f"{end}\n")
    return int(first.role == "system")


def _write_spoken(writer: SpanWriter, message: Message, frame: Frame, *, trained: bool) -> None:
    """A message of the assistant, with the token at which it stops."""
    if message.reasoning_content and frame.thought:
        writer.own(f"{frame.thought[0]}thought\n", trained=trained)
        writer.text(message.reasoning_content, trained=trained)
        writer.own(f"\n{frame.thought[1]}", trained=trained)
    writer.text(message.content, trained=trained)
    for call in message.tool_calls:
        writer.own(f"{frame.call[0]}call:", trained=trained)
        writer.text(call.name, trained=trained)
        braces.write(writer, call.arguments, frame.quote, trained=trained)
        writer.own(frame.call[1], trained=trained)
    writer.own(frame.response[0] if message.tool_calls else frame.turn[1], trained=trained)
    writer.own("" if message.tool_calls else "\n")


def _write_result(writer: SpanWriter, message: Message, frame: Frame, *, first: bool) -> None:
    """A result. The token that opens the first one was said by the message that calls."""
    writer.own("response:" if first else f"{frame.response[0]}response:")
    writer.text(message.name or "")
    braces.write(writer, json.loads(message.content), frame.quote)
    writer.own(frame.response[1])


# -- read back


def parse(reader: Reader, frame: Frame) -> Conversation:
    """The conversation that these spans say, with ids by order. Raises BadInput, with the place, where they say none."""
    start, end = frame.turn
    messages: list[Message] = []
    untrained: list[int] = []
    tools: tuple[JsonObject, ...] = ()
    roles: tuple[str, ...] = (f"{frame.system}\n", "user\n", "model\n")
    reader.control(BOS)
    while not reader.at_end():
        reader.control(start)
        role = reader.word(*roles)
        roles = ("user\n", "model\n")
        if role == "model\n":
            _read_model_turn(reader, frame, messages, untrained)
        elif role == "user\n":
            messages.append(Message("user", reader.text()))
            reader.own(f"{end}\n", frame.tokens)
        else:
            text, tools, flag = _read_opening(reader, frame)
            if text or reader.at_end() or not (tools or flag):
                messages.append(Message("system", text))
    return Conversation(id="", messages=tuple(messages), tools=tools, untrained=tuple(untrained))


def _read_opening(reader: Reader, frame: Frame) -> tuple[str, tuple[JsonObject, ...], bool]:
    """System text, tools, and whether the flag stands there that thoughts may come."""
    flag = bool(frame.flag) and reader.sees(frame.flag)
    if flag:
        reader.own(f"{frame.flag}\n", frame.tokens)
    text = reader.text()
    tools: list[JsonObject] = []
    while reader.sees(frame.tool[0]):
        reader.control(frame.tool[0])
        tools.append(declarations.read(reader, frame.quote))
        reader.control(frame.tool[1])
    if tools and frame.offer:
        if text != frame.offer and not text.endswith(f"\n{frame.offer}"):
            reader.fail(f"before the tools stands {frame.offer!r}, on a line of its own")
        text = text.removesuffix(frame.offer).removesuffix("\n")
    reader.own(f"{frame.turn[1]}\n", frame.tokens)
    return text, tuple(tools), flag


def _read_model_turn(reader: Reader, frame: Frame, messages: list[Message], untrained: list[int]) -> None:
    """Reads what the model says, the results of its calls, and so on, to the end of its turn."""
    while True:
        made = sum(len(message.tool_calls) for message in messages)
        message = _read_spoken(reader, frame, made)
        reader.control(frame.response[0] if message.tool_calls else frame.turn[1])
        if not reader.trained:
            untrained.append(len(messages))
        messages.append(message)
        if not message.tool_calls:
            reader.word("\n")
            return
        if not reader.sees_word("response:"):
            return
        messages += _read_results(reader, frame, message.tool_calls)
        if reader.at_end():
            return


def _read_spoken(reader: Reader, frame: Frame, made: int) -> Message:
    thought = None
    if frame.thought and reader.sees(frame.thought[0]):
        reader.own(f"{frame.thought[0]}thought\n", frame.tokens)
        text = reader.text()
        if not text.endswith("\n"):
            reader.fail("a thought ends with a newline")
        thought = text.removesuffix("\n") or None
        reader.control(frame.thought[1])
    content = reader.text()
    calls: list[ToolCall] = []
    while reader.sees(frame.call[0]):
        reader.own(f"{frame.call[0]}call:", frame.tokens)
        name, arguments = _read_named(reader, frame)
        reader.control(frame.call[1])
        calls.append(ToolCall(call_id(made + len(calls)), name, arguments))
    return Message("assistant", content, thought, tuple(calls))


def _read_named(reader: Reader, frame: Frame) -> tuple[str, JsonObject]:
    """Reads ``name{key:value}``, of a call or of a result."""
    name = reader.until("{")
    if not braces.is_sayable(name):
        reader.fail(f"{name!r} is no name of a tool")
    return name, {key: braces.read(reader, frame.quote) for key in braces.members(reader, frame.quote)}


def _read_results(reader: Reader, frame: Frame, calls: tuple[ToolCall, ...]) -> Iterator[Message]:
    """Reads the results of these calls; the token that opens the first was read."""
    for call in calls:
        reader.word("response:")
        name, value = _read_named(reader, frame)
        if name != call.name:
            reader.fail(f"the result names tool {name!r}, its call {call.name!r}")
        reader.control(frame.response[1])
        yield Message("tool", exact_json(value), tool_call_id=call.id, name=name)
        if not reader.sees(frame.response[0]):
            return
        reader.control(frame.response[0])
    reader.fail("more results than calls")
