"""The command ``fcgen show``: read conversations in the terminal.

Options → ``gen.corpus.reading`` → roles, thoughts, calls and results on stdout; plain text in a pipe, JSON lines with --json.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from gen.cli.console import BadRows, note, safe, stdout_console, terminal_width, the_corpus

if TYPE_CHECKING:
    from gen.conversation import Conversation, JsonObject, Message, ToolCall

LABEL = 11
"""Columns of the label before each line."""


class Line(NamedTuple):
    """A part of a conversation: what it is, its text, and the styles of both."""

    label: str
    text: str
    style: str = ""
    label_style: str = "bold"


@click.command()
@click.argument("corpus", required=False)
@click.option("--row", "wanted", metavar="N|ID", help="Only this row: its number, counted from 0, or its id.")
@click.option("--scenario", metavar="NAME", help="Only conversations of this kind.")
@click.option("--split", metavar="NAME", help="Only this split, such as test.")
@click.option("--random", "at_random", is_flag=True, help="Drawn at random instead of the first ones; --seed repeats a draw.")
@click.option("--seed", type=click.IntRange(min=0), metavar="N", help="Of --random.")
@click.option("--count", "-n", type=click.IntRange(min=1), default=3, show_default=True, metavar="N", help="How many.")
@click.option("--tools", "with_tools", is_flag=True, help="The offered tools as well.")
@click.option("--skip-bad", is_flag=True, help="Leave rows out that cannot be read, and list them, instead of stopping.")
@click.option("--json", "as_json", is_flag=True, help="Rows as JSON, one a line.")
def show(
    corpus: str | None,
    wanted: str | None,
    scenario: str | None,
    split: str | None,
    at_random: bool,
    seed: int | None,
    count: int,
    with_tools: bool,
    skip_bad: bool,
    as_json: bool,
) -> None:
    """Read conversations: roles, thoughts, calls and results.

    CORPUS is a folder that fcgen synth made, or a .jsonl, .json or .parquet file of conversations in any of the spellings in
    use. Without it, the one that was made last in this folder.

    \b
    fcgen show --random
    fcgen show corpora/payments --scenario chained --count 5
    fcgen show corpora/payments --row 17 --tools
    """
    path, bad = the_corpus(corpus), BadRows(skip=skip_bad)
    if wanted is not None:
        from gen.corpus.reading import read_row

        rows = [read_row(path, wanted, on_bad=bad.handler)]
    else:
        chosen = _matching(path, scenario=scenario, split=split, bad=bad)
        rows = _drawn(chosen, count, seed) if at_random or seed is not None else list(islice(chosen, count))
    for number, row in enumerate(rows):
        if as_json:
            _print_json(row)
        else:
            if number:
                click.echo()
            print_conversation(row, with_tools=with_tools)
    bad.tell()


def _matching(path: Path, *, scenario: str | None, split: str | None, bad: BadRows) -> Iterator[Conversation]:
    """The rows that are asked for, in order. Raises BadInput where no row is of this scenario."""
    from gen.corpus.reading import read_rows
    from gen.errors import unknown_name

    seen: set[str] = set()
    for row in read_rows(path, splits=None if split is None else [split], on_bad=bad.handler):
        seen.add(row.scenario)
        if scenario is None or row.scenario == scenario:
            yield row
    if scenario is not None and scenario not in seen:
        raise unknown_name("scenario", scenario, seen - {""}, where=str(path))


def _drawn(rows: Iterator[Conversation], count: int, seed: int | None) -> list[Conversation]:
    """``count`` rows at random, each as likely as any other, in one pass; in the corpus's order."""
    import secrets

    from gen.dice import dice

    if seed is None:
        seed = secrets.randbelow(10_000)
        note(f"--seed {seed} shows these again")
    die = dice(seed, "show")
    kept: list[tuple[int, Conversation]] = []
    for number, row in enumerate(rows):
        if number < count:
            kept.append((number, row))
        elif (place := die.below(number + 1)) < count:
            kept[place] = (number, row)
    return [row for _, row in sorted(kept, key=lambda pair: pair[0])]


