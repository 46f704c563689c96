"""The table of templates, and ``render``: a conversation as spans in one of them.

A template is data and three functions: ``express`` says what it can say of a conversation, ``render`` says it,
``parse`` reads it back. ``parse(render(express(x))) == express(x)`` holds for each. Adding one adds a line here, a module
beside this one and a chat template in ``jinja/``; tokenizers are the business of ``tokens``.
"""

from __future__ import annotations

from dataclasses import dataclass

from gen.conversation import Conversation, Finding
from gen.errors import BadInput, unknown_name
from gen.rendering.formats.agents_course import AGENTS_COURSE
from gen.rendering.formats.deepseek import DEEPSEEK_V3_1
from gen.rendering.formats.functiongemma import FUNCTIONGEMMA
from gen.rendering.formats.gemma import GEMMA
from gen.rendering.formats.gemma4 import GEMMA4
from gen.rendering.formats.harmony import HARMONY
from gen.rendering.formats.hermes import HERMES
from gen.rendering.formats.llama import LLAMA_3_1
from gen.rendering.formats.mistral import MISTRAL
from gen.rendering.formats.qwen import QWEN3, QWEN25
from gen.rendering.losses import AMBIGUOUS, MALFORMED, CannotSay, Loss, finding_of, loss_findings
from gen.rendering.normal import place, refuse_lone_surrogates
from gen.rendering.reader import Reader
from gen.rendering.spans import Span, text_of
from gen.rendering.template import Template

DEFAULT = "gemma"

_ALL = (GEMMA, AGENTS_COURSE, FUNCTIONGEMMA, GEMMA4, *MISTRAL, HERMES, QWEN25, QWEN3, LLAMA_3_1, DEEPSEEK_V3_1, HARMONY)
TEMPLATES: dict[str, Template] = {template.name: template for template in _ALL}


@dataclass(frozen=True, slots=True)
class Rendered:
    """A row in a template's special tokens, with what that left out. ``spans`` is empty where a finding is an error."""

    spans: tuple[Span, ...]
    findings: tuple[Finding, ...]

    @property
    def refused(self) -> Finding | None:
        """Why the row cannot be rendered; None where it was."""
        return next((finding for finding in self.findings if finding.severity == "error"), None)


def template_named(name: str) -> Template:
    """The template of this name. Raises BadInput, with the nearest name, where there is none."""
    try:
        return TEMPLATES[name]
    except KeyError:
        raise unknown_name("template", name, TEMPLATES) from None


def render(conversation: Conversation, template: Template) -> tuple[Span, ...]:
    """A conversation in a template's special tokens.

    Raises:
        BadInput: the format cannot say it, would say something else, or a text holds a lone surrogate; the error names row
            and message. Where it is the format's doing, it is a CannotSay with the code of the loss.
    """
    told = template.express(conversation)
    spans = tuple(template.render(told))
    try:
        text_of(spans).encode()
    except UnicodeEncodeError:
        refuse_lone_surrogates(conversation)
        raise
    if template.marks and _holds_a_mark(told, template):
        _refuse_ambiguity(conversation, told, spans, template)
    return spans


def rendered(conversation: Conversation, template: Template) -> Rendered:
    """The same, with everything that the format left out or told otherwise. A row that it cannot say is a finding, no exception."""
    try:
        spans = render(conversation, template)
    except CannotSay as error:
        return Rendered((), (finding_of(Loss(error.code, None, str(error))),))
    except BadInput as error:
        return Rendered((), (finding_of(Loss(MALFORMED, None, str(error))),))
    return Rendered(spans, (*loss_findings(conversation, template.says), *map(finding_of, template.loses(conversation))))


def _holds_a_mark(told: Conversation, template: Template) -> bool:
    texts = [
        text
        for message in told.messages
        if message.role != "tool" or template.says.results == "text"
        for text in (message.content, message.reasoning_content or "")
    ]
    return any([mark in text for text in texts for mark in template.marks])


def _refuse_ambiguity(conversation: Conversation, told: Conversation, spans: tuple[Span, ...], template: Template) -> None:
    """Read the spans back: where a text holds what the format uses as a mark, that is the only proof."""
    try:
        read = template.parse(Reader(spans))
        same = (read.messages, read.tools) == (told.messages, told.tools)
        what = "reads back as another conversation"
    except BadInput as error:
        same, what = False, f"cannot be read back: {error.what}"
    if not same:
        raise CannotSay(
            AMBIGUOUS,
            f"what {template.name} makes of this row {what}",
            where=place(conversation),
            hint="a text of the row holds what this format uses as a mark: " + ", ".join(map(repr, template.marks)),
        )
