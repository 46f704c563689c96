"""What ``fcgen render`` says when it is done, on stderr: rows, tokens, what was left out, which rows were refused."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import TYPE_CHECKING

from gen.cli.console import note, print_columns, safe

if TYPE_CHECKING:
    from gen.cli.render_tokens import OpenTokenizer
    from gen.conversation import JsonObject
    from gen.rendering.batch import Batch
    from gen.rendering.template import Template

LISTED = 5
"""Refused rows that are listed; a folder's rejected.jsonl has all."""

_HEAD = ("split", "rows", "tokens", "trained", "min", "median", "p95", "max")


def tell(batch: Batch, *, where: str, rejected: Path | None, quiet: bool, one: bool) -> None:
    """Say how it went. Raises AnswerIsNo where a row was refused.

    Args:
        where: what was written; "" for stdout.
        rejected: the file that lists the refused rows; None where there is none.
        quiet: only the error.
        one: a single row was asked for.
    """
    if not quiet:
        if where:
            note(f"{where}: {batch.rows.total():,} rows")
        if one:
            for lengths in batch.lengths.values():
                note(f"{sum(lengths.tokens):,} tokens, {lengths.trained:,} of them trained")
        elif batch.lengths:
            print_columns(_table(batch), head=_HEAD, err=True)
        for code, name, rows in _warnings(batch):
            note(f"{code} {name} {rows:,} rows")
    _refuse(batch, one=one, listed=0 if quiet else LISTED, rejected=rejected)


def about(batch: Batch, template: Template, tokens: OpenTokenizer | None, *, corpus: Path, options: JsonObject) -> JsonObject:
    """What stands in rendering.json beside the files."""
    return {
        "template": template.name,
        "tokenizer": None if tokens is None else tokens.to_wire(),
        "corpus": str(corpus),
        "corpus_digest": _digest(corpus),
        "options": options,
        **batch.to_wire(),
        "versions": _versions(),
    }


def _table(batch: Batch) -> list[list[object]]:
    lines: list[list[object]] = []
    for split, lengths in batch.lengths.items():
        told = lengths.to_wire()
        share = f"{told['trained'] / told['tokens']:.1%}"
        lines.append([split, batch.rows[split], told["tokens"], share, told["min"], told["median"], told["p95"], told["max"]])
    return lines


def _warnings(batch: Batch) -> list[tuple[str, str, int]]:
    from gen.rendering.losses import KINDS

    return [(code, KINDS[code].name, rows) for code, rows in sorted(batch.counts.items()) if KINDS[code].severity == "warning"]


def _refuse(batch: Batch, *, one: bool, listed: int, rejected: Path | None) -> None:
    from gen.errors import AnswerIsNo

    if not batch.refused:
        return
    if one:
        found = batch.refused[0].finding
        raise AnswerIsNo(f"{found.code}: {found.message}", hint=f"fcgen check --explain {found.code} says what that means")
    for refused in batch.refused[:listed]:
        found = refused.finding
        place = refused.id or found.where
        reason = found.message.partition("\n")[0].removeprefix(f"row {refused.id}, ").removeprefix(f"row {refused.id}: ")
        note(f"{found.code} {safe(place)}: {safe(reason)}")
    total = batch.rows.total() + len(batch.refused)
    code = batch.refused[0].finding.code
    hint = (f"{rejected} lists them; " if rejected else "") + f"fcgen check --explain {code} says what the code means"
    raise AnswerIsNo(f"{len(batch.refused):,} of {total:,} rows were not rendered", hint=hint)


def _digest(corpus: Path) -> str | None:
    """The digest of the corpus that fcgen made; None for another's."""
    from gen.corpus.manifest import read_manifest

    manifest = read_manifest(corpus) if corpus.is_dir() else None
    return None if manifest is None else manifest.digest


def _versions() -> dict[str, str]:
    from importlib.metadata import PackageNotFoundError, version

    versions = {"python": platform.python_version()}
    for package in ("fcgen", "pyarrow", "tokenizers", "transformers"):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions
