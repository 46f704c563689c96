"""One conversation as Markdown, for a card or a README."""

from __future__ import annotations

from gen.canonical import exact_json
from gen.conversation import Conversation, Message


def as_markdown(conversation: Conversation) -> str:
    """The conversation as a quotation, one paragraph a message; thoughts in italics, calls and results as code."""
    lines = [paragraph for message in conversation.messages for paragraph in _paragraphs(message)]
    offered = ", ".join(f"`{tool['function']['name']}`" for tool in conversation.tools)
    return "\n>\n".join([*lines, f"> *tools offered:* {offered}" if offered else ""]).rstrip("\n>")


def _paragraphs(message: Message) -> list[str]:
    if message.role == "tool":
        return [f"> ← `{message.content}`"]
    parts = [f"> **{message.role}** *thinks: {_inline(message.reasoning_content)}*"] if message.reasoning_content else []
    if message.content:
        parts.append(f"> **{message.role}** {_inline(message.content)}")
    return parts + [
        f"> → `{call.name}({', '.join(f'{k}={exact_json(v)}' for k, v in call.arguments.items())})`" for call in message.tool_calls
    ]


def _inline(text: str) -> str:
    return text.replace("\n", "\n> ").replace("*", "\\*").replace("<", "&lt;")
