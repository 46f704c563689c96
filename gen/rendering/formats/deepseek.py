"""The template ``deepseek-v3.1``: DeepSeek V3.1 as it calls tools, which is without thinking.

    <｜begin▁of▁sentence｜>{system}

    ## Tools
    You have access to the following tools:

    ### {name}
    Description: {description}

    Parameters: {schema}

    IMPORTANT: ALWAYS adhere to this exact format for tool use:
    …<｜User｜>{user}<｜Assistant｜></think>{text}<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>{name}<｜tool▁sep｜>{arguments}
    <｜tool▁call▁end｜><｜tool▁calls▁end｜><｜end▁of▁sentence｜><｜tool▁output▁begin｜>{result}<｜tool▁output▁end｜>{answer}
    <｜end▁of▁sentence｜>

(The last three lines are one.) Sources: the chat template of DeepSeek-V3.1, and its model card for the section of tools,
which the chat template leaves to the caller. The example call in that section is made of the tokens themselves. An answer
follows the results as it is: only behind a user stands ``<｜Assistant｜></think>``. docs/templates/deepseek.md has the rest.
"""  # noqa: RUF002 - these bars are the format's own

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from gen.conversation import Conversation, JsonObject, Message, ToolCall
from gen.rendering.formats.offers import Offer, keys_left_out, offers, wire_of
from gen.rendering.losses import AMBIGUOUS, NO_FORM, RETOLD, CannotSay, Loss, Says
from gen.rendering.normal import call_id, call_json, place, reduced
from gen.rendering.reader import Reader
from gen.rendering.spans import Span, SpanWriter
from gen.rendering.template import Template

BOS, EOS, USER, ASSISTANT, THOUGHT = (
    "<｜begin▁of▁sentence｜>",
    "<｜end▁of▁sentence｜>",
    "<｜User｜>",
    "<｜Assistant｜>",
    "</think>",
)
CALLS, CALLS_END, CALL, SEP, CALL_END = (
    "<｜tool▁calls▁begin｜>",
    "<｜tool▁calls▁end｜>",
    "<｜tool▁call▁begin｜>",
    "<｜tool▁sep｜>",
    "<｜tool▁call▁end｜>",
)
RESULT, RESULT_END = "<｜tool▁output▁begin｜>", "<｜tool▁output▁end｜>"
BASE_TOKENS = (BOS, EOS, USER, ASSISTANT, THOUGHT, CALLS, CALLS_END, CALL, SEP, CALL_END, RESULT, RESULT_END)

TOOLS = "\n\n## Tools\nYou have access to the following tools:\n\n"
NAME, DESCRIPTION, PARAMETERS = "### ", "\nDescription: ", "\n\nParameters: "
HOW = (
    "IMPORTANT: ALWAYS adhere to this exact format for tool use:\n"
    f"{CALLS}{CALL}tool_call_name{SEP}tool_call_arguments{CALL_END}{{additional_tool_calls}}{CALLS_END}\n\n"
    "Where:\n"
    "- `tool_call_name` must be an exact match to one of the available tools\n"
    "- `tool_call_arguments` must be valid JSON that strictly follows the tool's Parameters Schema\n"
    "- For multiple tool calls, chain them directly without separators or spaces"
)

SAYS = Says(
    system="own role",
    parallel_calls=True,
    text_beside_calls=True,
    thoughts=False,
    ids=False,
    results="text",
    lost=("that a system message is empty", "of a tool all but its name, description and parameters"),
)


def express(conversation: Conversation) -> Conversation:
    """What this format can say of a conversation. Raises CannotSay for an assistant message that nothing begins."""
    normal = reduced(conversation, SAYS)
    messages = normal.messages
    for index in range(1, len(messages)):
        if messages[index].role == messages[index - 1].role == "assistant":
            what = "an assistant message follows another: nothing in this format begins it, a model would go on behind its own stop token"
            raise CannotSay(NO_FORM, what, where=place(conversation, index), allowed="a user message or results before it")
    tools = offers(normal)
    for tool in tools:
        if PARAMETERS in tool.description:
            what = f"the description of tool {tool.name} holds {PARAMETERS!r}, by which this format ends a description"
            raise CannotSay(AMBIGUOUS, what, where=place(conversation))
    normal = replace(normal, tools=tuple(map(wire_of, tools)))
    if messages[0].role != "system" or messages[0].content:
        return normal
    if len(messages) == 1:
        raise CannotSay(NO_FORM, "the conversation is nothing but an empty system message", where=place(conversation))
    return replace(normal, messages=messages[1:], untrained=tuple(index - 1 for index in normal.untrained))


def loses(conversation: Conversation) -> Iterator[Loss]:
    """Further keys of tools; an empty system message."""
    yield from keys_left_out(conversation)
    if conversation.messages[0].role == "system" and not conversation.messages[0].content:
        yield Loss(RETOLD, 0, "an empty system message is none")


def render(conversation: Conversation) -> list[Span]:
    """The spans of a conversation that ``express`` made."""
    writer = SpanWriter(BASE_TOKENS)
    writer.own(BOS)
    first = conversation.messages[0]
    if first.role == "system":
        writer.text(first.content)
    if conversation.tools:
        _write_tools(writer, conversation)
    at = 1 if first.role == "system" else 0
    before = None
    for index, message in enumerate(conversation.messages[at:], at):
        if message.role == "user":
            writer.own(USER)
            writer.text(message.content)
        elif message.role == "tool":
            writer.own(RESULT)
            writer.text(message.content)
            writer.own(RESULT_END)
        else:
            if before != "tool":
                writer.own(ASSISTANT + THOUGHT)
            _write_answer(writer, conversation, message, trained=index not in conversation.untrained)
        before = message.role
    return writer.spans


