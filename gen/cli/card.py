"""The command ``fcgen card``: write or refresh the README.md of a corpus, or of an adapter."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("folder", required=False)
@click.option("--location", metavar="NAME", help="What the example loads: a repository, or the folder itself (default).")
@click.option("--scores", type=click.Path(path_type=Path), metavar="FILE", help="Of an adapter: what fcgen score wrote, for its card.")
@click.option("--stdout", "to_stdout", is_flag=True, help="Print it, and write nothing.")
def card(folder: str | None, location: str | None, scores: Path | None, to_stdout: bool) -> None:
    """Write or refresh the card (README.md) of a corpus, or of an adapter that fcgen train made.

    Everything that fcgen says is said anew: of a corpus from manifest.json and recipe.yaml, of an adapter from training.json and,
    where there is one, score.json, which --scores puts there. Sections and keys of the head that you added stay. Without FOLDER,
    the corpus that was made last in this folder.
    """
    from gen.cli.console import note, the_corpus
    from gen.corpus.atomic import write_whole
    from gen.corpus.head import README
    from gen.hub.card import refreshed_card
    from gen.hub.model_card import is_adapter, model_card, take_scores

    ours = folder is not None and is_adapter(Path(folder))
    if scores is not None:
        if folder is None or not ours:
            raise click.UsageError("--scores is for the folder of an adapter that fcgen train made.")
        take_scores(Path(folder), scores)
    path = Path(folder) if folder is not None and ours else the_corpus(folder)
    text = (model_card if ours else refreshed_card)(path, location=location or str(path))
    if to_stdout:
        click.echo(text, nl=False)
        return
    write_whole(path / README, (text.encode(),))
    note(f"wrote {path / README}")
