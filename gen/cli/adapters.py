"""Where adapters lie, a folder in ``adapters/`` each, named after the corpus that it was trained on, and what they were trained with."""

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


def tools_of_training(model: str, domain: str) -> tuple[str, ...]:
    """The tools of a domain that an adapter's rows offered, if they did not offer all; nothing where that is not known."""
    from gen.tools.catalogue import find_domain
    from gen.training.adapter import ABOUT, about_adapter

    if not (Path(model) / ABOUT).is_file():
        return ()
    taught = about_adapter(Path(model)).get("corpus", {}).get("tools", {})
    there = find_domain(domain, where="--tools").tools
    found = tuple(name for name in there if name in taught)
    return found if len(found) < len(there) else ()
