"""Push to any storage that fsspec knows: ``s3://``, ``gs://``, ``abfs://``, ``file://``. Same plan, same verification.

There is no commit there, so one file is the mark that all is there: a corpus's manifest. It is taken away first and put back
last. A reader that finds it finds every file that it names. Which files are ours, and what they hold, stands in ``SENT``: a
push that broke off is gone on with, and nothing is ever deleted that no push put there.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from gen.conversation import JsonObject
from gen.corpus.manifest import MANIFEST
from gen.errors import AnswerIsNo, BadInput, FcgenError, OutsideFailed
from gen.hub.files import LocalFile
from gen.hub.plan import Plan, RemoteFile, plan
from gen.redact import guard_logs, redacted

SENT = ".fcgen-push.json"
"""Name → SHA-256 of what pushes put there; "" while it is being written. A listing of such a place has sizes only."""

_BLOCK = 1 << 20
_PACKAGES = {
    "s3": "s3fs",
    "s3a": "s3fs",
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "abfs": "adlfs",
    "az": "adlfs",
    "hdfs": "pyarrow",
    "sftp": "paramiko",
}
_BUCKETS = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "oci", "oss"})
"""Stores of objects: a file appears whole or not at all, and making a folder would make a bucket."""

Note = Callable[[str], None]


def require_place(to: str) -> None:
    """Refuse an address that nothing should be written to: one with a password in it, a page of the Hub."""
    scheme, _, rest = to.partition("://")
    if ":" in rest.partition("/")[0].rpartition("@")[0]:
        raise BadInput("credentials do not belong into an address", where="--to", hint=f"leave them to the environment: {redacted(to)}")
    if scheme in ("http", "https", "hf"):
        name = "/".join([part for part in rest.split("/") if part not in ("datasets", "models") and "." not in part][:2])
        raise BadInput(f"{to} is no place to write to", where="--to", hint=f"a repository of the Hub is named --to {name or 'owner/name'}")


@dataclass(frozen=True)
class PreparedPlace:
    """A plan for a place, and the file system that reaches it.

    Attributes:
        known: what ``SENT`` says is there.
        mark: the name of the file that stands there only while everything does.
    """

    to: str
    root: str
    plan: Plan
    files: Any
    known: Mapping[str, str]
    mark: str

    def to_json(self) -> JsonObject:
        return {"to": self.to, "type": "place", "url": self.to, "plan": self.plan.to_json()}


@dataclass(frozen=True, slots=True)
class Stored:
    """What a push to a place came to; ``files`` is how many were read back and compared."""

    url: str
    changed: int
    sent: int
    files: int

    def to_json(self) -> JsonObject:
        return asdict(self)


def prepare_place(to: str, files: Sequence[LocalFile], *, mark: str = MANIFEST) -> PreparedPlace:
    """Look, and plan. Writes nothing. Raises BadInput for a place that cannot be one, OutsideFailed where it cannot be asked."""
    guard_logs()
    require_place(to)
    system, root = _opened(to)
    with _spoken("looking at", to):
        sizes, known = _listed(system, root)
    ours = [RemoteFile(name, size, known.get(name, "")) for name, size in sizes.items()]
    names = {file.name for file in files}
    return PreparedPlace(to, root, plan(files, [file for file in ours if file.name in names | known.keys()]), system, known, mark)


def store(prepared: PreparedPlace, note: Note = lambda text: None) -> Stored:
    """Do what was planned: mark away, files, deletions, mark back; then read everything back and compare.

    Raises OutsideFailed where the storage fails (the same command goes on), AnswerIsNo where it holds something else in the end.
    """
    made = prepared.plan
    with _spoken("writing to", prepared.to):
        if not made.is_empty:
            _send(prepared, note)
    note("reading every file back")
    with _spoken("reading back from", prepared.to):
        compared = _compared(prepared)
    return Stored(prepared.to, len(made.of("add", "change", "delete")), made.bytes, compared)


@contextmanager
def _spoken(doing: str, to: str) -> Iterator[None]:
    """Each storage has errors of its own, and no common root: whatever is raised in here is the storage's."""
    try:
        yield
    except FcgenError:
        raise
    except Exception as error:  # noqa: BLE001 - storages have errors of their own, and no common root
        said = redacted(str(error)).strip().split("\n")[0] or type(error).__name__
        hint = "look at the address and your credentials, then run the same command again"
        raise OutsideFailed(f"{doing} {to} failed: {said}", hint=hint) from None


