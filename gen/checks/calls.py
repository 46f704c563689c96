"""FC2xx: are the tools tools, and are the calls made as the tools ask?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from gen.checks.context import Context
from gen.checks.row import Executed, Row
from gen.checks.rule import Rule
from gen.conversation import Problem
from gen.errors import did_you_mean


def unknown_tool(row: Row, context: Context) -> Iterator[Problem]:
    for executed in row.calls:
        name = executed.call.name
        if name not in row.offered:
            hint = did_you_mean(str(name), row.offered)
            yield f"{executed.where}.function.name", f"the tool {name!r} was not offered{'; ' + hint if hint else ''}"


def arguments_fit(row: Row, context: Context) -> Iterator[Problem]:
    for executed in row.calls:
        tool = row.offered.get(executed.call.name)
        compiled = tool.validator if tool else None
        if compiled is None:
            continue  # FC201 and FC204 say so
        if compiled.is_valid(executed.call.arguments):
            continue
        for path, message in compiled.errors(executed.call.arguments):
            yield f"{executed.where}.arguments{'.' + path if path else ''}", message


def repeated_call(row: Row, context: Context) -> Iterator[Problem]:
    if len({executed.key for executed in row.calls}) == len(row.calls):
        return
    wanted = Counter(row.expected)
    earlier: dict[str, Executed] = {}
    last_change = -1
    for executed in row.calls:
        wanted[executed.key] -= 1
        before = earlier.get(executed.key)
        if before is not None and wanted[executed.key] < 0 and not _may_repeat(row, before, executed, last_change):
            turn = "in the same turn" if before.message == executed.message else f"in message {before.message}"
            yield executed.where, f"the same call of {executed.call.name!r} was made {turn}, and nothing changed since"
        earlier[executed.key] = executed
        if executed.succeeded and row.writes(executed.call.name):
            last_change = executed.ordinal


def _may_repeat(row: Row, before: Executed, executed: Executed, last_change: int) -> bool:
    """A call may be made again after a passing error, after the state changed, and, if it writes, when the user speaks again."""
    if before.message == executed.message:
        return False
    if before.error is not None and row.is_passing(before.error):
        return True
    if not row.writes(executed.call.name):
        return last_change > before.ordinal
    return any(message.role == "user" for message in row.messages[before.message : executed.message])


def tool_schemas(row: Row, context: Context) -> Iterator[Problem]:
    for index, tool in enumerate(row.tools):
        if tool.problem:
            yield f"tools[{index}]{tool.problem[0]}", tool.problem[1]


def tools_offered_once(row: Row, context: Context) -> Iterator[Problem]:
    if len(row.offered) == len(row.conversation.tools):
        return
    seen: set[str] = set()
    for index, tool in enumerate(row.conversation.tools):
        function = tool.get("function") if isinstance(tool, dict) else None
        name = function.get("name") if isinstance(function, dict) else None
        if isinstance(name, str) and name in seen:
            yield f"tools[{index}]", f"the tool {name!r} is offered twice"
        elif isinstance(name, str):
            seen.add(name)


RULES = (
    Rule(
        "FC201", "unknown-tool",
        summary="Every call is of a tool that was offered.",
        why="A model that learns to call what is not there will do it in production.",
        example_bad="offered retrieve_payment_status; called get_payment_status",
        example_good="offered retrieve_payment_status; called retrieve_payment_status",
        function=unknown_tool,
    ),
    Rule(
        "FC202", "arguments-fit",
        summary="Arguments fit the tool's JSON Schema (2020-12, formats asserted).",
        why="Types, enums, bounds, required parameters and formats are what the tool's owner will refuse.",
        example_bad='{"transaction_id": 1001}',
        example_good='{"transaction_id": "T1001"}',
        function=arguments_fit,
    ),
    Rule(
        "FC203", "repeated-call",
        summary="The same call is not made twice in a turn, nor again later unless something changed or a passing error came back.",
        why="A call whose answer is known wastes a turn; a write made twice does harm.",
        example_bad="retrieve_payment_status(T1001), then retrieve_payment_status(T1001)",
        example_good='cancel_payment(T1240) ← {"error": "try again"}, then cancel_payment(T1240)',
        function=repeated_call,
    ),
    Rule(
        "FC204", "tool-schemas",
        summary="Every offered tool is in wire form, and its parameters are a valid JSON Schema.",
        why="Templates print the schema and constrained decoders compile it: a broken one breaks both.",
        example_bad='{"type": "strin"}',
        example_good='{"type": "string"}',
        function=tool_schemas,
    ),
    Rule(
        "FC205", "tools-offered-once",
        summary="No tool is offered twice.",
        why="Two tools of one name make every call of it ambiguous.",
        example_bad="offered: get_order, get_order",
        example_good="offered: get_order, cancel_order",
        function=tools_offered_once,
    ),
)  # fmt: skip
