"""Rendered rows as one page that stands alone: no script, nothing from elsewhere, light and dark, every text escaped.

Content may come from a stranger: the page's own policy forbids scripts and loading, and what would turn the reading
direction is shown, not sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape
from importlib import resources

from gen.conversation import Finding
from gen.rendering.batch import Refused, RenderedRow
from gen.rendering.losses import KINDS
from gen.rendering.spans import Span
from gen.rendering.template import Template
from gen.rendering.terminal import SHOWN
from gen.rendering.tokens import UNTRAINED, Encoded

_CLASSES = {
    # (control, trained)
    (True, True): "c t",
    (True, False): "c",
    (False, True): "t",
    (False, False): "",
}


def page(rows: Iterable[RenderedRow | Refused], template: Template, *, source: str, tokenizer: str = "") -> Iterator[str]:
    """The page, piece by piece."""
    title = f"{source} in {template.name}"
    yield from beginning(title)
    yield f"<h1>{safe(title)}</h1>\n<p>{safe(template.description)}{f' · tokens of {safe(tokenizer)}' if tokenizer else ''}</p>\n"
    yield f"{_legend(template)}\n"
    for row in rows:
        yield _refused(row) if isinstance(row, Refused) else _row(row)
    yield END


END = "</body></html>\n"
"""What a page that ``beginning`` began ends with."""


def beginning(title: str, *, style: str = "") -> Iterator[str]:
    """The head of a page that may load nothing and run nothing, in the style of all our pages and ``style`` after it."""
    family = resources.files("gen.rendering").joinpath("page.css").read_text(encoding="utf-8")
    yield "<!doctype html>\n"
    yield '<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">\n'
    yield "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
    yield f"<title>{safe(title)}</title>\n<style>\n{family}{style}</style></head>\n<body>\n"


def _legend(template: Template) -> str:
    token = template.control_tokens[0]
    samples = (
        (Span(token, control=True, trained=False), "control token"),
        (Span(token, control=True, trained=True), "control token that is learned"),
        (Span("text", control=False, trained=True), "text that is learned"),
        (Span("text", control=False, trained=False), "text that is read only"),
        (Span("⏎", control=False, trained=False), "a new line"),
    )
    return f'<ul class="legend">{"".join(f"<li>{_span(span)} {what}</li>" for span, what in samples)}</ul>'


def _row(row: RenderedRow) -> str:
    facts = [row.split, *([_tokens(row.encoded)] if row.encoded else [])]
    body = "".join(map(_span, row.spans))
    return f"<article>{_head(row.id, facts)}\n<pre>{body}</pre>\n{_findings(row.findings)}</article>\n"


def _refused(row: Refused) -> str:
    return f"<article>{_head(row.id, [row.split, 'not rendered'])}\n{_findings([row.finding])}</article>\n"


def _head(name: str, facts: list[str]) -> str:
    return f"<header><h2>{safe(name)}</h2>{''.join(f'<span>{safe(fact)}</span>' for fact in facts if fact)}</header>"


def _tokens(encoded: Encoded) -> str:
    trained = sum(label != UNTRAINED for label in encoded.labels)
    return f"{len(encoded.input_ids):,} tokens, {trained:,} learned"


def _span(span: Span) -> str:
    kind = _CLASSES[span.control, span.trained]
    return f'<span class="{kind}">{safe(span.text)}</span>' if kind else f"<span>{safe(span.text)}</span>"


def _findings(findings: Iterable[Finding]) -> str:
    lines = []
    for finding in findings:
        said = safe(" · ".join(filter(None, (finding.where, finding.message))))
        lines.append(f'<li class="{finding.severity}"><b>{finding.code} {KINDS[finding.code].name}</b> {said}</li>')
    return f'<ul class="findings">{"".join(lines)}</ul>\n' if lines else ""


def safe(text: str) -> str:
    """A text as it stands in a page: escaped, with what would turn the reading direction shown."""
    return escape(text.translate(SHOWN)).encode("utf-8", errors="backslashreplace").decode()
