"""The strict profile: all properties required, what may be left out null instead, and the nulls taken out again."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from model_server import _not_strict

from gen.teachers.envelope import assistant_schema, user_schema
from gen.teachers.strict import allows_null, strict, without_nulls
from gen.teachers.tighten import tighten
from gen.tools.catalogue import Domain, domains

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "id": {"type": "string", "pattern": "^T[0-9]+$"},
        "limit": {"type": "integer", "minimum": 1},
        "kind": {"type": "string", "enum": ["a", "b"]},
        "note": {"type": ["string", "null"]},
        "inner": {"$ref": "#/$defs/inner"},
        "list": {"type": "array", "items": {"$ref": "#/$defs/inner"}},
    },
    "required": ["id"],
    "additionalProperties": False,
    "$defs": {"inner": {"type": "object", "properties": {"x": {"type": "number"}, "y": {"type": "number"}}, "required": ["x"]}},
}

INNER = st.fixed_dictionaries({"x": st.integers()}, optional={"y": st.integers()})
VALUES = st.fixed_dictionaries(
    {"id": st.just("T1")},
    optional={
        "limit": st.integers(1, 9),
        "kind": st.sampled_from(["a", "b"]),
        "note": st.none() | st.just("n"),
        "inner": INNER,
        "list": st.lists(INNER, max_size=3),
    },
)


def filled(value: Any, schema: Any) -> Any:
    """The value as a strict server's model writes it: null for what is left out."""
    if isinstance(value, list):
        return [filled(item, schema["items"]) for item in value]
    if not isinstance(value, dict):
        return value
    target = SCHEMA["$defs"]["inner"] if "$ref" in schema else schema
    return {name: filled(value[name], part) if name in value else None for name, part in target["properties"].items()}


@given(VALUES)
def test_nulls_come_and_go(value: dict[str, Any]) -> None:
    written = filled(value, SCHEMA)
    assert jsonschema_rs.is_valid(strict(SCHEMA), written)
    expected = value if "note" in value else value | {"note": None}  # a null that the schema asks for is a value
    assert without_nulls(written, SCHEMA) == expected
    assert jsonschema_rs.is_valid(SCHEMA, without_nulls(written, SCHEMA))


@pytest.mark.parametrize("domain", sorted(domains()))
def test_every_turn_of_our_domains_can_be_written_strictly(domain: str) -> None:
    tools = list(Domain(domain, domains()[domain]).tools.values())
    for schema in (user_schema(), assistant_schema(tools)):
        assert _not_strict(strict(tighten(schema).schema)) == ""


def test_the_branch_of_a_call_is_found_by_its_name() -> None:
    tools = list(Domain("payments", domains()["payments"]).tools.values())
    schema = assistant_schema(tools)
    call = {"name": "search_transactions", "arguments": {"customer_id": "C2001", "merchant": None, "limit": 3}}
    read = without_nulls({"thought": "", "text": "", "calls": [call]}, schema)
    assert read["calls"][0] == {"name": "search_transactions", "arguments": {"customer_id": "C2001", "limit": 3}}


@pytest.mark.parametrize(
    ("schema", "answer"),
    [
        ({"type": "null"}, True),
        ({"type": ["string", "null"]}, True),
        ({"enum": ["a", None]}, True),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, True),
        ({}, True),
        ({"type": "string"}, False),
        ({"enum": ["a"]}, False),
        ({"const": 1}, False),
        ({"$ref": "#/x"}, False),
        (False, False),
    ],
)
def test_whether_null_is_a_value(schema: Any, answer: bool) -> None:
    assert allows_null(schema) is answer
