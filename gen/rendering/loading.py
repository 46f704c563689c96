"""A tokenizer by its path or its name on the Hub, as transformers loads it; and the control tokens that it may lack.

The only module of this stage that imports transformers, and only when it is called. Code of a repository is never run.
"""

from __future__ import annotations

import hashlib
import os
import re
import socket
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

from gen.errors import BadInput, FcgenError, OutsideFailed, missing_extra
from gen.rendering.template import Template
from gen.rendering.tokens import FastTokenizer, backend_of

FILE = "tokenizer.json"

_hub_id = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?").fullmatch


def load_tokenizer(name: str) -> FastTokenizer:
    """The tokenizer in a folder (or its ``tokenizer.json``), or on the Hub.

    Raises:
        BadInput: transformers is not installed, the folder has no tokenizer.json, or it cannot be read.
        OutsideFailed: a name on the Hub that cannot be fetched.
    """
    if find_spec("transformers") is None:
        raise missing_extra("transformers", "tokens", "a tokenizer")
    path = Path(name).expanduser()
    if path.exists() or not _hub_id(name):
        return _local(path)
    return _fetched(name)


def digest_of(tokenizer: FastTokenizer) -> str:
    """The SHA-256 of everything that decides about ids, as 64 hexadecimal digits."""
    return hashlib.sha256(backend_of(tokenizer).to_str().encode()).hexdigest()


def add_control_tokens(tokenizer: Any, template: Template) -> tuple[str, ...]:
    """Add the template's new tokens to a loaded tokenizer, as training does; which ones were not there."""
    known = backend_of(tokenizer)
    missing = tuple(token for token in template.added_tokens if known.token_to_id(token) is None)
    tokenizer.add_tokens(list(missing), special_tokens=True)
    return missing


def _local(path: Path) -> FastTokenizer:
    folder = path.parent if path.name == FILE else path
    if not (folder / FILE).is_file():
        what = f"there is no {FILE} in this folder" if folder.is_dir() else "there is no such folder"
        raise BadInput(what, where=str(path), allowed=f"a folder with a {FILE}, or a name on the Hub such as google/gemma-2-2b-it")
    try:
        return _auto(str(folder), local_files_only=True)
    except Exception as error:  # noqa: BLE001 - transformers raises what it likes for files that say too little or the wrong thing
        described = any((folder / name).is_file() for name in ("tokenizer_config.json", "config.json"))
        return _plain(folder / FILE, error if described else None)


def _plain(file: Path, before: Exception | None) -> FastTokenizer:
    """A tokenizer.json that stands alone. ``before`` is what was wrong with the files beside it."""
    from transformers import PreTrainedTokenizerFast

    if before is not None:
        raise BadInput(f"the tokenizer cannot be loaded: {_said(before)}", where=str(file.parent)) from before
    try:
        tokenizer: FastTokenizer = PreTrainedTokenizerFast(tokenizer_file=str(file))  # type: ignore[no-untyped-call]  # its __init__ has no types
    except Exception as error:
        raise BadInput(f"the tokenizer cannot be loaded: {_said(error)}", where=str(file)) from error
    return tokenizer


def _fetched(name: str) -> FastTokenizer:
    offline = not _hub_answers()
    try:
        if not offline:
            _require_files(name)
        return _auto(name, local_files_only=offline)
    except (OSError, RuntimeError) as error:  # transformers' word for everything between here and the Hub
        raise _refused(name, error) from error
    except FcgenError:
        raise
    except Exception as error:
        raise BadInput(f"the tokenizer {name!r} cannot be loaded: {_said(error)}") from error


def _require_files(name: str) -> None:
    """Raises BadInput for a repository without a tokenizer, of which transformers would make one that knows no word; OSError as it does."""
    from transformers.utils.hub import cached_file

    known = (FILE, "tokenizer.model", "vocab.json", "tokenizer_config.json")
    if not any(cached_file(name, file, _raise_exceptions_for_missing_entries=False) for file in known):
        raise BadInput(f"{name} has no {FILE} on the Hub", hint="name the model that it was made of, if it is one without its tokenizer")


def _refused(name: str, error: Exception) -> FcgenError:
    """Why the Hub did not give it."""
    chain = " ".join(f"{type(one).__name__} {one}" for one in (error, error.__cause__, error.__context__) if one is not None)
    if "GatedRepo" in chain:
        return BadInput(
            f"{name} is gated: its licence must be accepted by whoever the token is of",
            hint=f"open https://huggingface.co/{name} and accept it, then: hf auth login (or set HF_TOKEN)",
        )
    if "RepositoryNotFound" in chain:
        return BadInput(
            f"there is no folder {name!r} here, and no model of this name on the Hub, or it is private",
            hint="a private one needs: hf auth login",
        )
    return OutsideFailed(
        f"the tokenizer {name!r} is no folder here, and could not be fetched from the Hub: {_said(error)}",
        hint="check the name and the network; or give a folder with its tokenizer.json",
    )


def _hub_answers() -> bool:
    """Whether the Hub's name can be resolved. Where it cannot, a copy in the cache is all there is, and nobody waits for retries."""
    if getproxies():
        return True
    try:
        socket.getaddrinfo(urlsplit(os.environ.get("HF_ENDPOINT") or "https://huggingface.co").hostname, 443)
    except OSError:
        return False
    return True


def _auto(name: str, **more: Any) -> FastTokenizer:
    # set before the import, where a user has not: what it says about torch and progress is none of our output
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")
    from transformers import AutoTokenizer

    tokenizer: FastTokenizer = AutoTokenizer.from_pretrained(name, trust_remote_code=False, **more)
    backend_of(tokenizer)
    return tokenizer


def _said(error: Exception) -> str:
    """The first sentence of what a library says."""
    return str(error).strip().partition("\n")[0] or type(error).__name__
