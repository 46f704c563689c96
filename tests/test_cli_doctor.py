"""``fcgen doctor``: what is there, what is missing and how to get it; never a token, never an error."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from gen.cli import doctor as module
from gen.cli.doctor import doctor


def examine() -> dict[str, dict[str, str]]:
    result = CliRunner().invoke(doctor, ["--json"])
    assert result.exit_code == 0, result.exception
    report: dict[str, dict[str, str]] = json.loads(result.stdout)
    return report


def test_it_tells_what_people_are_asked_for_in_a_report() -> None:
    report = examine()
    assert set(report) == {"versions", "extras", "folders", "machine", "gpu", "hub"}
    assert {"python", "fcgen", "faker", "pyarrow"} <= set(report["versions"])
    text = CliRunner().invoke(doctor).stdout
    assert all(name in text for facts in report.values() for name in facts)


def test_what_is_missing_comes_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    report = examine()
    for name, said in report["extras"].items():
        assert f"pip install 'fcgen[{name}]'" in said
    assert "fcgen[gpu]" in report["gpu"]["torch"]


def test_a_token_is_never_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.delenv("HF_TOKEN_PATH", raising=False)
    assert examine()["hub"]["token"].startswith("no")
    (tmp_path / "token").write_text("hf_secret")
    assert examine()["hub"]["token"] == "yes"
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    assert "hf_secret" not in json.dumps(examine())


def test_a_folder_that_cannot_be_written_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module.os, "access", lambda path, mode: False)
    assert "not writable" in examine()["folders"]["corpora"]


def test_a_driver_that_fails_is_told_not_raised(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "nvidia-smi"
    broken.write_text("#!/bin/sh\necho 'no driver' >&2\nexit 9\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert examine()["gpu"]["nvidia-smi"] == "no driver"
