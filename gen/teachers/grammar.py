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


Node = Callable[[Speaker], str]
Fits = Callable[[Speaker], bool]


@dataclass(frozen=True, slots=True)
class Phrase:
    """One alternative: what it says, whether a speaker has the values for it, its weight, and when it applies.

    ``share`` is its weight as a share of the heaviest one of its list.
    """

    say: Node
    fits: Fits
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
        heaviest = max(phrase.weight for phrase in phrases)
        if heaviest <= 0:
            raise BadInput(f"{'.'.join(map(str, keys))}: no weight is above zero", where=source.where(*keys))
        return [phrase if phrase.weight == heaviest else replace(phrase, share=phrase.weight / heaviest) for phrase in phrases]

    def _phrase(self, source: YamlFile, text: Any, keys: Keys) -> Phrase:
        where = source.where(*keys)
        options: Mapping[str, Any] = {}
        if isinstance(text, dict):
            options, text = text, text.get("say")
        if not isinstance(text, str):
            text = str(text) if isinstance(text, int | float | bool) else text
        if not isinstance(text, str):
            raise BadInput(f"{text!r} is no phrase", where=where, allowed="a text, or {say: text, weight: 2, when: {field: value}}")
        for key in options:
            if key not in ("say", "weight", "when", "each"):
                raise BadInput(
                    f"unknown key {key!r} of a phrase",
                    where=where,
                    allowed="say, weight, when, each",
                    hint=did_you_mean(key, ("say", "weight", "when", "each")),
                )
        say, fits, mentions = _Parser(text, where, self).parse()
        each = self._phrase(source, options["each"], (*keys, "each")) if "each" in options else None
        when = tuple(dict(options.get("when") or {}).items())
        return Phrase(say, fits, mentions, float(options.get("weight", 1)), when=when, each=each)

    def check(self, source: YamlFile) -> None:
        """Raise BadInput where a phrase refers to a rule that nobody declared."""
        for name, where in self._referred:
            if name not in self.rules:
                raise BadInput(f"there is no rule {name!r}", where=where, hint=did_you_mean(name, self.rules))

    _referred: list[tuple[str, str]] = field(default_factory=list)

    def refer(self, name: str, where: str) -> None:
        self._referred.append((name, where))

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
    for _ in range(3):  # most phrases fit: draw first, look at all of them only if that fails
        phrase = phrases[speaker.die.below(len(phrases))]
        if phrase.share < 1 and speaker.die.random() >= phrase.share:
            continue  # drawn by weight: taken as often as its share
        if phrase.fits(speaker):
            return phrase
    fitting = [phrase for phrase in phrases if phrase.fits(speaker)]
    if not fitting:
        raise NoPhrase(f"no phrase fits: {len(phrases)} alternatives, all need a value that there is not")
    target = speaker.die.random() * sum(phrase.weight for phrase in fitting)
    for phrase in fitting:
        target -= phrase.weight
        if target < 0:
            return phrase
    return fitting[-1]


def holds(when: Sequence[tuple[str, Any]], value_of: Callable[[str], Any]) -> bool:
    """Whether the conditions of a phrase hold, given the values of a place."""
    return all(_holds(wanted, value_of(name)) for name, wanted in when)


def _holds(wanted: Any, value: Any) -> bool:
    if wanted == "some":
        return value is not None and value != "" and value != [] and value != {}
    if wanted == "none":
        return value is None or value == "" or value == [] or value == {}
    if wanted in ("one", "many"):
        size = len(value) if isinstance(value, list) else value if isinstance(value, int) and not isinstance(value, bool) else 0
        return size == 1 if wanted == "one" else size > 1
    if isinstance(wanted, list):
        return any(_same(option, value) for option in wanted)
    return _same(wanted, value)


def _same(wanted: Any, value: Any) -> bool:
    if isinstance(wanted, str) and wanted in ("true", "false"):
        wanted = wanted == "true"
    return bool(wanted == value) and isinstance(wanted, bool) == isinstance(value, bool)


_SPECIAL = re.compile(r"[{}|<>\[\]]|\ba\(n\)")
_SLOT = re.compile(r"<([a-z_][\w.+]*)(?::([a-z_]+))?>", re.IGNORECASE)
_RULE = re.compile(r"\[([a-z_]\w*)\]", re.IGNORECASE)
_NUMBER = re.compile(r"\[([^\[\]/]*)/([^\[\]/]*)\]")
AN = "a\x01"
"""Stands for "a(n)" until the next word is known."""

