"""The notation of one phrase, parsed into functions that say it: alternatives, values, rules, singular and plural.

    {a|b|}        one of these, possibly nothing; nests
    <name>        a value that the speaker supplies; <name:form> in a form
    [rule]        a rule of the domain's phrases or of the shared English
    [has/have]    singular or plural, by the number of things spoken of
    a(n)          "a" or "an", by the next word

Only branches whose values the speaker has are taken. Lists of phrases, rules and weights are in grammar.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Protocol

from gen.dice import Dice
from gen.errors import BadInput


class NoPhrase(Exception):
    """A domain has no phrase that fits what is to be said; the slot tries its next attempt."""


class Speaker(Protocol):
    """Who realises a phrase: the die, the number of things spoken of, and the values."""

    die: Dice
    plural: bool

    def has(self, slot: str) -> bool: ...
    def value(self, slot: str, form: str) -> str: ...


Say = Callable[[Speaker], str]
Part = str | Say
"""A part of a phrase: a text, or what makes one of a speaker's values and draws."""

Fits = Callable[[Speaker], bool]

_TOKEN = re.compile(r"([{|}]|<[a-z_][\w.+]*(?::[a-z_]+)?>|\[[a-z_]\w*\]|\[[^\[\]/]*/[^\[\]/]*\]|[<>\[\]])", re.IGNORECASE)
"""What is no plain text. A lone bracket is none of the notation."""
_A_N = re.compile(r"\ba\(n\)")
AN = "a\x01"
"""Stands for "a(n)" until the next word is known."""

_Parsed = tuple[Part, Fits | None, frozenset[str]]
Compiled = tuple[Say, Fits | None, frozenset[str]]
"""What a phrase says, which speakers it fits (None: any), and the values it mentions."""


def compiled(text: str, where: Callable[[], str], rule: Callable[[str], Say]) -> Compiled:
    """The compiled phrase. Raises BadInput where it is malformed; ``where`` gives its place, ``rule`` what says a rule."""
    return constant(_with_articles(text)) if _TOKEN.search(text) is None else _Parser(text, where, rule).parse()


def constant(text: str) -> Compiled:
    """A text that is said as it is."""
    return (lambda speaker: text), None, _NOTHING


def _with_articles(text: str) -> str:
    return _A_N.sub(AN, text) if "a(n)" in text else text


class _Parser:
    """A recursive-descent parser of one phrase, cut into texts and tokens by turns."""

    def __init__(self, text: str, where: Callable[[], str], rule: Callable[[str], Say]) -> None:
        self._pieces = _TOKEN.split(text)
        self._at = 0
        self._where = where
        self._rule = rule

    def parse(self) -> Compiled:
        part, fits, mentions = self._sequence()
        if self._at < len(self._pieces):
            raise self._wrong(f"unexpected {self._pieces[self._at]!r}")
        return constant(part) if isinstance(part, str) else (part, fits, mentions)

    def _sequence(self) -> _Parsed:
        """Parts up to the next "|" or "}", or to the end. Begins at a text."""
        pieces = self._pieces
        parts: list[_Parsed] = []
        while True:
            if text := pieces[self._at]:
                parts.append((_with_articles(text), None, _NOTHING))
            self._at += 1
            if self._at == len(pieces) or pieces[self._at] in "|}":
                return parts[0] if len(parts) == 1 else _joined(parts)
            parts.append(self._special(pieces[self._at]))
            self._at += 1

    def _special(self, token: str) -> _Parsed:
        if token == "{":
            return self._alternatives()
        if len(token) == 1:
            raise self._wrong(f"unexpected {token!r}")
        inner = token[1:-1]
        if token[0] == "<":
            name, _, form = inner.partition(":")
            return _slot(name, form)
        one, slash, many = inner.partition("/")
        if slash:
            return _by_number(one, many)
        return self._rule(inner), None, _NOTHING

    def _alternatives(self) -> _Parsed:
        options: list[_Parsed] = []
        while not options or self._token() == "|":
            self._at += 1
            options.append(self._sequence())
        if self._token() != "}":
            raise self._wrong("a { is not closed")
        return _one_of(options)

    def _token(self) -> str:
        return self._pieces[self._at] if self._at < len(self._pieces) else ""

    def _wrong(self, what: str) -> BadInput:
        return BadInput(
            f"the phrase {''.join(self._pieces)!r}: {what} at character {len(''.join(self._pieces[: self._at])) + 1}",
            where=self._where(),
            allowed="{a|b}, <value>, [rule], [one/many], a(n)",
        )


