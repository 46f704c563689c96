"""What was played is on the disk at once, found again by model, settings and row, and read however a kill left it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gen.conversation import Message
from gen.errors import BadInput
from gen.rendering.reference import REFERENCE
from gen.scoring.kept import Kept
from gen.scoring.played import Played, PlayedTurn, as_played

MODEL = {"model": "a"}
OTHER = replace(REFERENCE, id="other")


def test_what_is_put_is_found_by_whoever_comes_later(tmp_path: Path) -> None:
    played, odd = as_played(REFERENCE), Played("other", (PlayedTurn((Message("assistant", "\ud800 ☺"),), "\n", "cut"),), "f00")
    with Kept(tmp_path, MODEL) as kept:
        assert kept.get(REFERENCE, "executed") is None
        kept.put(REFERENCE, "executed", played)
        kept.put(OTHER, "gold", odd)
        assert kept.path.read_bytes().count(b"\n") == 3  # before it is closed
    with Kept(tmp_path, MODEL) as kept:
        assert (kept.get(REFERENCE, "executed"), kept.get(OTHER, "gold")) == (played, odd)
        assert kept.get(REFERENCE, "gold") is None
        assert kept.get(replace(REFERENCE, messages=REFERENCE.messages[:-1]), "executed") is None
    with Kept(tmp_path, {"model": "b"}) as kept:
        assert kept.get(REFERENCE, "executed") is None
    with Kept(tmp_path, MODEL, fresh=True) as kept:
        assert kept.get(REFERENCE, "executed") is None


@pytest.mark.parametrize("cut", [1, 20, 60])
def test_a_line_that_a_kill_left_is_written_again(tmp_path: Path, cut: int) -> None:
    with Kept(tmp_path, MODEL) as kept:
        kept.put(REFERENCE, "", as_played(REFERENCE))
        kept.put(OTHER, "", as_played(OTHER))
    kept.path.write_bytes(kept.path.read_bytes()[:-cut])
    with Kept(tmp_path, MODEL) as kept:
        assert kept.get(REFERENCE, "") == as_played(REFERENCE) and kept.get(OTHER, "") is None
        kept.put(OTHER, "", as_played(OTHER))
    with Kept(tmp_path, MODEL) as kept:
        assert kept.get(OTHER, "") == as_played(OTHER)


def test_two_commands_do_not_write_to_one_file(tmp_path: Path) -> None:
    with Kept(tmp_path, MODEL), pytest.raises(BadInput, match="another fcgen score"), Kept(tmp_path, MODEL):
        raise AssertionError("it was opened twice")


def test_a_file_that_is_none_of_ours_is_named(tmp_path: Path) -> None:
    with Kept(tmp_path, MODEL) as kept:
        kept.put(REFERENCE, "", as_played(REFERENCE))
    kept.path.write_bytes(kept.path.read_bytes() + b"nonsense\n")
    with pytest.raises(BadInput, match="line 3"), Kept(tmp_path, MODEL):
        raise AssertionError("it was read")
