"""The command ``fcgen render``: conversations in a model's special tokens, one to look at or all of them for a trainer.

stdout carries the text (or JSON lines) for pipes; on a terminal one row is shown with its control tokens and trained spans
in colour. A folder holds Parquet files, with token ids where a tokenizer is given. What was left out, and which rows were
refused, is told on stderr. Exit code 1 where a row was refused.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

import click

if TYPE_CHECKING:
    from gen.conversation import Conversation
    from gen.corpus.rendered import Layout
    from gen.rendering.batch import Batch, Refused, RenderedRow
    from gen.rendering.template import Template

PAGE_ROWS = 20
"""Rows on a page where nobody says how many."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The options, as they were typed."""

    template: str
    row: str | None
    limit: int | None
    out: str | None
    layout: str
    page: str | None
    tokenizer: str | None
    add_tokens: bool
    max_tokens: int | None
    strict: bool
    skip_bad: bool
    as_json: bool
    plain: bool
    quiet: bool

    def to_wire(self) -> dict[str, Any]:
        """The options that decide which rows there are."""
        return {"limit": self.limit, "max_tokens": self.max_tokens, "strict": self.strict, "skip_bad": self.skip_bad}

    @property
    def folder(self) -> Path | None:
        """The folder to write, where ``--out`` means one: it ends in /, is a folder, or has no ending such as .jsonl."""
        if self.out is None or self.row is not None or self.as_json:
            return None
        path = Path(self.out)
        return path if self.out.endswith("/") or path.is_dir() or not path.suffix else None


@click.command()
@click.argument("corpus", required=False)
@click.option(
    "--template", default="gemma", show_default=True, metavar="NAME", help="The special-token format; fcgen templates lists them."
)
@click.option("--row", metavar="N|ID", help="Only this row: its number, counted from 0, or its id.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Only the first N rows.")
@click.option("--out", metavar="DIR|FILE", help="Write a folder of Parquet files, or (with an ending such as .jsonl) one file.")
@click.option(
    "--format", "layout", type=click.Choice(["text", "trl"]), default="text", help="trl: ids and labels, as TRL's SFTTrainer takes them."
)
@click.option("--html", "page", metavar="FILE", help=f"Write a page to look at: one row, or the first {PAGE_ROWS}.")
@click.option("--tokenizer", metavar="PATH|HUB_ID", help="Count tokens with it, and write ids and labels.")
@click.option("--add-tokens", is_flag=True, help="Add the template's new tokens to the tokenizer first, as training does.")
@click.option("--max-tokens", type=click.IntRange(min=1), metavar="N", help="Reject longer rows. Nothing is ever cut.")
@click.option("--strict", is_flag=True, help="Reject rows of which the format leaves something out (warnings, FC81x).")
@click.option("--skip-bad", is_flag=True, help="Leave rows out that cannot be read, and list them, instead of stopping.")
@click.option("--json", "as_json", is_flag=True, help="Spans as JSON, one row a line: text, control, trained.")
@click.option("--plain", is_flag=True, help="The exact text, no colours, on a terminal too.")
@click.option("--quiet", is_flag=True, help="No progress, no summary.")
def render(corpus: str | None, **options: Any) -> None:
    """Show or write conversations in a model's special tokens.

    CORPUS is a folder that fcgen synth made, or a .jsonl, .json or .parquet file of conversations in any of the spellings in
    use. Without it, the corpus that was made last in this folder.

    With --row, one conversation: on a terminal control tokens are coloured and what is trained is underlined; in a pipe it
    is the exact text. Without --row, every conversation as a line of JSON with id, text and trained segments. Rows that the
    format cannot say are listed, and the exit code is 1.

    \b
    fcgen render --row 0
    fcgen render mine.jsonl --template gemma --out rendered/ --tokenizer ./tokenizer --max-tokens 4096
    fcgen render corpora/payments --format trl --out for-trl/ --tokenizer google/gemma-2-2b-it --add-tokens
    fcgen render corpora/payments --html look.html
    """
    from gen.cli.console import the_corpus
    from gen.rendering.templates import template_named

    asked = Asked(**options)
    _check(asked)
    template = template_named(asked.template)
    path = the_corpus(corpus)
    if asked.folder is not None:
        from gen.corpus.rendered import require_free

        require_free(asked.folder)
    Work(asked, template, path).run()


def _check(asked: Asked) -> None:
    """Raises UsageError for options that do not go together."""
    if asked.tokenizer is None and (asked.max_tokens is not None or asked.add_tokens):
        raise click.UsageError(f"{'--add-tokens' if asked.add_tokens else '--max-tokens'} needs --tokenizer.")
    if asked.page is not None and (asked.out is not None or asked.as_json or asked.plain):
        raise click.UsageError("--html goes with none of --out, --json and --plain.")
    if asked.row is not None and asked.limit is not None:
        raise click.UsageError("--row and --limit do not go together.")
    if asked.layout == "trl" and (asked.tokenizer is None or asked.folder is None):
        raise click.UsageError("--format trl needs --tokenizer, and --out with a folder.")
    if asked.plain and asked.row is None:
        raise click.UsageError("--plain goes with --row.")


