"""Every check again, on rows that are on disk: what is known of a corpus beyond its rows, and what the checks find in it.

Where the corpus holds the recipe that made it, its calls are executed again. Shows nothing and asks nobody; what is to be
said of it (that calls are not executed again, and why) stands in ``Known.note``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gen.checks.context import Context
from gen.checks.knowledge import knowledge_of
from gen.checks.table import check_corpus, check_row, known_codes
from gen.checks.trace import Trace, trace_of
from gen.conversation import Conversation, Finding, JsonObject
from gen.corpus.manifest import read_manifest, verify
from gen.recipe import Recipe, build_recipe
from gen.synthesis.opening import Workshop, open_workshop, rows_digest
from gen.tools.catalogue import domains, find_domain
from gen.yaml_file import read_yaml


@dataclass
class Tally:
    """What the checks found, row by row: all of it by code, and where each code came first; and which rows could not be read."""

    rows: int = 0
    rejected: int = 0
    files: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    found: list[tuple[str, Finding]] = field(default_factory=list)

    def add(self, row: str, findings: Iterable[Finding]) -> None:
        self.found += [(row, finding) for finding in findings]

    def errors(self) -> int:
        return len(self.files) + sum(finding.severity == "error" for _, finding in self.found)


@dataclass(frozen=True)
class Known:
    """What is known of a corpus's rows beyond themselves; ``note`` is what people should be told of it.

    ``workshop`` is what executes its calls; None where they are not executed again.
    """

    context: Context
    note: str = ""
    workshop: Workshop | None = None


def open_context(corpus: Path) -> Known:
    """What is known of a corpus's rows beyond themselves.

    Where the corpus holds the recipe that made it, its domains are opened as the recipe says, and every call is executed
    again; unless a domain's files changed since, which is noted. Of other corpora every domain that is here counts by its
    name. Raises BadInput where a domain cannot be opened.
    """
    path = corpus / "recipe.yaml"
    if not path.is_file():
        return Known(_unexecuted(domains()))
    recipe = build_recipe(read_yaml(path))
    model = recipe.model
    if _is_outdated(corpus, recipe):
        note = (
            f"{corpus} was made with other domain files, or another version, than are here: the calls are not executed again, "
            "and values may be read differently"
        )
        return Known(_unexecuted(model.tools.domains, near_duplicates=model.checks.near_duplicates, scenarios=model.scenarios), note)
    workshop = open_workshop(recipe)
    return Known(workshop.context(replay=True), workshop=workshop)


def recheck(rows: Iterable[Conversation], known: Known, *, ignore: frozenset[str] = frozenset()) -> Tally:
    """What the rules find in these rows, and in all of them together."""
    tally = Tally()
    traces: list[Trace] = []
    for row in rows:
        findings = check_row(row, known.context, ignore=ignore)
        tally.rows += 1
        tally.rejected += any(finding.severity == "error" for finding in findings)
        tally.add(row.id, findings)
        traces.append(trace_of(row))
    for finding in check_corpus(traces, known.context, ignore=ignore):
        tally.add(finding.where, [finding])
    return tally


def ignored_codes(corpus: Path, more: Iterable[str] = (), *, where: str = "--ignore") -> frozenset[str]:
    """The codes that the corpus's recipe ignores, and more. Raises BadInput for one that is none."""
    return known_codes((*more, *_recipe(corpus).get("checks", {}).get("ignore", ())), where=where)


def changed_files(path: Path) -> list[str]:
    """What is wrong with the files of a corpus that has a manifest."""
    return verify(path) if path.is_dir() and read_manifest(path) is not None else []


def _unexecuted(names: Iterable[str], **known: Any) -> Context:
    """A context that knows these domains' files and executes nothing."""
    opened = [find_domain(name) for name in names]
    return Context(domains={domain.name: knowledge_of(domain) for domain in opened}, **known)


def _is_outdated(corpus: Path, recipe: Recipe) -> bool:
    """Whether what decides the bytes of rows is not what it was when the corpus was made."""
    manifest = read_manifest(corpus)
    return manifest is not None and manifest.digest != rows_digest(recipe)[0]


def _recipe(corpus: Path) -> JsonObject:
    """The resolved recipe that lies in a corpus folder; empty where there is none."""
    path = corpus / "recipe.yaml"
    data = read_yaml(path).data if path.is_file() else {}
    return data if isinstance(data, dict) else {}
