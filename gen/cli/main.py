"""The command ``fcgen``: which commands there are, and the one edge where errors become messages and exit codes.

Last in the line. Imports click and the standard library only; a command's module is imported when it is asked for, and
imports what it needs inside its functions, so that ``fcgen --help`` is there at once. Does no work itself.

    0  done                          3    something outside failed: disk full, network, memory
    1  the answer is no              70   a bug of ours, with a traceback and where to report it
    2  usage or bad input            130  interrupted
"""

from __future__ import annotations

import io
import os
import select
import signal
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn

import click
from click.exceptions import Exit, NoSuchCommand
from click.shell_completion import shell_complete

from gen.errors import ISSUES, FcgenError, OutsideFailed, from_os_error

COMMANDS = {
    "Make": ("synth", "teacher", "replay"),
    "Look": ("show", "render", "parse"),
    "Check": ("check",),
    "Keep": ("store",),
    "Train": ("train", "merge-adapter", "score", "chat"),
    "Publish": ("card", "push"),
    "What is there": ("recipes", "tools", "templates", "doctor"),
}
"""The commands by the heading that they stand under. ``gen/cli/<name>.py`` holds a click command of that name, with _ for -."""

BUG = 70
INTERRUPTED = 130

_pressed: list[int] = []
"""Ctrl-C, each time it was pressed: a library (SQLite, in a callback) may swallow the exception and fail for another reason."""

EXAMPLES = """\
fcgen synth --recipe payments            1,000 checked conversations -> corpora/payments/
fcgen show corpora/payments --random     read some of them
fcgen check corpora/payments             every check again, on what is on disk
fcgen render mine.jsonl --out rendered/  any conversations, in a model's special tokens
fcgen recipes new mine                   a commented recipe to start from
"""


class Fcgen(click.Group):
    """The commands, grouped in the help and imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for names in COMMANDS.values() for name in names]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        module = cmd_name.replace("-", "_")
        command: click.Command = getattr(import_module(f"gen.cli.{module}"), module)
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except NoSuchCommand as error:
            raise NoSuchCommand(error.command_name, possibilities=self.list_commands(ctx), ctx=ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(map(len, self.list_commands(ctx)))
        for heading, names in COMMANDS.items():
            with formatter.section(heading):
                formatter.write_dl([(name.ljust(width), self._summary(ctx, name)) for name in names])
        with formatter.section("Examples"):
            for line in EXAMPLES.splitlines():
                formatter.write(f"  {line}\n")

    def _summary(self, ctx: click.Context, name: str) -> str:
        command = self.get_command(ctx, name)
        return "" if command is None else command.get_short_help_str(limit=100)


def _print_version(ctx: click.Context, _parameter: click.Parameter, asked: bool) -> None:
    if asked:
        click.echo(f"fcgen {version()}")
        ctx.exit()


def version() -> str:
    """The version of this installation; "unknown" in a checkout that was never installed."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("fcgen")
    except PackageNotFoundError:
        return "unknown"


@click.group(cls=Fcgen, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--version", is_flag=True, expose_value=False, is_eager=True, callback=_print_version, help="Show the version and exit.")
def fcgen() -> None:
    """Make verified conversations that teach a language model to call functions.

    A recipe says which corpus to make. Every call in it was executed, every argument is grounded in what was said, and
    every row has passed the checks.
    """


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit with its code."""
    instruction = os.environ.get("_FCGEN_COMPLETE")
    if instruction:
        sys.exit(shell_complete(fcgen, {}, "fcgen", "_FCGEN_COMPLETE", instruction))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that cannot show a letter is no reason to stop
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)
    sys.exit(run(sys.argv[1:] if arguments is None else list(arguments)))


def _interrupt(number: int, _frame: object) -> NoReturn:
    _pressed.append(number)
    raise KeyboardInterrupt


def run(arguments: list[str]) -> int:
    """Run a command and return its exit code: every error ends here, as a message on stderr."""
    try:
        with fcgen.make_context("fcgen", arguments) as context:
            fcgen.invoke(context)
        sys.stdout.flush()
    except Exit as end:
        return end.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except FcgenError as error:
        return _interrupted() if _pressed else _say(error)
    except (KeyboardInterrupt, click.Abort):
        return _interrupted()
    except MemoryError:
        return _say(OutsideFailed("there is not enough memory", hint="close other programs, or use fewer --workers"))
    except OSError as error:
        return _outside(error)
    except Exception:  # noqa: BLE001 - the edge: whatever is left is a bug, and says where to report it
        return _bug()
    return 0


def _interrupted() -> int:
    click.echo("Interrupted.", err=True)
    return INTERRUPTED


def _say(error: FcgenError) -> int:
    from gen.redact import redacted

    click.echo(f"Error: {redacted(str(error))}", err=True)
    return error.exit_code


def _outside(error: OSError) -> int:
    """A reader that went away is no error, a full disk is the disk's; anything else should have been caught where it arose."""
    if isinstance(error, BrokenPipeError) and _reader_is_gone():
        _discard_stdout()
        return 0
    known = from_os_error(error, error.filename or "output", "writing")
    if isinstance(known, OutsideFailed):
        _discard_stdout()
        return _say(known)
    return _bug()


def _reader_is_gone() -> bool:
    """Whether stdout is a pipe that nobody reads any more (``fcgen show | head``), and not some other pipe of ours."""
    poll: Any = getattr(select, "poll", None)
    if poll is None:  # no poll on Windows
        return True
    watched = poll()
    watched.register(sys.stdout.fileno(), 0)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in watched.poll(0))


def _discard_stdout() -> None:
    """What is left in stdout's buffer cannot be written: Python would try again at exit, and complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _bug() -> int:
    from gen.redact import redacted

    click.echo(redacted(traceback.format_exc()), err=True, nl=False)
    command = redacted(" ".join(["fcgen", *sys.argv[1:]]))
    click.echo(
        f"\nThis is a bug in fcgen {version()}. Please report it, with the lines above and this command:\n  {command}\n  {ISSUES}", err=True
    )
    return BUG
