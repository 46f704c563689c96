"""YAML read with the line of every key, so that an error can say ``recipes/mine.yaml:12``.

Used by recipes and domains alike. Duplicate keys, which YAML parsers accept in silence, are an error here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from gen.errors import BadInput, from_os_error

Keys = tuple[str | int, ...]

_MERGE = "tag:yaml.org,2002:merge"
_TAGS = ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")


@dataclass(frozen=True, slots=True)
class YamlFile:
    """A parsed YAML file: its ``data``, and the line where each path of keys starts."""

    path: Path
    data: Any
    lines: dict[Keys, int] = field(default_factory=dict)

    def where(self, *keys: str | int) -> str:
        """``file:line`` of the nearest known ancestor of these keys."""
        for end in range(len(keys), -1, -1):
            line = self.lines.get(keys[:end])
            if line is not None:
                return f"{self.path}:{line}"
        return str(self.path)


def read_yaml(path: Path) -> YamlFile:
    """Read and parse a YAML file. Raises BadInput with file and line where it cannot be."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise BadInput(f"the file is not UTF-8: {error.reason} at byte {error.start}", where=str(path)) from error
    except OSError as error:
        raise from_os_error(error, path, "reading the file") from error
    return parse_yaml(text, path)


def parse_yaml(text: str, path: Path) -> YamlFile:
    """Parse YAML text that was read from ``path``."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
    lines: dict[Keys, int] = {}
    try:
        node = loader.get_single_node()
        data = None if node is None else _build(loader, node, (), lines, path)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise BadInput(f"not valid YAML: {error.problem or error.context}", where=f"{path}:{line}") from error
    except yaml.YAMLError as error:
        raise BadInput(f"not valid YAML: {error}", where=str(path)) from error
    except RecursionError as error:
        raise BadInput("not valid YAML: a value holds itself, or nests too deeply", where=str(path)) from error
    finally:
        loader.dispose()
    return YamlFile(path, data, lines)


def _build(loader: Any, node: yaml.Node, keys: Keys, lines: dict[Keys, int], path: Path) -> Any:
    lines.setdefault(keys, node.start_mark.line + 1)
    if isinstance(node, yaml.CollectionNode) and node.tag not in _TAGS:
        raise BadInput(f"not valid YAML: the tag {node.tag!r} means nothing here", where=f"{path}:{node.start_mark.line + 1}")
    if isinstance(node, yaml.MappingNode):
        _merge(loader, node)
        mapping: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            key = _scalar(loader, key_node, path)
            line = key_node.start_mark.line + 1
            if not isinstance(key, str):
                raise BadInput(f"the key {key!r} is not text", where=f"{path}:{line}", hint="put it in quotes")
            if key in mapping:
                raise BadInput(f"the key {key!r} stands twice", where=f"{path}:{line}")
            lines[(*keys, key)] = line
            mapping[key] = _build(loader, value_node, (*keys, key), lines, path)
        return mapping
    if isinstance(node, yaml.SequenceNode):
        return [_build(loader, child, (*keys, i), lines, path) for i, child in enumerate(node.value)]
    return _scalar(loader, node, path)


def _scalar(loader: Any, node: yaml.Node, path: Path) -> Any:
    try:
        return loader.construct_object(node, deep=True)
    except ValueError as error:  # what looks like a date or a number and is none: 2026-02-30
        where = f"{path}:{node.start_mark.line + 1}"
        raise BadInput(f"{node.value!r}: {error}", where=where, hint="put it in quotes if it is text") from error


def _merge(loader: Any, node: yaml.MappingNode) -> None:
    """Resolve ``<<`` in place. Own keys beat merged ones, so that a key found twice afterwards was written twice."""
    own = [pair for pair in node.value if pair[0].tag != _MERGE]
    if len(own) == len(node.value):
        return
    loader.flatten_mapping(node)
    written = {str(key.value) for key, _ in own}
    merged = {str(key.value): (key, value) for key, value in node.value[: len(node.value) - len(own)]}
    node.value = [pair for name, pair in merged.items() if name not in written] + own
