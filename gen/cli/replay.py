"""The command ``fcgen replay``: a corpus once more, from its recipe and its stored completions."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import click


@click.command()
@click.argument("corpus", required=False)
@click.option("--out", type=click.Path(path_type=Path), metavar="FOLDER", help="Keep the copy there.  [default: it is thrown away]")
@click.option("--json", "as_json", is_flag=True, help="The result as JSON.")
@click.option("--quiet", is_flag=True, help="No progress, and nothing where the bytes are the same.")
@click.pass_context
def replay(ctx: click.Context, corpus: str | None, out: Path | None, as_json: bool, quiet: bool) -> None:
    """Make a corpus again from its recipe and its stored completions, and compare the bytes.

    No model is asked, and no GPU is needed. Without CORPUS, the one that was made last in this folder. Exit code 1 where the
    bytes differ, or a completion is missing.
    """
    from gen.cli.console import print_json, the_corpus
    from gen.cli.progress import reporter
    from gen.cli.synth import cores
    from gen.synthesis.replaying import replay as replayed

    folder = the_corpus(corpus)
    with TemporaryDirectory(prefix="fcgen-replay-") as scratch, reporter(quiet=quiet) as progress:
        result = replayed(folder, out or Path(scratch) / "corpus", workers=cores(), progress=progress)
    if as_json:
        print_json(result.to_json())
    elif result.same and not quiet:
        click.echo(f"{folder}: {result.rows:,} rows made again, the same bytes in every shard")
    elif not result.same:
        click.echo(f"{folder}: {result.rows:,} rows made again; these differ: {', '.join(result.different)}")
    if not result.same:
        ctx.exit(1)
