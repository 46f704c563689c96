"""FC4xx: is what the assistant says true? Facts that stand nowhere or are left out, errors passed over, results of something else.

An answer may say what was said, returned or follows from it (see ``facts.py``); it must say what the plan's user asked for.
That no state contradicts a result is in ``states.py``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from gen.checks import states
from gen.checks.context import Context
from gen.checks.facts import Facts
from gen.checks.goal import match_calls
from gen.checks.row import MISSING, Executed, Row
from gen.checks.rule import Rule
from gen.checks.states import ID
from gen.checks.values import name_of, same, walk
from gen.checks.words import NEGATION, literal, pattern_of, says_flag
from gen.conversation import Fact, Json, Problem
from gen.values.read import stands_in
from gen.values.read_plain import Plain, read_plain, says_plainly, stands_verbatim
from gen.values.read_span import Span

_LIST_MARK = re.compile(r"(?m:^)\d{1,2}[.)]\s")
_TROUBLE = re.compile(
    r"\b(?:sorry|apolog\w*|unfortunately|afraid|unable|fail\w*|error\w*|problem\w*|trouble|issue|wrong|declin\w*|refus\w*|reject\w*|unavailable|"
    r"down|try again|again|already|only|must|needs?|until|before|after|instead|expired|closed|too (?:late|early|long|many|much|few)|limit|"
    r"invalid|rules? (?:\w+ )?out|missing|unknown|double-check|however|but|except|allowed|possible|different|another|other|hiccup|"
    r"glitch|timed? ?out)\b",
    re.IGNORECASE,
)
_EVERY = re.compile(r"\bevery $", re.IGNORECASE)
_TIMES_A = re.compile(r" times (?:a|per|every|each)\b", re.IGNORECASE)
_FAR = 12
_WORD = re.compile(r"[a-z]{4,}")
_SHARED = 0.5
_FEWEST_SHARED = 2
"""Share and number of an error's longer words that an answer repeats when it passes the error on."""


def stated_facts(row: Row, context: Context) -> Iterator[Problem]:
    """A number, amount, date, time, id or address in an answer that stands nowhere before it."""
    if not row.conversation.tools:
        return  # a chat without tools may draw on knowledge of the world
    facts = Facts(row.today)
    told = _Told(row, facts)
    calls = iter(row.calls)
    for index, message in enumerate(row.messages):
        if message.role == "tool":
            facts.take(row.results[index], row.walked(index))
        elif message.content:
            if message.role == "assistant" and not told.knows(read_plain(message.content)):
                for span in row.readings(index).spans:
                    known = told.has(span) or facts.has_number_at(message.content, span) or _stands_as_it_is(row, index, span)
                    if not known and not (_is_round(message.content, span) and facts.says_round(row.readings(index))):
                        yield f"messages[{index}].content", f"the {_KIND[span.kind]} {span.text!r} stands nowhere before"
            told.add(index)
        for _ in message.tool_calls:
            executed = next(calls)
            facts.take(executed.call.arguments, executed.leaves)


class _Told:
    """The facts together with the texts that were not listened to yet: they take long to read and are seldom needed beside the results."""

    def __init__(self, row: Row, facts: Facts) -> None:
        self._row = row
        self._facts = facts
        self._unheard: list[int] = []
        self._unread: list[int] = []

    def add(self, index: int) -> None:
        self._unheard.append(index)
        self._unread.append(index)

    def knows(self, plain: Plain) -> bool:
        if not plain.complete:
            return False
        while not self._facts.knows(plain):
            if not self._unheard:
                return False
            self._facts.hear_plainly(read_plain(self._row.messages[self._unheard.pop()].content))
        return True

    def has(self, span: Span) -> bool:
        while not self._facts.has(span):
            if not self._unread:
                return False
            index = self._unread.pop()
            readings = self._row.readings(index)
            of_user = self._row.messages[index].role == "user"
            self._facts.hear(readings.spans, readings.said_digits if of_user else frozenset())
        return True


