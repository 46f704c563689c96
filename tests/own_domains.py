"""Domains for tests: the lending library of tests/domains, and small ones written on the spot."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

from gen.environments.declaration import Declaration, declare
from gen.environments.sql import SqlEngine
from gen.tools.catalogue import Domain

LIBRARY = Path(__file__).parent / "domains" / "library"
TODAY = datetime.date(2026, 3, 17)


def library() -> Domain:
    """A user's own domain: three files, no Python."""
    return Domain("library", LIBRARY)


def tool(name: str, properties: dict[str, Any] | None = None, *, required: list[str] | None = None, **function: Any) -> dict[str, Any]:
    """A tool in wire form; every property is required unless said otherwise."""
    properties = properties or {}
    parameters = {
        "type": "object",
        "properties": properties,
        "required": list(properties) if required is None else required,
        "additionalProperties": False,
    }
    return {"type": "function", "function": {"name": name, "description": f"Does {name}.", "parameters": parameters, **function}}


def written(folder: Path, environment: str, *tools: dict[str, Any]) -> Domain:
    """A small domain on disk."""
    (folder / "tools.json").write_text(json.dumps(list(tools), indent=1), encoding="utf-8")
    (folder / "environment.yaml").write_text(environment, encoding="utf-8")
    return Domain(folder.name, folder)


def engine(domain: Domain, *, seed: int = 7, today: datetime.date = TODAY, filled: bytes | None = None, moved: int = 0) -> SqlEngine:
    declaration: Declaration = declare(domain)
    return SqlEngine(declaration, seed=seed, domain=domain.name, today=today, filled=filled, moved=moved)


def line_of(domain: Domain, text: str, file: str = "environment.yaml") -> str:
    """``file:line`` of the first line of a domain's file that holds this text."""
    path = domain.folder / file
    lines = path.read_text(encoding="utf-8").splitlines()
    return f"{path}:{next(i for i, line in enumerate(lines, 1) if text in line)}"
