"""The picture of a training: what it shows, its axes, and that it is XML whatever was measured."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gen.training.curves import apart, curves, logarithmic_marks, plain_marks

LINES = [
    {"step": 0, "held_out_loss": 4.1, "call_exactness": 0.0},
    {"step": 1, "loss": 4.0, "learning_rate": 1e-3},
    {"step": 2, "loss": 0.02, "learning_rate": 0.0},
    {"step": 2, "held_out_loss": 0.05, "call_exactness": 0.75},
]


def texts(svg: str) -> list[str]:
    return [node.text for node in ET.fromstring(svg).iter() if node.tag.endswith(("}text", "}tspan")) and node.text]


def test_the_picture_shows_what_was_measured_and_the_last_values() -> None:
    found = texts(curves(LINES))
    assert {"loss of a trained token", "held-out calls that are exact", "learning rate", "trained rows", "held-out rows"} <= set(found)
    assert {"0.02", "0.05", "75 %", "steps"} <= set(found)


def test_what_was_not_measured_has_no_panel() -> None:
    found = texts(curves([line for line in LINES if "loss" in line]))
    assert "learning rate" in found and "held-out rows" not in found and "held-out calls that are exact" not in found


@pytest.mark.parametrize("lines", [[], LINES[:1], LINES[1:2], [{"step": 1, "loss": float("nan")}], [{"step": 1, "loss": 0.0}]])
def test_a_picture_of_little_is_a_picture(lines: list[dict[str, float]]) -> None:
    assert ET.fromstring(curves(lines)).tag.endswith("svg")


@given(st.floats(0, 1e6), st.floats(0, 1e6))
def test_plain_marks_take_in_every_value(one: float, other: float) -> None:
    low, high = sorted((one, other))
    marks = plain_marks(low, high)
    assert marks[0] <= low + 1e-6 * high and marks[-1] >= high - 1e-6 * high
    assert 2 <= len(marks) <= 10


@given(st.floats(1e-6, 1), st.floats(20, 1e6))
def test_logarithmic_marks_take_in_every_value(low: float, times: float) -> None:
    marks = logarithmic_marks(low, low * times)
    assert marks[0] <= low * 1.001 and marks[-1] >= low * times * 0.999
    assert marks == sorted(marks)


def test_two_texts_never_lie_on_each_other() -> None:
    assert apart([100.0, 104.0]) == [94.5, 109.5]
    assert apart([104.0, 100.0]) == [109.5, 94.5]
    assert apart([100.0, 140.0]) == [100.0, 140.0]
