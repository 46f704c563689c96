"""FC1xx: is it a conversation at all? Roles, ids, pairing, empty turns, and what storage would change."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gen.checks.context import Context
from gen.checks.row import MISSING, Row
from gen.checks.rule import Rule
from gen.conversation import Json, Problem

_ID = re.compile(r"[A-Za-z0-9]{9}", re.ASCII)
_INT64 = range(-(2**63), 2**63)
_EXACT_DIGITS = 15
"""Decimals that every reader takes back exactly; datasets' decoder drops the rest."""

_MAY_FOLLOW = {
    "": {"system", "user"},
    "system": {"user"},
    "user": {"assistant"},
    "calls": {"tool"},
    "tool": {"tool", "assistant"},
    "assistant": {"user"},
}


def roles_in_order(row: Row, context: Context) -> Iterator[Problem]:
    before = ""
    for index, message in enumerate(row.messages):
        if message.role not in _MAY_FOLLOW[before]:
            allowed = " or ".join(sorted(_MAY_FOLLOW[before]))
            yield f"messages[{index}]", f"a message of role {message.role!r} stands {_PLACE[before]}, where {allowed} belongs"
        before = "calls" if message.tool_calls else message.role
        if before not in _MAY_FOLLOW:
            return


_PLACE = {
    "": "at the start",
    "system": "after the system message",
    "user": "after a user's message",
    "calls": "after a call",
    "tool": "after a result",
    "assistant": "after the assistant's answer",
}


def call_ids(row: Row, context: Context) -> Iterator[Problem]:
    seen: set[str] = set()
    for executed in row.calls:
        identifier = executed.call.id
        if not isinstance(identifier, str) or not _ID.fullmatch(identifier):
            yield f"{executed.where}.id", f"the id {identifier!r} is not nine letters or digits"
        elif identifier in seen:
            yield f"{executed.where}.id", f"the id {identifier!r} was given to an earlier call"
        else:
            seen.add(identifier)


def results_pair(row: Row, context: Context) -> Iterator[Problem]:
    waiting: dict[str, str] = {}
    for index, message in enumerate(row.messages):
        if message.role != "tool":
            waiting = {call.id: call.name for call in message.tool_calls} if message.tool_calls else {}
            continue
        name = waiting.pop(message.tool_call_id or "", None)
        if name is None:
            yield f"messages[{index}].tool_call_id", f"no open call has the id {message.tool_call_id!r}"
        elif message.name is not None and message.name != name:
            yield f"messages[{index}].name", f"the result is of {message.name!r}, the call with this id is of {name!r}"


def calls_answered(row: Row, context: Context) -> Iterator[Problem]:
    if all([e.message < e.answered <= e.message + len(row.messages[e.message].tool_calls) for e in row.calls]):
        return
    open_calls: dict[str, str] = {}
    for index, message in enumerate(row.messages):
        if message.role == "tool":
            open_calls.pop(message.tool_call_id or "", None)
            continue
        for identifier, where in open_calls.items():
            yield where, f"the call {identifier!r} has no result before message {index}"
        open_calls = {call.id: f"messages[{index}].tool_calls[{position}]" for position, call in enumerate(message.tool_calls)}
    for identifier, where in open_calls.items():
        yield where, f"the call {identifier!r} has no result"


def empty_turns(row: Row, context: Context) -> Iterator[Problem]:
    if not row.messages:
        yield "messages", "there are no messages"
    for index, message in enumerate(row.messages):
        if not message.tool_calls and not message.content.strip():
            yield f"messages[{index}]", f"the {message.role} message is empty"


def ends_with_answer(row: Row, context: Context) -> Iterator[Problem]:
    if not row.messages:
        return
    last = row.messages[-1]
    if last.role != "assistant":
        yield f"messages[{len(row.messages) - 1}]", f"the last message is of role {last.role!r}, not an answer of the assistant"
    elif last.tool_calls:
        yield f"messages[{len(row.messages) - 1}]", "the conversation ends with a call instead of an answer"


def results_are_json(row: Row, context: Context) -> Iterator[Problem]:
    for index, result in row.results.items():
        if result is MISSING and row.messages[index].content.strip():
            yield f"messages[{index}].content", f"the result is not JSON: {row.messages[index].content[:80]!r}"


