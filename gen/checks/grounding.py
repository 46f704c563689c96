"""FC3xx: where does each argument come from? A leaf that stands nowhere was made up.

Looked for, nearest first: what the user said, what tools returned, what the system message says, the schema's default;
only what was there before the call counts. Values are read out of text by ``gen.values.read``, enum values and booleans by the
domain's readings. That a value is the *right* one of several that were said is the goal's business (FC601).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from gen.checks.context import Context
from gen.checks.row import Executed, Row, Ungrounded
from gen.checks.rule import Rule
from gen.checks.values import leaves, name_of, same
from gen.checks.words import literal, pattern_of, says_flag
from gen.conversation import Json, JsonObject, Problem, Source
from gen.values.read import stands_in
from gen.values.read_plain import may_say, says_plainly

_SHORTEST_PART = 3
"""Characters that a part of a longer result must have to count as found in it."""

_ONE = re.compile(r"\b(?:last|latest|most recent|newest|next|first|an?|one|single|just me|myself|only me|that|this)\b", re.IGNORECASE)


def grounded(row: Row, context: Context) -> Iterator[Problem]:
    for executed, path, value in trace_row(row)[1]:
        yield (
            f"{executed.where}.arguments.{path}",
            f"{value!r}, given to {executed.call.name!r}, stands in no earlier user message, result or system message, and is no default",
        )


def trace_row(row: Row) -> tuple[list[Source], list[Ungrounded]]:
    """The source of every leaf of every call, and the leaves that have none."""
    if row.traced is None:
        row.traced = ([], [])
        for executed in row.calls:
            if isinstance(executed.call.arguments, dict):
                tool = row.offered.get(executed.call.name)
                for path, value, schema in leaves(executed.call.arguments, tool.parameters if tool else {}):
                    found = _find(row, executed, path, value, schema)
                    if found is None:
                        row.traced[1].append((executed, path, value))
                    else:
                        row.traced[0].append(found)
    return row.traced


def _find(row: Row, executed: Executed, path: str, value: Json, schema: JsonObject) -> Source | None:
    for index in reversed(row.users):
        if index < executed.message and _said(row, index, path, value, schema):
            return Source(executed.ordinal, path, "user", index)
    for index in reversed(row.results):
        if index < executed.message and returned(row, index, value):
            return Source(executed.ordinal, path, "result", index)
    for index in reversed(row.systems):
        if index < executed.message and _said(row, index, path, value, schema):
            return Source(executed.ordinal, path, "system", index)
    return Source(executed.ordinal, path, "default", -1) if _implied(schema, value) else None


def _implied(schema: JsonObject, value: Json) -> bool:
    """Whether the schema itself gives the value: its default, the only one it allows, or nothing at all."""
    if value is None or ("default" in schema and same(schema["default"], value)):
        return True
    only = schema.get("enum")
    return ("const" in schema and same(schema["const"], value)) or (isinstance(only, list) and len(only) == 1)


def _said(row: Row, index: int, path: str, value: Json, schema: JsonObject) -> bool:
    content = row.messages[index].content
    if value is None:
        return False
    if says_plainly(content, value, row.today):
        return True
    name = name_of(path)
    pattern = pattern_of(row.known.readings, name, value)
    if pattern is not None and pattern.search(row.plain(index)):
        return True
    if isinstance(value, bool):
        return pattern is None and says_flag(row.plain(index), name, value)
    if value == 1 and schema.get("type") == "integer" and _ONE.search(content):
        return True
    return may_say(content, value) and stands_in(value, schema, row.readings(index))


def returned(row: Row, index: int, value: Json) -> bool:
    """Whether the value stands in the result in message ``index``."""
    if isinstance(value, bool) or value is None:
        return False
    texts, numbers = row.leaves(index)
    if isinstance(value, (int, float)):
        return value in numbers
    folded = str(value).casefold()
    return folded in texts or (len(folded) >= _SHORTEST_PART and any(folded in text and literal(folded).search(text) for text in texts))


RULES = (
    Rule(
        "FC301", "grounded",
        summary="Every value in a call stands in an earlier user message or result, in the system message, or is the schema's default.",
        why="A model that learns to call with values nobody gave will make up account numbers.",
        example_bad='user: "status of my payment?"; call: retrieve_payment_status(transaction_id="T1001")',
        example_good='user: "status of 1001?"; call: retrieve_payment_status(transaction_id="T1001")',
        function=grounded,
    ),
)  # fmt: skip
