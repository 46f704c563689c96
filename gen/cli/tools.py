"""The command ``fcgen tools``: which domains and tools there are, one of them, a new domain to start from, and is one right?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gen.cli.console import listed, note, print_columns, print_json

if TYPE_CHECKING:
    from gen.tools.catalogue import Domain
    from gen.tools.schema import ToolSchema


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="The list as JSON.")
@click.pass_context
def tools(ctx: click.Context, as_json: bool) -> None:
    """List the domains that are here; show, check or start one.

    A domain is a folder of tools and, optionally, the database that they work on and how people speak of it. One in
    ./schemas/ hides one of the same name that comes with fcgen.
    """
    if ctx.invoked_subcommand is not None:
        return
    rows = _listing()
    if as_json:
        print_json(rows)
        return
    head = ("domain", "tools", "reads", "writes", "description")
    print_columns([(r["domain"], len(r["tools"]), r["reads"], r["writes"], r["description"]) for r in rows], head=head)


def _listing() -> list[dict[str, Any]]:
    """Every domain that can be read; the others are named on stderr."""
    from gen.errors import BadInput
    from gen.tools.catalogue import Domain, domains

    rows = []
    for name, folder in domains().items():
        try:
            rows.append(_summary(Domain(name, folder)))
        except BadInput as error:
            note(f"Warning: {error}")
    return rows


def _summary(domain: Domain) -> dict[str, Any]:
    from gen.environments.declaration import declare

    row: dict[str, Any] = {"domain": domain.name, "tools": list(domain.tools), "path": str(domain.folder)}
    if not domain.has("environment.yaml"):
        return row | {"reads": "", "writes": "", "description": "tools only"}
    declaration = declare(domain)
    writes = [name for name, tool in declaration.tools.items() if tool.writes]
    description = str(domain.environment.data.get("description", ""))
    return row | {"reads": len(domain.tools) - len(writes), "writes": len(writes), "description": description}


@tools.command("show")
@click.argument("name", metavar="DOMAIN|TOOL")
@click.option("--json", "as_json", is_flag=True, help="The tool JSON that models are offered.")
def show_tools(name: str, as_json: bool) -> None:
    """Show the tools of a domain, or one tool with its parameters."""
    found = _found(name)
    if as_json:
        print_json([tool.wire for tool in found])
        return
    for number, tool in enumerate(found):
        if number:
            click.echo()
        _print_tool(tool)


def _found(name: str) -> list[ToolSchema]:
    """The tools of a domain, or those of this name in any domain. Raises BadInput with what there is."""
    from gen.errors import unknown_name
    from gen.tools.catalogue import Domain, domains, find_domain

    known = domains()
    if name in known or "/" in name:
        return list(find_domain(name).tools.values())
    everything = [tool for domain, folder in known.items() for tool in Domain(domain, folder).tools.values()]
    found = [tool for tool in everything if tool.name == name]
    if not found:
        raise unknown_name("domain or tool", name, [*known, *(tool.name for tool in everything)])
    return found


def _print_tool(tool: ToolSchema) -> None:
    click.echo(click.style(tool.name, bold=True))
    print_columns([("  " + tool.description,)])
    rows = [(f"    {name}", _type_of(schema), _needed(tool, name), schema.get("description", "")) for name, schema in _properties(tool)]
    print_columns(rows)


def _properties(tool: ToolSchema) -> list[tuple[str, dict[str, Any]]]:
    return list(tool.parameters.get("properties", {}).items())


def _type_of(schema: dict[str, Any]) -> str:
    """``"date"``, ``"one of pdf, csv, text"``, ``"integer 1 to 10"``, ``"list of string"``."""
    if "enum" in schema:
        return "one of " + listed(map(str, schema["enum"]), at_most=4)
    kind = str(schema.get("format") or schema.get("type", "any"))
    if kind == "array":
        return f"list of {_type_of(schema.get('items', {}))}"
    bounds = [str(schema[key]) for key in ("minimum", "maximum") if key in schema]
    return f"{kind} {' to '.join(bounds)}" if len(bounds) == 2 else kind


def _needed(tool: ToolSchema, name: str) -> str:
    if name in tool.required:
        return "required"
    return f"default {tool.defaults[name]}" if name in tool.defaults else "optional"


@tools.command("new")
@click.argument("name")
def new_domain(name: str) -> None:
    """Write ./schemas/NAME/: a small domain that works, explained, to make your own."""
    from gen.cli.starting import start_domain

    folder = start_domain(name, Path("schemas"))
    note(f"{folder} is yours to change. Next:\n  fcgen tools check {folder}\n  fcgen recipes new {name}   # and name the domain in it")


@tools.command("check")
@click.argument("domain", metavar="DOMAIN|FOLDER|FILE")
def check_domain(domain: str) -> None:
    """Validate a domain's three files, or a file of tool JSON. Errors name file and line."""
    from gen.synthesis.opening import open_domain
    from gen.tools.catalogue import domains
    from gen.tools.schema import read_tools

    path = Path(domain)
    if path.is_file() or path.suffix == ".json":
        click.echo(f"{path}: fine; tools: {len(read_tools(path))}")
        return
    opened = open_domain(f"./{domain}" if path.is_dir() and "/" not in domain and domain not in domains() else domain)
    counts = f"tools: {len(opened.domain.tools)}, goals: {len(opened.planner.goals)}, entities: {len(opened.planner.entities)}"
    click.echo(f"{opened.domain.folder}: fine; {counts}")
