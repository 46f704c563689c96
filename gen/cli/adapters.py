"""Where adapters lie: a folder in ``adapters/`` each, named after the corpus that it was trained on."""

from __future__ import annotations

from pathlib import Path

from gen.cli.console import note

ADAPTERS = Path("adapters")


def usual_adapter(name: str) -> str:
    """The finished adapter of this name, where nobody named a model; said on stderr. Raises BadInput where there is none."""
    from gen.errors import BadInput
    from gen.training.adapter import ABOUT

    folder = ADAPTERS / name
    if not (folder / ABOUT).is_file():
        there = sorted(str(path.parent) for path in ADAPTERS.glob(f"*/{ABOUT}"))
        raise BadInput(
            f"no model was named, and there is no adapter {folder}", where="--model", allowed=", ".join(there), hint="fcgen train makes one"
        )
    note(f"{folder} (the adapter of this name)")
    return str(folder)
