"""Runs on a Ray cluster: the same bytes, and what is said where that cannot be."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from own_domains import LIBRARY

from gen.errors import BadInput
from gen.synthesis.on_ray import require_same

ROOT = Path(__file__).resolve().parent.parent

RECIPE = """
name: mine
tools: {domains: [library], offered: {min: 2, max: 5}}
scenarios: {single: 3, chained: 1}
rows: 300
"""


def synth(cwd: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gen", "synth", "--quiet", *words]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300, check=False)


def digest(folder: Path) -> str:
    return hashlib.sha256(b"".join(path.read_bytes() for path in sorted((folder / "data").iterdir()))).hexdigest()


@pytest.mark.slow
def test_a_users_own_domain_on_a_cluster_makes_the_same_bytes(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    shutil.copytree(LIBRARY, tmp_path / "schemas" / "library")
    (tmp_path / "mine.yaml").write_text(RECIPE, encoding="utf-8")
    here = synth(tmp_path, "--recipe", "mine.yaml", "--out", "here")
    there = synth(tmp_path, "--recipe", "mine.yaml", "--out", "there", "--ray", "local")
    assert (here.returncode, there.returncode) == (0, 0), here.stderr + there.stderr
    assert digest(tmp_path / "here") == digest(tmp_path / "there")


@pytest.mark.parametrize(("address", "code"), [("nonsense", 2), ("ray://127.0.0.1", 2), ("127.0.0.1:9", 3), ("ray://127.0.0.1:9", 3)])
def test_where_no_cluster_is_that_is_said_and_nothing_is_left(tmp_path: Path, address: str, code: int) -> None:
    pytest.importorskip("ray")
    done = synth(tmp_path, "--recipe", "tiny", "--out", "c", "--ray", address)
    assert done.returncode == code, done.stderr
    assert address in done.stderr
    assert not list((tmp_path / "c").rglob("*"))


@pytest.mark.parametrize("more", [("--workers", "2"), ("--teacher", "server:http://127.0.0.1:9/v1#m")])
def test_what_a_cluster_cannot_do_is_refused(tmp_path: Path, more: tuple[str, ...]) -> None:
    done = synth(tmp_path, "--recipe", "tiny", "--ray", "auto", *more)
    assert done.returncode == 2
    assert "--ray" in done.stderr


def test_a_machine_with_other_versions_is_named() -> None:
    require_same({"python": "3.11.7", "faker": "40.1"}, {"python": "3.11.7", "faker": "40.1", "pyarrow": "26"})
    with pytest.raises(BadInput, match=r"faker 39\.0"):
        require_same({"python": "3.11.7", "faker": "40.1"}, {"python": "3.11.7", "faker": "39.0"})
