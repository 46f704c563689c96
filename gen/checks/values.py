"""JSON values as the checks compare them: ``1`` equals ``1.0``, ``True`` does not equal ``1``, key order does not count."""

from __future__ import annotations

import json
from typing import Any

import orjson

from gen.conversation import Json, JsonObject

Leaf = tuple[str, Json, JsonObject]
"""A path (``items[0].price``), the value there, and its schema (empty where nothing is said of it)."""


NamedLeaf = tuple[str, str, Json]
"""A path, the name of the nearest key, and the value."""


def same(left: Json, right: Json) -> bool:
    """Whether two JSON values are equal."""
    if type(left) is type(right) and not isinstance(left, (dict, list)):
        return bool(left == right)
    return value_key(left) == value_key(right)


def value_key(value: Json) -> str:
    """A text that is equal for equal JSON values."""
    plain = _plain(value)
    try:
        return orjson.dumps(plain, option=orjson.OPT_SORT_KEYS).decode()
    except TypeError:  # lone surrogates, integers beyond 64 bits, keys that are no text
        return json.dumps(plain, sort_keys=True, default=repr)


def _plain(value: Json) -> Json:
    kind = type(value)
    if kind is str:
        return value
    if kind is dict:
        return {key: child if type(child) is str else _plain(child) for key, child in value.items()}
    if kind is float and value.is_integer():
        return int(value)
    if kind is list:
        return [_plain(child) for child in value]
    return value


def call_key(name: str, arguments: JsonObject, defaults: JsonObject) -> str:
    """A text that is equal for calls that mean the same: what was left out has its default."""
    return name + value_key({**defaults, **arguments} if defaults and isinstance(arguments, dict) else arguments)


def walk(value: Json) -> list[NamedLeaf]:
    """``(path, name of the nearest key, value)`` of every leaf."""
    found: list[NamedLeaf] = []
    _walk(value, "", "", found)
    return found


def _walk(value: Json, path: str, field: str, found: list[NamedLeaf]) -> None:
    if isinstance(value, dict):
        for key, child in value.items():
            inner = f"{path}.{key}" if path else key
            if isinstance(child, (dict, list)):
                _walk(child, inner, key, found)
            else:
                found.append((inner, key, child))
    elif isinstance(value, list):
        for index, child in enumerate(value):
            _walk(child, f"{path}[{index}]", field, found)
    else:
        found.append((path, field, value))


def leaves(value: Json, schema: JsonObject) -> list[Leaf]:
    """Every leaf with its schema, which is followed through properties and items as far as they say anything."""
    found: list[Leaf] = []
    _leaves(value, schema, "", found)
    return found


def _leaves(value: Json, schema: JsonObject, path: str, found: list[Leaf]) -> None:
    if isinstance(value, dict):
        properties = _mapping(schema.get("properties"))
        for key, child in value.items():
            inner = f"{path}.{key}" if path else key
            if isinstance(child, (dict, list)):
                _leaves(child, _mapping(properties.get(key)), inner, found)
            else:
                found.append((inner, child, _mapping(properties.get(key))))
    elif isinstance(value, list):
        items = _mapping(schema.get("items"))
        for index, child in enumerate(value):
            _leaves(child, items, f"{path}[{index}]", found)
    else:
        found.append((path, value, schema))


def _mapping(value: Any) -> JsonObject:
    return value if isinstance(value, dict) else {}


def name_of(path: str) -> str:
    """The name of the nearest key of a path: ``price`` of ``items[0].price``, ``tags`` of ``tags[2]``."""
    last = path.rpartition(".")[2]
    return last.partition("[")[0]
