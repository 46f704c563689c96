"""The command ``fcgen recipes``: which recipes there are, one resolved, a new one to start from, and is one right?

Every check is that of the stage that owns the key; nothing is decided here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gen.cli.console import listed, note, print_columns, print_json


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="The list as JSON.")
@click.pass_context
def recipes(ctx: click.Context, as_json: bool) -> None:
    """List the recipes that are here; show, check or start one.

    A recipe in ./recipes/ hides one of the same name that comes with fcgen.
    """
    if ctx.invoked_subcommand is not None:
        return
    rows = _listing()
    if as_json:
        print_json(rows)
        return
    head = ("recipe", "rows", "domains", "scenarios", "description")
    print_columns([(r["name"], r["rows"], ", ".join(r["domains"]), len(r["scenarios"]), r["description"]) for r in rows], head=head)


def _listing() -> list[dict[str, Any]]:
    """Every recipe that can be read; the others are named on stderr."""
    from gen.errors import BadInput
    from gen.recipe import load_recipe
    from gen.recipe import recipes as known

    rows = []
    for name, path in known().items():
        try:
            model = load_recipe(name).model
        except BadInput as error:
            note(f"Warning: {error}")
            continue
        scenarios = [scenario for scenario, weight in model.scenarios.items() if weight > 0]
        row = {"name": name, "rows": model.rows, "domains": model.tools.domains, "scenarios": scenarios}
        rows.append(row | {"description": model.description, "path": str(path)})
    return rows


@recipes.command("show")
@click.argument("name")
def show_recipe(name: str) -> None:
    """Print a recipe with every default filled in, as YAML."""
    from gen.recipe import load_recipe

    click.echo(load_recipe(name).to_yaml(), nl=False)


@recipes.command("new")
@click.argument("name")
def new_recipe(name: str) -> None:
    """Write ./recipes/NAME.yaml: every key, explained."""
    from gen.cli.starting import start_recipe

    path = start_recipe(name, Path("recipes"))
    note(f"{path} is yours to change. Next:\n  fcgen recipes check {path}\n  fcgen synth --recipe {name} --dry-run")


@recipes.command("check")
@click.argument("recipe", metavar="NAME|FILE")
def check_recipe(recipe: str) -> None:
    """Validate a recipe, and everything that it names: domains, scenarios, personas, rules, template."""
    from gen.recipe import load_recipe
    from gen.synthesis.opening import open_workshop

    loaded = load_recipe(recipe)
    open_workshop(loaded)
    model = loaded.model
    scenarios = listed(name for name, weight in model.scenarios.items() if weight > 0)
    click.echo(f"{loaded.origin.source.path}: fine. {model.rows:,} rows of {', '.join(model.tools.domains)}: {scenarios}.")


@recipes.command("schema")
def schema() -> None:
    """Print the JSON Schema of recipes, for editors."""
    from gen.recipe import json_schema

    print_json(json_schema())
