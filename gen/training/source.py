"""What is kept of the corpus that an adapter was trained on: name, digest, where it is published, what its rows are, and offer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from gen.conversation import Conversation, JsonObject
from gen.corpus.head import read_card
from gen.corpus.manifest import read_manifest
from gen.yaml_file import read_yaml


def about_corpus(corpus: Path, rows: Sequence[Conversation]) -> JsonObject:
    """What is known of a corpus, and of these rows of it. Of a file of others, its name and what stands in its rows."""
    manifest = read_manifest(corpus) if corpus.is_dir() else None
    head = (read_card(corpus) or ({}, ""))[0] if corpus.is_dir() else {}
    told: JsonObject = {
        "name": manifest.recipe if manifest else corpus.stem,
        "digest": manifest.digest if manifest else "",
        "repository": _repository(corpus / "recipe.yaml"),
        "rows": len(rows),
        "domains": _counted(row.domain for row in rows),
        "scenarios": _counted(row.scenario for row in rows),
        "tools": _counted(tool["function"]["name"] for row in rows for tool in row.tools),
        "teachers": list(_counted(row.teacher for row in rows)),
        "languages": head.get("language", []),
        "license": head.get("license", ""),
    }
    return {key: value for key, value in told.items() if value}


def _repository(recipe: Path) -> str:
    """Where the recipe says that the corpus is pushed to; "" where it does not say."""
    data = read_yaml(recipe).data if recipe.is_file() else {}
    push = data.get("push") if isinstance(data, dict) else None
    return str(push.get("to") or "") if isinstance(push, dict) else ""


def _counted(names: Iterable[str]) -> dict[str, int]:
    """How often each name stands there, the most frequent first."""
    return dict(Counter(name for name in names if name).most_common())
