"""Lists of phrases and named rules: compiled once, drawn from and said many times. The notation of one phrase is in notation.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from gen.errors import BadInput, did_you_mean
from gen.teachers.notation import Fits, NoPhrase, Say, Speaker, compiled, constant
from gen.yaml_file import Keys, YamlFile

__all__ = ["Grammar", "NoPhrase", "Phrase", "Speaker", "choose", "holds", "realise"]


@dataclass(slots=True)
class Phrase:
    """One alternative: what it says, whether a speaker has the values for it, its weight, and when it applies. Not to be changed.

    ``fits`` is None where any speaker has; ``share`` is its weight as a share of the heaviest one of its list; ``sure`` says that
    it is taken whenever it is drawn, by any speaker. Phrases of one list that apply under the same conditions share their ``when``.
    """

    say: Say
    fits: Fits | None
    mentions: frozenset[str]
    weight: float = 1.0
    share: float = 1.0
    sure: bool = False
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
        conditions: dict[str, tuple[tuple[str, Any], ...]] = {}
        for phrase in phrases:
            phrase.share = phrase.weight / heaviest
            phrase.sure = phrase.fits is None and phrase.share >= 1
            phrase.when = conditions.setdefault(repr(phrase.when), phrase.when)
        return phrases

    def _phrase(self, source: YamlFile, text: Any, keys: Keys) -> Phrase:
        return self._qualified(source, text, keys) if isinstance(text, dict) else self._plain(source, text, keys)

    def _plain(self, source: YamlFile, text: Any, keys: Keys) -> Phrase:
        if isinstance(text, str):
            return Phrase(*compiled(text, lambda: source.where(*keys), lambda name: self._rule(name, source, keys)))
        if isinstance(text, int | float):
            return Phrase(*constant(str(text)))
        raise BadInput(
            f"{text!r} is no phrase", where=source.where(*keys), allowed="a text, or {say: text, weight: 2, when: {field: value}}"
        )

    def _qualified(self, source: YamlFile, options: Mapping[str, Any], keys: Keys) -> Phrase:
        """A phrase with a weight, conditions, or a phrase for each item."""
        plain = self._plain(source, options.get("say"), keys)
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

    def _rule(self, name: str, source: YamlFile, keys: Keys) -> Say:
        self._referred.append((name, source, keys))
        rules = self.rules
        return lambda speaker: choose(rules[name], speaker).say(speaker)

    def has(self, name: str) -> bool:
        return name in self.rules

    def say(self, name: str, speaker: Speaker) -> str:
        """Realise a rule."""
        return choose(self.rules[name], speaker).say(speaker)


def realise(phrases: Sequence[Phrase], speaker: Speaker) -> str:
    """One of the phrases that the speaker has the values for. Raises NoPhrase where there is none."""
    return choose(phrases, speaker).say(speaker)


_FIRST_DRAWS = (1, 2, 3)
"""Most phrases fit: some are drawn first, and all of them looked at only if that fails."""


def choose(phrases: Sequence[Phrase], speaker: Speaker) -> Phrase:
    """Draw one of the phrases that the speaker has the values for. Raises NoPhrase where there is none."""
    random = speaker.die.random
    count = len(phrases)
    for _ in _FIRST_DRAWS:
        phrase = phrases[int(random() * count)]
        if phrase.sure:
            return phrase
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
    for name, wanted in when:  # noqa: SIM110 - all() is slower
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
