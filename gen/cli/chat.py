"""The command ``fcgen chat``: talk to a model in the terminal, its calls executed in a domain's environment.

Options → ``gen.scoring.talking`` → the talk on stdout, as ``fcgen show`` prints it; everything else on stderr. In a pipe each line of
stdin is a message of the user.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gen.cli.adapters import tools_of_training, usual_adapter
from gen.cli.console import note, safe

if TYPE_CHECKING:
    from gen.scoring.talking import Talk

SHOWN = 2000
"""Characters of an output that could not be read."""

HELP = {
    "/reset": "begin anew: nothing was said, nothing was done",
    "/tools": "the tools on offer",
    "/system [TEXT]": "the system message; with a text, begin anew with that one",
    "/save FILE.jsonl": "add the talk to a file, as a row",
    "/quit": "end (Ctrl-D does too)",
}


@click.command()
@click.option("--model", metavar="NAME", help="A folder, a Hub id, or server:http://HOST:PORT/v1#NAME.  [default: adapters/<tools>]")
@click.option("--tools", "domain", default="payments", show_default=True, metavar="DOMAIN", help="Whose tools are offered, and executed.")
@click.option(
    "--only", metavar="TOOL", multiple=True, help="Offer this tool; may be said again.  [default: those of the adapter's training, or all]"
)
@click.option("--all-tools", is_flag=True, help="Offer all, whatever the adapter was trained on.")
@click.option("--template", metavar="NAME", default="", help="The model's prompt; words: tools told in words.  [default: what suits it]")
@click.option("--base", metavar="PATH|HUB_ID", default="", help="Where the adapter's base lies now.")
@click.option("--seed", type=click.IntRange(min=0), default=7, show_default=True, metavar="N", help="Another database, another person.")
@click.option("--max-new-tokens", type=click.IntRange(min=1), default=512, show_default=True, metavar="N", help="Tokens of one message.")
@click.option("--no-thoughts", is_flag=True, help="The model shall not think first, where its format has a switch for that.")
def chat(model: str | None, domain: str, **options: Any) -> None:
    """Talk to a model that calls tools.

    Who is signed in, the day and the system message are such as a conversation of the domain begins with, and are shown first. Every call
    is executed in the domain's environment, and what was done stays done until /reset. Ctrl-C stops the model, Ctrl-D ends; /help says
    the rest. In a pipe each line is a message, and stdout carries the talk.

    \b
    fcgen chat --model adapters/payments
    fcgen chat --model server:http://localhost:8000/v1#my-model --tools travel
    echo "is T1187 paid?" | fcgen chat --model adapters/payments
    """
    from gen.errors import BadInput
    from gen.scoring.naming import open_any, require_usable
    from gen.scoring.settings import Bounds
    from gen.scoring.talking import Talk, open_scene

    if options["only"] and options["all_tools"]:
        raise BadInput("--only offers some tools, --all-tools offers all", hint="leave one of them out")
    name = model or usual_adapter(Path(domain).name)
    require_usable(name, options["template"])
    only = options["only"] or (() if options["all_tools"] else tools_of_training(name, domain))
    scene = open_scene(domain, seed=options["seed"], only=only)
    opened = open_any(name, template=options["template"], base=options["base"])
    trained = "" if options["only"] or not only else " that its training offered"
    offered = f"{len(scene.tools)} tool{'s' if len(scene.tools) > 1 else ''} of {scene.domain}{trained}"
    note(f"{opened.name}: {opened.told}; {offered}; /help says what else there is")
    bounds = Bounds(tokens=options["max_new_tokens"])
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # so that asyncio ends what is under way, and nothing else
    try:
        with opened.active(), asyncio.Runner() as runner:
            talk = Talk(scene, opened.speaker(bounds, note), bounds, thinks=not options["no_thoughts"])
            try:
                _Terminal(talk, runner).run()
            finally:
                runner.run(talk.speaker.close())
    finally:
        signal.signal(signal.SIGINT, before)


class _Terminal:
    """The talk and who types."""

    def __init__(self, talk: Talk, runner: asyncio.Runner) -> None:
        self._talk = talk
        self._runner = runner
        self._typed = sys.stdin.isatty()

    def run(self) -> None:
        from gen.cli.show import print_message

        self._begun()
        for text in self._texts():
            if text.startswith("/"):
                if not self._command(text):
                    return
                continue
            if not self._typed:
                print_message(_user(text))
            self._say(text)

    def _texts(self) -> Iterator[str]:
        """What is typed, line by line; Ctrl-C at the prompt begins another line."""
        if not self._typed:
            yield from (line.strip() for line in sys.stdin if line.strip())
            return
        with suppress(ImportError):
            import readline  # noqa: F401 - input() edits and remembers lines where it is loaded
        while True:
            try:
                text = input("user       ").strip()
            except EOFError:
                click.echo()
                return
            except KeyboardInterrupt:
                click.echo()
                continue
            if text:
                yield text

    def _say(self, text: str) -> None:
        from gen.cli.show import print_message
        from gen.errors import FcgenError, OutsideFailed

        try:
            turn = self._runner.run(self._talk.say(text, print_message))
        except KeyboardInterrupt:
            note("stopped; what was said so far stays")
            return
        except OutsideFailed:
            raise
        except FcgenError as error:  # this message cannot be said; the next one may
            note(safe(str(error)))
            return
        if turn.unread:
            note(f"the model wrote what is no message: {safe(turn.unread.strip()[:SHOWN]) or 'nothing but blanks'}")
        if turn.problem:
            note(safe(turn.problem))

    def _begun(self) -> None:
        """Show the system message, and what one could say."""
        from gen.cli.show import print_message

        for message in self._talk.messages:
            print_message(message)
        if self._typed and self._talk.scene.example:
            note(f"for example: {self._talk.scene.example}")

    def _command(self, text: str) -> bool:
        """Do what is asked for; False where that is to end."""
        from gen.cli.show import signature

        name, _, rest = text.partition(" ")
        if name in ("/quit", "/exit"):
            return False
        if name == "/reset" or (name == "/system" and rest):
            self._talk.begin(rest.strip() or self._talk.system)
            self._begun()
        elif name == "/system":
            note(safe(self._talk.system) or "(none)")
        elif name == "/tools":
            for tool in self._talk.scene.tools:
                note(safe(signature(tool)))
        elif name == "/save" and rest:
            self._save(Path(rest.strip()))
        else:
            for known, does in HELP.items():
                note(f"{known:18} {does}")
        return True

    def _save(self, path: Path) -> None:
        row = {key: value for key, value in self._talk.row().to_wire().items() if key not in ("slot", "attempt")}
        try:
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
        except OSError as error:
            note(f"{path}: {error.strerror or error}")
        else:
            note(f"saved in {path}")


def _user(text: str) -> Any:
    from gen.conversation import Message

    return Message("user", text)
