"""Importing the command line loads nothing heavy, so that ``fcgen --help`` is there at once; and the core stays light."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent

HEAVY = (
    "torch",
    "transformers",
    "datasets",
    "ray",
    "pyarrow",
    "pydantic",
    "faker",
    "numpy",
    "rich",
    "yaml",
    "jsonschema",
    "jsonschema_rs",
    "orjson",
)

MOST_PACKAGES = 45


def loaded_by(code: str) -> set[str]:
    """The top-level modules that are loaded after running ``code`` in a new process."""
    show = "import sys; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", f"{code}\n{show}"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize(
    "code",
    [
        "import gen.cli.main",
        "from gen.cli.main import run; run(['--help'])",
        "from gen.cli.main import run; run(['synth', '--help'])",
        "from gen.cli.main import run; run(['--version'])",
    ],
)
def test_the_command_line_is_light(code: str) -> None:
    assert not loaded_by(code) & set(HEAVY)


@pytest.mark.parametrize("path", sorted((ROOT / "gen" / "cli").glob("*.py")), ids=lambda path: path.stem)
def test_every_command_is_light(path: Path) -> None:
    assert not loaded_by(f"import gen.cli.{path.stem}") & set(HEAVY)


def test_rows_are_made_without_a_framework() -> None:
    """Workers start often: what makes and checks rows needs neither torch nor datasets."""
    assert not loaded_by("import gen.synthesis.run") & {"torch", "transformers", "datasets", "ray", "rich"}


def core_requirements() -> list[Requirement]:
    """The dependencies of a bare ``pip install fcgen``."""
    return [Requirement(text) for text in tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]]


def closure(wanted: list[Requirement]) -> set[str]:
    """The names of everything that these bring along, by the metadata of what is installed."""
    found: set[str] = set()
    left = list(wanted)
    while left:
        requirement = left.pop()
        name = _plain(requirement.name)
        if name in found:
            continue
        found.add(name)
        extras = requirement.extras or {""}
        for text in requires(requirement.name) or ():
            further = Requirement(text)
            if further.marker is None or any(further.marker.evaluate({"extra": extra}) for extra in extras):
                left.append(further)
    return found


def test_the_core_is_light() -> None:
    packages = closure(core_requirements())
    assert not packages & {"torch", "transformers", "ray", "vllm", "tensorflow", "jax"}
    assert len(packages | {"fcgen", "pip", "setuptools"}) <= MOST_PACKAGES, sorted(packages)


def test_what_the_package_imports_is_declared() -> None:
    """Every third-party module that gen/ imports is of a declared dependency, of the core or an extra."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [text for texts in project["optional-dependencies"].values() for text in texts]
    declared = {_plain(Requirement(text).name) for text in (*project["dependencies"], *extras)}
    declared |= {"referencing", "jsonschema-specifications"}  # parts of jsonschema's interface
    distributions = packages_distributions()
    for path in sorted((ROOT / "gen").rglob("*.py")):
        for line, module in third_party(path):
            owners = {_plain(owner) for owner in distributions.get(module, [module])}
            assert owners & declared, f"{path.relative_to(ROOT)}:{line} imports {module}, which pyproject.toml does not declare"


def third_party(path: Path) -> Iterator[tuple[int, str]]:
    """Line and top-level module of every import that is neither ours nor the standard library's."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        for top in {name.partition(".")[0] for name in names} - sys.stdlib_module_names - {"gen"}:
            yield node.lineno, top


def _plain(name: str) -> str:
    return name.lower().replace("_", "-")
