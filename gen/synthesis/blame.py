"""Who is to blame that a conversation of a model was refused: the user, the assistant or a tool.

The place of the finding tells where there is one. Where the goal was missed, the assistant could only reach it with what the
user had said: a required call whose arguments stand nowhere is the user's fault.
"""

from __future__ import annotations

import re
from dataclasses import replace

from gen.checks.context import Context
from gen.checks.table import trace
from gen.conversation import Conversation, Finding, Message, ToolCall

_message = re.compile(r"messages\[(\d+)\]").match
_expected = re.compile(r"plan\.calls\[(\d+)\]").match


def fault_of(finding: Finding, conversation: Conversation, context: Context) -> str:
    """ "user", "assistant" or "tool"."""
    if place := _message(finding.where):
        role = conversation.messages[int(place[1])].role
        return "user" if role == "user" else "tool" if role == "tool" else "assistant"
    plan = conversation.plan
    if plan and (place := _expected(finding.where)):
        call = plan.calls[int(place[1])]
        missed = Message("assistant", "", tool_calls=(ToolCall("000000000", call.name, call.arguments),))
        at = len(conversation.messages)
        _, ungrounded = trace(replace(conversation, messages=(*conversation.messages, missed)), context)
        if any(other.where.startswith(f"messages[{at}]") for other in ungrounded):
            return "user"
    return "assistant"
