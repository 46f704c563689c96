"""Domains on disk: folders of ``schemas/`` with tools and, optionally, an environment and phrases.

Finds and reads them; what environment and phrases mean is the business of the stages that use them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from gen.errors import BadInput, unknown_name
from gen.shipped import places
from gen.tools.schema import ToolSchema, read_tools
from gen.yaml_file import YamlFile, read_yaml


@dataclass(frozen=True)
class Domain:
    """A folder of ``schemas/``. Its files are read when first asked for."""

    name: str
    folder: Path

    @cached_property
    def tools(self) -> dict[str, ToolSchema]:
        return read_tools(self.folder / "tools.json")

    @cached_property
    def environment(self) -> YamlFile:
        return self._yaml("environment.yaml")

    @cached_property
    def phrases(self) -> YamlFile:
        return self._yaml("phrases.yaml")

    def has(self, file: str) -> bool:
        return (self.folder / file).is_file()

    def _yaml(self, file: str) -> YamlFile:
        parsed = read_yaml(self.folder / file)
        if not isinstance(parsed.data, dict):
            raise BadInput("the file holds no mapping", where=str(parsed.path), allowed="keys at the top, see docs/architecture.md")
        return parsed


def domains() -> dict[str, Path]:
    """Every domain that can be named, with its folder; the working folder's own hide ours of the same name."""
    found: dict[str, Path] = {}
    for place in reversed(places("schemas")):
        if place.is_dir():
            found |= {folder.name: folder for folder in sorted(place.iterdir()) if (folder / "tools.json").is_file()}
    return dict(sorted(found.items()))


def find_domain(name: str, *, where: str = "") -> Domain:
    """The domain of this name, or of this path to a folder. Raises BadInput with what there is."""
    if "/" in name or name == ".":
        folder = Path(name)
        if (folder / "tools.json").is_file():
            return Domain(folder.resolve().name, folder)
        raise BadInput(f"{name!r} is no domain: it holds no tools.json", where=where, hint="fcgen tools lists the domains that are here")
    known = domains()
    if name not in known:
        raise unknown_name("domain", name, known, where=where)
    return Domain(name, known[name])


def tools_json(domain: Domain) -> str:
    """The domain's tools as the JSON list that models are offered, indented."""
    return json.dumps([tool.wire for tool in domain.tools.values()], ensure_ascii=False, indent=2)
