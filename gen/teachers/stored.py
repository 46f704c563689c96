"""A completion as the store keeps it: its request's address, where it belongs, and what came back. As a value, and as a line.

A line is one JSON text. Its first key is a checksum of all that follows, its second the address, at a fixed place, so that a
folder is opened without parsing what it holds.

The prompt is not kept. Whoever replays a run makes every request again, from the recipe, the dice and the completions before it,
and arrives at the same address; where something that decides the request has changed, so has the address, and nothing is found
that answers another question. Prompts are what grows with the square of a conversation's length: they would be most of the store.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from sys import intern
from typing import Any
from zlib import crc32

import orjson

from gen.conversation import JsonObject
from gen.errors import BadInput
from gen.teachers.request import Completion

_BEGIN = b'{"sum":"%08x",'
_SUMMED = slice(18, None)
_ADDRESS = slice(29, 93)
_RUN = 102


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """Where a completion belongs: the try ``retry`` at a turn of a role (user, assistant, judge), in an attempt at a slot."""

    slot: int
    attempt: int
    turn: int
    role: str
    retry: int = 0


@dataclass(frozen=True, slots=True)
class Stored:
    """A completion that is kept.

    Attributes:
        address: of its request, 64 hexadecimal digits.
        run: the digest of the corpus that asked for it; "" where that is not known.
        key: where it belongs in that corpus.
        model: who said it.
    """

    address: str
    run: str
    key: Key
    model: str
    completion: Completion

    def order(self) -> tuple[Key, str, str]:
        """By what stored completions are sorted: their place in the corpus; then what tells apart those that share one."""
        return self.key, self.address, self.run

    def to_wire(self) -> JsonObject:
        """Flat, as in lines and sealed files."""
        key, said = self.key, self.completion
        return {  # key by key: ``asdict`` would take most of the time of a ``put``
            "address": self.address,
            "run": self.run,
            "slot": key.slot,
            "attempt": key.attempt,
            "turn": key.turn,
            "role": key.role,
            "retry": key.retry,
            "model": self.model,
            "text": said.text,
            "finish": said.finish,
            "tokens_in": said.tokens_in,
            "tokens_out": said.tokens_out,
            "tokens_cached": said.tokens_cached,
            "seconds": said.seconds,
        }

    @classmethod
    def from_wire(cls, wire: JsonObject) -> Stored:
        key = Key(wire["slot"], wire["attempt"], wire["turn"], intern(wire["role"]), wire["retry"])
        return cls(
            wire["address"],
            intern(wire["run"]),  # a million completions of one run share its digest
            key,
            intern(wire["model"]),
            Completion(wire["text"], wire["finish"], wire["tokens_in"], wire["tokens_out"], wire["tokens_cached"], wire["seconds"]),
        )


def storable(completion: Completion) -> Completion:
    """The completion as it can be kept. A server may send half of a surrogate pair, which no UTF-8 can hold: it becomes U+FFFD."""
    try:
        completion.text.encode()
    except UnicodeEncodeError:
        text = completion.text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return replace(completion, text=text)
    return completion


def to_line(stored: Stored) -> bytes:
    """The line of a completion, with its line feed."""
    body = orjson.dumps(stored.to_wire())[1:]
    return _BEGIN % crc32(body) + body + b"\n"


def is_whole(line: bytes) -> bool:
    """Whether a line, without its line feed, is as it was written."""
    return line.startswith(_BEGIN % crc32(line[_SUMMED]))


def address_in(line: bytes) -> bytes:
    """The address in a whole line, as 32 bytes."""
    return bytes.fromhex(line[_ADDRESS].decode())


def is_of(line: bytes, run: str) -> bool:
    """Whether the completion of a whole line was asked for by this run."""
    return line.startswith(f'{run}"'.encode(), _RUN)


def from_line(line: bytes, where: str) -> Stored:
    """The completion of a line. Raises BadInput, with the place, where the line is not as it was written."""
    if not is_whole(line):
        raise damaged(where)
    wire: Any = orjson.loads(line)
    try:
        return Stored.from_wire(wire)
    except KeyError as error:
        raise BadInput(f"the completion has no {error.args[0]!r}: another version of fcgen wrote it", where=where) from error


def damaged(where: str) -> BadInput:
    """The error for a completion that is not as it was written."""
    return BadInput(
        "this completion is not as it was written: its checksum differs",
        where=where,
        hint="take the file from a backup; or delete this line, and its completion is asked for, and paid for, again",
    )