def lone_surrogates(row: Row, context: Context) -> Iterator[Problem]:
    for index, message in enumerate(row.messages):
        if not message.content.isascii() and not _has_utf8(message.content):
            yield f"messages[{index}].content", "the text holds half of a surrogate pair, which no file can store"
        thought = message.reasoning_content
        if thought and not thought.isascii() and not _has_utf8(thought):
            yield f"messages[{index}].reasoning_content", "the text holds half of a surrogate pair, which no file can store"
    for executed in row.calls:
        for path, _, value in executed.leaves:
            if isinstance(value, str) and not value.isascii() and not _has_utf8(value):
                yield f"{executed.where}.arguments.{path}", "the argument holds half of a surrogate pair, which no file can store"


def _has_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def exact_numbers(row: Row, context: Context) -> Iterator[Problem]:
    for executed in row.calls:
        for path, _, value in executed.leaves:
            if not isinstance(value, str) and not _is_exact(value):
                yield f"{executed.where}.arguments.{path}", f"{value!r} does not survive storage: load_dataset reads another number"


def _is_exact(value: Json) -> bool:
    if isinstance(value, float):
        digits = repr(value).partition("e")[0].lstrip("-0.").replace(".", "")
        return value - value == 0 and len(digits.removesuffix("0")) <= _EXACT_DIGITS
    return not isinstance(value, int) or isinstance(value, bool) or value in _INT64


RULES = (
    Rule(
        "FC101", "roles-in-order",
        summary="Messages come in an order that a template can render.",
        why="Templates raise, or drop a turn in silence, where a user speaks twice, a result has no call, or a system message comes late.",
        example_bad="user, user, assistant",
        example_good="system, user, assistant with calls, tool, assistant",
        function=roles_in_order,
    ),
    Rule(
        "FC102", "call-ids",
        summary="Call ids are nine letters or digits, each given once.",
        why="The strictest template (Mistral) refuses other ids, and a result can only be paired with its call if ids differ.",
        example_bad='"id": "call_1"',
        example_good='"id": "VvvODy9mT"',
        function=call_ids,
    ),
    Rule(
        "FC103", "results-pair",
        summary="Every result belongs to an open call of the assistant message before it, once, and bears its name.",
        why="A result paired with the wrong call teaches the model a wrong fact.",
        example_bad='call "VvvODy9mT", result with tool_call_id "aaaaaaaaa"',
        example_good='call "VvvODy9mT", result with tool_call_id "VvvODy9mT"',
        function=results_pair,
    ),
    Rule(
        "FC104", "calls-answered",
        summary="Every call has a result before anyone speaks again.",
        why="An assistant that answers without the result learns to make results up.",
        example_bad="assistant calls, assistant answers",
        example_good="assistant calls, tool returns, assistant answers",
        function=calls_answered,
    ),
    Rule(
        "FC105", "empty-turns",
        summary="No message is empty.",
        why="An empty turn trains the model to say nothing.",
        example_bad='{"role": "assistant", "content": ""}',
        example_good='{"role": "assistant", "content": "T1001 has been paid."}',
        function=empty_turns,
    ),
    Rule(
        "FC106", "ends-with-answer",
        summary="The last message is an answer of the assistant.",
        why="What follows the last result is what the user wanted; without it the row trains no answer.",
        example_bad="user, assistant with calls, tool",
        example_good="user, assistant with calls, tool, assistant",
        function=ends_with_answer,
    ),
    Rule(
        "FC107", "results-are-json",
        summary="The content of a tool message is JSON.",
        why="Some templates parse it, others print it as it is; only JSON comes out alike.",
        example_bad="content: status is Paid",
        example_good='content: {"status": "Paid"}',
        function=results_are_json,
    ),
    Rule(
        "FC108", "lone-surrogates",
        summary="No text holds half of a surrogate pair.",
        why="It has no UTF-8 form: writing the row, or tokenizing it, fails.",
        example_bad='"\\ud83d"',
        example_good='"😀"',
        function=lone_surrogates,
    ),
    Rule(
        "FC109", "exact-numbers",
        summary="Numbers in arguments come back from load_dataset as they were written.",
        why="Its decoder keeps 15 decimals and 64-bit integers; a number beyond them becomes another training target.",
        example_bad="0.12345678901234568",
        example_good="0.123456789012",
        function=exact_numbers,
    ),
)  # fmt: skip
