"""The command ``fcgen score``: let a model play held-out conversations, and say what it can; before and after.

Options → ``gen.scoring.comparing`` → progress on stderr, the table (or JSON) on stdout, JSON and page in files.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gen.cli.adapters import usual_adapter
from gen.cli.console import note, print_json, the_corpus

if TYPE_CHECKING:
    from gen.scoring.scored import Scored
    from gen.scoring.tasks import Task

SCORES = Path("scores")


@click.command()
@click.argument("corpus", required=False)
@click.option("--model", metavar="NAME", help="A folder, a Hub id, or server:http://HOST:PORT/v1#NAME.  [default: adapters/<corpus>]")
@click.option("--compare", metavar="NAME", default="", help="A model to compare with, played on the same rows; base: the adapter's own.")
@click.option("--split", metavar="NAME", help="The split that is scored.  [default: test, else validation]")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Only the first N conversations (of BFCL: of each category).")
@click.option("--category", "categories", multiple=True, metavar="NAME", help="Only this category of BFCL. Repeatable.")
@click.option("--template", metavar="NAME", default="", help="The model's prompt; words: tools told in words.  [default: what suits it]")
@click.option("--base", metavar="PATH|HUB_ID", default="", help="Where the adapter's base lies now.")
@click.option("--history", type=click.Choice(["executed", "gold"]), help="Execute calls, or play with the corpus's own history.")
@click.option(
    "--max-new-tokens", type=click.IntRange(min=1), metavar="N", help="Tokens of one message.  [default: by the longest, or 1024]"
)
@click.option("--plain", type=click.Path(path_type=Path), metavar="FILE", help="Plain chats for the forgetting guard in place of ours.")
@click.option("--no-guard", is_flag=True, help="Do not look at plain chat.")
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="FILE", help="The scores as JSON.  [default: scores/<model>-on-<corpus>.json]"
)
@click.option("--report", type=click.Path(path_type=Path), metavar="FILE", help="The scores as a page.")
@click.option("--fresh", is_flag=True, help="Play conversations again that were played before.")
@click.option("--json", "as_json", is_flag=True, help="The scores as JSON on stdout too.")
@click.option("--quiet", is_flag=True, help="No progress.")
def score(corpus: str | None, out: Path | None, report: Path | None, as_json: bool, quiet: bool, **options: Any) -> None:
    """Let a model play held-out conversations, and count what it does right.

    CORPUS is a folder that fcgen synth made, a file of conversations, or bfcl:FOLDER for BFCL's data; without it, the corpus that was
    made last. The model speaks in the assistant's place, its calls are executed in the corpus's environment, and the corpus's user
    goes on. Nothing holds it to the form of a call. What was played is kept beside the JSON: the same command goes on where it stopped.

    \b
    fcgen score corpora/payments --model adapters/payments --compare base --report score.html
    fcgen score corpora/payments --model server:http://localhost:8000/v1#my-model --limit 100
    fcgen score bfcl:path/to/data --model adapters/payments --compare google/gemma-2-2b-it
    """
    from gen.cli.score_progress import score_progress
    from gen.scoring.comparing import Asked, score_models
    from gen.scoring.intervals import require_statistics

    require_statistics()
    source, task = _task(corpus, options)
    asked = Asked(
        model=options["model"] or usual_adapter(source.stem),
        compare=options["compare"],
        template=options["template"],
        turns=_template_of(source),
        base=options["base"],
        max_new_tokens=options["max_new_tokens"],
        fresh=options["fresh"],
        plain=options["plain"],
        guard=not options["no_guard"],
    )
    target = out or SCORES / f"{_plainly(asked.model)}-on-{source.stem}.json"
    _require_writable(target, report)
    with score_progress(quiet=quiet) as progress:
        scored = score_models(task, asked, target.parent, progress)
    _write(scored, target, report)
    if as_json:
        print_json(scored.to_json())
    else:
        from gen.cli.score_table import print_scores

        print_scores(scored)
    if not quiet:
        note(f"{target}" + (f", {report}" if report else ""))


def _task(corpus: str | None, options: dict[str, Any]) -> tuple[Path, Task]:
    """What is scored, and where it lies."""
    from gen.errors import BadInput
    from gen.scoring.tasks import BFCL, on_bfcl, on_corpus

    if corpus is not None and corpus.startswith(BFCL):
        for name in ("split", "history"):
            if options[name]:
                raise BadInput("BFCL has neither splits nor a history to execute", where=f"--{name}")
        folder = Path(corpus.removeprefix(BFCL))
        return folder, on_bfcl(folder, categories=options["categories"], limit=options["limit"])
    if options["categories"]:
        raise BadInput("only BFCL has categories", where="--category", hint=f"fcgen score {BFCL}FOLDER")
    path = the_corpus(corpus)
    return path, on_corpus(path, split=options["split"], limit=options["limit"], history=options["history"])


def _template_of(source: Path) -> str:
    """The template whose turns a model without a chat template gets: the recipe's."""
    from gen.rendering.templates import DEFAULT
    from gen.yaml_file import read_yaml

    path = source / "recipe.yaml"
    recipe = read_yaml(path).data if path.is_file() else {}
    return str((recipe.get("render") or {}).get("template") or DEFAULT) if isinstance(recipe, dict) else DEFAULT


def _plainly(model: str) -> str:
    """A model's name as a part of a file's name: what comes last of a path, or stands behind # of a server."""
    last = model.rstrip("/").rpartition("#")[2].rpartition("/")[2] if "#" in model else Path(model).name
    return re.sub(r"[^\w.-]+", "-", last) or "model"


def _require_writable(*files: Path | None) -> None:
    """Make the folders now: a path that cannot be written should not be found out after an hour."""
    from gen.corpus.atomic import make_folder
    from gen.errors import BadInput

    for file in files:
        if file is not None:
            make_folder(file.parent)
            if file.is_dir():
                raise BadInput("this is a folder, and a file was to be written", where=str(file))


def _write(scored: Scored, target: Path, report: Path | None) -> None:
    from gen.corpus.atomic import write_whole
    from gen.scoring.report import page

    write_whole(target, (json.dumps(scored.to_json(rows=True), indent=2).encode() + b"\n",))
    if report is not None:
        write_whole(report, (part.encode("utf-8", "replace") for part in page(scored.report())))
