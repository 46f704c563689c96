"""What a rule is: a code, what it means to people, and a small generator that yields problems.

Every family of rules (structure, calls, grounding, answers, text, goal, corpus) is a module that lists its own;
``table.py`` puts them together. A rule yields ``(where, message)``; its code and severity are added here, in one place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gen.conversation import Finding, Problem, Severity

if TYPE_CHECKING:
    from gen.checks.context import Context
    from gen.checks.row import Row
    from gen.checks.trace import Trace

RowFunction = Callable[["Row", "Context"], Iterator[Problem]]
CorpusFunction = Callable[[Sequence["Trace"], "Context"], Iterator[Problem]]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. ``function`` sees a row; ``corpus_function`` sees what is kept of all rows. A rule has one of the two."""

    code: str
    name: str
    summary: str
    why: str
    example_bad: str
    example_good: str
    function: RowFunction | None = None
    corpus_function: CorpusFunction | None = None
    severity: Severity = "error"

    def finding(self, problem: Problem) -> Finding:
        return Finding(code=self.code, severity=self.severity, message=problem[1], where=problem[0])
