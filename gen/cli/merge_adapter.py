"""The command ``fcgen merge-adapter``: a plain model of an adapter and its base."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("merge-adapter")
@click.argument("adapter", type=click.Path(path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, metavar="FOLDER", help="Where the model goes; a new or empty folder."
)
@click.option("--base", default="", metavar="PATH|HUB_ID", help="Where the base lies now.  [default: where it lay]")
@click.option(
    "--precision",
    type=click.Choice(["float32", "bfloat16", "float16"]),
    default=None,
    help="Of the weights.  [default: as the base was trained]",
)
@click.option("--quiet", is_flag=True, help="Say nothing.")
def merge_adapter(adapter: Path, out: Path, base: str, precision: str | None, quiet: bool) -> None:
    """Make a plain model of an adapter and its base.

    ADAPTER is a folder that fcgen train made; what comes out is one that transformers and vLLM load like any other model's.
    Base and adapter are added up in float32. The tokenizer goes with it, with its chat template and its response template.
    An adapter of another base is refused.

    \b
    fcgen merge-adapter adapters/payments --out models/payments
    """
    from gen.training.adapter import merge
    from gen.training.base import require_packages

    require_packages()
    merge(adapter, out, base=base, precision=precision or "")
    if not quiet:
        click.echo(str(out))
