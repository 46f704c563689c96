"""A strict cursor over a rendered conversation, with which a template's ``parse`` reads it back.

It knows control tokens, text and JSON, and says where something else stands than must; it knows no template. Nothing is
ever evaluated, guessed or repaired.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import NoReturn

from gen.canonical import STRICT_JSON
from gen.conversation import Json
from gen.errors import BadInput
from gen.rendering.spans import Span, own_spans, text_of

SHOWN = 40
"""Characters of the offending place that an error shows."""


class Reader:
    """The spans of one conversation, read from left to right.

    ``trained`` tells whether the control token read last is trained.
    """

    def __init__(self, spans: Iterable[Span]) -> None:
        self._pieces = _joined(spans)
        self._next = 0
        self._offset = 0
        self.trained = False

    def at_end(self) -> bool:
        return self._next == len(self._pieces)

    def sees(self, token: str) -> bool:
        """Whether the next thing is this control token."""
        return not self.at_end() and self._pieces[self._next].control and self._pieces[self._next].text == token

    def control(self, token: str) -> None:
        """Reads this control token. Raises BadInput where something else stands."""
        if not self.sees(token):
            self.fail(f"expected {token}, found {self._found()}")
        self.trained = self._pieces[self._next].trained
        self._advance()

    def text(self) -> str:
        """Reads text up to the next control token or the end; empty where none stands here."""
        if self.at_end() or self._pieces[self._next].control:
            return ""
        return self._advance().text

    def word(self, *words: str) -> str:
        """Reads one of these words, the start of a text. Raises BadInput where something else stands."""
        piece = Span("", control=False, trained=False) if self.at_end() else self._pieces[self._next]
        found = next((word for word in words if not piece.control and piece.text.startswith(word)), None)
        if found is None:
            self.fail(f"expected {' or '.join(map(repr, words))}, found {self._found()}")
        self._consume(found)
        return found

    def own(self, words: str, tokens: tuple[str, ...]) -> None:
        """Reads a template's own words, in which these control literals are tokens. Raises BadInput where something else stands."""
        for span in own_spans(words, tokens):
            if span.control:
                self.control(span.text)
            else:
                self.word(span.text)

    def sees_word(self, word: str) -> bool:
        """Whether the text that comes next begins with this word."""
        return not self.at_end() and not self._pieces[self._next].control and self._pieces[self._next].text.startswith(word)

    def text_holds(self, mark: str) -> bool:
        """Whether this mark stands in the text before the next control token."""
        return not self.at_end() and not self._pieces[self._next].control and mark in self._pieces[self._next].text

    def until(self, mark: str) -> str:
        """Reads text up to this mark, and the mark. Raises BadInput where it is not in the text before the next control token."""
        text = "" if self.at_end() or self._pieces[self._next].control else self._pieces[self._next].text
        before, found, _ = text.partition(mark)
        if not found:
            self.fail(f"expected {mark!r}, found {self._found()}")
        self._consume(before + mark)
        return before

    def until_last(self, mark: str) -> str:
        """Reads text up to the last such mark before the next control token, and the mark. Raises BadInput where none is there."""
        text = "" if self.at_end() or self._pieces[self._next].control else self._pieces[self._next].text
        before, found, _ = text.rpartition(mark)
        if not found:
            self.fail(f"expected {mark!r}, found {self._found()}")
        self._consume(before + mark)
        return before

    def line_before(self, token: str) -> str:
        """Reads text that a newline parts from this control token, and the newline. Raises BadInput for anything else."""
        text = self.text()
        if not (text.endswith("\n") and self.sees(token)):
            self.fail(f"expected a newline and {token}, found {self._found()}")
        return text[:-1]

    def comes_to(self, token: str) -> bool:
        """Whether the next control token, with or without text before it, is this one."""
        rest = self._pieces[self._next : self._next + 2]
        return next((piece.text for piece in rest if piece.control), None) == token

    def json_value(self) -> Json:
        """Reads one JSON value at the beginning of a text, and leaves what follows it. Raises BadInput for anything else."""
        start = self._offset
        text = "" if self.at_end() or self._pieces[self._next].control else self._pieces[self._next].text
        try:
            value, end = STRICT_JSON.raw_decode(text)
        except (ValueError, RecursionError) as error:
            raise BadInput(f"this is not JSON: {_shown(text)}: {error}", where=f"character {start}") from error
        self._consume(text[:end])
        return value

    def json(self) -> Json:
        """Reads text that is one JSON value. Raises BadInput for anything else, duplicate keys and NaN too."""
        start, text = self._offset, self.text()
        try:
            return STRICT_JSON.decode(text)
        except (ValueError, RecursionError) as error:
            raise BadInput(f"this is not JSON: {_shown(text)}: {error}", where=f"character {start}") from error

    def fail(self, what: str) -> NoReturn:
        """Raises BadInput with the place that the reader has come to."""
        raise BadInput(what, where=f"character {self._offset}")

    def _found(self) -> str:
        if self.at_end():
            return "the end"
        piece = self._pieces[self._next]
        return f"the control token {piece.text}" if piece.control else f"the text {_shown(piece.text)}"

    def _advance(self) -> Span:
        piece = self._pieces[self._next]
        self._next += 1
        self._offset += len(piece.text)
        return piece

    def _consume(self, word: str) -> None:
        piece = self._pieces[self._next]
        if piece.text == word:
            self._advance()
            return
        self._pieces[self._next] = Span(piece.text[len(word) :], control=False, trained=piece.trained)
        self._offset += len(word)


def _joined(spans: Iterable[Span]) -> list[Span]:
    """Control tokens as they are, neighbouring texts as one, empty texts gone."""
    pieces: list[Span] = []
    for control, run in groupby(spans, key=lambda span: span.control):
        if control:
            pieces += run
        elif text := text_of(run):
            pieces.append(Span(text, control=False, trained=False))
    return pieces


def _shown(text: str) -> str:
    return repr(text if len(text) <= SHOWN else text[:SHOWN] + "…")