def _print_json(row: Conversation) -> None:
    from gen.canonical import exact_json

    click.echo(exact_json(row.to_wire()))


def print_conversation(row: Conversation, *, with_tools: bool = False) -> None:
    """Print one conversation on stdout: coloured and wrapped on a terminal, plain in a pipe."""
    from rich.text import Text

    console = stdout_console()
    console.print(Text(_title(row), style="bold reverse"))
    for line in _laid_out(row, with_tools=with_tools, width=terminal_width()):
        console.print(Text.assemble((f"{line.label:{LABEL}}", line.label_style), (line.text, line.style)))


def print_message(message: Message) -> None:
    """Print one message of a conversation on stdout, as ``print_conversation`` does."""
    from rich.text import Text

    console, width = stdout_console(), terminal_width()
    for line in _message_lines(message):
        for number, part in enumerate(_wrapped(safe(line.text), width - LABEL)):
            console.print(Text.assemble((f"{'' if number else line.label:{LABEL}}", line.label_style), (part, line.style)))


def plain_text(row: Conversation, *, width: int) -> str:
    """A conversation as it stands in a pipe, wrapped."""
    return "\n".join(
        [_title(row), *(f"{line.label:{LABEL}}{line.text}".rstrip() for line in _laid_out(row, with_tools=False, width=width))]
    )


def _title(row: Conversation) -> str:
    return safe(" · ".join(filter(None, (row.id, row.scenario, row.persona, row.split))))


def _laid_out(row: Conversation, *, with_tools: bool, width: int) -> Iterator[Line]:
    """One ``Line`` for each line of the screen; the label stands before the first of a part only."""
    for line in _lines(row, with_tools=with_tools):
        for number, part in enumerate(_wrapped(safe(line.text), width - LABEL)):
            yield line._replace(text=part, label=line.label if number == 0 else "")


def _lines(row: Conversation, *, with_tools: bool) -> Iterator[Line]:
    if with_tools:
        for tool in row.tools:
            yield Line("tool", signature(tool), "dim", "dim")
    for message in row.messages:
        yield from _message_lines(message)


def _message_lines(message: Message) -> Iterator[Line]:
    if message.role == "tool":
        failed = message.content.startswith('{"error"')
        yield Line("result", message.content, "red" if failed else "green", "red" if failed else "green")
        return
    if message.reasoning_content:
        yield Line("thought", message.reasoning_content, "dim italic", "dim")
    if message.content or not message.tool_calls:
        yield Line(message.role, message.content, "dim" if message.role == "system" else "", _ROLE_STYLES.get(message.role, "bold"))
    for call in message.tool_calls:
        yield Line("call", call_text(call), "cyan", "cyan")


_ROLE_STYLES = {"system": "dim", "user": "bold yellow", "assistant": "bold magenta"}


def call_text(call: ToolCall) -> str:
    """``refund_payment(transaction_id="T1187", reason="duplicate")``."""
    from gen.canonical import exact_json

    return f"{call.name}({', '.join(f'{name}={exact_json(value)}' for name, value in call.arguments.items())})"


def signature(tool: JsonObject) -> str:
    """A tool in a line: ``find_payee(customer_id, name?): Find saved payees.``"""
    function = tool["function"]
    parameters = function.get("parameters", {})
    required = parameters.get("required", ())
    names = ", ".join(name if name in required else f"{name}?" for name in parameters.get("properties", {}))
    return f"{function['name']}({names}): {function.get('description', '')}"


def _wrapped(text: str, width: int) -> list[str]:
    """Lines of at most ``width`` characters; a line that is indented or has no spaces stays whole."""
    import textwrap

    lines: list[str] = []
    for line in text.split("\n"):
        lines += textwrap.wrap(line, max(width, 20), break_long_words=False, break_on_hyphens=False) or [""]
    return lines