_NOTHING: frozenset[str] = frozenset()


def _slot(name: str, form: str) -> _Parsed:
    return (lambda speaker: speaker.value(name, form)), (lambda speaker: speaker.has(name)), frozenset((name,))


def _by_number(one: str, many: str) -> _Parsed:
    return (lambda speaker: many if speaker.plural else one), None, _NOTHING


def _joined(parts: list[_Parsed]) -> _Parsed:
    """Parts one after the other."""
    demanding = tuple([fits for _, fits, _ in parts if fits])
    mentions = _NOTHING.union(*[own for _, _, own in parts])
    return _said(tuple([part for part, _, _ in parts])), _all(demanding), mentions


def _said(parts: tuple[Part, ...]) -> Part:
    """The text of these parts. The commonest shapes, one or two parts to be made amid texts, are written out."""
    made = [part for part in parts if not isinstance(part, str)]
    if not made:
        return "".join(part for part in parts if isinstance(part, str))
    texts = _between(parts)
    if len(made) == 1:
        (first,), (before, after) = made, texts
        return lambda speaker: before + first(speaker) + after
    if len(made) == 2:
        (one, two), (start, middle, end) = made, texts
        return lambda speaker: f"{start}{one(speaker)}{middle}{two(speaker)}{end}"
    start, *behind = texts
    pairs = tuple(zip(made, behind, strict=True))

    def say(speaker: Speaker) -> str:
        said = start
        for part, after in pairs:
            said += part(speaker) + after
        return said

    return say


def _between(parts: tuple[Part, ...]) -> list[str]:
    """The texts before, between and after the parts that are to be made."""
    texts = [""]
    for part in parts:
        if isinstance(part, str):
            texts[-1] += part
        else:
            texts.append("")
    return texts


def _all(demanding: tuple[Fits, ...]) -> Fits | None:
    if len(demanding) < 2:
        return demanding[0] if demanding else None
    if len(demanding) == 2:
        first, second = demanding
        return lambda speaker: first(speaker) and second(speaker)

    def fits_all(speaker: Speaker) -> bool:
        for fits in demanding:  # noqa: SIM110 - all() is slower
            if not fits(speaker):
                return False
        return True

    return fits_all


def _one_of(options: list[_Parsed]) -> _Parsed:
    """One of the branches that fit, all equally likely."""
    parts = tuple([part for part, _, _ in options])
    needed = [fits for _, fits, _ in options if fits is not None]
    if not needed:
        return _any_of(parts), None, _NOTHING
    mentions = _NOTHING.union(*[own for _, _, own in options])
    fits = None if len(needed) < len(options) else lambda speaker: any([fits(speaker) for fits in needed])
    return _fitting_of(parts, tuple([fits for _, fits, _ in options])), fits, mentions


def _any_of(parts: tuple[Part, ...]) -> Say:
    count = len(parts)

    def say(speaker: Speaker) -> str:
        part = parts[int(speaker.die.random() * count)]
        return part if isinstance(part, str) else part(speaker)

    return say


def _fitting_of(parts: tuple[Part, ...], demands: tuple[Fits | None, ...]) -> Say:
    count = len(parts)

    def say(speaker: Speaker) -> str:
        at = int(speaker.die.random() * count)
        part, fits = parts[at], demands[at]
        if fits is not None and not fits(speaker):  # draw first, look at all of them only if that fails
            fitting = [part for part, fits in zip(parts, demands, strict=True) if fits is None or fits(speaker)]
            if not fitting:
                raise NoPhrase("no branch fits")
            part = speaker.die.pick(fitting)
        return part if isinstance(part, str) else part(speaker)

    return say
