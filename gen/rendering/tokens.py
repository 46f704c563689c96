"""Spans to token ids and labels, with a tokenizer that someone else loaded.

Text is encoded by a copy of the tokenizer that knows no added tokens, so nothing that a user, a tool or a model wrote can
become one; control tokens are put in by id. Ids and labels come from the same spans. transformers is not imported: any
object with the ``backend_tokenizer`` of a fast tokenizer will do.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from gen.errors import BadInput
from gen.rendering.cutting import cutter
from gen.rendering.spans import Span, runs
from gen.rendering.template import Template

UNTRAINED = -100
"""The label that PyTorch's cross entropy ignores."""

REMEMBERED = 4096
"""Pieces of texts whose ids are kept at most."""

SHORT = 200
"""Characters below which a text is kept like a piece: formats that put tokens around every string of a tool have many such."""


class Encoding(Protocol):
    """An encoded text, as the tokenizers library returns it."""

    @property
    def ids(self) -> list[int]: ...

    @property
    def offsets(self) -> list[tuple[int, int]]: ...


class Backend(Protocol):
    """The part of ``tokenizers.Tokenizer`` that is used here."""

    def to_str(self) -> str: ...

    def token_to_id(self, token: str) -> int | None: ...

    def id_to_token(self, id: int) -> str | None: ...

    def decode(self, ids: Sequence[int], skip_special_tokens: bool = True) -> str: ...

    def encode(self, sequence: Any, *, add_special_tokens: bool) -> Encoding: ...

    def encode_batch_fast(self, input: Any, *, add_special_tokens: bool) -> Sequence[Encoding]: ...


class FastTokenizer(Protocol):
    """A transformers fast tokenizer."""

    @property
    def backend_tokenizer(self) -> Any: ...

    def save_pretrained(self, save_directory: Path, /) -> Any: ...


@dataclass(frozen=True, slots=True)
class Encoded:
    """One row for a trainer: as many labels as ids; a label is its id, or ``UNTRAINED``."""

    input_ids: list[int]
    labels: list[int]


class Encoder:
    """Encodes a template's spans with one tokenizer. Making it costs a copy of the tokenizer, so make it once.

    Raises:
        BadInput: the tokenizer is no fast one, or lacks control tokens of the template; the error lists them.
    """

    def __init__(self, tokenizer: FastTokenizer, template: Template) -> None:
        backend = backend_of(tokenizer)
        self._control = control_ids(backend, template)
        described, special = text_only(backend)
        self._text = tokenizer_of(described)
        self._reserved = special.union(self._control.values())
        self._cut = cutter(described, lambda text: self._text.encode(text, add_special_tokens=False).ids)
        self._known: dict[str, list[int]] = {}

    def encode(self, spans: Iterable[Span]) -> Encoded:
        """Ids and labels. Nothing is cut, and nothing but the spans is added: no ``<bos>`` of the tokenizer's own.

        No token reaches over the place where training starts or ends, just as none does when a model goes on from a prompt.
        """
        pieces = list(runs(spans))
        texts = iter(self._encode_texts([piece.text for piece in pieces if not piece.control]))
        input_ids: list[int] = []
        labels: list[int] = []
        for piece in pieces:
            ids = [self._control[piece.text]] if piece.control else next(texts)
            input_ids += ids
            labels += ids if piece.trained else [UNTRAINED] * len(ids)
        return Encoded(input_ids, labels)

    def _encode_texts(self, texts: list[str]) -> list[list[int]]:
        """The ids of each text. Short texts and the pieces of long ones are remembered: tools come back."""
        cuts = [self._cut(text) for text in texts]
        kept = [len(pieces) > 1 or len(pieces[0]) < SHORT for pieces in cuts]
        self._learn([piece for pieces, keep in zip(cuts, kept, strict=True) if keep for piece in pieces])
        whole = iter(self._encode_pieces([text for text, keep in zip(texts, kept, strict=True) if not keep]))
        return [
            [one for piece in pieces for one in self._known[piece]] if keep else next(whole)
            for pieces, keep in zip(cuts, kept, strict=True)
        ]

    def _learn(self, pieces: list[str]) -> None:
        if len(self._known) + len(pieces) > REMEMBERED:
            self._known.clear()
        new = [piece for piece in dict.fromkeys(pieces) if piece not in self._known]
        if new:
            self._known.update(zip(new, self._encode_pieces(new), strict=True))

    def _encode_pieces(self, texts: list[str]) -> list[list[int]]:
        encodings = self._text.encode_batch_fast(texts, add_special_tokens=False)
        return [
            ids if self._reserved.isdisjoint(ids := encoding.ids) else self._spelled_out(text)
            for text, encoding in zip(texts, encodings, strict=True)
        ]

    def _spelled_out(self, text: str) -> list[int]:
        """The ids of a text that the tokenizer's own merges would turn into a control token: cut inside each such place."""
        encoding = self._text.encode(text, add_special_tokens=False)
        for token, (start, end) in zip(encoding.ids, encoding.offsets, strict=True):
            if token in self._reserved:
                if end - start < 2:
                    raise BadInput(f"the tokenizer turns the text {text[start:end]!r} into a control token", hint="use another tokenizer")
                return self._spelled_out(text[: start + 1]) + self._spelled_out(text[start + 1 :])
        return encoding.ids


