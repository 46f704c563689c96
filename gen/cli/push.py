"""The command ``fcgen push``: a corpus or an adapter to the Hub, or to any storage, the way a careful person would.

stdout carries the plan (``--dry-run``) or what came of it; stderr what is being done.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from gen.conversation import JsonObject
    from gen.hub.files import LocalFile
    from gen.hub.plan import Plan
    from gen.hub.prepare import Wanted


@dataclass(frozen=True)
class Asked:
    """What the command line asks for, and where the recipe has the last word, what that says."""

    folder: Path
    to: str
    kind: str
    public: bool
    tag: str
    as_pull_request: bool
    config: str
    message: str
    allow: tuple[str, ...]
    with_rejected: bool
    with_completions: bool
    files_per_commit: int
    dry_run: bool
    yes: bool
    as_json: bool
    from_recipe: bool


@click.command()
@click.argument("folder", required=False)
@click.option("--to", metavar="OWNER/NAME|URL", help="A repository of the Hub, or a place such as s3://bucket/folder.")
@click.option("--type", "kind", type=click.Choice(["dataset", "model"]), default="dataset", show_default=True, help="What FOLDER is.")
@click.option("--dry-run", is_flag=True, help="Show what would be added, changed and deleted, and write nothing.")
@click.option("--public", is_flag=True, help="The repository may be public. Without it a new one is private, and a public one is refused.")
@click.option("--pr", "as_pull_request", is_flag=True, help="Propose it as a pull request.")
@click.option("--tag", default="", help="Name the commit (with --pr, the one proposed); a tag that exists is never moved.")
@click.option("--config", default="", metavar="NAME", help="Push as one of several configs, into a folder of this name.")
@click.option("--message", default="", help="The title of the commit.")
@click.option("--allow", multiple=True, metavar="CODE", help="Push in spite of this finding. May be given several times.")
@click.option("--with-rejected", is_flag=True, help="Rejected candidates too, which stay at home otherwise.")
@click.option("--with-completions", is_flag=True, help="A teacher's stored completions too, which stay at home otherwise.")
@click.option("--files-per-commit", type=click.IntRange(min=1), default=200, show_default=True, help="Beyond it, piece by piece.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="What came of it as JSON.")
def push(folder: str | None, to: str | None, kind: str, public: bool, **options: object) -> None:
    """Publish a corpus, or an adapter (--type model).

    Every check runs again first, secrets and personal data are looked for, and the folder is read as load_dataset reads it.
    Then the target is looked at and a plan made; the plan is one commit, on a private repository, and what is there
    afterwards is compared with what is here. Run the same command again after any failure: only what is missing is sent.

    The token comes from HF_TOKEN or `hf auth login`. Without --to, the target is the `push.to` of the corpus's recipe, and you are
    asked first.
    """
    from gen.cli.console import note, print_json

    path = _folder(folder, kind)
    target, may_be_public = (to, False) if to is not None else _recipes_target(path)
    asked = Asked(path, target, kind, public or may_be_public, from_recipe=to is None, **options)  # type: ignore[arg-type]  # click types each
    result = _to_place(asked) if "://" in target else _to_hub(asked)
    if asked.as_json:
        print_json(result)
    elif not asked.dry_run:
        note("done")


# -- what, and where to


def _folder(given: str | None, kind: str) -> Path:
    from gen.cli.console import the_corpus
    from gen.errors import BadInput

    if kind == "dataset":
        return the_corpus(given)
    if given is None:
        raise BadInput("an adapter has to be named", allowed="fcgen push adapters/payments --to owner/name --type model")
    return Path(given)


def _recipes_target(folder: Path) -> tuple[str, bool]:
    """``push.to`` of the recipe that lies in a corpus, and whether it may be public there."""
    from gen.errors import BadInput
    from gen.recipe import build_recipe
    from gen.yaml_file import read_yaml

    path = folder / "recipe.yaml"
    wanted = build_recipe(read_yaml(path)).model.push if path.is_file() else None
    if wanted is None or not wanted.to:
        raise BadInput(
            "nobody said where to push to",
            where=str(folder),
            hint="say --to owner/name; a recipe that says `push: {to: owner/name}` when the corpus is made says it for good",
        )
    return wanted.to, not wanted.private


def _corpus_files(asked: Asked) -> list[LocalFile]:
    """What is pushed of a corpus, after the preflight. The card is made for the place that it goes to."""
    from gen.cli.console import listed, note
    from gen.hub.card import refreshed_card
    from gen.hub.files import LocalFile, corpus_files, left_at_home
    from gen.hub.preflight import preflight

    files = corpus_files(asked.folder, with_rejected=asked.with_rejected, with_completions=asked.with_completions)
    if left := left_at_home(asked.folder, files):
        note(f"stays at home, being no part of the corpus: {listed(left)}")
    if (asked.folder / "recipe.yaml").is_file():
        card = refreshed_card(asked.folder, location=asked.to, config=asked.config)
        files = [*(file for file in files if file.name != "README.md"), LocalFile("README.md", content=card.encode())]
    preflight(asked.folder, files, allow=asked.allow, note=note)
    return files


def _adapter_files(asked: Asked) -> list[LocalFile]:
    from gen.cli.console import listed, note
    from gen.hub.adapter import check_adapter, for_others
    from gen.hub.files import LocalFile, adapter_files, left_at_home
    from gen.hub.model_card import is_adapter, model_card

    for given, option in (
        (asked.config, "--config"),
        (asked.with_rejected, "--with-rejected"),
        (asked.with_completions, "--with-completions"),
    ):
        _refuse_option(given, option, "a corpus, not for an adapter")
    files = adapter_files(asked.folder)
    if is_adapter(asked.folder):
        card = LocalFile("README.md", content=model_card(asked.folder, location=asked.to).encode())
        files = for_others([*(file for file in files if file.name != card.name), card])
    check_adapter(asked.folder, files, allow=asked.allow)
    if left := left_at_home(asked.folder, files):
        note(f"stays at home, being what training goes on from: {listed(left)}")
    return files


def _refuse_option(given: object, option: str, meant_for: str) -> None:
    from gen.errors import BadInput

    if given:
        raise BadInput(f"{option} is for {meant_for}", where=option)


# -- the push


def _to_hub(asked: Asked) -> JsonObject:
    from gen.cli.console import note
    from gen.hub.configs import require_config_name, within_config
    from gen.hub.prepare import prepare
    from gen.hub.push import carry_out
    from gen.hub.readback import count_rows
    from gen.hub.repository import Repository

    repository = Repository(asked.to, "model" if asked.kind == "model" else "dataset")
    require_config_name(asked.config)
    files = _adapter_files(asked) if asked.kind == "model" else _corpus_files(asked)
    state = repository.look()
    if asked.config:
        files = within_config(repository, state, files, asked.config)
    prepared = prepare(repository, files, _wanted(asked), state)
    told = prepared.to_json()
    _show(told, prepared.plan, asked)
    if asked.dry_run:
        return told
    if prepared.deletes_of_others:
        _confirm(asked, f"{asked.to} holds {prepared.deletes_of_others} files that fcgen did not put there. Delete them?", always=True)
    _confirm(asked, f"Push to {asked.to}?")
    pushed = carry_out(prepared, note)
    result: JsonObject = pushed.to_json()
    if asked.kind == "dataset":
        note("counting the rows as load_dataset reads them")
        result["rows"] = count_rows(asked.to, pushed.tag or pushed.commit, asked.config, expected=_rows(asked.folder))
    if not asked.as_json:
        _show_result(result)
    return result


def _to_place(asked: Asked) -> JsonObject:
    from gen.cli.console import note
    from gen.hub.storage import prepare_place, require_place, store

    for given, option in ((asked.tag, "--tag"), (asked.as_pull_request, "--pr"), (asked.config, "--config")):
        _refuse_option(given, option, f"repositories of the Hub, not for {asked.to}")
    require_place(asked.to)
    files = _adapter_files(asked) if asked.kind == "model" else _corpus_files(asked)
    prepared = prepare_place(asked.to, files, mark="adapter_config.json" if asked.kind == "model" else "manifest.json")
    told = prepared.to_json()
    _show(told, prepared.plan, asked)
    if asked.dry_run:
        return told
    _confirm(asked, f"Push {asked.folder} to {asked.to}?")
    result = store(prepared, note).to_json()
    if not asked.as_json:
        _show_result(result)
    return result


def _wanted(asked: Asked) -> Wanted:
    from gen.hub.prepare import Wanted

    return Wanted(
        message=" ".join(asked.message.split()) or f"fcgen push: {asked.folder.resolve().name}",  # one line, as the Hub will keep it
        public=asked.public,
        tag=asked.tag,
        as_pull_request=asked.as_pull_request,
        within=asked.config,
        files_per_commit=asked.files_per_commit,
    )


def _rows(folder: Path) -> dict[str, int]:
    from gen.corpus.manifest import read_manifest

    manifest = read_manifest(folder)
    return dict(manifest.splits) if manifest is not None else {}


def _confirm(asked: Asked, question: str, *, always: bool = False) -> None:
    """Ask where the target was not named, or ``always``; not where --yes was said."""
    from gen.errors import AnswerIsNo, BadInput

    if asked.yes or not (always or asked.from_recipe):
        return
    if not sys.stdin.isatty():
        raise BadInput(f"nobody is here to be asked: {question}", hint="say --yes")
    if not click.confirm(question, err=True):
        raise AnswerIsNo("nothing was pushed")


# -- what is shown


def _show(told: JsonObject, made: Plan, asked: Asked) -> None:
    """The plan, as a diff; on stderr where stdout is for machines."""
    from gen.cli.console import safe, sized

    marks = {"add": ("+", "green"), "change": ("~", "yellow"), "delete": ("-", "red")}
    there = "" if "exists" not in told else (f", {_visibility(told)}" + ("" if told["exists"] else ", to be created"))
    click.echo(f"{safe(told['url'])}{there}", err=asked.as_json)
    for change in made.of("add", "change", "delete"):
        mark, colour = marks[change.kind]
        size = "" if change.file is None else f"  {sized(change.bytes)}"
        click.secho(f"  {mark} {safe(change.name)}{size}", fg=colour, err=asked.as_json)
    same = len(made.of("same"))
    counted = ", ".join(f"{len(made.of(kind))} to {kind}" for kind in ("add", "change", "delete") if made.of(kind))
    click.echo(f"{counted or 'nothing to do'}, {same} the same; {sized(made.bytes)} to send", err=asked.as_json)


def _visibility(told: JsonObject) -> str:
    return "private" if told["private"] else "PUBLIC"


def _show_result(result: JsonObject) -> None:
    for key in ("url", "pull_request", "commit", "tag"):
        if result.get(key):
            click.echo(f"{key.replace('_', ' ')}: {result[key]}")
    if "private" in result:
        click.echo(f"visibility: {'private' if result['private'] else 'public'}")
    verified = f"{result['files']} files compared"
    if result.get("rows"):
        verified += ", " + ", ".join(f"{count:,} rows of {split}" for split, count in result["rows"].items()) + " counted"
    click.echo(f"verified: {verified}")