def _write_tools(writer: SpanWriter, conversation: Conversation) -> None:
    writer.own(TOOLS)
    for tool in offers(conversation):
        writer.own(NAME)
        writer.text(tool.name)
        writer.own(DESCRIPTION)
        writer.text(tool.description)
        writer.own(PARAMETERS)
        writer.text(call_json(conversation, tool.parameters))
        writer.own("\n\n")
    writer.own(HOW)


def _write_answer(writer: SpanWriter, conversation: Conversation, message: Message, *, trained: bool) -> None:
    writer.text(message.content, trained=trained)
    if message.tool_calls:
        writer.own(CALLS, trained=trained)
        for call in message.tool_calls:
            writer.own(CALL, trained=trained)
            writer.text(call.name, trained=trained)
            writer.own(SEP, trained=trained)
            writer.text(call_json(conversation, call.arguments), trained=trained)
            writer.own(CALL_END, trained=trained)
        writer.own(CALLS_END, trained=trained)
    writer.own(EOS, trained=trained)


def parse(reader: Reader) -> Conversation:
    """The conversation that these spans say, with ids by order. Raises BadInput, with the place, where they say none."""
    untrained: list[int] = []
    made = 0
    reader.control(BOS)
    messages, tools = _read_opening(reader)
    while not reader.at_end():
        if reader.sees(USER):
            reader.control(USER)
            messages.append(Message("user", reader.text()))
        elif reader.sees(RESULT):
            messages += _read_results(reader, messages[-1].tool_calls if messages else ())
        else:
            if not messages or messages[-1].role != "tool":
                if messages and messages[-1].role == "assistant":
                    reader.fail("an assistant message follows another")
                reader.own(ASSISTANT + THOUGHT, BASE_TOKENS)
            messages.append(_read_answer(reader, made))
            made += len(messages[-1].tool_calls)
            if not reader.trained:
                untrained.append(len(messages) - 1)
    return Conversation(id="", messages=tuple(messages), tools=tools, untrained=tuple(untrained))


def _read_opening(reader: Reader) -> tuple[list[Message], tuple[JsonObject, ...]]:
    offered: list[Offer] = []
    if not reader.text_holds(TOOLS):
        system = reader.text()
    else:
        system = reader.until(TOOLS)
        while reader.sees_word(NAME):
            offered.append(_read_tool(reader))
        if not offered:
            reader.fail("the section of tools offers none")
        reader.own(HOW, BASE_TOKENS)
    return [Message("system", system)] if system else [], tuple(map(wire_of, offered))


def _read_tool(reader: Reader) -> Offer:
    reader.word(NAME)
    name, description, parameters = reader.until(DESCRIPTION), reader.until(PARAMETERS), reader.json_value()
    if not isinstance(parameters, dict):
        reader.fail(f"the parameters of tool {name} must be an object")
    reader.word("\n\n")
    return Offer(name, description, parameters)


def _read_answer(reader: Reader, made: int) -> Message:
    content = reader.text()
    calls: list[ToolCall] = []
    if reader.sees(CALLS):
        reader.control(CALLS)
        while not calls or reader.sees(CALL):
            calls.append(_read_call(reader, made + len(calls)))
        reader.control(CALLS_END)
    reader.control(EOS)
    return Message("assistant", content, None, tuple(calls))


def _read_call(reader: Reader, number: int) -> ToolCall:
    reader.control(CALL)
    name = reader.text()
    reader.control(SEP)
    arguments = reader.json()
    if not isinstance(arguments, dict):
        reader.fail("the arguments of a call must be an object")
    reader.control(CALL_END)
    return ToolCall(call_id(number), name, arguments)


def _read_results(reader: Reader, calls: Sequence[ToolCall]) -> list[Message]:
    messages: list[Message] = []
    while reader.sees(RESULT):
        if len(messages) == len(calls):
            reader.fail("a result follows no call")
        call = calls[len(messages)]
        reader.control(RESULT)
        messages.append(Message("tool", reader.text(), tool_call_id=call.id, name=call.name))
        reader.control(RESULT_END)
    return messages


DEEPSEEK_V3_1 = Template(
    name="deepseek-v3.1",
    description="DeepSeek V3.1 turns without thinking: tools in the system text, calls and results between tokens",
    base_tokens=BASE_TOKENS,
    added_tokens=(),
    express=express,
    render=render,
    parse=parse,
    says=SAYS,
    loses=loses,
    marks=(TOOLS,),
    response={
        "defaults": {"role": "assistant"},
        "start_anchor": [ASSISTANT + THOUGHT, RESULT_END],
        "fields": {
            "tool_calls": {
                "open_pattern": f"(?:{CALLS})?{CALL}(?P<name>.*?){SEP}",
                "close_pattern": f"{CALL_END}(?:{CALLS_END}{EOS})?",
                "content": "json",
                "repeats": True,
                "transform": {"type": "function", "function": {"name": "{name}", "arguments": "{content}"}},
            },
            "content": {"close": EOS, "content_args": {"strip": False}},
        },
    },
)
