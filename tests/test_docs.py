"""The docs say what the code does: the command reference is generated, README's commands exist, links lead somewhere."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import click
import pytest

from gen.cli.main import fcgen

ROOT = Path(__file__).resolve().parent.parent

DOCS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]

README = (ROOT / "README.md").read_text(encoding="utf-8")


def builder() -> ModuleType:
    """scripts/build_docs.py as a module."""
    spec = importlib.util.spec_from_file_location("build_docs", ROOT / "scripts" / "build_docs.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_command_reference_is_generated() -> None:
    """In a process of its own: click remembers the help option of a command that another test ran without its group."""
    code = "from build_docs import command_reference; print(command_reference(), end='')"
    environment = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'scripts'}", "PYTHONUTF8": "1"}
    built = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True, timeout=60)
    assert (ROOT / "docs" / "cli.md").read_text(encoding="utf-8") == built.stdout, "run python scripts/build_docs.py"


@pytest.mark.slow
def test_the_sample_is_generated() -> None:
    assert builder().readme() == README, "run python scripts/build_docs.py"


def test_every_command_is_documented() -> None:
    documented = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    names = [name for name, _ in builder().commands()]
    assert {"fcgen", "fcgen synth", "fcgen recipes new", "fcgen tools check"} <= set(names)
    for name in names:
        assert f"## {name}\n" in documented
        if name.count(" ") == 1:
            assert f"| `{name}` |" in README, f"README's table does not name {name}"


def test_every_command_and_option_has_a_help_text() -> None:
    builder_commands = list(builder().commands())
    assert all(page.strip() for _, page in builder_commands)
    for command in walk(fcgen, click.Context(fcgen, info_name="fcgen")):
        assert command.help, command.name
        for option in command.params:
            if isinstance(option, click.Option):
                assert option.help, f"{command.name} {option.opts}"


def walk(command: click.Command, context: click.Context) -> list[click.Command]:
    """A command and all below it."""
    found = [command]
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None
            found += walk(child, click.Context(child, info_name=name, parent=context))
    return found


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.name)
def test_commands_in_the_docs_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    lines = [line for block in re.findall(r"```(?:sh|bash)\n(.*?)```", text, re.DOTALL) for line in block.splitlines()]
    typed = [part for line in lines for part in line.split("#")[0].split("&&")] + re.findall(r"`(fcgen [^`]+)`", text)
    for command in typed:
        words = command.split()
        if words[:1] == ["fcgen"]:
            _exists(words[1:], f"{path.name}: {command}")


def _exists(words: list[str], where: str) -> None:
    command: click.Command = fcgen
    context = click.Context(fcgen, info_name="fcgen")
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        child = command.get_command(context, words.pop(0))
        assert child is not None, where
        command, context = child, click.Context(child, parent=context)
    known = {name for option in command.get_params(context) for name in option.opts}
    for word in words:
        if word.startswith("--"):
            assert word.partition("=")[0] in known, f"{where}: no option {word}"


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)", path.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (path.parent / target).exists(), f"{path.name} links to {target}"


def test_ci_runs_the_command_that_readme_gives() -> None:
    (command,) = re.findall(r"^pip install -c .*$", README, re.MULTILINE)
    assert command in (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111


def test_the_changelog_names_the_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert f"## [{version}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_pins_are_exact_and_name_no_host() -> None:
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        assert line.startswith("#") or re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!]+", line), line
