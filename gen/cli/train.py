"""The command ``fcgen train``: teach a model to call functions, with LoRA.

Options → ``gen.training.run`` → progress on stderr, the summary on stdout.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gen.cli.adapters import ADAPTERS
from gen.cli.console import note, print_columns, print_json

if TYPE_CHECKING:
    from gen.conversation import JsonObject
    from gen.recipe import Train


@click.command()
@click.argument("corpus", required=False)
@click.option("--base", metavar="PATH|HUB_ID|tiny", help="The model to teach; tiny is made on the spot.  [default: the recipe's]")
@click.option("--out", type=click.Path(path_type=Path), metavar="FOLDER", help="Where the adapter goes.  [default: adapters/<corpus>]")
@click.option("--template", metavar="NAME", help="The special-token format.  [default: the recipe's]")
@click.option("--preset", metavar="NAME", default="", help="Settings to begin with: agents-course.")
@click.option("--epochs", type=click.FloatRange(min=0, min_open=True), metavar="N", help="Times that every row is seen.")
@click.option("--max-length", type=click.IntRange(min=16), metavar="N", help="Tokens of the longest row. Nothing is ever cut.")
@click.option("--set", "changes", multiple=True, metavar="KEY=VALUE", help="A key of the recipe's train: lora.r=32. Repeatable.")
@click.option("--report-to", multiple=True, metavar="NAME", help="Metrics to tensorboard, trackio or wandb too. Repeatable.")
@click.option("--skip-bad", is_flag=True, help="Leave out rows that cannot be trained on, and list them in rejected.jsonl.")
@click.option("--json", "as_json", is_flag=True, help="The summary as JSON.")
@click.option("--quiet", is_flag=True, help="No progress and no summary (--json still prints its own).")
def train(corpus: str | None, out: Path | None, preset: str, as_json: bool, quiet: bool, **options: Any) -> None:
    """Teach a model with LoRA, on the rows of the split train.

    CORPUS is a folder that fcgen synth made, or a file of conversations; without it, the corpus that was made last in this
    folder. Base and settings come from the corpus's recipe, a preset and the options, in this order. Tokens of the template that
    the base does not know are added, and their embeddings learned. Ctrl-C saves, and the same command goes on.

    \b
    fcgen train corpora/payments --base google/gemma-2-2b-it
    fcgen train corpora/tiny --base tiny                     # no weights, no GPU: the whole way, in minutes
    fcgen train --preset agents-course --set lora.r=32
    accelerate launch -m gen train corpora/payments          # on several GPUs
    """
    from gen.cli.console import the_corpus
    from gen.cli.train_progress import train_progress
    from gen.hub.model_card import write_model_card
    from gen.rendering.templates import template_named
    from gen.training import run
    from gen.training.plan import plan

    path = the_corpus(corpus)
    recipe = _recipe_of(path)
    template = template_named(options["template"] or recipe.get("render", {}).get("template", "gemma"))
    settings = _settings(recipe.get("train", {}), preset, options)
    folder = out or ADAPTERS / path.stem
    if run.finished(folder):
        note(f"{folder} is a finished adapter; nothing was done. Another --out trains another one.")
        return
    with train_progress(quiet=quiet) as progress:
        work = plan(path, folder, template, settings, skip_bad=options["skip_bad"], tell=progress.note)
        if work.rows.refused:
            progress.note(f"{len(work.rows.refused):,} rows are left out, see {folder / run.REJECTED}")
        summary = run.train(work, progress)
    if os.environ.get("RANK", "0") != "0":  # of several processes the first tells
        return
    write_model_card(folder)
    if as_json:
        print_json(summary.about)
    elif not quiet:
        _tell(path, folder, summary.about)


def _settings(recipe: JsonObject, preset: str, options: dict[str, Any]) -> Train:
    """The settings: what an option says hides ``--set``, which hides the preset."""
    from gen.training.settings import settings_of

    told = {"base": options["base"], "epochs": options["epochs"], "max_length": options["max_length"]}
    told["report_to"] = list(options["report_to"]) or None
    said = [f"{key}={_plain(value)}" for key, value in told.items() if value is not None]
    return settings_of(recipe, preset=preset, changes=[*options["changes"], *said])


def _plain(value: Any) -> str:
    """A value as YAML reads it back: a path is a text, whatever it looks like."""
    import json

    return json.dumps(value)


def _recipe_of(corpus: Path) -> JsonObject:
    """The recipe that a corpus was made by; {} for rows of others."""
    from gen.yaml_file import read_yaml

    path = corpus / "recipe.yaml"
    data = read_yaml(path).data if path.is_file() else {}
    return data if isinstance(data, dict) else {}


def _tell(corpus: Path, folder: Path, about: JsonObject) -> None:
    exact = about.get("call_exactness")
    facts = [
        ("adapter", str(folder)),
        ("base", about["base"]),
        ("rows", f"{about['rows']:,}, {about['trained_tokens']:,} trained tokens"),
        ("steps", f"{about['steps']:,}"),
    ]
    if exact is not None:
        facts.append(("held out", f"{about['exact_calls']} of {about['held_out_calls']} calls exact, loss {about['held_out_loss']:.3f}"))
    print_columns(facts)
    click.echo(f"fcgen score {corpus} --model {folder}    says how well it calls")
    click.echo(f"fcgen merge-adapter {folder} --out models/{folder.name}    makes a plain model of it")
