"""The template ``gemma``: Gemma's own turns, taught the control tokens of function calling.

    <bos><start_of_turn>user
    {system}\\n\\n[AVAILABLE_TOOLS]{tools}[/AVAILABLE_TOOLS]{user}<end_of_turn>
    <start_of_turn>model
    [THINK]{thought}[/THINK]{text}[TOOL_CALLS]{calls}<end_of_turn>
    <start_of_turn>user
    [TOOL_RESULTS]{result}[/TOOL_RESULTS][TOOL_RESULTS]{result}[/TOOL_RESULTS]<end_of_turn>

Everything a model turn says is trained, its stop token too; role names and newlines are not. Gemma has no system role:
system text opens the first user turn. Ids are not said: results stand in the order of their calls.
"""

from __future__ import annotations

from dataclasses import replace

from gen.canonical import exact_json
from gen.conversation import Conversation, JsonObject, Message, ToolCall
from gen.rendering.formats.blocks import are_tools, is_named
from gen.rendering.losses import Says
from gen.rendering.normal import call_id, call_json, reduced
from gen.rendering.reader import Reader
from gen.rendering.spans import Span, SpanWriter
from gen.rendering.template import Template

BOS, START, END = BASE_TOKENS = ("<bos>", "<start_of_turn>", "<end_of_turn>")
TOOLS, TOOLS_END, THINK, THINK_END, CALLS, RESULT, RESULT_END = ADDED_TOKENS = (
    "[AVAILABLE_TOOLS]",
    "[/AVAILABLE_TOOLS]",
    "[THINK]",
    "[/THINK]",
    "[TOOL_CALLS]",
    "[TOOL_RESULTS]",
    "[/TOOL_RESULTS]",
)
GAP = "\n\n"
"""Between the system text and what follows it in the first user turn."""

SAYS = Says(
    system="folded into the first user turn",
    parallel_calls=True,
    text_beside_calls=True,
    thoughts=True,
    ids=False,
    results="value",
    lost=(
        "where system text ends and user text begins, if no tools are offered",
        "that no user message comes first: tools and system text then stand in an empty one",
        "whether a result that is no JSON was a text or the JSON string of it",
    ),
)


def express(conversation: Conversation) -> Conversation:
    """What this format can say of a conversation, which is exactly what ``parse`` reads back from its spans.

    Ids only tell the order. Tools and system text stand in a user turn, so where no user speaks first there is an empty
    message; without tools nothing parts the system text from the user's, so they are one message. Raises BadInput for
    what the format cannot say at all.
    """
    normal = reduced(conversation, SAYS)
    system = normal.messages[:1] if normal.messages[0].role == "system" else ()
    if not (system or normal.tools):
        return normal
    rest = normal.messages[len(system) :]
    if not rest or rest[0].role != "user":
        rest = (Message("user", ""), *rest)
    if system and not normal.tools:
        rest, system = (Message("user", system[0].content + GAP + rest[0].content), *rest[1:]), ()
    moved = len(system) + len(rest) - len(normal.messages)
    return replace(normal, messages=system + rest, untrained=tuple(index + moved for index in normal.untrained))


def render(conversation: Conversation) -> list[Span]:
    """The spans of a conversation that ``express`` made."""
    writer = SpanWriter(BASE_TOKENS + ADDED_TOKENS)
    writer.own(BOS)
    messages = conversation.messages
    at = _write_opening(writer, conversation) if conversation.tools else 0
    for index in range(at, len(messages)):
        message = messages[index]
        if message.role == "assistant":
            _write_model_turn(writer, conversation, message, trained=index not in conversation.untrained)
        elif message.role == "tool":
            _write_result(writer, messages, index)
        else:
            writer.own(f"{START}user\n")
            writer.text(message.content)
            writer.own(f"{END}\n")
    return writer.spans


def _write_opening(writer: SpanWriter, conversation: Conversation) -> int:
    """The first user turn, with the system text and the tools; how many messages it holds."""
    first, *others = conversation.messages
    writer.own(f"{START}user\n")
    if first.role == "system":
        writer.text(first.content + GAP)
    writer.own(TOOLS)
    writer.text(call_json(conversation, conversation.tools))
    writer.own(TOOLS_END)
    writer.text(others[0].content if first.role == "system" else first.content)
    writer.own(f"{END}\n")
    return 2 if first.role == "system" else 1


def _write_model_turn(writer: SpanWriter, conversation: Conversation, message: Message, *, trained: bool) -> None:
    writer.own(f"{START}model\n")
    if message.reasoning_content:
        writer.own(THINK, trained=trained)
        writer.text(message.reasoning_content, trained=trained)
        writer.own(THINK_END, trained=trained)
    writer.text(message.content, trained=trained)
    if message.tool_calls:
        calls = [{"name": call.name, "arguments": call.arguments} for call in message.tool_calls]
        writer.own(CALLS, trained=trained)
        writer.text(call_json(conversation, calls), trained=trained)
    writer.own(END, trained=trained)
    writer.own("\n")