def backend_of(tokenizer: FastTokenizer) -> Backend:
    """The part of a tokenizer that encodes and decodes. Raises BadInput where it is no fast one."""
    backend: Backend | None = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise BadInput(f"{type(tokenizer).__name__} is not a fast tokenizer", allowed="one with a tokenizer.json")
    return backend


def control_ids(backend: Backend, template: Template) -> dict[str, int]:
    """The id of each control token. Raises BadInput naming those that the tokenizer lacks."""
    found = {token: backend.token_to_id(token) for token in template.control_tokens}
    missing = [token for token, number in found.items() if number is None]
    if missing:
        raise BadInput(
            f"the tokenizer lacks control tokens of the template {template.name!r}: {' '.join(missing)}",
            hint="fcgen train adds them to the tokenizer and learns their embeddings",
        )
    return {token: number for token, number in found.items() if number is not None}


def text_only(backend: Backend) -> tuple[dict[str, Any], frozenset[int]]:
    """The description of the tokenizer without its added tokens, and the ids of those that are special."""
    described: dict[str, Any] = json.loads(backend.to_str())
    unknown = described["model"].get("unk_token")
    special = frozenset(token["id"] for token in described["added_tokens"] if token["special"] and token["content"] != unknown)
    for step in ("normalizer", "pre_tokenizer"):
        described[step] = _without_prefix(described[step])
    # a post-processor would add <bos>, truncation would cut; neither may touch a piece of a conversation
    return described | {"added_tokens": [], "post_processor": None, "truncation": None, "padding": None}, special


def _without_prefix(step: dict[str, Any] | None) -> dict[str, Any] | None:
    """A normalizer or pre-tokenizer that puts no space of its own before a text (SentencePiece's dummy prefix).

    A piece of a conversation begins in its middle, and a template says the space itself where its format has one.
    """
    if step is None or step["type"] == "Prepend":
        return None
    for inner in ("normalizers", "pretokenizers"):
        if step["type"] == "Sequence" and inner in step:
            return step | {inner: [kept for one in step[inner] if (kept := _without_prefix(one)) is not None]}
    if step["type"] == "Metaspace":
        return step | {"prepend_scheme": "never"}
    return step | {"add_prefix_space": False} if "add_prefix_space" in step else step


def tokenizer_of(described: dict[str, Any]) -> Backend:
    """The tokenizer that a description describes."""
    from tokenizers import Tokenizer

    made: Backend = Tokenizer.from_str(json.dumps(described))
    return made