def _opened(to: str) -> tuple[Any, str]:
    from fsspec.core import url_to_fs  # type: ignore[import-untyped]  # it has no types

    scheme = to.partition("://")[0]
    with _spoken("opening", to):
        try:
            system, root = url_to_fs(to)
        except (ImportError, ValueError) as error:
            package = _PACKAGES.get(scheme)
            hint = f"pip install {package}" if package else "fsspec's documentation lists the storages that it knows"
            raise BadInput(f"{scheme}:// cannot be reached: {redacted(str(error))}", where="--to", hint=hint) from None
    return system, str(root).rstrip("/")


def _listed(system: Any, root: str) -> tuple[dict[str, int], dict[str, str]]:
    """Name → size of every file there, and what ``SENT`` knows of them."""
    system.invalidate_cache()
    if not system.exists(root):
        return {}, {}
    if system.isfile(root):
        raise BadInput("this is a file, not a folder", where=root)
    found = system.find(root, detail=True)
    sizes = {name[len(root) :].lstrip("/"): int(entry["size"]) for name, entry in found.items()}
    known = _known(system.cat_file(f"{root}/{SENT}")) if sizes.pop(SENT, None) is not None else {}
    return sizes, known


def _known(content: bytes) -> dict[str, str]:
    try:
        known = json.loads(content)
    except ValueError:
        return {}  # torn: all that is here is sent again, and nothing deleted
    return {str(name): str(digest) for name, digest in known.items()} if isinstance(known, dict) else {}


def _send(prepared: PreparedPlace, note: Note) -> None:
    """Every step leaves a place that the next push understands: what is about to change is unknown before it does."""
    made, mark = prepared.plan, prepared.mark
    _make_folder(prepared, prepared.root)
    if any(change.name == mark for change in made.of("change", "same", "delete")):
        prepared.files.rm_file(f"{prepared.root}/{mark}")
    sent = dict.fromkeys(prepared.known, "") | {change.name: "" for change in made.of("add", "change")}
    sent |= {change.name: change.file.sha256 for change in made.of("same") if change.file and change.name != mark}
    _remember(prepared, sent)
    last: LocalFile | None = None
    for change in made.of("add", "change", "same"):
        if change.name == mark:
            last = change.file
        elif change.kind != "same" and change.file is not None:
            note(f"writing {change.name}")
            _write(prepared, change.name, change.file)
            sent[change.name] = change.file.sha256
            _remember(prepared, sent)
    for change in made.of("delete"):
        if change.name != mark:  # that went first
            prepared.files.rm_file(f"{prepared.root}/{change.name}")
    sent = {change.name: change.file.sha256 for change in made.changes if change.file}
    _remember(prepared, sent)
    if last is not None:
        _write(prepared, mark, last)


def _remember(prepared: PreparedPlace, sent: Mapping[str, str]) -> None:
    prepared.files.pipe_file(f"{prepared.root}/{SENT}", json.dumps(sent, sort_keys=True).encode())


def _write(prepared: PreparedPlace, name: str, file: LocalFile) -> None:
    """Write a file; the mark at once, under its name only when it is whole."""
    system, path = prepared.files, f"{prepared.root}/{name}"
    _make_folder(prepared, path.rpartition("/")[0])
    beside = name == prepared.mark and not _is_bucket(prepared.to)
    target = f"{path}.part" if beside else path
    with system.open(target, "wb") as there:
        for block in file.blocks():
            there.write(block)
    if beside:
        system.mv(target, path)


def _make_folder(prepared: PreparedPlace, path: str) -> None:
    if not _is_bucket(prepared.to):
        prepared.files.makedirs(path, exist_ok=True)


def _is_bucket(to: str) -> bool:
    return to.partition("://")[0] in _BUCKETS


def _compared(prepared: PreparedPlace) -> int:
    """How many files were read back. Where one is wrong the mark goes, and the next push sends that file again."""
    system, root, mark = prepared.files, prepared.root, prepared.mark
    system.invalidate_cache()
    ours = {change.name: change.file for change in prepared.plan.changes if change.file is not None}
    wrong = [name for name, file in ours.items() if _digest(system, f"{root}/{name}") != file.sha256]
    if wrong:
        if system.exists(f"{root}/{mark}"):
            system.rm_file(f"{root}/{mark}")
        _remember(prepared, {name: "" if name in wrong else file.sha256 for name, file in ours.items() if name != mark})
    wrong += [change.name for change in prepared.plan.of("delete") if system.exists(f"{root}/{change.name}")]
    if wrong:
        raise AnswerIsNo(
            f"what is there now is not what was pushed: {', '.join(wrong[:5])}",
            where=prepared.to,
            hint="run the same command again: it sends these files anew",
        )
    return len(ours)


def _digest(system: Any, path: str) -> str:
    digest = hashlib.sha256()
    if not system.exists(path):
        return ""
    with system.open(path, "rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
