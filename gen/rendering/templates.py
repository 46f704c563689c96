"""The table of templates, and ``render``: a conversation as spans in one of them.

A template is data and three functions: ``express`` says what it can say of a conversation, ``render`` says it,
``parse`` reads it back. ``parse(render(express(x))) == express(x)`` holds for each. Adding one adds a line here and a
module beside this one; tokenizers are the business of ``tokens``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from gen.conversation import Conversation
from gen.errors import unknown_name
from gen.rendering import gemma
from gen.rendering.normal import refuse_lone_surrogates
from gen.rendering.reader import Reader
from gen.rendering.spans import Span, text_of

DEFAULT = "gemma"


@dataclass(frozen=True, slots=True)
class Says:
    """What a format can say, and what is lost in it."""

    system: Literal["own role", "folded into the first user turn", "no"]
    parallel_calls: bool
    text_beside_calls: bool
    thoughts: bool
    ids: bool
    lost: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Template:
    """A special-token format.

    Attributes:
        base_tokens: control tokens that the base model's tokenizer has.
        added_tokens: control tokens that training adds to it, in this order.
        express: a conversation reduced to what the format can say; raises BadInput for what it cannot say at all.
        render: the spans of a conversation that ``express`` made.
        parse: the conversation that spans say; raises BadInput where they say none.
        says: what the format can and cannot say.
    """

    name: str
    description: str
    base_tokens: tuple[str, ...]
    added_tokens: tuple[str, ...]
    express: Callable[[Conversation], Conversation]
    render: Callable[[Conversation], list[Span]]
    parse: Callable[[Reader], Conversation]
    says: Says

    @property
    def control_tokens(self) -> tuple[str, ...]:
        return self.base_tokens + self.added_tokens


TEMPLATES: dict[str, Template] = {
    "gemma": Template(
        name="gemma",
        description="Gemma 2 and 3 turns with seven added tokens for tools, thoughts, calls and results",
        base_tokens=gemma.BASE_TOKENS,
        added_tokens=gemma.ADDED_TOKENS,
        express=gemma.express,
        render=gemma.render,
        parse=gemma.parse,
        says=Says(
            system="folded into the first user turn",
            parallel_calls=True,
            text_beside_calls=True,
            thoughts=True,
            ids=False,
            lost=(
                "ids: results pair with calls by order",
                "where system text ends and user text begins, if no tools are offered",
                "that no user message comes first: tools and system text then stand in an empty one",
                "whether a result that is no JSON was a text or the JSON string of it",
            ),
        ),
    ),
}


def template_named(name: str) -> Template:
    """The template of this name. Raises BadInput, with the nearest name, where there is none."""
    try:
        return TEMPLATES[name]
    except KeyError:
        raise unknown_name("template", name, TEMPLATES) from None


def render(conversation: Conversation, template: Template) -> tuple[Span, ...]:
    """A conversation in a template's special tokens.

    Raises:
        BadInput: the format cannot say it, or a text holds a lone surrogate; the error names row and message.
    """
    spans = tuple(template.render(template.express(conversation)))
    try:
        text_of(spans).encode()
    except UnicodeEncodeError:
        refuse_lone_surrogates(conversation)
        raise
    return spans
