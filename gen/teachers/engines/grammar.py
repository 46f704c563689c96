"""A turn held to its schema: which tokens may come next, and how it ends in time.

A schema is tightened and compiled once (llguidance); each request has a matcher of its own. The long texts of a turn stand
outside the counted grammar, whose masks would cost a hundred times as much: their characters are counted here. When a text
reaches its bound, or the completion's tokens run out, the tokens that lead to the end are taken instead of those that were
drawn: whatever a model says, the text is whole and fits.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from gen.conversation import JsonObject
from gen.errors import BadInput, OutsideFailed, missing_extra
from gen.teachers.engines.room import Room
from gen.teachers.tighten import stepped, tighten
from gen.tools.validation import schema_text

KEPT = 256
"""Compiled schemas kept: as many sets of tools as conversations that run at a time, on most machines."""

LONGEST_COUNTED = 200
"""In characters: strings that may be longer are counted here and not by the grammar, or cut to this where they lie deeper."""

SLACK = 8
"""Tokens and characters spared: half a character or escape that has to be finished before a text can end."""

_STYLE = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": ", "lenient": True}
_FREE = r'/"([^"\\\x00-\x1f\x7f]|\\["\\\/bfnrt])*"/'


@dataclass(frozen=True, slots=True)
class Compiled:
    """A schema as an engine holds a completion to it.

    Attributes:
        matcher: at its start; requests take copies.
        limits: the free texts of the turn and how many characters they may have.
        room: the tokens that must be left when the completion is led to its end.
        behind: those that must be left inside of each free text.
    """

    matcher: Any
    limits: dict[str, int]
    room: int
    behind: dict[str, int]


class Grammars:
    """The grammars of one tokenizer.

    Args:
        tokenizer: of transformers, a fast one.
        vocabulary: how many tokens the model chooses from.
        ends: the tokens that end a turn.
    """

    def __init__(self, tokenizer: Any, vocabulary: int, ends: list[int]) -> None:
        try:
            import llguidance
            from llguidance.hf import from_tokenizer
        except ModuleNotFoundError as error:
            raise missing_extra("llguidance", "gpu", "a model that is held to the tools' schemas") from error
        try:
            self._tokens = from_tokenizer(tokenizer, n_vocab=max(vocabulary, len(tokenizer)), eos_token=ends)
        except ValueError as error:
            raise BadInput(f"the tokenizer cannot be used: {error}", hint="a model with a fast tokenizer (tokenizer.json)") from error
        self._library = llguidance
        self.executor = llguidance.LLExecutor()
        """Computes the masks of many matchers on all cores, without Python's lock."""
        self._compiled: OrderedDict[str, Compiled] = OrderedDict()
        self.pieces = [b"" if self._tokens.is_special_token(token) else self._tokens.decode_bytes([token]) for token in range(vocabulary)]
        self.single = {piece: token for token, piece in reversed(list(enumerate(self.pieces))) if len(piece) == 1}
        for mark in (b'"', b"}", b"]", b",", b"{", b"["):
            self.single[mark] = next(iter(found)) if len(found := self._tokens.tokenize_bytes(mark)) == 1 else self.single[mark]
        self._short_first = sorted((token for token, piece in enumerate(self.pieces) if piece), key=lambda token: len(self.pieces[token]))

    def constraint(self, schema: JsonObject, max_tokens: int) -> Constraint:
        """What holds one completion to this schema. Raises BadInput where it cannot end within so many tokens."""
        compiled = self.compiled(schema)
        if max_tokens <= compiled.room:
            raise BadInput(
                f"max_tokens is {max_tokens}: a turn that fits this schema may need {compiled.room} to come to its end",
                hint=f"raise max_tokens to {2 * compiled.room} or more, or offer fewer or simpler tools",
            )
        return Constraint(self, compiled, max_tokens)

    def compiled(self, schema: JsonObject) -> Compiled:
        key = schema_text(schema)
        if key not in self._compiled:
            self._compiled[key] = self._compile(stepped(tighten(schema).schema))
            if len(self._compiled) > KEPT:
                self._compiled.popitem(last=False)
        self._compiled.move_to_end(key)
        return self._compiled[key]

    def _compile(self, schema: JsonObject) -> Compiled:
        schema, limits = _shortened(schema)
        matcher = self._library.LLMatcher(self._tokens, _grammar(schema, limits), log_level=0)
        if matcher.is_error():
            raise BadInput(f"the grammar engine refuses this schema: {matcher.get_error().splitlines()[0]}")
        room = Room(schema, lambda text: len(self._tokens.tokenize_str(text)))
        behind = {name: SLACK + room.behind(schema, name) for name in limits}
        return Compiled(matcher, limits, SLACK + room.rest(schema), behind)

    def shortest(self, matcher: Any) -> int:
        """Of the tokens that may come next, one that says little. Some token where there is none: the matcher has failed then."""
        bits = matcher.compute_bitmask()
        return next((token for token in self._short_first if bits[token >> 3] >> (token & 7) & 1), self._short_first[0])


