"""A repository of the Hub, as far as publishing needs it: look, create, commit, propose, merge, tag, and say what went wrong.

The one module that imports huggingface_hub, and only inside its functions. Every call is one that may fail for reasons
outside; ``HubFailed`` says which call and what to do, without a token in it. What to do about a failure (try again, look
whether it went through) is the business of ``push.py``.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Concatenate, Literal, ParamSpec, TypeVar

from gen.errors import BadInput, FcgenError, OutsideFailed
from gen.hub.files import LocalFile
from gen.hub.plan import Change, RemoteFile
from gen.redact import guard_logs, redacted

Kind = Literal["dataset", "model"]
MAIN = "main"
ALLOWED = "owner/name of letters, digits, '-', '_' and '.'; or a place such as s3://bucket/folder"

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class State:
    """What a repository is at one moment. ``head`` is the sha of the branch that was looked at; "" where nothing is there yet."""

    exists: bool
    head: str = ""
    private: bool = True
    files: tuple[RemoteFile, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit that the Hub took. ``pull_request`` is its number, where it opened one."""

    sha: str
    pull_request: int | None = None


class HubFailed(OutsideFailed):
    """A call to the Hub that failed. ``status`` is that of HTTP, None where no answer came."""

    def __init__(self, what: str, *, status: int | None, where: str, hint: str) -> None:
        super().__init__(what, where=where, hint=hint)
        self.status = status

    @property
    def may_have_worked(self) -> bool:
        """Whether the call may have gone through although no good answer came."""
        return self.status is None or self.status >= 500


class StaleParent(OutsideFailed):
    """Somebody else wrote to the repository after the plan was made; nothing of this push was written."""

    def __init__(self, repository: Repository) -> None:
        super().__init__(
            "somebody else committed to this repository meanwhile; nothing of this push was written",
            where=f"{repository.kind} {repository.name}",
            hint="run the same command again: it plans anew from what is there now",
        )


def _spoken(doing: str) -> Callable[[Callable[Concatenate[Repository, P], T]], Callable[Concatenate[Repository, P], T]]:
    """What the Hub's library raises becomes an error of ours that says what was being done."""

    def decorate(method: Callable[Concatenate[Repository, P], T]) -> Callable[Concatenate[Repository, P], T]:
        @functools.wraps(method)
        def call(self: Repository, /, *args: P.args, **kwargs: P.kwargs) -> T:
            try:
                return method(self, *args, **kwargs)
            except _outside() as error:
                raise _as_ours(error, doing, self) from None  # the library's own text may quote the request

        return call

    return decorate


def _outside() -> tuple[type[Exception], ...]:
    """What is raised where the Hub, the network or the login is at fault."""
    from huggingface_hub.errors import HfHubHTTPError, LocalTokenNotFoundError

    # of httpx or httpx2, whichever the library stands on: that no answer came is one of these too
    http_error: type[Exception] = HfHubHTTPError.__bases__[0]
    # an answer that is no JSON is a proxy's; ConnectionError holds that HF_HUB_OFFLINE is set, and a file not sent whole
    return (http_error, LocalTokenNotFoundError, ConnectionError, TimeoutError, json.JSONDecodeError)


def _as_ours(error: Exception, doing: str, repository: Repository) -> FcgenError:
    from huggingface_hub.errors import LocalTokenNotFoundError, OfflineModeIsEnabled

    status = 401 if isinstance(error, LocalTokenNotFoundError) else getattr(getattr(error, "response", None), "status_code", None)
    if status == 412:
        return StaleParent(repository)
    hint = HINTS.get(status or 0, "run the same command again: only what is missing is sent")
    if isinstance(error, OfflineModeIsEnabled):
        hint = "unset HF_HUB_OFFLINE"
    said = redacted(str(getattr(error, "server_message", None) or error)).strip().split("\n")[0] or type(error).__name__
    what = f"{doing} failed: {said}" if status is None else f"{doing} failed (HTTP {status}): {said}"
    return HubFailed(what, status=status, where=f"{repository.kind} {repository.name}", hint=hint)


HINTS = {
    401: "log in with `hf auth login`, or set HF_TOKEN to a token that may write",
    403: "the token may not write there: use one with write access, or ask the owner",
    404: "there is no such repository, or this token may not see it: look at the name, or log in with `hf auth login`",
    429: "the Hub asks to slow down: run the same command again in some minutes; what was sent is kept",
}
"""What to do about a status of HTTP."""


