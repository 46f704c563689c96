"""The card of a corpus, written again: refreshed where it stands, or made for the place that it goes to.

What fcgen says is said anew; sections and keys of the head that somebody added stay. A repository with several corpora
(configs) has one card: a block for each between two comments, and their heads put together.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

from gen.conversation import JsonObject
from gen.corpus.card import render_card, size_category
from gen.corpus.card_facts import card_facts
from gen.corpus.folder import RECIPE, Written
from gen.corpus.head import README, card_text, parse_card, read_card
from gen.corpus.manifest import Manifest, read_manifest
from gen.corpus.reading import read_rows
from gen.errors import BadInput
from gen.recipe import build_recipe
from gen.yaml_file import read_yaml

OURS = frozenset(
    "## Quick start,## Composition,## Columns,## A conversation,## Tools,## How it was made,## What was checked,## Personal data,"
    "## Limitations,## Licence and citation".split(",")
)
"""The headings of our sections; every other section is somebody's own."""
FACTS = ("size_categories", "configs", "dataset_info")
"""Keys of the head that follow from the files. The others are somebody's to change, the licence for one."""
LISTS = ("language", "tags", "task_categories")
"""Keys of the head that hold what any of a repository's corpora is."""


def refreshed_card(folder: Path, *, location: str, config: str = "") -> str:
    """The card of a finished corpus, made anew, with what people added to the one that is there.

    Args:
        location, config: what to give to ``load_dataset``.

    Raises BadInput where the folder is no finished corpus with its recipe.
    """
    manifest = read_manifest(folder)
    if manifest is None or not (folder / RECIPE).is_file():
        raise BadInput("a card can be made of a finished corpus with manifest.json and recipe.yaml only", where=str(folder))
    kept = read_card(folder)
    licence = kept[0].get("license") if kept else None
    made = parse_card(_rendered(folder, manifest, location=location, config=config, licence=licence), folder / README)
    return card_text(*(with_own(made, kept, ours=OURS, facts=FACTS) if kept else made))


def config_card(made: str, there: str | None, config: str) -> str:
    """The card of a repository in which this corpus is one config of several.

    Args:
        made: the corpus's own card.
        there: the card of the repository; None where there is none.
        config: the config's name; the corpus lies in a folder of that name.
    """
    head, body = parse_card(made, Path(README))
    remote_head, remote_body = parse_card(there, Path(README)) if there else ({}, "")
    files = [one | {"path": f"{config}/{one['path']}"} for one in head["configs"][0]["data_files"]]
    configs = _replaced(remote_head.get("configs"), {"config_name": config, "data_files": files})
    if not any(one.get("default") or one.get("config_name") == "default" for one in configs):
        configs[0] = configs[0] | {"default": True}
    info = _replaced(remote_head.get("dataset_info"), {"config_name": config} | head["dataset_info"])
    lists = {key: list(dict.fromkeys([*_listed(remote_head.get(key)), *_listed(head.get(key))])) for key in LISTS}
    rows = sum(split.get("num_examples", 0) for one in info for split in _listed(one.get("splits")))
    ours = {"size_categories": [size_category(rows)], "configs": configs, "dataset_info": info}
    return card_text({**head, **remote_head, **lists, **ours}, f"\n{_with_block(remote_body, body, config).strip()}\n")


def _with_block(there: str, body: str, config: str) -> str:
    """The text of the repository's card with this config's block in its place, or at the end."""
    begin, end = f"<!-- fcgen: config {config} -->", f"<!-- fcgen: end of config {config} -->"
    block = f"{begin}\n{body.strip()}\n{end}"
    before, found, rest = there.partition(begin)
    _, closed, after = rest.partition(end)
    return f"{before}{block}{after}" if found and closed else f"{there.rstrip()}\n\n{block}\n"


def _rendered(folder: Path, manifest: Manifest, *, location: str, config: str, licence: object) -> str:
    written = Written(tuple(manifest.shards), "string" if manifest.layout == "string" else "json", manifest.rows_per_shard)
    facts = card_facts(
        build_recipe(read_yaml(folder / RECIPE)),
        manifest.ledger,
        location=location,
        config=config,
        example=next(iter(read_rows(folder)), None),
        recipe_text=(folder / RECIPE).read_text(encoding="utf-8"),
        versions=manifest.versions,
    )
    return render_card(written, replace(facts, license=licence) if isinstance(licence, str) else facts)


def with_own(
    made: tuple[JsonObject, str], kept: tuple[JsonObject, str], *, ours: Collection[str], facts: Collection[str]
) -> tuple[JsonObject, str]:
    """Our head and text, and after them the keys of the head that are no ``facts``, and the sections that are not ``ours``."""
    own = [section for section in _sections(kept[1])[1:] if section.split("\n", 1)[0].strip() not in ours]
    head = made[0] | {key: value for key, value in kept[0].items() if key not in facts}
    return head, "\n\n".join([made[1].rstrip("\n"), *own]) + "\n"


def _sections(text: str) -> list[str]:
    """A text cut before each heading of the second level; what looks like one within a block of code is none."""
    sections, fence = [""], ""
    for line in text.splitlines(keepends=True):
        mark = re.match(r" {0,3}(`{3,}|~{3,})", line)
        if mark and (not fence or mark[1].startswith(fence)):
            fence = "" if fence else mark[1]
        if line.startswith("## ") and not fence:
            sections.append("")
        sections[-1] += line
    return [section.strip() for section in sections]


def _replaced(there: object, entry: JsonObject) -> list[JsonObject]:
    """The entries of a head's list with this config's one in its place, or at the end."""
    entries = [one for one in _listed(there) if isinstance(one, dict)]
    if any(one.get("config_name") == entry["config_name"] for one in entries):
        return [one | entry if one.get("config_name") == entry["config_name"] else one for one in entries]
    return [*entries, entry]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
