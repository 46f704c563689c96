"""A chat as the tokens of a model: its own chat template, used as it is."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from gen.errors import BadInput
from gen.teachers.request import ChatMessage

_MARK = "fcgen-system-text"


class Chat:
    """Chats for one tokenizer. Raises BadInput where it has no template."""

    def __init__(self, tokenizer: Any, model: str) -> None:
        if not tokenizer.chat_template:
            raise BadInput(
                f"{model} has no chat template: it was not trained to talk",
                hint="name an instruction-tuned model, such as google/gemma-3-27b-it instead of google/gemma-3-27b-pt",
            )
        self._tokenizer = tokenizer
        self._model = model
        self._knows_system = self._takes_system()

    def tokens(self, messages: Sequence[ChatMessage]) -> list[int]:
        """The prompt: the chat and what opens the model's turn."""
        from jinja2 import TemplateError

        plain = list(messages) if self._knows_system else merge_system(messages)
        try:
            text = self._text(plain)
        except TemplateError:
            try:  # most templates that refuse a chat want its roles to alternate
                text = self._text(alternating(plain))
            except TemplateError as error:
                raise BadInput(f"the chat template of {self._model} refuses the chat: {error}") from error
        return list(self._tokenizer.encode(text, add_special_tokens=False))

    def _text(self, messages: Sequence[ChatMessage]) -> str:
        chat = [{"role": role, "content": text} for role, text in messages]
        return str(self._tokenizer.apply_chat_template(chat, add_generation_prompt=True, tokenize=False))

    def _takes_system(self) -> bool:
        """Whether a system message is let through and said; some templates raise, some pass over it."""
        from jinja2 import TemplateError

        try:
            return _MARK in self._text([("system", _MARK), ("user", "hello")])
        except TemplateError:
            return False


def merge_system(messages: Sequence[ChatMessage]) -> list[ChatMessage]:
    """System messages become the beginning of what the user says next."""
    return alternating([("user" if role == "system" else role, text) for role, text in messages])


def alternating(messages: Sequence[ChatMessage]) -> list[ChatMessage]:
    """Messages of the same role in a row are one."""
    return [(role, "\n\n".join(text for _, text in group)) for role, group in groupby(messages, key=lambda message: message[0])]
