"""Tokens appear nowhere: not in output, logs, exceptions, lock files or manifests, whatever verbosity was asked for.

``redacted`` cleans a text; ``guard_logs`` cleans everything that is logged from then on. Both know the shapes of tokens, and the
very ones that the environment and the login hold. Imports the standard library only, and nothing of ours.
"""

from __future__ import annotations

import logging
import os
import re
import traceback
from collections.abc import Iterator
from functools import cache
from pathlib import Path

HIDDEN = "[hidden]"

_SHAPES = re.compile(
    r"\bhf_(?:oauth|jwt)_[\w.-]{8,}"  # before the next: what follows the second underscore is not all letters
    r"|\b(?:hf|api_org)_[A-Za-z0-9]{16,}"
    r"|(?i:(?<=bearer )|(?<=authorization: ))(?!bearer\b)[^\s'\"]{4,}"
    r"|(?<=://)[^\s/@:]+:[^\s/@]+(?=@)"
)
_SECRET_NAME = re.compile(r"TOKEN|SECRET|PASSWORD|(?:API|ACCESS|ACCOUNT|STORAGE|PRIVATE)_?KEY|CONNECTION_STRING").search
_SHORTEST = 8
"""A value shorter than this is more likely a word than a secret."""


def redacted(text: str) -> str:
    """The text without tokens: what looks like one, and the very ones that are known here."""
    for value in _known():
        text = text.replace(value, HIDDEN)
    return _SHAPES.sub(HIDDEN, text)


def guard_logs() -> None:
    """Clean everything that is logged from now on, by the Hub's library (HF_DEBUG prints requests) or any other.

    A filter sees what reaches its own logger or handler only, so records are cleaned where all of them are made.
    """
    make = logging.getLogRecordFactory()
    if getattr(make, "cleans_tokens", False):
        return

    def factory(*args: object, **more: object) -> logging.LogRecord:
        return _cleaned(make(*args, **more))

    factory.cleans_tokens = True  # type: ignore[attr-defined]  # a mark on a function, by which it is known again
    logging.setLogRecordFactory(factory)


def _cleaned(record: logging.LogRecord) -> logging.LogRecord:
    try:
        record.msg, record.args = redacted(record.getMessage()), None
    except Exception:  # noqa: BLE001 - a format that does not fit its arguments is reported by logging itself, and must not end the program
        record.msg, record.args = redacted(str(record.msg)), None
    if record.exc_info and record.exc_info[0] is not None:
        record.exc_text = redacted("".join(traceback.format_exception(*record.exc_info))).rstrip()
    return record


def _known() -> Iterator[str]:
    """The secrets of the environment, and the token that ``hf auth login`` stored."""
    for name, value in os.environ.items():
        if len(value.strip()) >= _SHORTEST and _SECRET_NAME(name) and not name.endswith("_PATH"):
            yield value.strip()
    home = os.environ.get("HF_HOME") or str(Path.home() / ".cache" / "huggingface")
    stored = _stored(os.environ.get("HF_TOKEN_PATH") or f"{home}/token")
    if stored:
        yield stored


@cache
def _stored(path: str) -> str:
    try:
        token = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return ""
    return token if len(token) >= _SHORTEST else ""
