"""What language models are told, read from ``prompts.yaml`` beside this file."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from string import Template

from gen.yaml_file import read_yaml

_FILE = Path(__file__).with_name("prompts.yaml")


@cache
def _texts() -> Mapping[str, Template]:
    return {name: Template(text) for name, text in read_yaml(_FILE).data.items()}


def prompt(name: str, **values: str) -> str:
    """A text with its values filled in. Raises KeyError for a name or a value that is not there."""
    return _texts()[name].substitute(values)


@cache
def prompts_digest() -> str:
    """The digest of all texts, 16 hexadecimal digits: other words make another corpus."""
    return hashlib.sha256(_FILE.read_bytes()).hexdigest()[:16]
