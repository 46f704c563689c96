"""Scores as one page that stands alone, in the style of the page of rendered rows: no script, nothing from elsewhere, light and dark.

What a model did as dots with intervals, before and after where there is a before; by scenario, part, domain and tool; which tool was
called for which; and conversations that went worst. Counts nothing itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources

from gen.rendering.html import END, beginning, safe
from gen.scoring.examples import Example, article
from gen.scoring.intervals import Rate
from gen.scoring.metrics import METRICS, NO_CALL, Change, Group, Metric, Scores, ToolScore
from gen.scoring.pairing import UNKNOWN_TOOL
from gen.scoring.plots import axis, dots, heat_map, key, percent, rate_cell
from gen.scoring.surprise import Forgetting

_TOOLS = 24
"""Tools that the page tells apart; the JSON has all of them."""

_CHANCE, _SURE = 0.05, 0.001
"""From which p on a change may as well be chance, and is not coloured; below which p is not spelled out."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a page shows.

    Attributes:
        model: the name of the model that was scored.
        source: what it was scored on.
        before: scores of the model that it is compared with, named by ``compared``; ``changes`` are the paired tests.
        kind: what the conversations are grouped by: "category" where they are BFCL's.
        facts: further lines of the head, such as the template and the versions.
        left_out: what was not scored, and why.
        forgetting: plain chat before and after.
    """

    model: str
    source: str
    scores: Scores
    examples: Sequence[Example] = ()
    compared: str = ""
    before: Scores | None = None
    changes: Mapping[str, Change] = field(default_factory=dict)
    kind: str = "scenario"
    facts: Sequence[str] = ()
    left_out: Sequence[str] = ()
    forgetting: Forgetting | None = None


def page(report: Report) -> Iterator[str]:
    """The page, piece by piece."""
    style = resources.files("gen.scoring").joinpath("report.css").read_text(encoding="utf-8")
    title = f"{report.model} on {report.source}"
    yield from beginning(title, style=style)
    versus = f", compared with {report.compared}" if report.compared else ""
    facts = [f"{report.scores.overall.conversations:,} conversations{versus}", *report.facts]
    yield f"<h1>{safe(title)}</h1>\n<p>{safe(' · '.join(facts))}</p>\n"
    if report.left_out:
        yield f"<p>Not scored: {safe(', '.join(report.left_out))}</p>\n"
    yield _summary(report)
    yield from _groups(report)
    yield _tools(report)
    yield _plain_chat(report.forgetting)
    if report.scores.confusion:
        yield _confusion(report.scores.confusion)
    if report.examples:
        told = "Wrong in most metrics first, at most two of a kind. Marked calls are not among the expected ones, letter by letter."
        yield f"<section><h2>Worst conversations</h2><p>{told}</p>\n"
        yield from map(article, report.examples)
        yield "</section>\n"
    yield END


def _section(title: str, words: str, body: str) -> str:
    return f'<section><h2>{safe(title)}</h2><p>{safe(words)}</p>\n<div class="card">{body}</div></section>\n'


# -- the summary


def _summary(report: Report) -> str:
    rates = report.scores.overall.rates
    before = report.before.overall.rates if report.before else {}
    legend = key("after", report.model) + (key("before", report.compared) if before else "")
    lines = [_metric_line(METRICS[name], rates[name], before.get(name), report.changes.get(name)) for name in METRICS if name in rates]
    body = f'{legend}<div class="dots"><div></div>{axis()}<div></div><div></div>{"".join(lines)}</div>'
    words = "Dots are shares in percent, lines the 95 % interval by Wilson."
    if report.changes:
        words += " p is of McNemar's exact test over conversations that changed."
    return _section("Summary", words, body)


def _metric_line(metric: Metric, after: Rate, before: Rate | None, change: Change | None) -> str:
    less = "" if metric.more_is_better else " (less is better)"
    name = f'<div class="name">{safe(metric.title)}{less}<small>{safe(metric.summary)}</small></div>'
    number = f'<div class="number"><b>{percent(after.share)}</b><small>{after.count:,} of {after.of:,}</small></div>'
    return name + dots(after, before) + number + _change(metric, change)


def _change(metric: Metric, change: Change | None) -> str:
    if change is None:
        return "<div></div>"
    points = round(100 * (change.after.share - change.before.share), 1)
    kind = "" if points == 0 or change.p >= _CHANCE else "better" if (points > 0) == metric.more_is_better else "worse"
    signed = f"{points:+g}".replace("-", "\N{MINUS SIGN}")
    p = f"p < {_SURE}" if change.p < _SURE else f"p = {change.p:.3f}"
    told = f"{change.gained} better, {change.lost} worse, {p}"
    return f'<div class="number"><span class="{kind}">{signed} points</span><small>{told}</small></div>'


# -- tables


def _groups(report: Report) -> Iterator[str]:
    before = report.before
    scores = report.scores
    if scores.by_scenario:
        yield _section(
            f"By {report.kind}",
            "The redder, the worse. A dash stands where a metric does not apply; hovering over a number shows what it counts.",
            _group_table(scores.by_scenario, before.by_scenario if before else {}),
        )
    if scores.by_part:
        words = "Tools that the model was trained on, and tools that it meets for the first time."
        yield _section("Seen and held-out tools", words, _group_table(scores.by_part, before.by_part if before else {}))
    if len(scores.by_domain) > 1:
        yield _section("By domain", "", _group_table(scores.by_domain, before.by_domain if before else {}))


def _group_table(groups: Mapping[str, Group], before: Mapping[str, Group]) -> str:
    names = [name for name in METRICS if any(name in group.rates for group in groups.values())]
    head = "".join(f"<th>{safe(METRICS[name].title)}</th>" for name in names)
    lines = []
    for title, group in groups.items():
        earlier = before[title].rates if title in before else {}
        cells = "".join(rate_cell(group.rates.get(name), earlier.get(name), more_is_better=METRICS[name].more_is_better) for name in names)
        lines.append(f"<tr><th>{safe(title)}</th><td>{group.conversations:,}</td>{cells}</tr>")
    return _table(f"<th></th><th>rows</th>{head}", lines)


def _tools(report: Report) -> str:
    if not report.scores.by_tool:
        return ""
    before = report.before.by_tool if report.before else {}
    tools = report.scores.by_tool
    missed = {tool: found.right.of - found.right.count for tool, found in tools.items()}
    shown = set(sorted(missed, key=lambda tool: (-missed[tool], tool))[:_TOOLS])
    lines = [_tool_line(tool, found, before.get(tool)) for tool, found in tools.items() if tool in shown]
    words = "Of the calls in which a tool was expected: right in every argument. Below the number, how often it was this tool at all."
    words += _and_more(len(tools) - len(shown))
    return _section("By tool", words, f'<div class="dots"><div></div>{axis()}<div></div><div></div>{"".join(lines)}</div>')


def _tool_line(tool: str, found: ToolScore, before: ToolScore | None) -> str:
    name = f'<div class="name">{safe(tool)}<small>{_calls(found.right.of)}</small></div>'
    number = f'<div class="number"><b>{percent(found.right.share)}</b><small>this tool: {percent(found.named.share)}</small></div>'
    was = f'<div class="number"><small>was {percent(before.right.share)}</small></div>' if before else "<div></div>"
    return name + dots(found.right, before.right if before else None) + number + was


def _calls(count: int) -> str:
    return "1 call" if count == 1 else f"{count:,} calls"


def _and_more(count: int) -> str:
    return f" {count:,} more tools, with fewer mistakes, are left out." if count else ""


_FORGOTTEN = 1.1
"""From which ratio of perplexities on the page says that language was lost."""


def _plain_chat(found: Forgetting | None) -> str:
    """The forgetting guard, in numbers."""
    if found is None:
        return ""
    kind = "worse" if found.ratio >= _FORGOTTEN else ""
    cells = [
        f"<td>{found.before.perplexity:,.2f}<small>{safe(found.compared)}</small></td>",
        f"<td>{found.after.perplexity:,.2f}<small>{found.after.tokens:,} tokens of answers</small></td>",
        f'<td><span class="{kind}">× {found.ratio:.3f}</span></td>',
    ]
    words = (
        f"Perplexity of the answers in {found.chats:,} chats without any tool: how much plain language was lost. 1 is none; less is gain."
    )
    table = _table("<th></th><th>before</th><th>after</th><th>ratio</th>", [f"<tr><th>plain chat</th>{''.join(cells)}</tr>"])
    return _section("Forgetting", words, table)


_OTHERS = "(others)"
"""Stands for the tools that were called for nothing and have no row."""


def _confusion(counts: Mapping[tuple[str, str], int]) -> str:
    """The confusion table; of very many tools, those for which others were called most often."""
    tools = {expected for expected, _ in counts} - {NO_CALL}
    wrong = {tool: sum(n for (one, other), n in counts.items() if one == tool != other) for tool in tools}
    shown = {*sorted(wrong, key=lambda tool: (-wrong[tool], tool))[:_TOOLS], NO_CALL, UNKNOWN_TOOL}
    kept: Counter[tuple[str, str]] = Counter()
    for (one, other), n in counts.items():
        if one in shown:
            kept[one, _OTHERS if one == NO_CALL and other not in shown else other] += n
    words = "Rows: what was expected; columns: what was called for it. Right is on the diagonal. Colour is the share of the row."
    words += _and_more(len(tools - shown))
    return _section("Which tool was called for which", words, heat_map(kept, apart=NO_CALL))


def _table(head: str, lines: Sequence[str]) -> str:
    return f'<table class="wide"><thead><tr>{head}</tr></thead><tbody>{"".join(lines)}</tbody></table>'