class Work:
    """One rendering: where the rows come from, what counts them, where they go."""

    def __init__(self, asked: Asked, template: Template, path: Path) -> None:
        from gen.cli.render_tokens import open_tokenizer
        from gen.rendering.batch import Batch

        self.asked, self.template, self.path = asked, template, path
        self.tokens = None if asked.tokenizer is None else open_tokenizer(asked.tokenizer, template, add=asked.add_tokens)
        encoder = None if self.tokens is None else self.tokens.encoder
        self.batch: Batch = Batch(template, encoder=encoder, max_tokens=asked.max_tokens, strict=asked.strict)

    def run(self) -> None:
        """Render, write, and tell how it went. Raises AnswerIsNo where a row was refused."""
        from gen.cli.render_summary import tell

        if self.asked.page is not None:
            self._page(Path(self.asked.page))
        elif self.asked.folder is not None:
            self._folder(self.asked.folder)
        elif self.asked.row is None:
            _write(map(self._line, self._rendered()), self.asked.out)
        else:
            self._one()
        folder, where = self.asked.folder, self.asked.out or self.asked.page or ""
        rejected = None if folder is None else folder / "rejected.jsonl"
        tell(self.batch, where=where, rejected=rejected, quiet=self.asked.quiet, one=self.asked.row is not None)

    def _rows(self) -> Iterator[Conversation]:
        """The rows that are asked for."""
        from gen.corpus.reading import read_rows

        rows = read_rows(self.path, on_bad=self.batch.unreadable if self.asked.skip_bad else None)
        if self.asked.row is not None:
            return iter([_pick(rows, self.asked.row)])
        return rows if self.asked.limit is None else islice(rows, self.asked.limit)

    def _rendered(self) -> Iterator[RenderedRow]:
        """The rows that can be rendered, with progress where the product goes to a file."""
        if self.asked.out is None or self.asked.quiet:
            return self.batch.render(self._rows())
        return self._with_progress()

    def _with_progress(self) -> Iterator[RenderedRow]:
        from gen.cli.progress import reporter
        from gen.corpus.reading import count_rows

        with reporter(quiet=False) as report:
            total = count_rows(self.path)
            report.start(total if self.asked.limit is None else min(total, self.asked.limit), 0)
            for row in self._rows():
                told = self.batch.one(row)
                report.advance(1, 0 if _is_rendered(told) else 1)
                if _is_rendered(told):
                    yield told

    def _folder(self, folder: Path) -> None:
        from gen.cli.render_summary import about
        from gen.corpus.rendered import write_rendering

        write_rendering(
            folder,
            self._rendered(),
            layout=self._layout(folder),
            rejected=lambda: [refused.to_wire() for refused in self.batch.refused],
            about=lambda: about(self.batch, self.template, self.tokens, corpus=self.path, options=self.asked.to_wire()),
        )

    def _layout(self, folder: Path) -> Layout:
        from gen.corpus import trl_export
        from gen.corpus.rendered import COLUMNS, TEXT, Layout

        tokens, template = self.tokens, self.template.name
        if self.asked.layout == "trl" and tokens is not None:
            readme = trl_export.readme(str(folder), template, tokens.name, tokens.added)
            return Layout(trl_export.COLUMNS, readme, tokens.tokenizer.save_pretrained)
        readme = f"Conversations in the special tokens of `{template}`, written by `fcgen render`; see `rendering.json`.\n"
        return Layout(TEXT if tokens is None else COLUMNS, readme)

    def _page(self, path: Path) -> None:
        from gen.corpus.atomic import write_whole
        from gen.rendering.html import page

        rows = self._rows() if self.asked.limit or self.asked.row else islice(self._rows(), PAGE_ROWS)
        told = (self.batch.one(row) for row in rows)
        pieces = page(told, self.template, source=str(self.path), tokenizer=self.asked.tokenizer or "")
        write_whole(path, (piece.encode() for piece in pieces))

    def _one(self) -> None:
        told = self.batch.one(next(self._rows()))
        if not _is_rendered(told):
            return
        if self.asked.as_json:
            _write([self._line(told)], self.asked.out)
        elif self.asked.plain or self.asked.out or not _on_terminal():
            _write([told.text], self.asked.out)
        else:
            _show(told)

    def _line(self, row: RenderedRow) -> str:
        from gen.canonical import exact_json
        from gen.rendering.spans import trained_segments

        wire: dict[str, Any] = {"id": row.id}
        if self.asked.as_json:
            wire["spans"] = [{"text": span.text, "control": span.control, "trained": span.trained} for span in row.spans]
        else:
            wire |= {"text": row.text, "trained": trained_segments(row.spans)}
        if row.encoded is not None:
            wire |= {"input_ids": row.encoded.input_ids, "labels": row.encoded.labels, "length": len(row.encoded.input_ids)}
        return exact_json(wire) + "\n"


def _is_rendered(row: RenderedRow | Refused) -> TypeGuard[RenderedRow]:
    from gen.rendering.batch import RenderedRow

    return isinstance(row, RenderedRow)


def _pick(rows: Iterable[Conversation], wanted: str) -> Conversation:
    """The row with this number or id. Raises BadInput, with what there is, where there is none."""
    from gen.errors import BadInput, did_you_mean

    ids: list[str] = []
    for number, row in enumerate(rows):
        if row.id == wanted or (wanted.isdecimal() and int(wanted) == number):
            return row
        ids.append(row.id)
    raise BadInput(
        f"there is no row {wanted!r}",
        where="--row",
        allowed=f"a number from 0 to {len(ids) - 1}, or an id such as {ids[0]}" if ids else "the corpus has no rows",
        hint=did_you_mean(wanted, ids),
    )


def _write(texts: Iterable[str], out: str | None) -> None:
    """Writes UTF-8, byte for byte, as it comes. A file appears under its name only when it is whole."""
    chunks = (text.encode() for text in texts)
    if out is None:
        sys.stdout.buffer.writelines(chunks)
        return
    from gen.corpus.atomic import write_whole

    write_whole(Path(out), chunks)


def _on_terminal() -> bool:
    return sys.stdout.isatty()


def _show(row: RenderedRow) -> None:
    from rich.console import Console

    from gen.rendering.terminal import terminal_text

    text = terminal_text(row.spans)
    Console(highlight=False, soft_wrap=True).print(text, end="" if text.plain.endswith("\n") else "\n")
