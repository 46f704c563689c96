"""Before an adapter leaves: whether it is one that peft loads, whether its card names what it adapts, and secrets in its texts.

Reads the small files and the index of the weights only; imports neither torch nor peft.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gen.corpus.head import README, parse_card
from gen.errors import from_os_error
from gen.hub.files import LocalFile
from gen.hub.findings import CARD, UNREADABLE, Problem, refuse
from gen.hub.secrets import leaks_in_files
from gen.training.adapter import ABOUT, BESIDE

CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"


def check_adapter(folder: Path, files: Sequence[LocalFile], *, allow: Collection[str] = ()) -> None:
    """Look at everything. Raises AnswerIsNo where something is wrong that was not allowed by its code."""
    refuse(folder, [*_problems(folder, {file.name: file for file in files}), *leaks_in_files(files)], allow, rules=())


def for_others(files: Sequence[LocalFile]) -> list[LocalFile]:
    """The files as others can use them: a base that lay in a folder here goes by the name that the head of the card gives it."""
    named = {file.name: file for file in files}
    local, _ = _base(named)
    known = _listed(parse_card(_text(named[README]), Path(README))[0].get("base_model")) if README in named else []
    if not Path(local).is_absolute() or len(known) != 1:
        return list(files)
    changed = {CONFIG: "base_model_name_or_path", ABOUT: "base"}
    return [_renamed(file, changed[file.name], str(known[0])) if file.name in changed else file for file in files]


def _renamed(file: LocalFile, key: str, base: str) -> LocalFile:
    return LocalFile(file.name, content=json.dumps(json.loads(_text(file)) | {key: base}, ensure_ascii=False, indent=2).encode() + b"\n")


def _problems(folder: Path, files: Mapping[str, LocalFile]) -> Iterator[Problem]:
    base, wrong = _base(files)
    if wrong:
        yield Problem(UNREADABLE, 1, wrong)
    if wrong := _weights_problem(folder / WEIGHTS):
        yield Problem(UNREADABLE, 1, wrong)
    if base == BESIDE and f"{BESIDE.removeprefix('./')}/config.json" not in files:
        yield Problem(UNREADABLE, 1, f"{CONFIG} says that the base lies in {BESIDE}, and it does not")
    if README not in files:
        yield Problem(CARD, 1, f"there is no {README}: a model without a card says neither what it is nor where it comes from")
    elif wrong := _card_problem(parse_card(_text(files[README]), folder / README)[0].get("base_model"), base):
        yield Problem(CARD, 1, wrong)


def _card_problem(said: Any, base: str) -> str:
    """What is wrong with the base that the head of the card names. One that lies beside the adapter has no name that the Hub would take."""
    if base == BESIDE:
        return ""
    local = Path(base).is_absolute()
    if not said:
        return f"the head of {README} has no base_model: say `base_model: {'owner/name' if local or not base else base}`"
    if base and not local and base not in _listed(said):
        return f"the head of {README} says base_model {said}, {CONFIG} says {base}"
    return ""


def _base(files: Mapping[str, LocalFile]) -> tuple[str, str]:
    """The model that is adapted, and what is wrong with the configuration."""
    if CONFIG not in files:
        return "", f"there is no {CONFIG}"
    try:
        config = json.loads(_text(files[CONFIG]))
    except ValueError as error:
        return "", f"{CONFIG} is no JSON: {error}"
    base = config.get("base_model_name_or_path") if isinstance(config, dict) else None
    if not isinstance(base, str) or not base or not config.get("peft_type"):
        return "", f"{CONFIG} names no base_model_name_or_path and peft_type"
    return base, ""


def _text(file: LocalFile) -> str:
    return b"".join(file.blocks()).decode("utf-8", errors="replace")


def _weights_problem(path: Path) -> str:
    """What is wrong with a safetensors file, by its index: eight bytes of length, JSON, and as many bytes as that says."""
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            index: dict[str, Any] = json.loads(file.read(min(length, 100_000_000)))
        ends = [entry["data_offsets"][1] for name, entry in index.items() if name != "__metadata__"]
        whole = 8 + length + max(ends, default=0) == path.stat().st_size
    except FileNotFoundError:
        return f"there is no {WEIGHTS}"
    except (ValueError, KeyError, TypeError, AttributeError, struct.error):
        return f"{WEIGHTS} is no safetensors file"
    except OSError as error:
        raise from_os_error(error, path, "reading the adapter") from error
    if not ends:
        return f"{WEIGHTS} holds no tensor"
    return "" if whole else f"{WEIGHTS} is not whole"


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value] if value else []
