"""What a conversation knows while it is spoken, and its words that hold no value.

The speakers stand beside: saying.py is the user's side (values as people say them), stating.py the assistant's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gen.conversation import Json
from gen.dice import Dice
from gen.planning.goals import Entity
from gen.planning.planner import Planned
from gen.teachers.phrases import DomainPhrases, EntityPhrases
from gen.values.speak import Voice


@dataclass
class Talk:
    """The state of one conversation that is being spoken."""

    planned: Planned
    die: Dice
    phrases: DomainPhrases
    entities: Mapping[str, Entity]
    voice: Voice
    today: str
    short_dates: bool
    known: set[str] = field(default_factory=set)
    topic: Any = None
    answered: dict[int, list[Json]] = field(default_factory=dict)
    said_as: dict[str, str] = field(default_factory=dict)
    uttered: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Arguments in the message that is being composed, each in the forms that it may take there."""
    plain: Words = field(init=False)
    """Who speaks words that hold no value at all."""

    def __post_init__(self) -> None:
        self.plain = Words(self.die, {})

    def entity(self, name: str) -> EntityPhrases:
        return self.phrases.entities[name]


class Words:
    """A speaker of words alone: no values of a place, only these texts."""

    __slots__ = ("die", "extra", "plural")

    def __init__(self, die: Dice, extra: Mapping[str, str]) -> None:
        self.die = die
        self.plural = False
        self.extra = extra

    def has(self, slot: str) -> bool:
        return slot in self.extra

    def value(self, slot: str, form: str) -> str:
        return self.extra[slot]


def words(talk: Talk, rule: str, **extra: str) -> str:
    """A shared rule, with these texts as its values."""
    return talk.phrases.grammar.say(rule, Words(talk.die, extra) if extra else talk.plain)
