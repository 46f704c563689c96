"""Rows made ready for a trainer: ids and labels by the renderer, what is wrong with a row said before anything is trained.

Nothing is cut: a row that is too long is refused with its length. Each row also knows where its calls stand, for the
measure of exact calls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gen.conversation import Conversation, Message
from gen.errors import BadInput
from gen.rendering.batch import Batch, Refused, RenderedRow
from gen.rendering.spans import Span, text_of
from gen.rendering.template import Template
from gen.rendering.tokens import UNTRAINED, Encoder

NAMED = 10
"""Rows that an error names."""


@dataclass(frozen=True, slots=True)
class Example:
    """A row for the trainer: its ids, their labels, and the places (start, end) of what it calls, the mark before left out."""

    id: str
    input_ids: NDArray[np.int32]
    labels: NDArray[np.int32]
    calls: tuple[tuple[int, int], ...] = ()

    @property
    def trained(self) -> int:
        """How many of its tokens are learned."""
        return int((self.labels[1:] != UNTRAINED).sum())


@dataclass(frozen=True, slots=True)
class Prepared:
    """Rows that can be trained on, and those that cannot."""

    examples: tuple[Example, ...]
    refused: tuple[Refused, ...]

    def require_all(self) -> None:
        """Raises BadInput, naming rows and lengths, where one was refused."""
        if not self.refused:
            return
        named = [f"{one.id}: {one.finding.message}" for one in self.refused[:NAMED]]
        more = len(self.refused) - len(named)
        raise BadInput(
            f"{len(self.refused):,} rows cannot be trained on:\n    " + "\n    ".join(named) + (f"\n    and {more:,} more" if more else ""),
            hint="--max-length allows longer rows; --skip-bad leaves such rows out, and lists them in rejected.jsonl",
        )


class Preparer:
    """Makes rows ready for one tokenizer and template."""

    def __init__(self, tokenizer: Any, template: Template, max_length: int) -> None:
        self._encoder = Encoder(tokenizer, template)
        self._template, self._limit = template, max_length
        self._bos = tokenizer.bos_token_id
        self._vocabulary = len(tokenizer)

    def prepare(self, rows: Iterable[Conversation], told: Callable[[], None] = lambda: None) -> Prepared:
        """All of these rows; ``told`` is called after each. Raises BadInput for a row that the renderer should not have made."""
        batch = Batch(self._template, encoder=self._encoder, max_tokens=self._limit)
        examples = []
        for row in rows:
            ready = batch.one(row)
            if isinstance(ready, RenderedRow):
                examples.append(self._example(row, ready))
            told()
        return Prepared(tuple(examples), tuple(batch.refused))

    def _example(self, row: Conversation, ready: RenderedRow) -> Example:
        assert ready.encoded is not None
        ids = np.asarray(ready.encoded.input_ids, dtype=np.int32)
        labels = np.asarray(ready.encoded.labels, dtype=np.int32)
        example = Example(ready.id, ids, labels, tuple(self._calls(row, ready.spans)))
        problem = self._problem(example, ready.spans)
        if problem:
            raise BadInput(problem, where=f"row {ready.id}")
        return example

    def _problem(self, example: Example, spans: tuple[Span, ...]) -> str:
        if not example.trained:
            return "no token of the row is trained: it would teach nothing"
        if self._bos is not None and (count := int((example.input_ids == self._bos).sum())) > 1:
            return f"the row has {count} tokens that begin a text, and a model only ever sees one"
        unknown = [span.text for span in spans if span.control and span.text not in self._template.control_tokens]
        if unknown:
            return f"{unknown[0]} is no control token of {self._template.name!r}"
        if int(example.input_ids.max()) >= self._vocabulary:
            return f"the id {int(example.input_ids.max())} is beyond the tokenizer's {self._vocabulary:,}"
        return ""

    def _calls(self, row: Conversation, spans: tuple[Span, ...]) -> Iterator[tuple[int, int]]:
        """Where each trained message says its calls: from behind the mark that begins them to the end of the turn.

        The mark itself is not judged: where a model may also think first, either is right.
        """
        for first, last in call_spans(row, spans):
            begins = first + 1 if spans[first].control else first
            start, end = (len(self._encoder.encode(spans[:place]).input_ids) for place in (begins, last))
            if start < end:
                yield start, end


def call_spans(row: Conversation, spans: tuple[Span, ...]) -> Iterator[tuple[int, int]]:
    """The spans (first, last + 1) of each trained message with calls, thoughts and words before them left out."""
    turns = list(_trained_runs(spans))
    for message in row.messages:
        if message.role != "assistant" or not message.tool_calls:
            continue
        for place, (first, last) in enumerate(turns):
            start = _call_start(message, spans, first, last)
            if start is not None:
                yield start, last
                turns = turns[place + 1 :]
                break


def _trained_runs(spans: tuple[Span, ...]) -> Iterator[tuple[int, int]]:
    for trained, run in groupby(range(len(spans)), key=lambda number: spans[number].trained):
        places = list(run)
        if trained:
            yield places[0], places[-1] + 1


def _call_start(message: Message, spans: tuple[Span, ...], first: int, last: int) -> int | None:
    """The span with which the message's first call begins in a trained run; None where the run does not hold it."""
    text = text_of(spans[first:last])
    after = 0
    for said in (message.reasoning_content, message.content):
        if said and (found := text.find(said, after)) >= 0:
            after = found + len(said)
    name = text.find(message.tool_calls[0].name, after)
    if name < 0:
        return None
    start, length = first, 0
    for number in range(first, last):
        if length > name:
            break
        if spans[number].control and length >= after:
            start = number
        length += len(spans[number].text)
    return start
