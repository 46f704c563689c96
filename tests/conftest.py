"""What tests share: the promise that none of them leaves this machine, and ``fcgen`` as people run it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported: tests run side by side, and would wait for each other's threads

settings.register_profile("fcgen", deadline=None)  # nothing here asserts a time: CI shares its cores
settings.load_profile("fcgen")

ROOT = Path(__file__).resolve().parent.parent

Fcgen = Callable[..., "subprocess.CompletedProcess[str]"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The test that takes minutes begins first, or at the end everybody would wait for it."""
    items.sort(key=lambda item: item.path.name != "test_tiny_learns.py")


@pytest.fixture(autouse=True)
def _loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that connects to another machine fails."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise AssertionError(f"a test connects to {address}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture
def fcgen(tmp_path: Path) -> Fcgen:
    """Run ``fcgen`` in a process of its own, in an empty folder, as in a pipe: ``fcgen("show", "--row", "0").stdout``."""
    environment = {key: value for key, value in os.environ.items() if key not in ("FORCE_COLOR", "NO_COLOR", "CLICOLOR_FORCE")}

    def run(*arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
        settings = {"cwd": tmp_path, "capture_output": True, "text": True, "timeout": 120, "check": False} | more
        settings["env"] = environment | {"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"} | more.get("env", {})
        return subprocess.run([sys.executable, "-m", "gen", *arguments], **settings)

    return run
