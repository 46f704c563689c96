"""A tightened schema is finite, and whatever fits it fits the original: tried by random walks through its grammar."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from gen.errors import BadInput
from gen.teachers.bounded import FORMATS, bounded_key, bounded_pattern
from gen.teachers.envelope import assistant_schema, user_schema
from gen.teachers.tighten import tighten
from gen.tools.schema import read_tools
from gen.tools.validation import Validator

llguidance = pytest.importorskip("llguidance")

SCHEMAS = Path(__file__).resolve().parents[1] / "schemas"

BYTES = llguidance.LLTokenizer("byte")

LONGEST_WALK = 40_000


def walk(schema: dict[str, Any], seed: int) -> Any:
    """A value that fits the schema, byte by byte by chance, as the grammar engine lets it. The engine refuses no keyword."""
    grammar = llguidance.LLMatcher.grammar_from_json_schema(json.dumps(schema), {"whitespace_flexible": False})
    matcher = llguidance.LLMatcher(BYTES, grammar)
    assert not matcher.is_error(), (matcher.get_error(), schema)
    chance = random.Random(seed)
    written = bytearray()
    while len(written) < LONGEST_WALK:
        bits = matcher.compute_bitmask()
        allowed = [token for token in range(BYTES.vocab_size) if bits[token // 8] >> token % 8 & 1]
        assert allowed, (bytes(written), schema)
        token = chance.choice(allowed)
        if token == BYTES.eos_token:
            break
        assert matcher.consume_token(token)
        written.append(token)
        if matcher.is_stopped():
            break
    else:
        raise AssertionError(f"{schema} has no end")
    return json.loads(written)


def check(schema: dict[str, Any], seeds: int = 3) -> None:
    tightened = tighten(schema)
    original = Validator(schema)
    for seed in range(seeds):
        value = walk(tightened.schema, seed)
        assert tightened.unenforced or original.is_valid(value), (value, original.errors(value), tightened.schema)


# -- schemas by chance

names = st.sampled_from(["a", "b", "to", "amount"])
bounds = st.integers(0, 6)
strings = st.fixed_dictionaries(
    {"type": st.just("string")},
    optional={
        "minLength": bounds,
        "maxLength": bounds.map(lambda n: n + 6),
        "nullable": st.booleans(),
    },
) | st.sampled_from(
    [
        *({"type": "string", "format": name} for name in FORMATS),
        {"type": "string", "pattern": r"^T\d+$"},
        {"type": "string", "pattern": r"\w"},
        {"type": "string", "pattern": "^[A-Z]{3}|[0-9]{2,}$"},
        {"type": "string", "pattern": "^.*$", "maxLength": 9},
        {"type": "string", "format": "no such format"},
        {"enum": ["x", "ÿ", 3, None], "type": "string"},
        {"const": {"deep": [1]}},
    ]
)
numbers = st.fixed_dictionaries(
    {"type": st.sampled_from(["integer", "number"])},
    optional={"minimum": st.integers(-9, 3), "maximum": st.integers(4, 20), "multipleOf": st.sampled_from([2, 3])},
) | st.sampled_from([{"type": "number", "exclusiveMinimum": 0.5}, {"minimum": 10**16}, {"type": "integer", "maximum": -(10**16)}])
leaves = strings | numbers | st.sampled_from([{"type": "boolean"}, {"type": "null"}, {"type": ["integer", "null"]}, {}, True])


def objects(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(
        {"type": st.just("object"), "properties": st.dictionaries(names, inner, max_size=3)},
        optional={
            "required": st.lists(names, max_size=2, unique=True),
            "additionalProperties": st.just(False) | inner,
            "minProperties": st.just(1),
            "description": st.just("what people read"),
        },
    ) | st.fixed_dictionaries({"type": st.just("object"), "additionalProperties": inner}, optional={"minProperties": st.integers(0, 2)})


def arrays(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(
        {"type": st.just("array"), "items": inner}, optional={"minItems": st.integers(0, 2), "uniqueItems": st.booleans()}
    ) | st.fixed_dictionaries({"type": st.just("array"), "prefixItems": st.lists(inner, min_size=1, max_size=2)})


def combinations(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.lists(inner, min_size=1, max_size=2)
    return st.fixed_dictionaries({"anyOf": several}) | st.fixed_dictionaries({"oneOf": several}) | st.fixed_dictionaries({"allOf": several})


def values(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return objects(inner) | arrays(inner) | combinations(inner)


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(objects(st.recursive(leaves, values, max_leaves=4)), st.integers(0, 99))
def test_what_fits_the_tightened_schema_fits_the_original(schema: dict[str, Any], seed: int) -> None:
    try:
        tightened = tighten(schema)
    except BadInput:
        assume(False)
    value = walk(tightened.schema, seed)
    original = Validator(schema)
    assert tightened.unenforced or original.is_valid(value), (value, original.errors(value), tightened.schema)


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_patterns_of_formats_mean_the_format(name: str) -> None:
    check({"type": "string", "format": name}, seeds=12)


# -- what the tools of domains say


@pytest.mark.parametrize("domain", sorted(path.parent.name for path in SCHEMAS.glob("*/tools.json")))
def test_every_tool_of_ours_is_made_finite(domain: str) -> None:
    for tool in read_tools(SCHEMAS / domain / "tools.json").values():
        check(tool.parameters, seeds=2)


def test_a_turn_offers_every_tool() -> None:
    tools = list(read_tools(SCHEMAS / "payments" / "tools.json").values())
    tightened = tighten(assistant_schema(tools))
    calls = tightened.schema["properties"]["calls"]["items"]["anyOf"]
    assert [call["properties"]["name"]["const"] for call in calls] == [tool.name for tool in tools]
    assert tightened.unenforced == ("calls.items.anyOf[15].arguments.transaction_ids: uniqueItems",)


def test_a_bounded_schema_stays_as_it_is() -> None:
    assert tighten(user_schema()).schema == user_schema()


# -- each keyword


NODE = {"type": "object", "properties": {"v": {"type": "integer"}, "next": {"$ref": "#/$defs/node"}}, "required": ["v"]}
PET = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
DOG = {"allOf": [{"$ref": "#/$defs/pet"}, {"properties": {"kind": {"const": "dog"}}, "required": ["kind"]}]}
CAT = {"type": "object", "properties": {"kind": {"const": "cat"}, "lives": {"type": "integer", "minimum": 1}}, "required": ["kind"]}


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#/$defs/node", "$defs": {"node": NODE}},
        {"type": "object", "properties": {"tree": {"$ref": "#/definitions/a~1b"}}, "definitions": {"a/b": {"type": "integer"}}},
        {"type": "object", "properties": {"child": {"$ref": "#"}, "name": {"type": "string"}}},
        {"oneOf": [DOG, CAT], "$defs": {"pet": PET}},
        {"type": "object", "properties": {"a": {"type": "string"}}, "anyOf": [{"required": ["a"]}, {"properties": {"b": {"const": 1}}}]},
        {"type": "object", "patternProperties": {"^x-": {"type": "integer"}}},
        {"type": "object", "patternProperties": {"^[a-z]+$": {"type": "integer"}}, "additionalProperties": False, "minProperties": 1},
        {"allOf": [{"type": "integer", "minimum": 3}, {"type": "number", "maximum": 9}]},
        {"allOf": [{"anyOf": [{"const": 1}, {"const": 2}]}, {"anyOf": [{"const": 2}, {"const": 3}]}]},
        {"allOf": [{"type": "object", "additionalProperties": {"type": "integer"}}, {"properties": {"a": {}}, "required": ["a"]}]},
        {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "minItems": 2},
        {"type": "array", "prefixItems": [{"type": "integer"}], "items": {"type": "boolean"}, "minItems": 3},
        {"type": ["string", "integer"], "minLength": 2, "minimum": 7},
        {"type": "string", "minLength": 300},
        {"required": ["a"], "additionalProperties": {"type": "integer"}},
    ],
)
def test_each_combination_is_enforced(schema: dict[str, Any]) -> None:
    assert tighten(schema).unenforced == ()
    check(schema, seeds=8)


@pytest.mark.parametrize(
    ("schema", "named"),
    [
        ({"type": "array", "items": {"type": "integer"}, "uniqueItems": True}, "uniqueItems"),
        ({"type": "array", "items": {"type": "integer"}, "contains": {"const": 1}}, "contains"),
        ({"type": "integer", "not": {"const": 3}}, "not"),
        ({"type": "object", "properties": {"a": {"type": "string", "pattern": "^(?=x)"}}}, "a: pattern"),
        ({"type": "object", "properties": {"a": {"type": "string", "format": "iban"}}}, "a: format"),
        ({"type": "object", "properties": {"a": {"oneOf": [{"minimum": 1}, {"maximum": 2}]}}}, "a: oneOf"),
        ({"type": "object", "properties": {"a": {}, "b": {}}, "dependentRequired": {"a": ["b"]}}, "dependentRequired"),
        ({"type": "object", "properties": {"a": {}, "b": {}}, "minProperties": 1}, "minProperties"),
        ({"type": "object", "additionalProperties": {}, "propertyNames": {"pattern": "^x"}}, "propertyNames"),
        ({"type": "object", "if": {"required": ["a"]}, "then": {"required": ["b"]}}, "if"),
    ],
)
def test_what_is_not_enforced_is_named(schema: dict[str, Any], named: str) -> None:
    tightened = tighten(schema)
    assert tightened.unenforced == (named,)
    walk(tightened.schema, 0)


def test_what_never_ends_is_refused() -> None:
    endless = {"type": "object", "properties": {"next": {"$ref": "#"}}, "required": ["next"]}
    with pytest.raises(BadInput, match="no value of bounded length"):
        tighten(endless)


@pytest.mark.parametrize("place", ["#/$defs/nowhere", "https://example.com/schema.json", "other.json#/a", "#/$defs/loop"])
def test_a_reference_that_leads_nowhere_is_refused(place: str) -> None:
    with pytest.raises(BadInput):
        tighten({"type": "object", "properties": {"a": {"$ref": place}}, "$defs": {"loop": {"$ref": "#/$defs/loop"}}})


@pytest.mark.parametrize(
    ("pattern", "bounded"),
    [
        (r"^\d{3,}-\w*$", r"^[0-9]{3,19}-[A-Za-z0-9_]{0,16}$"),
        (r"^[\d*+]+\+$", r"^[0-9*+]{1,16}\+$"),
        (r"^(?:a|b)+?$", r"^(?:a|b){1,16}?$"),
        (r"(?=a)", None),
        (r"(a)\1", None),
    ],
)
def test_repetitions_end(pattern: str, bounded: str | None) -> None:
    assert bounded_pattern(pattern) == bounded


def test_keys_end() -> None:
    assert bounded_key("^x-") == "^x-[a-z0-9_]{0,16}$"
    assert bounded_key("a|b$") is None
