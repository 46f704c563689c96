"""The template ``hermes``: NousResearch's ChatML of the Hermes models on Llama 3, from the README of Hermes-Function-Calling, in JSON.

Tools have a system turn of their own, before that of the row's own system text; results come in turns of role tool, as
``{"name": …, "content": …}``. ``chatml`` has the rest, docs/templates/chatml.md what was put right.
"""

from __future__ import annotations

from gen.conversation import Conversation, Message
from gen.rendering.formats.blocks import CALL, CALL_END, CALL_TOKENS, RESPONSE_TOKENS, TOOLS, TOOLS_END, TOOLS_TOKENS, are_tools
from gen.rendering.formats.chatml import END, START, TURN_TOKENS, Form, Opening, chatml_says, chatml_template
from gen.rendering.normal import call_json
from gen.rendering.reader import Reader
from gen.rendering.spans import SpanWriter

BOS = "<|begin_of_text|>"
HERMES_TOOLS = (
    f"You are a function calling AI model. You are provided with function signatures within {TOOLS}{TOOLS_END} XML tags. You may call "
    "one or more functions to assist with the user query. Don't make assumptions about what values to plug into functions. Here are "
    f"the available tools: {TOOLS} "
)
HERMES_CALLS = (
    f" {TOOLS_END} Use the following pydantic model json schema for each tool call you will make: "
    '{"properties": {"arguments": {"title": "Arguments", "type": "object"}, "name": {"title": "Name", "type": "string"}}, '
    '"required": ["arguments", "name"], "title": "FunctionCall", "type": "object"} '
    f"For each function call return a json object with function name and arguments within {CALL}{CALL_END} XML tags as follows:\n"
    f'{CALL}\n{{"arguments": <args-dict>, "name": <function-name>}}\n{CALL_END}'
)
HERMES_TOKENS = (BOS, *TURN_TOKENS, *TOOLS_TOKENS, *CALL_TOKENS, *RESPONSE_TOKENS)


def _write_hermes_opening(writer: SpanWriter, conversation: Conversation) -> int:
    if conversation.tools:
        writer.own(f"{START}system\n{HERMES_TOOLS}")
        writer.text(call_json(conversation, conversation.tools))
        writer.own(f"{HERMES_CALLS}{END}\n")
    return 0


def _read_hermes_opening(reader: Reader) -> Opening:
    if not reader.comes_to(TOOLS):
        return [Message("system", reader.text())], ()
    reader.own(HERMES_TOOLS, HERMES_TOKENS)
    tools = reader.json_value()
    if not are_tools(tools):
        reader.fail(f"{TOOLS} must hold a list of tools")
    reader.own(HERMES_CALLS, HERMES_TOKENS)
    return [], tuple(tools)


HERMES_FORM = Form(
    tokens=HERMES_TOKENS,
    says=chatml_says("whether a result that is no JSON was a text or the JSON string of it", results="value"),
    write_opening=_write_hermes_opening,
    read_opening=_read_hermes_opening,
    call_keys=("arguments", "name"),
    result_role="tool",
    named_results=True,
    bos=BOS,
)

HERMES = chatml_template(
    "hermes",
    "NousResearch's ChatML of the Hermes models on Llama 3: <tools>, <tool_call>, and results in turns of role tool",
    HERMES_FORM,
)
