"""Write what the docs take from the code: docs/cli.md from the commands, README's sample from a row of the payments recipe.

python scripts/build_docs.py            write
python scripts/build_docs.py --check    say whether what stands is what would be written; exit code 1 if not
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from gen.cli.main import fcgen

ROOT = Path(__file__).resolve().parent.parent

WIDTH = 110

BEGIN, END = "<!-- sample: written by scripts/build_docs.py -->", "<!-- end of sample -->"

SAMPLES = ("chained", "parallel", "missing_parameter")
"""README shows the first row of each of these scenarios."""

HEAD = """\
# Command reference

Written by `scripts/build_docs.py` from the commands themselves. stdout carries the product, stderr progress and messages;
`NO_COLOR` is obeyed.

| exit code | means |
| --- | --- |
| 0 | done |
| 1 | the answer is no: findings, or fewer rows than asked |
| 2 | usage or bad input, an unusable path too |
| 3 | something outside failed while working: disk full, network, memory |
| 70 | a bug of fcgen, with a traceback and where to report it |
| 130 | interrupted |
"""


def commands(command: click.Command = fcgen, context: click.Context | None = None) -> Iterator[tuple[str, str]]:
    """Every command, with its full name and its help page."""
    here = click.Context(command, info_name=command.name, parent=context, terminal_width=WIDTH, **command.context_settings)
    yield here.command_path, command.get_help(here)
    if isinstance(command, click.Group):
        for name in command.list_commands(here):
            if (child := command.get_command(here, name)) is not None:
                yield from commands(child, here)


def command_reference() -> str:
    """docs/cli.md."""
    pages = [f"## {name}\n\n```text\n{page}\n```\n" for name, page in commands()]
    return "\n".join([HEAD, *pages])


def sample() -> str:
    """Rows as ``fcgen show`` prints them, made as ``fcgen synth --recipe payments`` makes them."""
    from gen.cli.show import plain_text
    from gen.recipe import load_recipe
    from gen.synthesis.opening import open_workshop
    from gen.synthesis.slots import make

    workshop = open_workshop(load_recipe(str(ROOT / "recipes" / "payments.yaml")))
    first = {workshop.planner.allotment.scenario(slot): slot for slot in reversed(range(100))}
    rows = [make(workshop, first[scenario]).conversation for scenario in SAMPLES]
    return "\n\n".join(plain_text(row, width=WIDTH) for row in rows if row is not None)


def readme() -> str:
    """README.md with its sample."""
    before, _, rest = (ROOT / "README.md").read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n```text\n{sample()}\n```\n{END}{after}"


def main() -> int:
    """Write or check the two files."""
    stale = []
    for path, text in ((ROOT / "docs" / "cli.md", command_reference()), (ROOT / "README.md", readme())):
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(path.name)
        if "--check" not in sys.argv[1:]:
            path.write_text(text, encoding="utf-8")
    if stale:
        print(f"{', '.join(stale)}: " + ("stale; run python scripts/build_docs.py" if "--check" in sys.argv[1:] else "written"))
    return 1 if stale and "--check" in sys.argv[1:] else 0


if __name__ == "__main__":
    sys.exit(main())
