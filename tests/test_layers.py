"""Data and imports flow one way: a module imports only from the stages above its own in docs/architecture.md's table."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

GEN = ROOT / "gen"

BESIDES = {"gen.shipped": 0, "gen.__main__": 99, "gen": 0}
"""What the table need not name: where shipped files lie, and the door."""


def stages() -> list[set[str]]:
    """The rows of the table: modules of each stage (``values/`` → ``gen.values``)."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = text.split("| stage | holds |")[1].split("\n\n")[0]
    rows = [re.findall(r"`([^`]+)`", line.split("|")[1]) for line in table.splitlines() if line.startswith("| `")]
    return [{"gen." + name.removesuffix(".py").strip("/").replace("/", ".") for name in names} for names in rows]


STAGES = stages()

MODULES = {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in sorted(GEN.rglob("*.py"))}


def stage_of(module: str) -> int:
    """The row in which a module stands."""
    if module in BESIDES:
        return BESIDES[module]
    for number, names in enumerate(STAGES):
        if any(module == name or module.startswith(name + ".") for name in names):
            return number
    raise AssertionError(f"{module} stands in no row of docs/architecture.md's table")


def imports(path: Path) -> Iterator[tuple[int, str, bool]]:
    """Line, module and whether it is for the type checker only, of every import of ours, at the top or in a function."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing = {id(inner) for node in ast.walk(tree) if _is_typing_block(node) for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} imports relatively"
            names = [str(node.module)] + [f"{node.module}.{alias.name}" for alias in node.names]
            found = [name for name in names if name in MODULES]
            if found:
                yield node.lineno, found[-1], id(node) in typing
        elif isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name, id(node) in typing) for alias in node.names if alias.name in MODULES)


def _is_typing_block(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def test_the_table_has_the_stages() -> None:
    assert len(STAGES) >= 10
    assert STAGES[-1] == {"gen.cli"}
    assert {"gen.errors", "gen.dice"} <= STAGES[0]


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_flow_one_way(module: str) -> None:
    here = stage_of(module)
    for line, imported, _ in imports(MODULES[module]):
        there = stage_of(imported)
        assert there <= here, f"{MODULES[module].relative_to(ROOT)}:{line} imports {imported}, which stands below it"


def test_no_module_imports_itself_round() -> None:
    """At run time, imports at the top of modules form no circle; those for the type checker may, within a stage."""
    above = {name: {imported for _, imported, typing in _at_the_top(path) if not typing} for name, path in MODULES.items()}
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " → ".join((*trail, name))
        if name not in done:
            for imported in above[name]:
                visit(imported, (*trail, name))
            done.add(name)

    for name in MODULES:
        visit(name, ())


def _at_the_top(path: Path) -> Iterator[tuple[int, str, bool]]:
    lines = {node.lineno for node in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(node, ast.Import | ast.ImportFrom)}
    return (found for found in imports(path) if found[0] in lines)


def test_the_speaker_and_the_reader_share_no_table() -> None:
    """The checks read values by a parser of their own: a shared table would agree with its own mistakes."""
    readers = {name for name in MODULES if name.startswith("gen.values.read")}
    for reader in readers:
        assert not [imported for _, imported, _ in imports(MODULES[reader]) if imported.startswith("gen.values.speak")]
    for rule in (name for name in MODULES if name.startswith("gen.checks")):
        assert not [imported for _, imported, _ in imports(MODULES[rule]) if imported.startswith("gen.values.speak")]
