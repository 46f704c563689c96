"""FC402: does an answer claim another state than the results just before it?

A part of FC4xx (``answers.py``), which lists its rule. It knows states only: the fields that the domain's tools return as enums,
and what the domain's readings say of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from gen.checks.context import STATES, Context
from gen.checks.row import Executed, Row
from gen.checks.rule import Rule
from gen.checks.words import first_word, literal, pattern_of, says
from gen.conversation import Problem

_CLAUSE = re.compile(r"[.;!?\n]\s|,\s|\s(?:and|but|while|whereas|though)\s")
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n")
_KEYS = re.compile(r"\[\d+\]|[^.\[]+")
_PRESENT = re.compile(r"\b(?:is|are|it's|still|now|currently|remains?)\b", re.IGNORECASE)
_PAST = re.compile(r"\b(?:was|were|had)\b", re.IGNORECASE)
ID = re.compile(r"(?<!\w)[A-Z]{1,4}-?\d{2,}\w*", re.ASCII)


def contradicted_states(row: Row, context: Context) -> Iterator[Problem]:
    """A state in an answer that is another one than the results' just before it."""
    if not row.calls:
        return
    for index in row.answers:
        returned = _since_user(row, index)
        if not returned:
            continue
        text = _without_questions(row.plain(index))
        folded = text.casefold()
        for field, (truths, others) in _states(row, returned).items():
            lowered = {truth.casefold() for truth in truths}
            for other in others:
                if first_word(other) in folded and other.casefold() not in lowered and _claims(row, index, text, field, other, truths):
                    shown = ", ".join(map(repr, truths))
                    yield f"messages[{index}].content", f"it says {other!r}, but {field!r} came back as {shown}"


def _without_questions(text: str) -> str:
    """Who asks claims nothing."""
    return " ".join([part for part in _SENTENCE.split(text) if not part.endswith("?")]) if "?" in text else text


def _since_user(row: Row, index: int) -> list[Executed]:
    """The calls that succeeded between the last user message before ``index`` and it."""
    start = row.asked_at(index)
    return [executed for executed in row.calls if start < executed.answered < index and executed.succeeded]


def _states(row: Row, returned: list[Executed]) -> dict[str, tuple[list[str], tuple[str, ...]]]:
    """By state field of the results: the latest value of each thing, and all that it could be."""
    latest: dict[str, dict[str, str]] = {}
    could: dict[str, tuple[str, ...]] = {}
    for executed in returned:
        states = row.known.states(executed.call.name)
        for path, field, value in row.walked(executed.answered):
            if field in states and isinstance(value, str):
                thing = _thing(executed, path) if len(returned) > 1 else path
                latest.setdefault(field, {})[thing] = value
                could[field] = states[field] if field not in could else tuple(dict.fromkeys(could[field] + states[field]))
    return {field: (list(dict.fromkeys(values.values())), could[field]) for field, values in latest.items()}


def _thing(executed: Executed, path: str) -> str:
    """What the leaf of a result is a state of: the id beside it, else the one that was asked about, else its own place."""
    beside = executed.result
    for key in _KEYS.findall(path)[:-1]:
        inner = int(key[1:-1]) if key[0] == "[" else key
        beside = beside[inner]
    for holder in (beside, executed.call.arguments):
        for value in holder.values() if isinstance(holder, dict) else ():
            if isinstance(value, str) and ID.fullmatch(value):
                return value
    return f"{executed.ordinal}.{path}"


def _claims(row: Row, index: int, text: str, field: str, other: str, truths: list[str]) -> bool:
    """Whether the answer claims ``other``: in its own words, unnegated, with nothing that gives it a right to."""
    claim, readings = [literal(other)], row.known.readings
    if not says(text, claim) or _stands_elsewhere(row, index, other):
        return False
    wider = pattern_of(readings, field, other)
    if wider is not None and not wider.search(text):
        return False  # the word is there, and means something else: "cheapest first" is no class
    spoken = [pattern for truth in truths if (pattern := pattern_of(readings, field, truth)) is not None]
    if any(pattern.search(other) for pattern in spoken):
        return False  # another word for the truth
    excuses = [literal(truth) for truth in truths] + ([] if other in STATES else spoken)
    if not any(pattern.search(text) for pattern in excuses):
        return True
    clauses = [clause for clause in _CLAUSE.split(text) if _PRESENT.search(clause) or (ID.search(clause) and not _PAST.search(clause))]
    return any(says(clause, claim) and not any(pattern.search(clause) for pattern in excuses) for clause in clauses)


def _stands_elsewhere(row: Row, index: int, other: str) -> bool:
    """Whether the state was spoken of before, by anyone, or is what a called tool is named for."""
    word = literal(other)
    if any(word.search(row.plain(i)) for i in range(index)) or (other == "Failed" and any(e.error is not None for e in row.calls)):
        return True
    earlier = [executed for executed in row.calls if executed.message < index]
    if any(other == value for executed in earlier for _, _, value in executed.leaves):
        return True
    stem = other.casefold()[:5]
    return any(stem in executed.call.name.casefold() for executed in earlier)


RULES = (
    Rule(
        "FC402", "contradicted-states",
        summary="An answer does not say another state than the result.",
        why="The user acts on the answer, not on the result.",
        example_bad='result {"status": "Pending"}; answer: "T1001 has been paid."',
        example_good='result {"status": "Pending"}; answer: "T1001 is still pending."',
        function=contradicted_states,
    ),
)  # fmt: skip
