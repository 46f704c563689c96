"""How varied the language of a corpus is: first user messages, answers and thoughts, beside public material.

    python scripts/diversity.py corpora/payments [corpora/travel ...] [--domain orders] [--reference] [--json]

Reads corpora through ``gen.corpus.reading``. What the figures mean stands in docs/measurements.md. It measures and lists what
comes back too often; it judges no sentence.
"""

from __future__ import annotations

import gzip
import itertools
import json
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gen.conversation import Conversation
from gen.dice import dice
from gen.errors import BadInput, FcgenError

if TYPE_CHECKING:
    from rich.console import Console

TOKEN = re.compile(r"\w+|[^\w\s]")
DIGITS = re.compile(r"\d+")

SEAM_WORD = re.compile(r"\w+(?:['’.,:-]\w+)*")
"""A word as it is read: "I'm", "42.10" and "2026-03-17" are one each."""

SEAM_NUMBER = re.compile(r"\d+(?:[.,:-]\d+)*")

TOKENS = 8_000
"""Tokens over which distinct-2 is taken: it falls with the length of a text, so all texts are measured over the same."""

BYTES = 60_000
"""Bytes over which the gzip ratio is taken."""

NEAR = 0.7
"""Jaccard similarity of 3-grams above which two texts are near-duplicates."""

PERCENTILES = (5, 25, 50, 75, 95)

ASKED = "≥ 97%", "≤ 3%", "≥ 0.40", "≥ 0.27"
"""What first messages of one domain must reach: distinct, near, distinct-2, gzip."""

REFERENCE = Path(__file__).resolve().parents[2] / "shared" / "data"
"""Public material that no one of this project wrote; not part of the repository."""

Texts = Mapping[str, Sequence[str]]
"""By kind of text: the texts, in slot order."""


