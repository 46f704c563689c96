"""The notation of phrases, compiled: alternatives, values, rules, singular and plural.

    {a|b|}        one of these, possibly nothing; nests
    <name>        a value that the speaker supplies; <name:form> in a form
    [rule]        a rule of the domain's phrases or of the shared English
    [has/have]    singular or plural, by the number of things spoken of
    a(n)          "a" or "an", by the next word

A phrase is compiled once and realised many times; only branches whose values the speaker has are taken.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from gen.dice import Dice
from gen.errors import BadInput, did_you_mean
from gen.yaml_file import Keys, YamlFile


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


@dataclass(slots=True)
class Phrase:
    """One alternative: what it says, whether a speaker has the values for it, its weight, and when it applies. Not to be changed.

    ``fits`` is None where any speaker has; ``share`` is its weight as a share of the heaviest one of its list.
    """

    say: Say
    fits: Fits | None
    mentions: frozenset[str]
    weight: float = 1.0
    share: float = 1.0
    when: tuple[tuple[str, Any], ...] = ()
    each: Phrase | None = None


@dataclass
class Grammar:
    """Named rules, which phrases refer to; a domain's own hide the shared ones."""

    rules: dict[str, list[Phrase]] = field(default_factory=dict)

    def add_rules(self, source: YamlFile, key: str = "rules") -> None:
        for name, texts in (source.data.get(key) or {}).items():
            self.rules[name] = self.phrases(source, texts, (key, name))

    def phrases(self, source: YamlFile, texts: Any, keys: Keys) -> list[Phrase]:
        """Compile a list of alternatives. Raises BadInput with file:line where one is malformed."""
        if not isinstance(texts, list) or not texts:
            raise BadInput(f"{'.'.join(map(str, keys))} holds no list of alternatives", where=source.where(*keys))
        phrases = [self._phrase(source, text, (*keys, i)) for i, text in enumerate(texts)]
        heaviest = max([phrase.weight for phrase in phrases])
        if heaviest <= 0:
            raise BadInput(f"{'.'.join(map(str, keys))}: no weight is above zero", where=source.where(*keys))
        for phrase in phrases:
            phrase.share = phrase.weight / heaviest
        return phrases

    def _phrase(self, source: YamlFile, text: Any, keys: Keys) -> Phrase:
        if isinstance(text, str):
            return Phrase(*_Parser(text, source, keys, self).parse())
        if isinstance(text, dict):
            return self._qualified(source, text, keys)
        if isinstance(text, int | float):
            return Phrase(*_spoken(str(text)))
        raise BadInput(
            f"{text!r} is no phrase", where=source.where(*keys), allowed="a text, or {say: text, weight: 2, when: {field: value}}"
        )

    def _qualified(self, source: YamlFile, options: Mapping[str, Any], keys: Keys) -> Phrase:
        """A phrase with a weight, conditions, or a phrase for each item."""
        text = options.get("say")
        plain = self._phrase(source, None if isinstance(text, dict) else text, keys)
        for key in options:
            if key not in _OPTIONS:
                raise BadInput(
                    f"unknown key {key!r} of a phrase",
                    where=source.where(*keys),
                    allowed=", ".join(_OPTIONS),
                    hint=did_you_mean(key, _OPTIONS),
                )
        each = self._phrase(source, options["each"], (*keys, "each")) if "each" in options else None
        when = tuple(dict(options.get("when") or {}).items())
        return replace(plain, weight=float(options.get("weight", 1)), when=when, each=each)

    def check(self, source: YamlFile) -> None:
        """Raise BadInput where a phrase refers to a rule that nobody declared."""
        for name, place, keys in self._referred:
            if name not in self.rules:
                raise BadInput(f"there is no rule {name!r}", where=place.where(*keys), hint=did_you_mean(name, self.rules))

    _referred: list[tuple[str, YamlFile, Keys]] = field(default_factory=list)

    def refer(self, name: str, source: YamlFile, keys: Keys) -> None:
        self._referred.append((name, source, keys))

    def has(self, name: str) -> bool:
        return name in self.rules

    def say(self, name: str, speaker: Speaker) -> str:
        """Realise a rule."""
        return realise(self.rules[name], speaker)


def realise(phrases: Sequence[Phrase], speaker: Speaker) -> str:
    """One of the phrases that the speaker has the values for. Raises NoPhrase where there is none."""
    return choose(phrases, speaker).say(speaker)


def choose(phrases: Sequence[Phrase], speaker: Speaker) -> Phrase:
    """Draw one of the phrases that the speaker has the values for. Raises NoPhrase where there is none."""
    random = speaker.die.random
    for _ in range(3):  # most phrases fit: draw first, look at all of them only if that fails
        phrase = phrases[int(random() * len(phrases))]
        if phrase.share < 1 and random() >= phrase.share:
            continue  # drawn by weight: taken as often as its share
        if phrase.fits is None or phrase.fits(speaker):
            return phrase
    fitting = [phrase for phrase in phrases if phrase.fits is None or phrase.fits(speaker)]
    if not fitting:
        raise NoPhrase(f"no phrase fits: {len(phrases)} alternatives, all need a value that there is not")
    target = random() * sum([phrase.weight for phrase in fitting])
    for phrase in fitting:
        target -= phrase.weight
        if target < 0:
            return phrase
    return fitting[-1]


def holds(when: Sequence[tuple[str, Any]], value_of: Callable[[str], Any]) -> bool:
    """Whether the conditions of a phrase hold, given the values of a place."""
    for name, wanted in when:  # noqa: SIM110 (all() is slower)
        if not _holds(wanted, value_of(name)):
            return False
    return True


