"""A Hub on loopback: the part of the Hugging Face Hub's protocol that publishing and reading back need, with faults on request.

    hub = Hub().start()                      environment for the client: hub.environment(home)
    hub.faults[7] = 500                      the seventh call is answered with 500
    hub.faults[7] = "drop"                   ... is not handled, and the connection closed
    hub.faults[7] = "lost"                   ... is handled, and the connection closed instead of an answer
    hub.calls                                what was asked: "POST /api/repos/create"

In memory; commits are immutable maps of files, branches and tags name commits. The contract was read from huggingface_hub's
own source (2.4) and from what it asked for.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

LARGE = (".parquet", ".safetensors", ".bin")
DATE = "2026-01-01T00:00:00.000Z"


def git_sha1(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


@dataclass(frozen=True)
class Blob:
    """A file of a commit. ``sha256`` is set for large ones, whose git object is a pointer."""

    data: bytes
    sha256: str = ""

    @property
    def pointer(self) -> bytes:
        return f"version https://git-lfs.github.com/spec/v1\noid sha256:{self.sha256}\nsize {len(self.data)}\n".encode()

    @property
    def oid(self) -> str:
        return git_sha1(self.pointer if self.sha256 else self.data)

    def entry(self, path: str) -> dict[str, Any]:
        entry: dict[str, Any] = {"type": "file", "path": path, "oid": self.oid, "size": len(self.data)}
        if self.sha256:
            entry["lfs"] = {"oid": self.sha256, "size": len(self.data), "pointerSize": len(self.pointer)}
        return entry


@dataclass(frozen=True)
class Commit:
    files: dict[str, Blob]
    title: str
    parent: str | None


@dataclass
class Repo:
    """A repository: commits, and the branches, pull requests and tags that name them."""

    name: str
    kind: str
    private: bool
    commits: dict[str, Commit] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    requests: dict[int, dict[str, str]] = field(default_factory=dict)

    def commit(self, ref: str, files: dict[str, Blob], title: str) -> str:
        parent = self.refs.get(ref)
        told = json.dumps([parent, title, len(self.commits), sorted((name, blob.oid) for name, blob in files.items())])
        sha = hashlib.sha1(told.encode(), usedforsecurity=False).hexdigest()
        self.commits[sha] = Commit(files, title, parent)
        self.refs[ref] = sha
        return sha

    def find(self, revision: str) -> str | None:
        revision = revision or "main"
        return self.refs.get(revision) or self.tags.get(revision) or (revision if revision in self.commits else None)

    def history(self, ref: str = "main") -> list[str]:
        """The titles of a branch's commits, the newest first."""
        sha, titles = self.refs.get(ref), []
        while sha:
            titles.append(self.commits[sha].title)
            sha = self.commits[sha].parent
        return titles

    def files(self, revision: str = "main") -> dict[str, bytes]:
        sha = self.find(revision)
        return {name: blob.data for name, blob in self.commits[sha].files.items()} if sha else {}


