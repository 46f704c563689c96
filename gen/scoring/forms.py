"""Which prompt a model gets: one of our templates, where it was trained on it or is its own; else its tools told in words.

A base that was never taught a template is not asked in it: that would measure nothing but that it was not taught.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from gen.conversation import Conversation
from gen.errors import BadInput, FcgenError
from gen.rendering.reference import REFERENCE
from gen.rendering.spans import text_of
from gen.rendering.template import Template
from gen.rendering.templates import TEMPLATES, template_named
from gen.rendering.tokens import backend_of
from gen.scoring.local_speaker import Form
from gen.scoring.prompting import Prompter, opening
from gen.scoring.words import WORDS, Tokens, Words, in_turns_of


@dataclass(frozen=True)
class Chosen:
    """A form, and what it is in words; ``template`` is the one of ours that it is, None where tools are told in words."""

    form: Form
    told: str
    template: Template | None = None
    own: bool = False
    """Whether the model was trained on this template by us, so that it says what our rows say and not more."""


def form_for(tokenizer: Any, ends: tuple[int, ...], *, trained: str = "", asked: str = "", turns: str = "") -> Chosen:
    """The form for a model with this tokenizer.

    Args:
        ends: the tokens that end a turn of this model, where its tools are told in words.
        trained: the template that it was trained on, where that is known.
        asked: the template that the user asks for, or ``words``.
        turns: the template whose turns a tokenizer without any chat template is given.

    Raises BadInput where the template asked for is another than it was trained on, or the tokenizer lacks its tokens.
    """
    if trained and asked and asked != trained:
        raise BadInput(f"the model was trained on the template {trained!r}", where=f"--template {asked}", allowed=trained)
    if asked == WORDS:
        return _in_words(tokenizer, ends, turns)
    if asked or trained:
        template = template_named(asked or trained)
        return Chosen(Prompter(tokenizer, template), f"template {template.name}", template, own=bool(trained))
    ours = _saved_template(tokenizer)
    if ours is not None:
        return Chosen(Prompter(tokenizer, ours), f"template {ours.name}", ours, own=True)
    native = _native_template(tokenizer)
    if native is not None:
        return Chosen(Prompter(tokenizer, native), f"its own prompt, which is the template {native.name}", native)
    return _in_words(tokenizer, ends, turns)


def chat_tokens(tokenizer: Any, turns: str) -> Tokens:
    """How a plain chat becomes a prompt. Raises BadInput where nobody knows."""
    return _chat(tokenizer, turns)[0]


def _in_words(tokenizer: Any, ends: tuple[int, ...], turns: str) -> Chosen:
    tokens, told = _chat(tokenizer, turns)
    return Chosen(Words(tokenizer, tokens, ends), f"tools told in words, {told}")


def _chat(tokenizer: Any, turns: str) -> tuple[Tokens, str]:
    """How a plain chat becomes a prompt: by the model's own chat template, or in the turns of ours where it has none."""
    from gen.teachers.engines.chat import Chat

    if tokenizer.chat_template:
        return Chat(tokenizer, "the model").tokens, "in its own chat template"
    if not turns:
        raise BadInput("the model has no chat template: nobody knows how to talk to it", hint="--template says one of fcgen's")
    template = template_named(turns)
    missing = [token for token in template.base_tokens if backend_of(tokenizer).token_to_id(token) is None]
    if missing:
        raise BadInput(
            f"the model has no chat template, and its tokenizer lacks {' '.join(missing)} of the template {turns!r}",
            hint="--template says another of fcgen's",
        )
    return in_turns_of(tokenizer, template), f"in the turns of {template.name}"


def _saved_template(tokenizer: Any) -> Template | None:
    """The template of ours that lies with the tokenizer: so it is for adapters and for models that were merged from them."""
    if not isinstance(tokenizer.chat_template, str):
        return None
    saved = tokenizer.chat_template.strip()
    return next((template for template in TEMPLATES.values() if template.jinja.strip() == saved), None)


def _native_template(tokenizer: Any) -> Template | None:
    """The template of ours that says what the model's own chat template says, of a conversation that offers tools."""
    if not tokenizer.chat_template:
        return None
    known = backend_of(tokenizer)
    asked = replace(REFERENCE, messages=REFERENCE.messages[:2])
    for template in sorted(TEMPLATES.values(), key=lambda one: -len(one.control_tokens)):  # of formats that begin alike, the richest
        if all(known.token_to_id(token) is not None for token in template.control_tokens):
            said = _said_by(tokenizer, asked)
            if said and said == text_of(opening(asked, template)):
                return template
    return None


def _said_by(tokenizer: Any, talk: Conversation) -> str:
    """The prompt that a tokenizer's own chat template makes; "" where it makes none."""
    messages = [message.to_wire() for message in talk.messages]
    try:
        return str(
            tokenizer.apply_chat_template(
                messages, tools=list(talk.tools), add_generation_prompt=True, tokenize=False, date_string="26 Jul 2024"
            )
        )
    except FcgenError:
        raise
    except Exception:  # noqa: BLE001 - a stranger's template raises what it likes for a chat that it does not take
        return ""


def longest_answer(chosen: Chosen, rows: Sequence[Conversation]) -> int:
    """The tokens of the longest message of the assistant in rows, in the form of a model; 0 where the form does not tell."""
    if not isinstance(chosen.form, Prompter):
        return 0
    return max([chosen.form.longest(row) for row in rows], default=0)