class Constraint:
    """One completion on its way: its matcher, what was written, and where in it we are."""

    def __init__(self, grammars: Grammars, compiled: Compiled, max_tokens: int) -> None:
        self.matcher = compiled.matcher.deep_copy()
        self.cut = False
        """Whether something else was written than the model chose, for want of tokens."""
        self._grammars = grammars
        self._compiled = compiled
        self._left = max_tokens
        self._place = Place(compiled.limits)
        self._written: list[bytes] = []

    @property
    def done(self) -> bool:
        """Whether the text is whole."""
        return bool(self.matcher.is_stopped())

    @property
    def text(self) -> str:
        return b"".join(self._written).decode()

    def take(self, drawn: int) -> int:
        """The token that is taken: what was drawn, or what leads to the end."""
        piece = self._grammars.pieces[drawn]
        ending = self._ends(piece)
        token = self._ending() if ending or self._place.overflows(piece) else drawn
        taken = self._grammars.pieces[token]
        self.cut = self.cut or (ending and not piece.startswith(taken) and not taken.startswith(piece))
        if not self.matcher.consume_token(token):
            raise OutsideFailed(f"the grammar engine gave up: {self.matcher.get_error().splitlines()[0]}", hint="simpler schemas of tools")
        self._left -= 1
        self._place.read(taken)
        self._written.append(taken)
        return token

    def _ends(self, piece: bytes) -> bool:
        """Whether it is time to end. A free text may go on nearly to the last token, but may not end in the middle of one:
        what comes behind it may need more than is left."""
        if self._left > self._compiled.room:
            return False
        free = self._place.free
        return free is None or self._left <= self._compiled.behind[free] or b'"' in piece

    def _ending(self) -> int:
        """The token that comes nearest to the end: a closing mark, what is forced anyway, or something short."""
        for mark in (b'"',) if self._place.in_string else (b"}", b"]", b",", b'"'):
            token = self._grammars.single[mark]
            if not self._place.escaped and self.matcher.validate_tokens([token]) == 1:
                return token
        forced = self.matcher.compute_ff_tokens()
        return int(forced[0]) if forced else self._grammars.shortest(self.matcher)


class Place:
    """Where in a JSON text its last byte stands: in a string, in an escape, in which free text of the root and how far."""

    __slots__ = ("_depth", "_key", "_limits", "_room", "_value", "escaped", "in_string")

    def __init__(self, limits: dict[str, int]) -> None:
        self._limits = {name.encode(): limit for name, limit in limits.items()}
        self._depth = 0
        self._key = bytearray()
        self._value = False
        self._room: int | None = None
        self.in_string = False
        self.escaped = False

    @property
    def free(self) -> str | None:
        """The free text that we are in."""
        return None if self._room is None else self._key.decode()

    def overflows(self, piece: bytes) -> bool:
        """Whether these bytes would make a free text longer than it may be."""
        if self._room is None:
            return False
        return characters(piece.split(b'"')[0]) > self._room

    def read(self, piece: bytes) -> None:
        for byte in piece:
            if self.in_string:
                self._inside(byte)
            else:
                self._outside(byte)

    def _inside(self, byte: int) -> None:
        if self.escaped:
            self.escaped = False
        elif byte == 0x5C:
            self.escaped = True
        elif byte == 0x22:
            self.in_string, self._room = False, None
            return
        if self._room is not None:
            self._room -= byte & 0xC0 != 0x80
        elif self._depth == 1 and not self._value:
            self._key.append(byte)

    def _outside(self, byte: int) -> None:
        if byte == 0x22:
            self.in_string = True
            if self._depth == 1 and self._value:
                limit = self._limits.get(bytes(self._key))
                self._room = None if limit is None else limit - SLACK
            elif self._depth == 1:
                self._key.clear()
        elif byte in b"{[":
            self._depth += 1
        elif byte in b"}]":
            self._depth -= 1
        elif self._depth == 1 and byte in b":,":
            self._value = byte == 0x3A


def characters(piece: bytes) -> int:
    """The characters that begin in these bytes."""
    return sum([byte & 0xC0 != 0x80 for byte in piece])


def _shortened(schema: JsonObject) -> tuple[JsonObject, dict[str, int]]:
    """The schema with no string longer than the grammar should count, and the texts at its root that are counted outside."""
    properties = schema.get("properties", {})
    in_order = schema.get("type") == "object" and bool(properties) and set(schema.get("required", ())) == set(properties)
    limits = {name: part["maxLength"] for name, part in properties.items() if in_order and _is_free(part)}
    shorter = {name: part if name in limits else _capped(part) for name, part in properties.items()}
    rest = {key: value if key == "properties" else _capped(value) for key, value in schema.items()}
    return (rest | {"properties": shorter} if properties else rest), limits


def _is_free(schema: Any) -> bool:
    plain = isinstance(schema, dict) and schema.get("type") == "string" and not {"pattern", "minLength"} & schema.keys()
    return plain and schema["maxLength"] > LONGEST_COUNTED


def _capped(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_capped(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    capped = {key: value if key in ("const", "enum") else _capped(value) for key, value in schema.items()}
    if schema.get("type") == "string" and isinstance(schema.get("maxLength"), int):
        capped["maxLength"] = min(schema["maxLength"], max(LONGEST_COUNTED, schema.get("minLength", 0)))
    return capped


def _grammar(schema: JsonObject, limits: dict[str, int]) -> str:
    """As llguidance reads it: the properties of the root one after another, free texts as plain strings, the rest by its schema."""
    if not limits:
        return f"%llguidance {{}}\nstart: %json {_json(schema)}\n"
    shared = {"$defs": schema["$defs"]} if "$defs" in schema else {}
    parts: list[str] = []
    rules: list[str] = [f"FREE: {_FREE}"]
    for number, (name, part) in enumerate(schema["properties"].items()):
        before = ("{" if number == 0 else ", ") + json.dumps(name, ensure_ascii=False) + ": "
        parts += [json.dumps(before, ensure_ascii=False), "FREE" if name in limits else f"p{number}"]
        if name not in limits:
            rules.append(f"p{number}: %json {_json({**part, **shared} if isinstance(part, dict) else part)}")
    return "\n".join(["%llguidance {}", f'start: {" ".join(parts)} "}}"', *rules, ""])


def _json(schema: Any) -> str:
    return json.dumps({**schema, "x-guidance": _STYLE} if isinstance(schema, dict) else schema)
