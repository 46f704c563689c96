"""The templates ``qwen2.5`` and ``qwen3``: the chat templates that Qwen publishes (trl vendors them), where they are right.

Both offer tools in the system turn, behind the row's own system text, and say results in user turns. Qwen 2.5 says a system
text of its own where a conversation has none; Qwen 3 thinks. ``chatml`` has the rest, docs/templates/chatml.md what was put right.
"""

from __future__ import annotations

from collections.abc import Iterator

from gen.canonical import exact_json
from gen.conversation import Conversation, Json, Message
from gen.rendering.formats.blocks import CALL, CALL_END, CALL_TOKENS, RESPONSE_TOKENS, THINK_TOKENS, are_tools
from gen.rendering.formats.chatml import (
    END,
    GAP,
    START,
    TURN_TOKENS,
    Form,
    Opening,
    chatml_says,
    chatml_template,
    trimmed,
    write_turn,
)
from gen.rendering.losses import RETOLD, TRIMMED, Loss
from gen.rendering.normal import call_json
from gen.rendering.reader import Reader
from gen.rendering.spans import SpanWriter

QWEN_SYSTEM = "You are Qwen, created by Alibaba Cloud. You are a helpful assistant."
QWEN_TOOLS = (
    "# Tools\n\nYou may call one or more functions to assist with the user query.\n\n"
    "You are provided with function signatures within <tools></tools> XML tags:\n<tools>"
)
QWEN_CALLS = (
    "\n</tools>\n\nFor each function call, return a json object with function name and arguments within "
    f"{CALL}{CALL_END} XML tags:\n"
    f'{CALL}\n{{"name": <function-name>, "arguments": <args-json-object>}}\n{CALL_END}'
)


def _write_qwen_opening(writer: SpanWriter, conversation: Conversation) -> int:
    first = conversation.messages[0]
    system = first.role == "system"
    if not conversation.tools:
        if system:
            write_turn(writer, first)
        return int(system)
    writer.own(f"{START}system\n")
    if system:
        writer.text(first.content + GAP)
    writer.own(QWEN_TOOLS)
    # a newline and then a tool's JSON, each: no raw newline can stand inside of it
    writer.text("".join([f"\n{call_json(conversation, tool)}" for tool in conversation.tools]))
    writer.own(f"{QWEN_CALLS}{END}\n")
    return int(system)


def _read_qwen_opening(reader: Reader) -> Opening:
    if not reader.comes_to(CALL):
        return [Message("system", reader.text())], ()
    # system text may hold these very words; behind the last of them come only lines of JSON
    before = reader.until_last(QWEN_TOOLS)
    if before and not before.endswith(GAP):
        reader.fail(f"the system text must end with {GAP!r} before the tools")
    tools: list[Json] = []
    while not tools or not reader.sees_word("\n</tools>"):
        reader.word("\n")
        tools.append(reader.json_value())
    if not are_tools(tools):
        reader.fail("<tools> must hold a tool, an object, in each line")
    reader.own(QWEN_CALLS, CALL_TOKENS)
    return [Message("system", before.removesuffix(GAP))] if before else [], tuple(tools)


# -- what is told otherwise


def _loses_newlines(conversation: Conversation) -> Iterator[Loss]:
    for index, message in enumerate(conversation.messages):
        told = trimmed(message)
        if told.content != message.content:
            yield Loss(TRIMMED, index, "newlines before the words")
        if (told.reasoning_content or "") != (message.reasoning_content or ""):
            yield Loss(TRIMMED, index, "newlines around the thought")


def _tells_a_system_text(conversation: Conversation) -> Iterator[Loss]:
    if conversation.messages[0].role != "system":
        yield Loss(RETOLD, None, f"a system message is added, the format's own: {exact_json(QWEN_SYSTEM)}")


# -- the templates

_QWEN_LOST = "a result's own name: it is the name of its call"
QWEN25_FORM = Form(
    tokens=TURN_TOKENS + CALL_TOKENS,
    says=chatml_says(_QWEN_LOST, "whether Qwen's own system text was given or added"),
    write_opening=_write_qwen_opening,
    read_opening=_read_qwen_opening,
    system=QWEN_SYSTEM,
)
QWEN3_FORM = Form(
    tokens=TURN_TOKENS + CALL_TOKENS + RESPONSE_TOKENS + THINK_TOKENS,
    says=chatml_says(_QWEN_LOST, "newlines around a thought and before the words behind it", thoughts=True),
    write_opening=_write_qwen_opening,
    read_opening=_read_qwen_opening,
)

QWEN25 = chatml_template(
    "qwen2.5",
    "Qwen 2.5's ChatML: tools in the system turn, calls in <tool_call>, results in user turns between plain words",
    QWEN25_FORM,
    loses=_tells_a_system_text,
    marks=RESPONSE_TOKENS,
)
QWEN3 = chatml_template(
    "qwen3",
    "Qwen 3's ChatML: as Qwen 2.5, with a <think> block in every assistant turn, so that prompts are prefixes of rows",
    QWEN3_FORM,
    loses=_loses_newlines,
)