def _is_round(text: str, span: Span) -> bool:
    """Whether the number says how often: every three months, four times a year."""
    return _EVERY.search(text, max(0, span.start - _FAR), span.start) is not None or _TIMES_A.match(text, span.end) is not None


def _stands_as_it_is(row: Row, index: int, span: Span) -> bool:
    """Whether a name or a word of time was there before letter by letter; the mark of a list's item states nothing."""
    if span.kind == "number":
        return _LIST_MARK.match(row.messages[index].content, span.start) is not None
    if span.kind not in ("id", "email", "phone") and any([character.isdigit() for character in span.text]):
        return False
    return any(stands_verbatim(message.content, span.text) for message in row.messages[:index] if message.role != "assistant")


_KIND = {
    "money": "amount", "number": "number", "date": "date", "period": "period", "time": "time", "id": "id", "email": "address",
    "phone": "telephone number", "percent": "percentage", "duration": "duration",
}  # fmt: skip


def told_facts(row: Row, context: Context) -> Iterator[Problem]:
    """A fact that the plan's user asked for and that no answer holds."""
    plan = row.conversation.plan
    if plan is None or not plan.facts:
        return
    served = match_calls(row).served
    for number, fact in enumerate(plan.facts):
        executed = served[fact.call] if 0 <= fact.call < len(served) else None
        if executed is not None and executed.succeeded:
            returned = _at(executed.result, fact.path)
            if not same(returned, fact.value):
                where = f"messages[{executed.answered}].content"
                yield where, f"the result has {fact.path} = {returned!r}, the plan was made for {fact.value!r} (plan.facts[{number}])"
        start = executed.answered if executed is not None else 0
        indexes = [index for index in row.answers if index > start]
        if indexes and not _is_told(row, indexes, fact):
            what = f"{fact.path} = {fact.value!r}"
            yield f"messages[{indexes[-1]}].content", f"no answer says {what}, which the user asked for (plan.facts[{number}])"


def _at(value: Json, path: str) -> Json:
    """The value at a path such as ``items.0.price``; None where there is none."""
    if isinstance(value, dict) and path in value and "." not in path:
        return value[path]
    for key in path.split("."):
        if isinstance(value, dict):
            value = value.get(key)
        elif isinstance(value, list) and key.isdecimal() and int(key) < len(value):
            value = value[int(key)]
        else:
            return None
    return value


def _is_told(row: Row, indexes: list[int], fact: Fact) -> bool:
    """Whether one of these messages says all of the fact."""
    path, value = fact.path, fact.value
    if isinstance(value, (dict, list)):
        said = [(field or name_of(path), leaf) for _, field, leaf in walk(value)]
        return any(all(_tells(row, index, leaf) or _tells_freely(row, index, name, leaf) for name, leaf in said) for index in indexes)
    for index in indexes:  # noqa: SIM110 - any() is slower
        if _tells(row, index, value) or _tells_freely(row, index, name_of(path), value):
            return True
    return False


def _tells(row: Row, index: int, value: Json) -> bool:
    return value is None or says_plainly(row.messages[index].content, value, row.today)


def _tells_freely(row: Row, index: int, name: str, value: Json) -> bool:
    """Whether a message says the value in other words than data does."""
    text = row.plain(index)
    pattern = pattern_of(row.known.readings, name, value)
    if pattern is not None and pattern.search(text):
        return True
    if isinstance(value, bool):
        return pattern is None and (says_flag(text, name, value) or not says_flag(text, name, not value))
    if isinstance(value, str) and literal(value).search(text):
        return True
    return stands_in(value, {"enum": [value]} if isinstance(value, str) and "_" in value else {}, row.readings(index))


def passed_over_errors(row: Row, context: Context) -> Iterator[Problem]:
    """An answer after an error that says nothing of it."""
    if not any([executed.error is not None for executed in row.calls]):
        return
    for index in row.answers:
        if row.messages[index].tool_calls:
            continue
        for executed in _open_errors(row, index):
            error = executed.error or ""
            if not _admits(row.plain(index), error):
                name = executed.call.name
                yield f"messages[{index}].content", f"{name!r} ended in an error, and the answer passes it over: {error[:80]!r}"


