"""The command ``fcgen teacher``: what a teacher can do, before a run is begun with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gen.cli.console import note, print_columns, print_json

if TYPE_CHECKING:
    from gen.teachers.engines.probe import Probe

MEANINGS = {
    "json_schema": "schemas go as response_format json_schema, and the server holds the model to them",
    "json_object": "schemas go as response_format json_object with a schema, and the server holds the model to them",
    "structured_outputs": "schemas go as structured_outputs, and the server holds the model to them",
    "free": "nothing holds the model to a schema: it is asked in words, and what does not fit is asked for again",
}


@click.group()
def teacher() -> None:
    """Look at a teacher before a run is begun with it."""


@teacher.command("probe")
@click.argument("name", metavar="TEACHER")
@click.option("--json", "as_json", is_flag=True, help="What was found as JSON.")
def probe_teacher(name: str, as_json: bool) -> None:
    """Show what a server really does with schemas, tools, seeds and long prompts.

    TEACHER is server:http://HOST:PORT/v1#MODEL. Some dozen short requests are sent; a key comes from FCGEN_API_KEY or
    OPENAI_API_KEY.
    """
    import asyncio

    from gen.teachers.engines.probe import probe
    from gen.teachers.naming import teacher_name

    parsed = teacher_name(name)
    if parsed.kind != "server":
        _explain(parsed.kind, as_json=as_json, name=name)
        return
    found = asyncio.run(probe(parsed))
    if as_json:
        print_json(found.to_json())
    else:
        _print(found)


def _explain(kind: str, *, as_json: bool, name: str) -> None:
    """What runs in this process is not probed: fcgen enforces schemas there by itself."""
    if kind == "simulator":
        said = "the simulator is no model: it speaks by a grammar, and its calls are executed before it speaks"
    else:
        said = f"{name} runs in this process, where fcgen itself holds the model to each schema: there is no server to probe"
    if as_json:
        print_json({"teacher": name, "tier": "in process", "findings": [], "notes": [said]})
    else:
        click.echo(said)


def _print(found: Probe) -> None:
    print_columns([(each.what, each.outcome, each.detail) for each in found.findings], head=("asked", "outcome", "detail"))
    click.echo(f"\nfcgen will use: {found.tier} ({MEANINGS[found.tier]})")
    for text in found.notes:
        note(f"Note: {text}")
