"""JSON Schema, draft 2020-12, with formats asserted: is a tool's schema one, and do arguments fit it?

``jsonschema`` is the oracle: its verdict is ours and it words the messages. It is slow, so ``jsonschema-rs`` decides
acceptance; the tests show, over the official suite and our formats, where the two differ. Nothing is ever fetched:
a reference that leaves the schema is an error. Knows schemas and values; tools and domains are its users' business.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import jsonschema
import jsonschema_rs
import orjson
from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]  # it has no types

from gen.conversation import Json, JsonObject
from gen.errors import BadInput
from gen.tools.formats import FORMATS, OWN_FORMATS

Schema = JsonObject | bool
Problem = tuple[str, str]
"""A path inside the value (``items[0].price``, empty for the whole) and what is wrong there."""

_KEPT = 4096
"""Compiled validators kept: more tools than any corpus offers, few enough to stay small."""


_BORROWED = ("uuid", "regex", "iri", "iri-reference", "uri-template", "idn-hostname", "idn-email")
"""Formats that the oracle checks loosely or not at all, and that tools hardly use: jsonschema-rs answers for both."""

_FAST_FORMATS: dict[str, Any] = {name: FORMATS[name] for name in OWN_FORMATS}


def _compiled(schema: Schema) -> jsonschema_rs.Validator:
    return jsonschema_rs.Draft202012Validator(schema, formats=_FAST_FORMATS, validate_formats=True, offline=True)


def _formats() -> jsonschema.FormatChecker:
    checker = jsonschema.FormatChecker()
    borrowed = {name: _compiled({"format": name}).is_valid for name in _BORROWED}
    for name, holds in (FORMATS | borrowed).items():
        checker.checks(name)(lambda value, holds=holds: not isinstance(value, str) or holds(value))
    return checker


_FORMATS = _formats()
_META = jsonschema.Draft202012Validator(jsonschema.Draft202012Validator.META_SCHEMA, registry=REGISTRY, format_checker=_FORMATS)
_FAST_META = jsonschema_rs.Draft202012Validator(jsonschema.Draft202012Validator.META_SCHEMA, validate_formats=True, offline=True)


class Validator:
    """A compiled schema. Raises BadInput where it is not a valid JSON Schema."""

    __slots__ = ("_fast", "_oracle")

    def __init__(self, schema: Schema) -> None:
        for place, message in check_schema(schema):
            raise BadInput(f"not a valid JSON Schema: {message}", where=place)
        self._oracle = jsonschema.Draft202012Validator(schema, registry=REGISTRY, format_checker=_FORMATS)
        self._fast = _compiled(schema)

    def is_valid(self, value: Json) -> bool:
        """Whether the value fits the schema."""
        try:
            return self._fast.is_valid(value)
        except (ValueError, RecursionError):  # what has no UTF-8 or JSON form: lone surrogates, keys that are no text
            return not self.errors(value)

    def errors(self, value: Json) -> list[Problem]:
        """Everything that does not fit, in the order of the schema."""
        try:
            return _problems(self._oracle.iter_errors(value))
        except re.error:  # a pattern that ECMA 262 knows and Python does not: \\p{L}
            return [(_path(error.instance_path), error.message) for error in self._fast.iter_errors(value)]


def _problems(errors: Iterable[jsonschema.ValidationError]) -> list[Problem]:
    return [(_path(error.absolute_path), error.message) for error in errors]


def _path(keys: Iterable[str | int]) -> str:
    return "".join([f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys]).removeprefix(".")


def schema_text(schema: Json) -> str:
    """A schema as the text that stands for it in a cache. Fast; not canonical."""
    try:
        return orjson.dumps(schema).decode()
    except TypeError:  # lone surrogates, integers beyond 64 bits
        return json.dumps(schema)


def validator(name: str, schema: Schema) -> Validator:
    """The validator of the tool ``name`` with these parameters, compiled once for each (name, schema)."""
    return _kept(name, schema_text(schema))


@lru_cache(maxsize=_KEPT)
def _kept(name: str, text: str) -> Validator:
    try:
        return Validator(json.loads(text))
    except BadInput as error:
        raise BadInput(f"the parameters of {name!r} are {error.what}", where=error.where) from error


def check_schema(schema: Json) -> list[Problem]:
    """What keeps this from being a JSON Schema that values can be validated against; empty if nothing does."""
    if not isinstance(schema, dict | bool):
        return [("", f"{schema!r} is neither an object nor a boolean")]
    try:
        if _FAST_META.is_valid(schema):
            _compiled(schema)
            return []
    except jsonschema_rs.ValidationError as error:
        return [("", error.message)]
    except (ValueError, RecursionError) as error:
        return [("", f"it has no JSON form: {error}")]
    return _problems(_META.iter_errors(schema)) or [("", "the meta-schema refuses it")]