def _write_result(writer: SpanWriter, messages: tuple[Message, ...], index: int) -> None:
    """One result; results that follow each other share a user turn."""
    message = messages[index]
    if messages[index - 1].role != "tool":
        writer.own(f"{START}user\n")
    writer.own(RESULT)
    # the content is JSON text already: express saw to it
    writer.text(f'{{"name": {exact_json(message.name)}, "content": {message.content}}}')
    writer.own(RESULT_END)
    if index + 1 == len(messages) or messages[index + 1].role != "tool":
        writer.own(f"{END}\n")


def parse(reader: Reader) -> Conversation:
    """The conversation that these spans say, with ids by order. Raises BadInput, with the place, where they say none."""
    messages: list[Message] = []
    untrained: list[int] = []
    tools: tuple[JsonObject, ...] = ()
    calls = 0
    reader.control(BOS)
    while not reader.at_end():
        reader.control(START)
        if reader.word("user\n", "model\n") == "model\n":
            messages.append(_read_model_turn(reader, calls))
            calls += len(messages[-1].tool_calls)
        elif reader.sees(RESULT):
            messages += _read_results(reader, messages[-1].tool_calls if messages else ())
        else:
            opening, offered = _read_user_turn(reader, first=not messages)
            messages += opening
            tools = tools or offered
        reader.control(END)
        if messages and messages[-1].role == "assistant" and not reader.trained:
            untrained.append(len(messages) - 1)
        reader.word("\n")
    return Conversation(id="", messages=tuple(messages), tools=tools, untrained=tuple(untrained))


def _read_user_turn(reader: Reader, *, first: bool) -> tuple[list[Message], tuple[JsonObject, ...]]:
    text = reader.text()
    if not (first and reader.sees(TOOLS)):
        return [Message("user", text)], ()
    if text and not text.endswith(GAP):
        reader.fail(f"the system text must end with {GAP!r} before {TOOLS}")
    messages = [Message("system", text.removesuffix(GAP))] if text else []
    reader.control(TOOLS)
    tools = reader.json()
    if not are_tools(tools):
        reader.fail(f"{TOOLS} must hold a list of tools")
    reader.control(TOOLS_END)
    messages.append(Message("user", reader.text()))
    return messages, tuple(tools)


def _read_model_turn(reader: Reader, made: int) -> Message:
    thought = None
    if reader.sees(THINK):
        reader.control(THINK)
        thought = reader.text() or None
        reader.control(THINK_END)
    content = reader.text()
    calls: tuple[ToolCall, ...] = ()
    if reader.sees(CALLS):
        reader.control(CALLS)
        calls = _read_calls(reader, made)
    return Message("assistant", content, thought, calls)


def _read_calls(reader: Reader, made: int) -> tuple[ToolCall, ...]:
    calls = reader.json()
    if not (isinstance(calls, list) and calls and all(is_named(call, "arguments") for call in calls)):
        reader.fail(f'{CALLS} must be followed by a list of {{"name": …, "arguments": …}}')
    if not all(isinstance(call["arguments"], dict) for call in calls):
        reader.fail("the arguments of a call must be an object")
    return tuple(ToolCall(call_id(made + k), call["name"], call["arguments"]) for k, call in enumerate(calls))


def _read_results(reader: Reader, calls: tuple[ToolCall, ...]) -> list[Message]:
    messages: list[Message] = []
    while reader.sees(RESULT):
        reader.control(RESULT)
        result = reader.json()
        if not is_named(result, "content"):
            reader.fail(f'{RESULT} must hold {{"name": …, "content": …}}')
        if len(messages) == len(calls):
            reader.fail(f"the result of {result['name']!r} follows no call")
        call = calls[len(messages)]
        if result["name"] != call.name:
            reader.fail(f"the result names tool {result['name']!r}, its call {call.name!r}")
        reader.control(RESULT_END)
        messages.append(Message("tool", exact_json(result["content"]), tool_call_id=call.id, name=call.name))
    return messages


GEMMA = Template(
    name="gemma",
    description="Gemma 2 and 3 turns with seven added tokens for tools, thoughts, calls and results",
    base_tokens=BASE_TOKENS,
    added_tokens=ADDED_TOKENS,
    express=express,
    render=render,
    parse=parse,
    says=SAYS,
    response={
        "defaults": {"role": "assistant"},
        "start_anchor": f"{START}model\n",
        "fields": {
            "reasoning_content": {"open": THINK, "close": THINK_END, "content_args": {"strip": False}},
            "tool_calls": {
                "open": CALLS,
                "close": END,
                "content": "json",
                "transform_each": True,
                "transform": {"type": "function", "function": {"name": "{name}", "arguments": "{arguments}"}},
            },
            "content": {"close": END, "content_args": {"strip": False}},
        },
    },
)
