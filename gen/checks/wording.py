"""What a first message says besides its values, and who is signed in: what two splits must not share.

One implementation for the corpus rules, the pass that makes a corpus, and whoever divides one into splits.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from gen.conversation import Conversation, Json

_SHORTEST_NAME = 3
"""A shorter word of a longer value ("to", "of") says nothing about the value."""

_words = re.compile(r"[^\W_]+").findall
_number = re.compile(r"[0-9]+(?:[.,:][0-9]+)*").sub


def wording_of(conversation: Conversation) -> str:
    """The wording of the first user message of a conversation; "" where no user speaks."""
    return wording(first_user_text(conversation), values_of(conversation))


def wording(first_user_text: str, values: Iterable[str]) -> str:
    """A message without its values: what two messages share that were said in the same words about different things.

    The given values, all numbers, case and punctuation are masked; white space is one space.
    """
    text = first_user_text.casefold()
    standing = {folded for value in values if (folded := value.casefold()) and folded in text}
    for value in sorted(standing, key=lambda value: (-len(value), value)) if len(standing) > 1 else standing:
        text = text.replace(value, " 0 ")
    return " ".join(_words(_number("0", text)))


def values_of(conversation: Conversation) -> list[str]:
    """What ``wording`` masks: the texts among the arguments of a conversation's calls, and the words of those that have several."""
    texts = [text for message in conversation.messages for call in message.tool_calls for text in _leaves(call.arguments)]
    return texts + [word for text in texts if " " in text for word in text.split() if len(word) >= _SHORTEST_NAME]


def first_user_text(conversation: Conversation) -> str:
    """What the user says first; "" where no user speaks."""
    return next((message.content for message in conversation.messages if message.role == "user"), "")


def person_of(conversation: Conversation) -> str:
    """The signed-in person as one text, unique over domains and worlds; "" where there is none."""
    plan = conversation.plan
    return f"{conversation.domain}/{plan.world}/{plan.person}" if plan and plan.person else ""


def _leaves(value: Json) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for child in value.values():
            yield from _leaves(child)
    elif isinstance(value, list):
        for child in value:
            yield from _leaves(child)