@dataclass(frozen=True, slots=True)
class Variety:
    """The variety of a collection of texts. Shares are 0 to 1.

    Attributes:
        distinct: share of different texts.
        near: share of texts that are near-duplicates of another once digits are masked.
        distinct_2: different bigrams over all bigrams, of the first ``tokens`` tokens.
        gzip_ratio: compressed over raw size, of the first ``bytes`` bytes.
        words: percentile → length in words.
        questions: share of texts that end with a question mark.
        four_grams: the most frequent 4-grams of words, digits masked, with how often they occur.
        openings: the most frequent first three words with how many texts begin so.
    """

    texts: int
    distinct: float
    near: float
    distinct_2: float
    tokens: int
    gzip_ratio: float
    bytes: int
    words: dict[int, int]
    questions: float
    four_grams: tuple[tuple[str, int], ...]
    openings: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured of one corpus or one reference; a reference has no shares of scenarios and personas."""

    name: str
    kinds: dict[str, Variety]
    shares: dict[str, dict[str, float]]


@click.command()
@click.argument("corpora", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--domain", help="Only rows of this domain.")
@click.option("--reference", is_flag=True, help="Beside public material, where ../shared/data is present.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the random order in which texts are joined.")
@click.option("--top", type=click.IntRange(min=0), default=25, show_default=True, help="How many frequent 4-grams and openings.")
@click.option("--json", "as_json", is_flag=True, help="All figures as JSON.")
def diversity(corpora: tuple[Path, ...], domain: str | None, reference: bool, seed: int, top: int, as_json: bool) -> None:
    """Measure how varied the language of one or more CORPORA is."""
    try:
        measured = [_measure_corpus(path, domain, seed=seed, top=top) for path in corpora]
    except FcgenError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(error.exit_code)
    if reference:
        for name, texts in references(REFERENCE):
            measured.append(Measured(name, {"first": measure(texts, seed=seed, top=top)}, {}))
    if as_json:
        click.echo(json.dumps([asdict(one) for one in measured], ensure_ascii=False, indent=2))
    else:
        _show(measured)


def _measure_corpus(path: Path, domain: str | None, *, seed: int, top: int) -> Measured:
    from gen.corpus.reading import find_corpus, read_rows

    rows = [row for row in read_rows(find_corpus(str(path))) if domain is None or row.domain == domain]
    if not rows:
        raise BadInput(f"there is no row of the domain {domain!r}" if domain else "there are no rows", where=str(path))
    kinds = {kind: measure(texts, seed=seed, top=top) for kind, texts in spoken(rows).items() if texts}
    return Measured(str(path), kinds, {"scenario": _shares(row.scenario for row in rows), "persona": _shares(row.persona for row in rows)})


def spoken(rows: Sequence[Conversation]) -> Texts:
    """What is said in conversations: the first user message of each, all that assistants answer, all that they think."""
    assistants = [message for row in rows for message in row.messages if message.role == "assistant"]
    return {
        "first": [first for row in rows if (first := next((m.content for m in row.messages if m.role == "user"), ""))],
        "answers": [message.content for message in assistants if message.content],
        "thoughts": [message.reasoning_content for message in assistants if message.reasoning_content],
    }


def _shares(names: Iterable[str]) -> dict[str, float]:
    counts = Counter(names)
    return {name: count / counts.total() for name, count in sorted(counts.items())}


def references(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Public texts to compare with: questions over many domains, and instructions of users in one domain. Says what is absent."""
    sources: dict[str, tuple[str, Callable[[Any], str]]] = {
        "BFCL questions": ("bfcl/BFCL_v4_*.json", lambda row: str(row["question"][0][0]["content"])),
        "tau-bench instructions": ("tau_bench/retail_*_tasks_traces.jsonl", lambda row: str(row["instruction"])),
    }
    for name, (pattern, text) in sources.items():
        files = sorted(folder.glob(pattern))
        if files:
            yield name, [text(json.loads(line)) for file in files for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
        else:
            click.echo(f"{name}: skipped, there is no {pattern} in {folder}", err=True)


# -- the measures


def measure(texts: Sequence[str], *, seed: int = 0, top: int = 25) -> Variety:
    """Measure a collection of texts, which must not be empty."""
    tokenized = [TOKEN.findall(text.lower()) for text in texts]
    order = dice(seed, "order").shuffled(range(len(texts)))
    stream = list(itertools.islice((token for i in order for token in tokenized[i]), TOKENS))
    read = [SEAM_WORD.findall(SEAM_NUMBER.sub("0", text.lower())) for text in texts]
    raw = "\n".join([texts[i] for i in order]).lower().encode()[:BYTES]
    return Variety(
        texts=len(texts),
        distinct=len(set(texts)) / len(texts),
        near=near_share(texts),
        distinct_2=distinct_2(stream),
        tokens=len(stream),
        gzip_ratio=len(gzip.compress(raw, mtime=0)) / max(len(raw), 1),
        bytes=len(raw),
        words=percentiles([sum(token[0].isalnum() for token in tokens) for tokens in tokenized]),
        questions=sum(text.rstrip().endswith("?") for text in texts) / len(texts),
        four_grams=_most(Counter(gram for words in read for gram in _grams(words, 4) if len(gram) == 4), top),
        openings=_most(Counter(tuple(words[:3]) for words in read), top),
    )


def distinct_2(tokens: Sequence[str]) -> float:
    """The share of different bigrams among the bigrams of a text; 0 where it has none."""
    bigrams = list(itertools.pairwise(tokens))
    return len(set(bigrams)) / len(bigrams) if bigrams else 0.0


def percentiles(lengths: Iterable[int]) -> dict[int, int]:
    """Percentile → the length that so many percent of the texts do not exceed (nearest rank)."""
    ranked = sorted(lengths)
    return {p: ranked[max(0, -(-p * len(ranked) // 100) - 1)] for p in PERCENTILES}


def near_share(texts: Sequence[str]) -> float:
    """The share of texts whose masked 3-grams have a Jaccard similarity above ``NEAR`` to those of another text. Exact."""
    counts = Counter(frozenset(_grams(TOKEN.findall(DIGITS.sub("0", text.lower())), 3)) for text in texts)
    near = {grams for grams, count in counts.items() if count > 1}
    for left, right in _similar_pairs(list(counts)):
        near |= {left, right}
    return sum(counts[grams] for grams in near) / len(texts)


Grams = frozenset[tuple[str, ...]]


def _similar_pairs(sets: Sequence[Grams]) -> Iterator[tuple[Grams, Grams]]:
    """All pairs of different sets above ``NEAR``: two such sets share one of the rarest grams of each, and so only those are indexed."""
    frequency = Counter(gram for grams in sets for gram in grams)
    index: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
    for number, grams in enumerate(sets):
        rarest = sorted(grams, key=lambda gram: (frequency[gram], gram))[: len(grams) - int(NEAR * len(grams)) + 1]
        candidates = {other for gram in rarest for other in index[gram]}
        yield from ((grams, sets[other]) for other in sorted(candidates) if _jaccard(grams, sets[other]) > NEAR)
        for gram in rarest:
            index[gram].append(number)


def _jaccard(left: Grams, right: Grams) -> float:
    shared = len(left & right)
    return shared / (len(left) + len(right) - shared)


def _grams(tokens: Sequence[str], n: int) -> list[tuple[str, ...]]:
    """The n-grams of a text; a shorter text is one gram."""
    return [tuple(tokens[i : i + n]) for i in range(max(1, len(tokens) - n + 1))]


def _most(counts: Counter[tuple[str, ...]], top: int) -> tuple[tuple[str, int], ...]:
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return tuple((" ".join(gram), count) for gram, count in ranked[:top])


# -- the tables

TITLES = {"first": "First user messages", "answers": "Answers of assistants", "thoughts": "Thoughts of assistants"}


def _show(measured: Sequence[Measured]) -> None:
    from rich.console import Console

    wide = Console(highlight=False, markup=False, emoji=False, width=None if sys.stdout.isatty() else 160)
    for kind in TITLES:
        _show_figures(wide, kind, [one for one in measured if kind in one.kinds])
    for label in ("scenario", "persona"):
        _show_shares(wide, label, [one for one in measured if one.shares])
    for one in measured:
        for kind, variety in one.kinds.items():
            _show_seams(wide, f"{TITLES[kind]} of {one.name}", variety)
    click.echo("* over a shorter text than the others, which flatters it")


def _show_figures(console: Console, kind: str, measured: Sequence[Measured]) -> None:
    from rich.table import Table

    table = Table(title=TITLES[kind], title_justify="left")
    table.add_column("")
    for head in ("texts", "distinct", "near another", "distinct-2", "gzip", *(f"p{p} words" for p in PERCENTILES), "end with ?"):
        table.add_column(head, justify="right")
    for one in measured:
        table.add_row(one.name, *_figures(one.kinds[kind]))
    if kind == "first":
        table.add_row("asked", "", *ASKED)
    console.print(table)


def _figures(variety: Variety) -> list[str]:
    return [
        f"{variety.texts:,}",
        f"{variety.distinct:.1%}",
        f"{variety.near:.1%}",
        f"{variety.distinct_2:.3f}" + ("*" if variety.tokens < TOKENS else ""),
        f"{variety.gzip_ratio:.3f}" + ("*" if variety.bytes < BYTES else ""),
        *(str(length) for length in variety.words.values()),
        f"{variety.questions:.0%}",
    ]


def _show_shares(console: Console, label: str, measured: Sequence[Measured]) -> None:
    from rich.table import Table

    table = Table(label, *(one.name for one in measured))
    for name in sorted({name for one in measured for name in one.shares[label]}):
        table.add_row(name or "(none)", *(f"{one.shares[label].get(name, 0):.1%}" for one in measured))
    console.print(table)


def _show_seams(console: Console, title: str, variety: Variety) -> None:
    """What comes back: where a template shows."""
    from rich.table import Table

    if not variety.four_grams:
        return
    table = Table("4-gram", "times", "begin with", "texts", title=title, title_justify="left")
    for (gram, times), (opening, texts) in itertools.zip_longest(variety.four_grams, variety.openings, fillvalue=("", 0)):
        table.add_row(gram, str(times or ""), opening, f"{texts / variety.texts:.1%}" if texts else "")
    console.print(table)


if __name__ == "__main__":
    diversity()
