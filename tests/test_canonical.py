"""JSON texts depend on the value alone, keep it exactly, and digests agree where values do."""

from __future__ import annotations

import json
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gen.canonical import canonical_json, digest, exact_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def reordered(value: object, die: random.Random) -> object:
    if isinstance(value, dict):
        items = [(key, reordered(child, die)) for key, child in value.items()]
        die.shuffle(items)
        return dict(items)
    return [reordered(child, die) for child in value] if isinstance(value, list) else value


@given(VALUES)
def test_both_texts_read_back_as_the_value(value: object) -> None:
    assert json.loads(exact_json(value)) == value
    assert json.loads(canonical_json(value)) == value


@given(VALUES, st.integers())
def test_the_order_of_keys_changes_no_canonical_text_and_no_digest(value: object, seed: int) -> None:
    other = reordered(value, random.Random(seed))
    assert canonical_json(other) == canonical_json(value)
    assert digest(other) == digest(value)


def test_exact_json_keeps_the_order_of_keys_and_letters_beyond_ascii() -> None:
    assert exact_json({"b": 1, "a": ["é", 1.5, None, True]}) == '{"b": 1, "a": ["é", 1.5, null, true]}'


def test_canonical_json_is_sorted_and_without_spaces() -> None:
    assert canonical_json({"b": 1, "a": ["é", 1.5]}) == '{"a":["é",1.5],"b":1}'


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_what_json_cannot_say_is_refused(number: float) -> None:
    for write in (exact_json, canonical_json, digest):
        with pytest.raises(ValueError, match=r"not JSON compliant|Out of range"):
            write([number])


def test_a_digest_is_the_same_on_every_machine_and_python() -> None:
    assert digest({"b": 1, "a": [1.5, "é", None]}) == "a9774dee93966d7a84d5d046d982c52c79aeb1d8c233bed52df697b2bebf09ba"


def test_one_and_one_point_nought_and_true_have_different_digests() -> None:
    assert len({digest(1), digest(1.0), digest(True), digest("1")}) == 4
