"""What is shipped: the wheel carries the package with its YAML files, and the recipes and schemas."""

from __future__ import annotations

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.slow
def test_the_wheel_carries_recipes_and_schemas(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=120)
    (wheel,) = tmp_path.glob("fcgen-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        metadata = archive.read(next(name for name in names if name.endswith("/METADATA"))).decode()
        entry = archive.read(next(name for name in names if name.endswith("/entry_points.txt"))).decode()
    for folder in ("recipes", "schemas"):
        ours = {path.relative_to(ROOT).as_posix() for path in (ROOT / folder).rglob("*.*")}
        assert {f"gen/shipped_data/{name}" for name in ours} <= names
    code = {path.relative_to(ROOT).as_posix() for path in (ROOT / "gen").rglob("*") if path.suffix in (".py", ".yaml", ".json")}
    assert code <= names
    assert "fcgen = gen.cli.main:main" in entry
    assert "License-Expression: Apache-2.0" in metadata


def test_extras_that_doctor_knows_are_declared() -> None:
    from packaging.requirements import Requirement

    from gen.cli.doctor import CORE, EXTRAS

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {
        name: tuple(Requirement(text).name for text in texts) for name, texts in project["optional-dependencies"].items() if name != "dev"
    }
    assert declared == EXTRAS
    assert set(CORE) - {"fcgen"} <= {Requirement(text).name for text in project["dependencies"]}