def _holds(wanted: Any, value: Any) -> bool:
    if isinstance(wanted, str):
        test = _NAMED.get(wanted)
        return bool(wanted == value) if test is None else test(value)
    if isinstance(wanted, list):
        return any(_same(option, value) for option in wanted)
    return _same(wanted, value)


def _same(wanted: Any, value: Any) -> bool:
    if isinstance(wanted, str) and wanted in ("true", "false"):
        wanted = wanted == "true"
    return bool(wanted == value) and isinstance(wanted, bool) == isinstance(value, bool)


def _empty(value: Any) -> bool:
    return value is None or value == "" or value == [] or value == {}


def _size(value: Any) -> int:
    return len(value) if isinstance(value, list) else value if isinstance(value, int) and not isinstance(value, bool) else 0


_NAMED: dict[str, Callable[[Any], bool]] = {
    "some": lambda value: not _empty(value),
    "none": _empty,
    "one": lambda value: _size(value) == 1,
    "many": lambda value: _size(value) > 1,
    "true": lambda value: value is True,
    "false": lambda value: value is False,
}

_OPTIONS = ("say", "weight", "when", "each")
_TOKEN = re.compile(r"([{|}]|<[a-z_][\w.+]*(?::[a-z_]+)?>|\[[a-z_]\w*\]|\[[^\[\]/]*/[^\[\]/]*\]|[<>\[\]])", re.IGNORECASE)
"""What is no plain text. A lone bracket is none of the notation."""
_A_N = re.compile(r"\ba\(n\)")
AN = "a\x01"
"""Stands for "a(n)" until the next word is known."""

_Compiled = tuple[Part, Fits | None, frozenset[str]]


def _spoken(text: str) -> tuple[Say, None, frozenset[str]]:
    """A constant text as a whole phrase."""
    return (lambda speaker: text), None, _NOTHING


class _Parser:
    """A recursive-descent parser of one phrase, cut into texts and tokens by turns."""

    def __init__(self, text: str, source: YamlFile, keys: Keys, grammar: Grammar) -> None:
        self._pieces = _TOKEN.split(text)
        self._at = 0
        self._source = source
        self._keys = keys
        self._grammar = grammar

    def parse(self) -> tuple[Say, Fits | None, frozenset[str]]:
        part, fits, mentions = self._sequence()
        if self._at < len(self._pieces):
            raise self._wrong(f"unexpected {self._pieces[self._at]!r}")
        return _spoken(part) if isinstance(part, str) else (part, fits, mentions)

    def _sequence(self) -> _Compiled:
        """Parts up to the next "|" or "}", or to the end. Begins at a text."""
        pieces = self._pieces
        parts: list[_Compiled] = []
        while True:
            if text := pieces[self._at]:
                parts.append((_A_N.sub(AN, text) if "a(n)" in text else text, None, _NOTHING))
            self._at += 1
            if self._at == len(pieces) or pieces[self._at] in "|}":
                return parts[0] if len(parts) == 1 else _joined(parts)
            parts.append(self._special(pieces[self._at]))
            self._at += 1

    def _special(self, token: str) -> _Compiled:
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
        self._grammar.refer(inner, self._source, self._keys)
        return _rule(self._grammar, inner)

    def _alternatives(self) -> _Compiled:
        options: list[_Compiled] = []
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
            where=self._source.where(*self._keys),
            allowed="{a|b}, <value>, [rule], [one/many], a(n)",
        )


_NOTHING: frozenset[str] = frozenset()


def _slot(name: str, form: str) -> _Compiled:
    return (lambda speaker: speaker.value(name, form)), (lambda speaker: speaker.has(name)), frozenset((name,))


def _rule(grammar: Grammar, name: str) -> _Compiled:
    rules = grammar.rules
    return (lambda speaker: choose(rules[name], speaker).say(speaker)), None, _NOTHING


def _by_number(one: str, many: str) -> _Compiled:
    return (lambda speaker: many if speaker.plural else one), None, _NOTHING


def _joined(parts: list[_Compiled]) -> _Compiled:
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
    return lambda speaker: "".join([part if part.__class__ is str else part(speaker) for part in parts])  # type: ignore[operator,misc]


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
    return lambda speaker: all([fits(speaker) for fits in demanding])


def _one_of(options: list[_Compiled]) -> _Compiled:
    """One of the branches that fit, all equally likely."""
    mentions = _NOTHING.union(*[own for _, _, own in options])
    parts = tuple([part for part, _, _ in options])
    count = len(parts)
    demands = tuple([fits for _, fits, _ in options])

    def say(speaker: Speaker) -> str:
        part = parts[int(speaker.die.random() * count)]
        return part if isinstance(part, str) else part(speaker)

    if not any(demands):
        return say, None, mentions

    def say_fitting(speaker: Speaker) -> str:
        at = int(speaker.die.random() * count)
        part, fits = parts[at], demands[at]
        if fits is not None and not fits(speaker):  # draw first, look at all of them only if that fails
            fitting = [part for part, fits in zip(parts, demands, strict=True) if fits is None or fits(speaker)]
            if not fitting:
                raise NoPhrase("no branch fits")
            part = speaker.die.pick(fitting)
        return part if isinstance(part, str) else part(speaker)

    needed = [fits for fits in demands if fits is not None]
    return say_fitting, None if len(needed) < count else lambda speaker: any(fits(speaker) for fits in needed), mentions
