"""The table of all rules, and the one function that runs the row rules over a conversation.

    examine(conversation, context)     findings, and the source of every argument leaf
    check_row(conversation, context)   findings only
    check_corpus(traces, context)      what shows only between rows

To add a rule: write its generator in its family's module, list it in that module's ``RULES``, and give the tests a
conversation that it rejects and one that it accepts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from gen.checks import answers, calls, corpus_rules, goal, grounding, structure, text
from gen.checks.context import EMPTY, Context
from gen.checks.row import Row
from gen.checks.rule import Rule
from gen.checks.trace import Trace
from gen.conversation import Conversation, Finding, Source
from gen.errors import unknown_name

RULES: dict[str, Rule] = {
    rule.code: rule for family in (structure, calls, grounding, answers, text, goal, corpus_rules) for rule in family.RULES
}

_ROW_RULES = tuple((rule, rule.function) for rule in RULES.values() if rule.function is not None)


@dataclass(frozen=True, slots=True)
class Examination:
    """What the row rules say of a conversation, and where each argument leaf comes from (grounded leaves only)."""

    findings: tuple[Finding, ...]
    sources: tuple[Source, ...]

    @property
    def accepted(self) -> bool:
        """Whether no finding is an error."""
        return all(finding.severity != "error" for finding in self.findings)


def examine(conversation: Conversation, context: Context = EMPTY, *, ignore: Collection[str] = ()) -> Examination:
    """Run every row rule over one conversation, the text of each message being read once."""
    row = Row(conversation, context)
    rules = [pair for pair in _ROW_RULES if pair[0].code not in ignore] if ignore else _ROW_RULES
    findings = [rule.finding(problem) for rule, function in rules for problem in function(row, context)]
    if conversation.untrained:
        findings = [_pardoned(finding, conversation.untrained) for finding in findings]
    return Examination(tuple(findings), tuple(grounding.trace_row(row)[0]))


OF_CALLS = frozenset(("FC202", "FC203", "FC301", "FC604"))
"""What is wrong with a call alone: nobody learns it from a message that is not trained on."""


def _pardoned(finding: Finding, untrained: Collection[int]) -> Finding:
    """A fault of a call as a note, where its message is not trained on."""
    at = any(finding.where.startswith(f"messages[{index}].tool_calls") for index in untrained)
    return replace(finding, severity="note") if at and finding.code in OF_CALLS else finding


def check_row(conversation: Conversation, context: Context = EMPTY, *, ignore: Collection[str] = ()) -> list[Finding]:
    """The findings of every row rule, in the order of the table."""
    return list(examine(conversation, context, ignore=ignore).findings)


def check_corpus(traces: Sequence[Trace], context: Context = EMPTY, *, ignore: Collection[str] = ()) -> list[Finding]:
    """The findings of every corpus rule. ``where`` of each is the id of a row, or "corpus"."""
    return [
        rule.finding(problem)
        for rule in RULES.values()
        if rule.corpus_function is not None and rule.code not in ignore
        for problem in rule.corpus_function(traces, context)
    ]


def trace(conversation: Conversation, context: Context = EMPTY) -> tuple[list[Source], list[Finding]]:
    """The source of every argument leaf, and a finding for each that has none."""
    row = Row(conversation, context)
    findings = [RULES["FC301"].finding(problem) for problem in grounding.grounded(row, context)]
    return grounding.trace_row(row)[0], findings


def best(findings: Iterable[Finding]) -> Finding | None:
    """The finding to show first: an error before a warning, then by code: what is broken low explains what is broken above it."""
    return min(findings, key=lambda finding: (finding.severity != "error", finding.code), default=None)


def known_codes(codes: Iterable[str], *, where: str = "") -> frozenset[str]:
    """The codes, upper-cased. Raises BadInput for one that is no rule's."""
    upper = [code.upper() for code in codes]
    for code in upper:
        if code not in RULES:
            raise unknown_name("rule", code, RULES, where=where)
    return frozenset(upper)
