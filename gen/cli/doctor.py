"""The command ``fcgen doctor``: what this installation and this machine have, and the command that adds what is missing.

Looks and tells; changes nothing, asks nobody on the network, and never shows a token.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from gen.cli.console import print_columns, print_json

CORE = (
    "fcgen",
    "click",
    "datasets",
    "faker",
    "huggingface_hub",
    "jsonschema",
    "jsonschema-rs",
    "numpy",
    "orjson",
    "pyarrow",
    "pydantic",
    "rich",
)

EXTRAS = {
    "tokens": ("transformers",),
    "server": ("aiohttp",),
    "gpu": ("torch", "transformers", "accelerate", "jinja2", "llguidance"),
    "train": ("torch", "transformers", "accelerate", "peft", "safetensors", "matplotlib", "scipy"),
    "score": ("scipy",),
    "ray": ("ray",),
    "vllm": ("vllm",),
}
"""What each extra brings, as ``pyproject.toml`` declares it."""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="The same as JSON.")
def doctor(as_json: bool) -> None:
    """Say what is installed, what is missing, and how to get it."""
    report = examine()
    if as_json:
        print_json(report)
        return
    for title, facts in report.items():
        click.echo(click.style(title, bold=True))
        print_columns([(f"  {name}", _said(value)) for name, value in facts.items()])


def examine() -> dict[str, dict[str, Any]]:
    """Everything that is looked at, by heading."""
    return {
        "versions": {"python": platform.python_version(), **{name: _version(name) for name in CORE}},
        "extras": {name: _extra(name, packages) for name, packages in EXTRAS.items()},
        "folders": {str(folder): _writable(folder) for folder in (Path.cwd(), Path("corpora"), _cache())},
        "machine": _machine(),
        "gpu": _gpu(),
        "hub": {"token": "yes" if _has_token() else "no; `hf auth login` stores one, needed for `fcgen push` only"},
    }


def _said(value: Any) -> str:
    return "" if value is None else str(value)


def _version(package: str) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _extra(name: str, packages: tuple[str, ...]) -> str:
    missing = [package for package in packages if find_spec(package) is None]
    return f"missing {', '.join(missing)}: pip install 'fcgen[{name}]'" if missing else "complete"


def _writable(folder: Path) -> str:
    """Whether files can be made there, or in the nearest folder above it that exists."""
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if os.access(there, os.W_OK | os.X_OK):
        return "writable" if there == folder else "will be made"
    return f"not writable: choose another folder, or chmod u+w {there}"


def _cache() -> Path:
    return Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface")


def _has_token() -> bool:
    return bool(os.environ.get("HF_TOKEN")) or Path(os.environ.get("HF_TOKEN_PATH") or _cache() / "token").is_file()


def _machine() -> dict[str, str]:
    from gen.cli.synth import cores

    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 0
    return {
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cores": f"{cores()} of {os.cpu_count()}",
        "memory": f"{memory / 2**30:.1f} GiB" if memory else "unknown",
        "disk": f"{shutil.disk_usage(Path.cwd()).free / 2**30:.1f} GiB free here",
    }


def _gpu() -> dict[str, str]:
    """What the driver says, and what torch sees. Torch is asked in a process of its own: importing it takes seconds and memory."""
    return {"nvidia-smi": _nvidia_smi(), "torch": _torch()}


def _nvidia_smi() -> str:
    if shutil.which("nvidia-smi") is None:
        return "not on the PATH; not needed to make a corpus"
    return _first_line("nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader")


def _torch() -> str:
    if find_spec("torch") is None:
        return "not installed; not needed to make a corpus: pip install 'fcgen[gpu]'"
    sees = "torch.cuda.get_device_name(0) if torch.cuda.is_available() else 'no GPU'"
    return _first_line(sys.executable, "-c", f"import torch; print(torch.__version__, {sees}, sep=', ')")


def _first_line(*command: str) -> str:
    import subprocess

    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{command[0]} failed: {error}"
    lines = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines()
    return lines[0] if lines else f"{command[0]} said nothing (exit code {done.returncode})"