def _open_errors(row: Row, index: int) -> list[Executed]:
    """The calls since the user spoke that ended in an error, and that no later call of the same tool made good."""
    start = row.asked_at(index)
    recent = [executed for executed in row.calls if start < executed.answered < index]
    return [
        executed
        for executed in recent
        if executed.error is not None
        and not any(later.succeeded and later.call.name == executed.call.name and later.message > executed.message for later in recent)
    ]


def _admits(text: str, error: str) -> bool:
    if NEGATION.search(text) or _TROUBLE.search(text):
        return True
    words = set(_WORD.findall(error.lower()))
    shared = words & set(_WORD.findall(text.lower()))
    return len(shared) >= _FEWEST_SHARED and len(shared) > _SHARED * len(words)


def echoed_arguments(row: Row, context: Context) -> Iterator[Problem]:
    """A result that names another thing than its call did."""
    for executed in row.calls:
        if not executed.succeeded or not isinstance(executed.result, dict) or not isinstance(executed.call.arguments, dict):
            continue
        for name, given in executed.call.arguments.items():
            echoed = executed.result.get(name, given)
            if echoed != given and isinstance(given, str) and isinstance(echoed, str) and ID.fullmatch(given):
                where = f"messages[{executed.answered}].content"
                yield where, f"{executed.call.name!r} was called with {name}={given!r} and returned {echoed!r}"


def replayed_results(row: Row, context: Context) -> Iterator[Problem]:
    """A stored result that is not what the environment returns."""
    if row.replay is None:
        return
    executed = [call for call in row.calls if call.answered >= 0]
    for call, replayed in zip(executed, row.replay.results, strict=False):
        if call.result is MISSING or not same(call.result, json.loads(replayed)):
            stored = row.messages[call.answered].content
            yield f"messages[{call.answered}].content", f"executed again, {call.call.name!r} returns {replayed[:120]}, not {stored[:120]}"


RULES = (
    Rule(
        "FC401", "stated-facts",
        summary="Every number, amount, date, time, id and address in an answer stands before it or follows from what does.",
        why="An answer may leave things out; it may not make them up.",
        example_bad='result {"status": "Pending"}; answer: "It will arrive in 3 to 5 days."',
        example_good='result {"status": "Pending"}; answer: "It is still pending."',
        function=stated_facts,
    ),
    *states.RULES,
    Rule(
        "FC403", "told-facts",
        summary="The facts that the user asked for stand in an answer after the result that holds them.",
        why="A call without an answer to the question is half a job.",
        example_bad='asked for the refund number; answer: "Done, it is on its way."',
        example_good='asked for the refund number; answer: "Done, the refund is R508."',
        function=told_facts,
    ),
    Rule(
        "FC404", "passed-over-errors",
        summary="After an error the answer says that something went wrong.",
        why="Claiming success after a refusal is the costliest lie an assistant can learn.",
        example_bad='result {"error": "T1004 is already refunded."}; answer: "Done, T1004 is refunded."',
        example_good='result {"error": "T1004 is already refunded."}; answer: "T1004 has already been refunded, so I left it."',
        function=passed_over_errors,
    ),
    Rule(
        "FC405", "replayed-results",
        summary="Executed again, every call returns what is stored.",
        why="A result that was edited, or came from elsewhere, no longer fits the conversation's database.",
        example_bad='stored {"status": "Paid"}, executed {"status": "Pending"}',
        example_good='stored {"status": "Paid"}, executed {"status": "Paid"}',
        function=replayed_results,
    ),
    Rule(
        "FC406", "echoed-arguments",
        summary="A result that repeats an id of its call repeats the same one.",
        why="A result of another thing was put under the call: whatever the answer says of it is wrong.",
        example_bad='cancel_order(order_id="O1140") ← {"order_id": "O6493", "status": "cancelled"}',
        example_good='cancel_order(order_id="O1140") ← {"order_id": "O1140", "status": "cancelled"}',
        function=echoed_arguments,
    ),
)  # fmt: skip
