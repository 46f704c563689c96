"""The picture of a training: what it shows, and that it is one whatever was measured."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from gen.training.curves import curves

LINES = [
    {"step": 0, "held_out_loss": 4.1, "call_exactness": 0.0},
    {"step": 1, "loss": 4.0, "learning_rate": 1e-3},
    {"step": 2, "loss": 0.02, "learning_rate": 0.0},
    {"step": 2, "held_out_loss": 0.05, "call_exactness": 0.75},
]


def texts(svg: bytes) -> list[str]:
    return [node.text for node in ET.fromstring(svg).iter() if node.tag.endswith(("}text", "}tspan")) and node.text]


def test_the_picture_shows_what_was_measured_and_the_last_values() -> None:
    found = texts(curves(LINES))
    assert {"loss of a trained token", "held-out calls that are exact", "learning rate", "steps"} <= set(found)
    assert {"trained rows 0.02", "held-out rows 0.05", "75%"} <= set(found)


def test_what_was_not_measured_has_no_panel() -> None:
    found = texts(curves([line for line in LINES if "loss" in line]))
    assert "learning rate" in found and not any("held-out rows" in text for text in found) and "held-out calls that are exact" not in found


@pytest.mark.parametrize("lines", [[], LINES[:1], LINES[1:2], [{"step": 1, "loss": float("nan")}], [{"step": 1, "loss": 0.0}]])
def test_a_picture_of_little_is_a_picture(lines: list[dict[str, float]]) -> None:
    assert ET.fromstring(curves(lines)).tag.endswith("svg")


def test_the_same_lines_make_the_same_bytes() -> None:
    assert curves(LINES) == curves(LINES)
