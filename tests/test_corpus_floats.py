"""Numbers are stored so that json and the stock decoder of datasets both take them back exactly."""

from __future__ import annotations

import json
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gen.corpus.floats import NotExact, exact_text, stock_json, ujson_exact, ujson_value


def stock_loads(text: str | bytes) -> object:
    from datasets.utils.json import ujson_loads

    return ujson_loads(text)


def some_floats(count: int) -> list[float]:
    draw = random.Random(20260317)
    scales = [1.0, 10.0, 1e4, 1e9, 1e15, 1e-6, 1e22]
    return [round(draw.choice([-1, 1]) * draw.random() * draw.choice(scales), draw.randint(0, 17)) for _ in range(count)]


def test_the_emulation_agrees_with_the_decoder_of_datasets() -> None:
    for value in some_floats(20_000):
        text = json.dumps(value)
        assert ujson_value(text) == stock_loads(text), text


def test_known_victims_and_survivors() -> None:
    assert not any(ujson_exact(value) for value in (0.3, 0.35, 0.41, 0.6, 0.7, 1.7, 7.81))
    assert all(ujson_exact(value) for value in (0.1, 0.5, 42.1, 19.99, 0.0, -3.25, 1e16, 1e-05))


@pytest.mark.parametrize(("value", "text"), [(0.3, "0.30"), (0.35, "0.350000"), (42.1, "42.1"), (-0.7, "-0.700000"), (1.64, "16.4e-1")])
def test_the_plainest_surviving_spelling_is_chosen(value: float, text: str) -> None:
    assert exact_text(value) == text


def test_every_amount_of_money_has_a_spelling() -> None:
    for cents in range(1, 100_000):
        value = cents / 100
        text = exact_text(value)
        assert text is not None
        assert float(text) == value == ujson_value(text)


def test_both_zeros_keep_their_sign() -> None:
    assert [exact_text(0.0), exact_text(-0.0)] == ["0.0", "-0.0"]


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
    | st.integers(-(10**9), 10**9).map(lambda n: n / 1000),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=6), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(json_values)
def test_any_value_reads_back_equal_in_json_and_in_datasets(value: object) -> None:
    text = stock_json(value)
    assert json.loads(text) == value
    assert stock_loads(text) == value


def test_text_is_compact_and_keeps_the_order_of_keys() -> None:
    value = {"ü": ["\u2028", '"', 1.5, None, True, {}], "a": {"z": -1}}
    assert stock_json(value) == '{"ü":["\u2028","\\"",1.5,null,true,{}],"a":{"z":-1}}'.encode()


def test_respelled_text_differs_in_the_victim_only() -> None:
    respelled = stock_json({"ü\n": ["\u2028", 0.3, None, True, {}], "z": {"a": -1}})
    assert respelled == stock_json({"ü\n": ["\u2028", 0.5, None, True, {}], "z": {"a": -1}}).replace(b"0.5", b"0.30")


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1])
def test_an_integer_beyond_64_bits_is_refused_with_its_place(value: int) -> None:
    with pytest.raises(NotExact) as caught:
        stock_json({"rows": [{"n": 1}, {"n": value}]})
    assert (caught.value.value, caught.value.path) == (value, ".rows[1].n")


@pytest.mark.parametrize("value", [math.nan, math.inf, "\ud800"])
def test_what_json_cannot_hold_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r".+"):
        stock_json({"a": value})