_Compiled = tuple[Node, Fits, frozenset[str]]


class _Parser:
    """A recursive-descent parser of one phrase."""

    def __init__(self, text: str, where: str, grammar: Grammar) -> None:
        self._text = text
        self._where = where
        self._grammar = grammar
        self._at = 0

    def parse(self) -> _Compiled:
        compiled = self._sequence("")
        if self._at < len(self._text):
            raise self._wrong(f"unexpected {self._text[self._at]!r}")
        return compiled

    def _sequence(self, until: str) -> _Compiled:
        parts: list[_Compiled] = []
        while self._at < len(self._text):
            found = _SPECIAL.search(self._text, self._at)
            end = found.start() if found else len(self._text)
            if end > self._at:
                parts.append(_constant(self._text[self._at : end]))
                self._at = end
                continue
            assert found is not None
            if found[0] in until:
                break
            parts.append(self._special(found[0]))
        return _joined(parts)

    def _special(self, token: str) -> _Compiled:
        if token == "{":
            return self._alternatives()
        if token == "a(n)":
            self._at += 4
            return _constant(AN)
        if token == "<" and (slot := _SLOT.match(self._text, self._at)):
            self._at = slot.end()
            return _slot(slot[1], slot[2] or "")
        if token == "[" and (rule := _RULE.match(self._text, self._at)):
            self._at = rule.end()
            self._grammar.refer(rule[1], self._where)
            return _rule(self._grammar, rule[1])
        if token == "[" and (number := _NUMBER.match(self._text, self._at)):
            self._at = number.end()
            return _by_number(number[1], number[2])
        raise self._wrong(f"unexpected {token!r}")

    def _alternatives(self) -> _Compiled:
        self._at += 1
        options = [self._sequence("|}")]
        while self._text[self._at : self._at + 1] == "|":
            self._at += 1
            options.append(self._sequence("|}"))
        if self._text[self._at : self._at + 1] != "}":
            raise self._wrong("a { is not closed")
        self._at += 1
        return _one_of(options)

    def _wrong(self, what: str) -> BadInput:
        return BadInput(
            f"the phrase {self._text!r}: {what} at character {self._at + 1}",
            where=self._where,
            allowed="{a|b}, <value>, [rule], [one/many], a(n)",
        )


_NOTHING: frozenset[str] = frozenset()


def _always(speaker: Speaker) -> bool:
    return True


def _constant(text: str) -> _Compiled:
    return (lambda speaker: text), _always, _NOTHING


def _slot(name: str, form: str) -> _Compiled:
    return (lambda speaker: speaker.value(name, form)), (lambda speaker: speaker.has(name)), frozenset((name,))


def _rule(grammar: Grammar, name: str) -> _Compiled:
    return (lambda speaker: grammar.say(name, speaker)), _always, _NOTHING


def _by_number(one: str, many: str) -> _Compiled:
    return (lambda speaker: many if speaker.plural else one), _always, _NOTHING


def _joined(parts: list[_Compiled]) -> _Compiled:
    if len(parts) == 1:
        return parts[0]
    nodes = tuple(node for node, _, _ in parts)
    demanding = tuple(fits for _, fits, mentions in parts if mentions)
    mentions = _NOTHING.union(*(own for _, _, own in parts))
    return (lambda speaker: "".join([node(speaker) for node in nodes])), _all(demanding), mentions


def _all(demanding: tuple[Fits, ...]) -> Fits:
    if len(demanding) < 2:
        return demanding[0] if demanding else _always
    return lambda speaker: all(fits(speaker) for fits in demanding)


def _one_of(options: list[_Compiled]) -> _Compiled:
    mentions = _NOTHING.union(*(own for _, _, own in options))
    nodes = tuple(node for node, _, _ in options)
    count = len(nodes)
    if not mentions:
        return (lambda speaker: nodes[int(speaker.die.random() * count)](speaker)), _always, _NOTHING
    branches = tuple((node, fits) for node, fits, _ in options)

    def say(speaker: Speaker) -> str:
        fitting = [node for node, fits in branches if fits(speaker)]
        if not fitting:
            raise NoPhrase("no branch fits")
        return fitting[int(speaker.die.random() * len(fitting))](speaker)

    def any_fits(speaker: Speaker) -> bool:
        return any(fits(speaker) for _, fits in branches)

    return say, any_fits, mentions
