"""The system message: who the assistant is, who is signed in, what day it is, what it must confirm, what it knows."""

from __future__ import annotations

import datetime
from functools import lru_cache

from gen.teachers import finish
from gen.teachers.grammar import realise
from gen.teachers.phrases import Knowledge, Phrases, Unsupported
from gen.teachers.stating import Assistant
from gen.teachers.talk import Talk, words

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December")


def choose_facts(talk: Talk) -> None:
    """Decide which facts the system message states: those that the script asks about, and some more."""
    acts = [step.act for step in talk.planned.steps]
    known = list(talk.phrases.knowledge.values())
    asked = acts.count("question")
    extra = talk.die.below(2) if asked else talk.die.pick((0, 0, 1, 1, 2))
    facts = talk.die.sample(known, min(asked + extra, len(known)))
    talk.topic = Topics(
        questions=facts[:asked],
        facts=talk.die.shuffled(facts),
        unsupported=talk.die.pick(talk.phrases.unsupported) if "unsupported" in acts else None,
    )


class Topics:
    """What this conversation's questions are about, beside its plan."""

    def __init__(self, questions: list[Knowledge], facts: list[Knowledge], unsupported: Unsupported | None) -> None:
        self.questions = questions
        self.facts = facts
        self.unsupported = unsupported
        self.asked: Knowledge | None = None
        self.smalltalk: tuple[Phrases, Phrases] = ((), ())

    def ask(self) -> Knowledge:
        """The next question; the last one again where more are asked than there are facts."""
        if len(self.questions) > 1:
            self.asked = self.questions.pop(0)
        else:
            self.asked = self.questions[0]
        return self.asked


def system_text(talk: Talk) -> str:
    """The system message of this conversation."""
    speaker = Assistant(talk, None, {}, {}, None)
    parts = [realise(talk.phrases.system, speaker)]
    person = realise(talk.phrases.person, speaker) if talk.phrases.person and talk.planned.me else ""
    today = words(talk, "system_today", today=talk.die.pick(_long_dates(talk.today)))
    parts += [part for part in (talk.die.shuffled([person, today])) if part]
    if talk.planned.policy:
        parts.append(words(talk, "system_confirm"))
    parts += [realise(fact.fact, speaker) for fact in talk.topic.facts]
    joint = "\n" if talk.die.chance(0.2) else " "
    return finish.settle(joint.join([finish.stop(part, question=False) for part in parts]))


def long_date(today: str) -> str:
    """A day with its weekday: "Tuesday, 17 March 2026"."""
    return _long_dates(today)[0]


@lru_cache(maxsize=1024)
def _long_dates(today: str) -> tuple[str, ...]:
    day = datetime.date.fromisoformat(today)
    weekday, month = WEEKDAYS[day.weekday()], MONTHS[day.month - 1]
    return (
        f"{weekday}, {day.day} {month} {day.year}",
        f"{weekday} {day.day} {month} {day.year}",
        f"{today}, a {weekday}",
        f"{today} ({weekday})",
    )