class Hub:
    """The server and all it holds."""

    def __init__(self, *, user: str = "acme", token: str = "hf_" + "t" * 24, may_write: bool = True) -> None:
        self.user, self.token, self.may_write = user, token, may_write
        self.repos: dict[str, Repo] = {}
        self.large: dict[str, bytes] = {}
        self.calls: list[str] = []
        self.faults: dict[int, int | str] = {}
        self.gated: set[str] = set()  # repositories whose licence nobody accepted: their files are refused, with a token too
        self.before: Callable[[str], None] = lambda call: None
        self.url = ""

    def start(self) -> Hub:
        hub = self

        class Handler(_Handler):
            pass

        Handler.hub = hub
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def environment(self, home: Path) -> dict[str, str]:
        """What a client process needs to talk to this Hub and to nobody else."""
        return {
            "HF_ENDPOINT": self.url,
            "HF_HUB_DISABLE_XET": "1",
            "HF_TOKEN": self.token,
            "HF_HOME": str(home),
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_UPDATE_CHECK": "1",
        }

    def repo(self, name: str, *, kind: str = "dataset", private: bool = True) -> Repo:
        """The repository of this name, made where it is not there."""
        if name not in self.repos:
            self.repos[name] = Repo(name, kind, private)
            self.repos[name].commit("main", {}, "initial commit")
        return self.repos[name]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16  # head and body in one packet: in two, each answer waits 40 ms for the client's acknowledgement
    hub: Hub

    def log_message(self, *_: Any) -> None:
        """Nothing goes to stderr."""

    def do_GET(self) -> None:
        self._handle()

    def do_HEAD(self) -> None:
        self._handle()

    def do_POST(self) -> None:
        self._handle()

    def do_PUT(self) -> None:
        self._handle()

    def _handle(self) -> None:
        body = self._body()
        self.hub.calls.append(f"{self.command} {self.path}")
        fault = self.hub.faults.get(len(self.hub.calls))
        self._lost = fault == "lost"
        self.hub.before(self.hub.calls[-1])
        if fault == "drop":
            self.close_connection = True
            self.connection.close()
        elif isinstance(fault, int):
            self._refuse(fault, "injected fault")
        else:
            self._route(body)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    # -- answers

    def _answer(self, status: int, value: Any = None, *, raw: bytes | None = None, headers: dict[str, str] | None = None) -> None:
        if self._lost:
            self.close_connection = True
            self.connection.close()
            return
        data = raw if raw is not None else b"" if value is None else json.dumps(value).encode()
        self.send_response(status)
        told = {"Content-Type": "application/json", "Content-Length": str(len(data))} | (headers or {})
        for name, content in told.items():
            self.send_header(name, content)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def _refuse(self, status: int, message: str, code: str = "") -> None:
        headers = {"X-Error-Message": message} | ({"X-Error-Code": code} if code else {})
        self._answer(status, {"error": message}, headers=headers)

    # -- routes

    def _route(self, body: bytes) -> None:
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
        known = self.headers.get("Authorization") == f"Bearer {self.hub.token}"
        if url.path == "/api/whoami-v2":
            role = {"accessToken": {"displayName": "t", "role": "write"}}
            told = {"type": "user", "id": "1", "name": self.hub.user, "fullname": self.hub.user, "orgs": [], "auth": role}
            self._answer(200, told) if known else self._refuse(401, "Invalid username or password.")
        elif url.path == "/api/validate-yaml":
            self._answer(200, {"errors": [], "warnings": []})
        elif url.path == "/api/repos/create":
            self._create(json.loads(body), known)
        elif match := re.fullmatch(r"/_large/([0-9a-f]{64})", url.path):
            self._store(match[1], body)
        elif match := re.fullmatch(r"/(?:datasets/)?([^/]+/[^/]+)\.git/info/lfs/objects/batch", url.path):
            self._batch(json.loads(body))
        else:
            self._in_repo(url.path, query, body, known)

    def _create(self, asked: dict[str, Any], known: bool) -> None:
        if not known:
            return self._refuse(401, "Invalid username or password.")
        if not self.hub.may_write:
            return self._refuse(403, "You don't have the rights to create a repository under this namespace.")
        name = f"{asked.get('organization') or self.hub.user}/{asked['name']}"
        kind = asked.get("type", "model")
        url = f"{self.hub.url}/{'datasets/' if kind == 'dataset' else ''}{name}"
        if name in self.hub.repos:
            return self._answer(409, {"error": "You already created this repo", "url": url}, headers={"X-Error-Message": "exists"})
        self.hub.repo(name, kind=kind, private=asked.get("visibility") == "private" or bool(asked.get("private")))
        return self._answer(200, {"url": url, "name": name, "id": name})

    def _store(self, sha256: str, body: bytes) -> None:
        if hashlib.sha256(body).hexdigest() != sha256:
            return self._refuse(400, "the content is not what was announced")
        self.hub.large[sha256] = body
        return self._answer(200, headers={"ETag": '"x"'})

    def _batch(self, asked: dict[str, Any]) -> None:
        objects = []
        for one in asked["objects"]:
            upload = {"actions": {"upload": {"href": f"{self.hub.url}/_large/{one['oid']}"}}}
            objects.append({"oid": one["oid"], "size": one["size"]} | ({} if one["oid"] in self.hub.large else upload))
        self._answer(200, {"transfer": "basic", "objects": objects}, headers={"Content-Type": "application/vnd.git-lfs+json"})

    def _in_repo(self, path: str, query: dict[str, str], body: bytes, known: bool) -> None:
        match = re.fullmatch(r"/api/(?:datasets|models)/([^/]+/[^/]+)(?:/(.*))?", path)
        match = match or re.fullmatch(r"/(?:datasets/)?([^/]+/[^/]+)/(resolve/.*)", path)
        if match is None:
            return self._refuse(404, "Not found")
        repo = self.hub.repos.get(match[1])
        if repo is None or (repo.private and not known):
            return self._refuse(404 if known else 401, "Repository not found", "RepoNotFound")
        act, _, rest = (match[2] or "revision").partition("/")
        if act == "resolve" and repo.name in self.hub.gated:
            return self._refuse(403 if known else 401, f"Access to model {repo.name} is restricted.", "GatedRepo")
        if self.command in ("POST", "PUT") and act != "paths-info" and not (known and self.hub.may_write):
            return self._refuse(403 if known else 401, "You have no write access to this repository.")
        handler = getattr(self, f"_{act.replace('-', '_')}", None)
        return handler(repo, rest, query, body) if handler else self._refuse(404, f"not here: {self.command} {path}")

    def _revision(self, repo: Repo, rest: str, query: dict[str, str], body: bytes) -> None:
        sha = repo.find(unquote(rest))
        if sha is None:
            return self._refuse(404, "Invalid rev id", "RevisionNotFound")
        told = {"_id": "1", "id": repo.name, "author": repo.name.split("/")[0], "sha": sha, "lastModified": DATE, "createdAt": DATE}
        told |= {"private": repo.private, "gated": False, "disabled": False, "downloads": 0, "likes": 0, "tags": []}
        return self._answer(200, told | {"siblings": [{"rfilename": name} for name in repo.commits[sha].files]})

    def _refs(self, repo: Repo, rest: str, query: dict[str, str], body: bytes) -> None:
        def named(kind: str, names: dict[str, str]) -> list[dict[str, str]]:
            return [{"name": name, "ref": f"refs/{kind}/{name}", "targetCommit": sha} for name, sha in names.items()]

        branches = {name: sha for name, sha in repo.refs.items() if not name.startswith("refs/")}
        self._answer(200, {"branches": named("heads", branches), "converts": [], "tags": named("tags", repo.tags), "pullRequests": []})

    def _tag(self, repo: Repo, rest: str, query: dict[str, str], body: bytes) -> None:
        asked, sha = json.loads(body), repo.find(unquote(rest))
        if sha is None:
            return self._refuse(404, "Invalid rev id", "RevisionNotFound")
        if asked["tag"] in repo.tags:
            return self._refuse(409, "Tag reference exists already")
        repo.tags[asked["tag"]] = sha
        return self._answer(200, {})

    def _commits(self, repo: Repo, rest: str, query: dict[str, str], body: bytes) -> None:
        sha, told = repo.find(unquote(rest)), []
        while sha:
            commit = repo.commits[sha]
            told.append({"id": sha, "title": commit.title, "message": "", "date": DATE, "authors": [{"user": self.hub.user}]})
            sha = commit.parent
        self._answer(200, told)

    def _preupload(self, repo: Repo, rest: str, query: dict[str, str], body: bytes) -> None:
        sha = repo.find(unquote(rest))
        if sha is None:
            return self._refuse(404, "Invalid rev id", "RevisionNotFound")
        there, told = repo.commits[sha].files, []
        for file in json.loads(body)["files"]:
            blob = there.get(file["path"])
            oid = None if blob is None else blob.sha256 or blob.oid
            mode = "lfs" if file["path"].endswith(LARGE) else "regular"
            told.append({"path": file["path"], "uploadMode": mode, "shouldIgnore": False, "oid": oid})
        return self._answer(200, {"commitOid": sha, "files": told})

    def _commit(self, repo: Repo, rest: str, query: dict[str, str], body: bytes) -> None:
        ref = unquote(rest)
        sha = repo.find(ref)
        lines = [json.loads(line) for line in body.splitlines() if line]
        header = lines[0]["value"]
        if sha is None:
            return self._refuse(404, "Invalid rev id", "RevisionNotFound")
        if header.get("parentCommit") and header["parentCommit"] != sha:
            return self._refuse(412, "A commit has happened since. Please refresh and try again.")
        files = dict(repo.commits[sha].files)
        for line in lines[1:]:
            problem = self._apply(files, line["key"], line["value"])
            if problem:
                return self._refuse(400, problem)
        extra = {}
        if query.get("create_pr"):
            number = self._request(repo, header["summary"], sha)
            ref = f"refs/pr/{number}"
            extra["pullRequestUrl"] = f"{self.hub.url}/datasets/{repo.name}/discussions/{number}"
        new = repo.commit(ref, files, header["summary"])
        url = f"{self.hub.url}/datasets/{repo.name}/commit/{new}"
        return self._answer(200, {"success": True, "commitUrl": url, "commitOid": new, "hookOutput": "", **extra})

    def _apply(self, files: dict[str, Blob], key: str, value: dict[str, Any]) -> str:
        if key == "file":
            files[value["path"]] = Blob(base64.b64decode(value["content"]))
        elif key == "lfsFile":
            if value["oid"] not in self.hub.large:
                return f"the large file {value['oid']} was not uploaded"
            files[value["path"]] = Blob(self.hub.large[value["oid"]], value["oid"])
        elif key == "deletedFile" and files.pop(value["path"], None) is None:
            return "A file with this name doesn't exist"
        return ""

    def _request(self, repo: Repo, title: str, sha: str) -> int:
        number = len(repo.requests) + 1
        repo.requests[number] = {"title": title, "status": "open", "base": sha}
        repo.refs[f"refs/pr/{number}"] = sha
        return number

    def _discussions(self, repo: Repo, rest: str, query: dict[str, str], body: bytes) -> None:
        if match := re.fullmatch(r"(\d+)/merge", rest):  # squashed: one commit on the branch
            number = int(match[1])
            request = repo.requests[number]
            if request["status"] != "open" or request["base"] != repo.refs["main"]:
                return self._refuse(409, "This pull request cannot be merged.")
            repo.commit("main", repo.commits[repo.refs[f"refs/pr/{number}"]].files, f"{request['title']} (#{number})")
            request["status"] = "merged"
            return self._answer(200, {})
        if match := re.fullmatch(r"(\d+)/status", rest):
            repo.requests[int(match[1])]["status"] = json.loads(body)["status"]
            event = {"id": "1", "type": "status-change", "createdAt": DATE, "author": {"name": self.hub.user}}
            return self._answer(200, {"newStatus": event | {"data": {"status": json.loads(body)["status"]}}})
        told = [self._details(repo, number) for number, one in repo.requests.items() if one["status"] == query.get("status", "open")]
        return self._answer(200, {"discussions": told, "count": len(told), "start": 0})

    def _details(self, repo: Repo, number: int) -> dict[str, Any]:
        one = repo.requests[number]
        told = {"num": number, "title": one["title"], "status": one["status"], "author": {"name": self.hub.user}, "createdAt": DATE}
        told |= {"isPullRequest": True, "repo": {"name": repo.name, "type": repo.kind}, "events": [], "filesWithConflicts": []}
        return told | {"changes": {"base": "refs/heads/main"}}

    def _tree(self, repo: Repo, rest: str, query: dict[str, str], body: bytes) -> None:
        revision, _, path = rest.partition("/")
        sha = repo.find(unquote(revision))
        if sha is None:
            return self._refuse(404, "Invalid rev id", "RevisionNotFound")
        files, within = repo.commits[sha].files, f"{unquote(path).rstrip('/')}/" if path else ""
        entries = [{"type": "directory", "path": folder, "oid": "0" * 40, "size": 0} for folder in _folders(files)]
        entries += [blob.entry(name) for name, blob in sorted(files.items())]
        if within and not any(entry["path"].startswith(within) for entry in entries):
            return self._refuse(404, "Not found", "EntryNotFound")
        deep = query.get("recursive", "").lower() in ("1", "true")
        wanted = [entry for entry in entries if entry["path"].startswith(within)]
        return self._answer(200, [entry for entry in wanted if deep or "/" not in entry["path"][len(within) :]])

    def _paths_info(self, repo: Repo, rest: str, query: dict[str, str], body: bytes) -> None:
        sha = repo.find(unquote(rest))
        is_json = self.headers.get("Content-Type", "").startswith("application/json")
        paths = json.loads(body)["paths"] if is_json else parse_qs(body.decode())["paths"]
        files = repo.commits[sha].files if sha else {}
        folders = set(_folders(files))
        told = [files[path].entry(path) for path in paths if path in files]
        told += [{"type": "directory", "path": path, "oid": "0" * 40, "size": 0} for path in paths if path in folders]
        self._answer(200, told)

    def _resolve(self, repo: Repo, rest: str, query: dict[str, str], body: bytes) -> None:
        revision, _, path = rest.partition("/")
        sha = repo.find(unquote(revision))
        if sha is None:
            return self._refuse(404, "Invalid rev id", "RevisionNotFound")
        blob = repo.commits[sha].files.get(unquote(path))
        if blob is None:
            return self._refuse(404, "Entry not found", "EntryNotFound")
        tag = f'"{blob.sha256 or blob.oid}"'
        headers = {"X-Repo-Commit": sha, "ETag": tag, "X-Linked-Etag": tag, "X-Linked-Size": str(len(blob.data))}
        headers |= {"Accept-Ranges": "bytes", "Content-Type": "application/octet-stream"}
        asked = re.match(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if asked is None or self.command != "GET":
            return self._answer(200, raw=blob.data, headers=headers)
        start, end = int(asked[1]), min(int(asked[2] or len(blob.data) - 1), len(blob.data) - 1)
        headers["Content-Range"] = f"bytes {start}-{end}/{len(blob.data)}"
        return self._answer(206, raw=blob.data[start : end + 1], headers=headers)


def _folders(files: dict[str, Blob]) -> list[str]:
    return sorted({"/".join(name.split("/")[:depth]) for name in files for depth in range(1, name.count("/") + 1)})
