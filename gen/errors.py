"""The one tree of errors that a user can fix.

First in the line: everything below raises these, nothing here imports from the project.

    FcgenError                 what a user can fix; shown without a traceback
    ├── BadInput         (2)   a file, option, recipe or schema that cannot be used
    ├── AnswerIsNo       (1)   the work was done and the answer is no: findings, shortfall
    └── OutsideFailed    (3)   something outside failed while working: disk, network, GPU, a killed worker

Anything else that escapes is a bug of ours (exit code 70). Ctrl-C ends with 130.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

ISSUES = "https://github.com/fcgen/fcgen/issues"


class FcgenError(Exception):
    """Something a user can fix.

    Args:
        what: one sentence: what is wrong, with the offending value in it.
        where: the place: ``file:line``, ``row 17, message 3`` or a path of keys.
        allowed: what would have been right.
        hint: what to do next.
    """

    exit_code: ClassVar[int] = 2

    def __init__(self, what: str, *, where: str = "", allowed: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.allowed = allowed
        self.hint = hint

    def __str__(self) -> str:
        lines = [f"{self.where}: {self.what}" if self.where else self.what]
        if self.allowed:
            lines.append(f"  allowed: {self.allowed}")
        if self.hint:
            lines.append(f"  hint: {self.hint}")
        return "\n".join(lines)


class BadInput(FcgenError):
    """A file, an option, a recipe or a schema that cannot be used as it is."""

    exit_code: ClassVar[int] = 2


class AnswerIsNo(FcgenError):
    """The work was done, and the answer is no: findings, or fewer rows than asked."""

    exit_code: ClassVar[int] = 1


class OutsideFailed(FcgenError):
    """Something outside the program failed while it worked: disk, network, GPU, a killed worker."""

    exit_code: ClassVar[int] = 3


def missing_extra(package: str, extra: str, purpose: str) -> BadInput:
    """The error for an optional dependency that is not installed; it names the command that installs it."""
    return BadInput(f"{purpose} needs the package {package!r}, which is not installed", hint=f"pip install 'fcgen[{extra}]'")


def did_you_mean(value: str, options: Iterable[str]) -> str:
    """``"did you mean 'payments'?"``, or an empty string where nothing is near."""
    near = difflib.get_close_matches(value, list(options), n=1, cutoff=0.6)
    return f"did you mean {near[0]!r}?" if near else ""


def unknown_name(kind: str, value: str, options: Iterable[str], *, where: str = "") -> BadInput:
    """The error for a name that is not there, with what is there and the nearest one."""
    known = sorted(options)
    return BadInput(
        f"unknown {kind} {value!r}",
        where=where,
        allowed=", ".join(known) or f"there is no {kind}",
        hint=did_you_mean(value, known),
    )


def from_os_error(error: OSError, path: Path | str, doing: str) -> FcgenError:
    """An operating-system error as one that names the path: unusable paths exit 2, a full disk exits 3."""
    import errno

    reason = error.strerror or str(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.ENOMEM):
        return OutsideFailed(
            f"{doing} failed: {reason}",
            where=str(path),
            hint="free some space, then run the same command again: it goes on where it stopped",
        )
    return BadInput(f"{doing} failed: {reason}", where=str(path))