class Repository:
    """A dataset or a model on the Hub, by its name ``owner/name``. Raises BadInput for a name that cannot be one."""

    def __init__(self, name: str, kind: Kind) -> None:
        guard_logs()
        from huggingface_hub import HfApi
        from huggingface_hub.errors import HFValidationError
        from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]  # the package names no __all__
        from huggingface_hub.utils.tqdm import disable_progress_bars

        try:
            validate_repo_id(name)
        except HFValidationError as error:
            raise BadInput(f"{name!r} cannot be the name of a repository", where="--to", allowed=ALLOWED, hint=_slug(name)) from error
        if "/" not in name:
            raise BadInput(f"{name!r} names no owner", where="--to", allowed=ALLOWED, hint=f"say --to owner/{name}")
        disable_progress_bars()
        self.name, self.kind = name, kind
        self._api = HfApi(library_name="fcgen")
        self._of: dict[str, Any] = {"repo_id": name, "repo_type": kind}

    @property
    def url(self) -> str:
        """Where people look at it."""
        return f"{self._api.endpoint}/{'datasets/' if self.kind == 'dataset' else ''}{self.name}"

    @_spoken("looking at the repository")
    def look(self, revision: str = MAIN) -> State:
        """What is there now. A repository that is not there is a state, no error."""
        from huggingface_hub.errors import RepositoryNotFoundError

        try:
            info: Any = self._api.repo_info(**self._of, revision=revision)
        except RepositoryNotFoundError as error:
            # the library calls a missing or wrong login (401) and a gate (403) by the same name
            if error.response.status_code != 404:
                raise
            return State(exists=False)
        refs = self._api.list_repo_refs(**self._of)
        return State(
            exists=True,
            head=info.sha,
            private=bool(info.private),
            files=tuple(self._files(info.sha)),
            tags={tag.name: tag.target_commit for tag in refs.tags},
        )

    @_spoken("listing the files of the repository")
    def files(self, revision: str) -> tuple[RemoteFile, ...]:
        """The files of a revision, with their digests."""
        return tuple(self._files(revision))

    def _files(self, revision: str) -> Iterable[RemoteFile]:
        from huggingface_hub.hf_api import RepoFile

        for entry in self._api.list_repo_tree(**self._of, revision=revision, recursive=True):
            if isinstance(entry, RepoFile):
                yield RemoteFile(entry.path, entry.size, entry.lfs.sha256 if entry.lfs else "", "" if entry.lfs else entry.blob_id)

    @_spoken("reading a file of the repository")
    def read(self, name: str, revision: str) -> str:
        """The text of a small file."""
        return Path(self._api.hf_hub_download(**self._of, filename=name, revision=revision)).read_text(encoding="utf-8")

    @_spoken("creating the repository")
    def create(self, *, private: bool) -> None:
        """Create it; one that is there already stays as it is."""
        self._api.create_repo(**self._of, private=private, exist_ok=True)

    @_spoken("committing")
    def commit(
        self, changes: Sequence[Change], title: str, text: str, *, parent: str, revision: str = MAIN, propose: bool = False
    ) -> Commit:
        """All changes as one commit on ``parent``, or none. Raises StaleParent where the branch has moved on.

        Args:
            propose: as the first commit of a new pull request.
        """
        try:
            info = self._api.create_commit(
                **self._of,
                operations=[_operation(change) for change in changes],
                commit_message=title,
                commit_description=text,
                parent_commit=parent,
                revision=None if propose else revision,
                create_pr=propose,
            )
        except (RuntimeError, ValueError, PermissionError) as error:  # uploads fail as these, with the reason as cause or in words
            if isinstance(error, _outside()):
                raise
            if "metadata in README.md" in str(error):
                said = " ".join(redacted(str(error)).split())
                raise BadInput(f"the Hub refuses the head of the card: {said}", where="README.md") from None
            raise error.__cause__ if isinstance(error.__cause__, _outside()) else ConnectionError(str(error)) from error
        return Commit(info.oid, info.pr_num)

    @_spoken("reading the newest commits")
    def commits(self, revision: str = MAIN) -> list[tuple[str, str]]:
        """Sha and title of the commits of a branch, the newest first."""
        return [(commit.commit_id, commit.title) for commit in self._api.list_repo_commits(**self._of, revision=revision)]

    @_spoken("looking for pull requests")
    def pull_requests(self) -> dict[str, int]:
        """Title → number of the open ones."""
        found = self._api.get_repo_discussions(**self._of, discussion_type="pull_request", discussion_status="open")
        return {one.title: one.num for one in found}

    @_spoken("merging the pull request")
    def merge(self, number: int) -> None:
        """Make what the pull request holds the branch's."""
        self._api.merge_pull_request(**self._of, discussion_num=number)

    @_spoken("closing the pull request")
    def close(self, number: int, reason: str) -> None:
        """Close a pull request that is not to be merged."""
        self._api.change_discussion_status(**self._of, discussion_num=number, new_status="closed", comment=reason)

    @_spoken("making the tag")
    def tag(self, name: str, revision: str) -> None:
        """Put a tag on a commit. One that is there already raises HubFailed with status 409."""
        self._api.create_tag(**self._of, tag=name, revision=revision)


def branch_of(number: int) -> str:
    """The branch of a pull request."""
    return f"refs/pr/{number}"


def _slug(name: str) -> str:
    """A name as near to this one as the Hub allows, as a hint."""
    owner, _, rest = name.strip("/").rpartition("/")
    kept = [re.sub(r"[^A-Za-z0-9_.-]+|-{2,}|\.{2,}", "-", part).strip("-.") for part in (owner.rpartition("/")[2], rest)]
    return f"{kept[0]}/{kept[1]} would do" if all(kept) and "/".join(kept) != name else ""


def _operation(change: Change) -> Any:
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    if change.file is None:
        return CommitOperationDelete(change.name)
    return CommitOperationAdd(change.name, _content(change.file))


def _content(file: LocalFile) -> Any:
    return file.content if file.path is None else file.path
