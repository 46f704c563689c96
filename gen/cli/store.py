"""The command ``fcgen store``: a teacher's stored completions, shown, made small, pruned.

Options → ``gen/teachers/completions.py``, ``compacting.py``, ``pruning.py`` → print.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gen.cli.console import note, print_columns, print_json, sized, the_corpus

if TYPE_CHECKING:
    from gen.teachers.budget import Used
    from gen.teachers.compacting import Compacted
    from gen.teachers.pruning import Needed


class _ShowsFirst(click.Group):
    """A group whose command ``show`` is meant where none is named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        named = bool(args) and (args[0] in self.commands or args[0] in ctx.help_option_names)
        return super().parse_args(ctx, args if named else ["show", *args])


@click.group(cls=_ShowsFirst)
def store() -> None:
    """Show, make small or prune the completions that a teacher was paid for.

    Every completion of a language model is kept in completions/ of the corpus, so that a run that was killed asks for none
    again, and fcgen replay for none at all. Without CORPUS, the one that was made last in this folder is meant.

    \b
    fcgen store                         what is stored for the corpus made last (as fcgen store show)
    fcgen store corpora/payments        of this one
    fcgen store compact                 one compressed file instead of journals
    fcgen store prune                   without what no replay can ask for
    """


@store.command("show")
@click.argument("corpus", required=False)
@click.option("--json", "as_json", is_flag=True, help="All of it as JSON.")
def show_store(corpus: str | None, as_json: bool) -> None:
    """What is stored: completions and tokens by model and role, what rows need, what can be pruned."""
    overview = _overview(_folder(corpus))
    if as_json:
        print_json(overview)
    else:
        _show(overview)


@store.command("compact")
@click.argument("corpus", required=False)
def compact_store(corpus: str | None) -> None:
    """Seal the journals of finished runs into one compressed file. Nothing is left out."""
    from gen.teachers.compacting import compact
    from gen.teachers.completions import COMPLETIONS

    folder = _folder(corpus) / COMPLETIONS
    _say(folder, compact(folder))


@store.command("prune")
@click.argument("corpus", required=False)
@click.option("--yes", is_flag=True, help="Do not ask.")
def prune_store(corpus: str | None, yes: bool) -> None:
    """Delete the completions that no replay of the finished corpus can ask for, and seal the others.

    These are of attempts after the accepted one of their slot, of slots that the corpus does not have, and of another recipe
    or version of fcgen. Attempts that were rejected before the accepted one stay: a replay goes through them. A corpus that
    grows later asks anew for what it needs.
    """
    from gen.errors import BadInput
    from gen.teachers.compacting import compact
    from gen.teachers.completions import COMPLETIONS
    from gen.teachers.pruning import needed_by

    corpus_folder = _folder(corpus)
    folder = corpus_folder / COMPLETIONS
    needed = needed_by(corpus_folder)
    if needed is None:
        raise BadInput(
            "the run is not finished, so it may ask for any completion again",
            where=str(corpus_folder),
            hint="run the fcgen synth that began it to its end first",
        )
    prunable = _prunable(folder, needed)
    if not prunable:
        note(f"{folder}: a replay may ask for every completion; nothing is deleted")
        return
    _show_prunable(prunable, err=True)
    if not yes:
        _ask(f"Delete these {sum(prunable.values()):,} completions? They were paid for.")
    _say(folder, compact(folder, keep=lambda stored: not needed.prunable(stored)))


def _ask(question: str) -> None:
    from gen.errors import AnswerIsNo, BadInput

    if not sys.stdin.isatty():
        raise BadInput(f"nobody is here to be asked: {question}", hint="say --yes")
    if not click.confirm(question, err=True):
        raise AnswerIsNo("nothing was deleted")


def _folder(corpus: str | None) -> Path:
    """The corpus that is meant; one that was killed before it had a row will do, where it has completions."""
    from gen.errors import BadInput
    from gen.teachers.completions import COMPLETIONS, files_in

    folder = Path(corpus) if corpus is not None and (Path(corpus) / COMPLETIONS).is_dir() else the_corpus(corpus)
    if not files_in(folder / COMPLETIONS):
        raise BadInput("there are no completions", where=str(folder / COMPLETIONS), hint="the simulator needs none; only models are asked")
    return folder


def _overview(corpus: Path) -> dict[str, Any]:
    from gen.teachers.budget import Usage
    from gen.teachers.compacting import size_of
    from gen.teachers.completions import COMPLETIONS, Completions, files_in
    from gen.teachers.pruning import needed_by

    folder = corpus / COMPLETIONS
    needed = needed_by(corpus)
    usage, prunable = Usage(), Counter[str]()
    completions = Completions(folder)
    for stored in completions:
        usage.count(stored.completion, role=stored.key.role, model=stored.model)
    if needed is not None:
        prunable = _prunable(folder, needed)
    overview: dict[str, Any] = {"corpus": str(corpus), "finished": needed is not None, "completions": len(completions)}
    overview |= {"bytes": size_of(folder), "files": [path.name for path in files_in(folder)]}
    overview |= {"models": _by(usage.by_model()), "roles": _by(usage.by_role())}
    return overview | {"needed": len(completions) - sum(prunable.values()), "prunable": dict(prunable)}


def _by(used: dict[str, Used]) -> dict[str, dict[str, Any]]:
    from dataclasses import asdict

    return {name: asdict(one) | {"seconds": round(one.seconds, 3)} for name, one in used.items()}


def _prunable(folder: Path, needed: Needed) -> Counter[str]:
    """Why completions can be pruned → how many."""
    from gen.teachers.completions import Completions

    return Counter(reason for stored in Completions(folder, run=needed.digest) if (reason := needed.prunable(stored)))


def _show(overview: dict[str, Any]) -> None:
    click.echo(f"{overview['corpus']}: {overview['completions']:,} completions, {sized(overview['bytes'])} in {_files(overview['files'])}")
    for kind in ("model", "role"):
        rows = [
            (name, used["requests"], used["tokens_in"], used["tokens_cached"], used["tokens_out"])
            for name, used in overview[f"{kind}s"].items()
        ]
        click.echo()
        print_columns(rows, head=(kind, "completions", "tokens in", "of them cached", "tokens out"))
    click.echo()
    if not overview["finished"]:
        click.echo("The run is not finished: it may ask for any of them again.")
        return
    click.echo(f"A replay of the rows asks for {overview['needed']:,} of them.")
    if overview["prunable"]:
        _show_prunable(Counter(overview["prunable"]))
        click.echo("fcgen store prune deletes these.")


def _files(names: list[str]) -> str:
    return "1 file" if len(names) == 1 else f"{len(names)} files"


def _show_prunable(prunable: Counter[str], *, err: bool = False) -> None:
    click.echo(f"No replay can ask for {sum(prunable.values()):,}:", err=err)
    print_columns([(f"  {count:,}", reason) for reason, count in sorted(prunable.items())], err=err)


def _say(folder: Path, compacted: Compacted) -> None:
    left_out = compacted.before - compacted.after
    deleted = f"{left_out:,} deleted, " if left_out else ""
    note(f"{folder}: {deleted}{compacted.after:,} completions, {sized(compacted.bytes_before)} -> {sized(compacted.bytes_after)}")
