"""The names of teachers: ``simulator``, ``local:<model>``, ``vllm:<model>``, ``server:<address>#<model>``."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from gen.errors import BadInput, did_you_mean

SIMULATOR = "simulator"
KINDS = ("local", "vllm", "server")
ALLOWED = "simulator, local:MODEL, vllm:MODEL, server:http://HOST:PORT/v1#MODEL"


@dataclass(frozen=True, slots=True)
class TeacherName:
    """A teacher: its kind, its model and, of a server, the address of its API (without the path of an endpoint)."""

    kind: str
    model: str = ""
    address: str = ""

    def __str__(self) -> str:
        """As rows and manifests name it: without the address, which is no part of what was made."""
        return f"{self.kind}:{self.model}" if self.model else self.kind


def teacher_name(text: str, *, where: str = "") -> TeacherName:
    """Parse the name of a teacher. Raises BadInput with what is allowed.

    ``server:MODEL`` is what corpora say of the server that made them: it can be replayed, and not be asked.
    """
    if text == SIMULATOR:
        return TeacherName(SIMULATOR)
    kind, colon, rest = text.partition(":")
    if not colon or kind not in KINDS:
        near = did_you_mean(kind, (SIMULATOR, *KINDS))
        raise BadInput(f"unknown teacher {text!r}", where=where, allowed=ALLOWED, hint=near)
    if kind != "server":
        if not rest:
            raise BadInput(f"{text!r} names no model", where=where, allowed=f"{kind}:MODEL, such as {kind}:google/gemma-3-27b-it")
        return TeacherName(kind, rest)
    if rest and "://" not in rest and "#" not in rest:
        return TeacherName(kind, rest)
    address, _, model = rest.partition("#")
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadInput(f"{address!r} is no address of a server", where=where, allowed="server:http://HOST:PORT/v1#MODEL")
    if parts.username or parts.password:
        raise BadInput(
            "an address holds no key: it would end in logs and manifests", where=where, hint="export FCGEN_API_KEY (or OPENAI_API_KEY)"
        )
    if not model:
        raise BadInput(
            f"{text!r} names no model", where=where, allowed=f"server:{address}#MODEL", hint=f"curl {address.rstrip('/')}/models lists them"
        )
    return TeacherName(kind, model, address.rstrip("/"))
