"""What a conversation knows while it is spoken, and the two speakers that realise phrases in it: the user and the assistant."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gen.conversation import Json, JsonObject
from gen.dice import Dice
from gen.planning.draft import Change, Want
from gen.planning.draws import Reference, Said
from gen.planning.goals import Entity
from gen.planning.planner import Planned
from gen.teachers import finish
from gen.teachers.grammar import NoPhrase, Phrase, choose, holds, realise
from gen.teachers.phrases import DomainPhrases, EntityPhrases
from gen.values import speak
from gen.values.speak import Voice

_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_TIME = re.compile(r"\d\d:\d\d")
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)(?::\d\d)?(?:Z|[+-]\d\d:\d\d)?")
_ID = re.compile(r"[A-Z]{1,4}\d{2,}|(?=[A-Z0-9]*\d)[A-Z0-9]{5,8}")

DESCRIBABLE_DAYS = 150
"""Older or later days are said with their year."""


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

    def entity(self, name: str) -> EntityPhrases:
        return self.phrases.entities[name]


class Words:
    """A speaker of words alone: rules with no values of a place."""

    def __init__(self, talk: Talk, extra: Mapping[str, str] | None = None) -> None:
        self.die = talk.die
        self.plural = False
        self.extra = extra or {}

    def has(self, slot: str) -> bool:
        return slot in self.extra

    def value(self, slot: str, form: str) -> str:
        return self.extra[slot]


def words(talk: Talk, rule: str, **extra: str) -> str:
    """A shared rule, with these texts as its values."""
    return talk.phrases.grammar.say(rule, Words(talk, extra))


class User:
    """The user as a speaker: subjects are references, arguments what was drawn, all in the persona's voice.

    ``withheld`` is an argument that is not said; ``change`` has an argument whose old value is said.
    """

    def __init__(self, talk: Talk, want: Want, *, withheld: str = "", change: Change | None = None) -> None:
        self.talk = talk
        self.die = talk.die
        self.want = want
        self.withheld = withheld
        self.plural = len(want.subjects) > 1 or any(said.kind == "references" and len(said.value) > 1 for said in want.said.values())
        self.spoken: set[str] = set()
        self._said = dict(want.said)
        self._said.pop(withheld, None)
        if change is not None and change.argument in self._said:
            self._said[change.argument] = change.old

    def has(self, slot: str) -> bool:
        if slot == "it":
            return bool(self.want.subjects)
        return slot in self._said

    def value(self, slot: str, form: str) -> str:
        if slot == "it":
            return self.subject()
        self.spoken.add(slot)
        text = say(self.talk, slot, self._said[slot], form)
        if self._said[slot].kind == "date":
            self.talk.said_as[slot] = finish.either(text)
        return text

    def subject(self) -> str:
        """What the request is about, in the user's words."""
        subjects = self.want.subjects
        if self.withheld and self.withheld == self.want.goal.subject_argument:
            return _unnamed(self.talk, subjects[0])
        if len(subjects) == 1:
            return refer(self.talk, subjects[0])
        if self.die.chance(0.6):
            return speak.say_list([_say_id(self.talk, subject.id) for subject in subjects], self.die.pick(("and", "and", "and", "&")))
        phrases = self.talk.entity(subjects[0].entity)
        many = realise(phrases.lists["many"], Words(self.talk))
        return f"{many} {speak.say_list([_say_id(self.talk, subject.id) for subject in subjects])}"

    def unsaid(self) -> list[str]:
        """Arguments that the sentence so far has not said."""
        return [name for name in self._said if name not in self.spoken]


def refer(talk: Talk, reference: Reference) -> str:
    """A reference in the user's words: by id, described, or as what was just spoken of."""
    phrases = talk.entity(reference.entity)
    if reference.mode == "again" and "again" in phrases.lists:
        return realise(phrases.lists["again"], Words(talk))
    if reference.mode == "described":
        return realise(phrases.described["+".join(reference.by)], _Described(talk, reference))
    talk.known.add(reference.id)
    return realise(phrases.lists["id"], Words(talk, {"id": _say_id(talk, reference.id)}))


def _unnamed(talk: Talk, reference: Reference) -> str:
    phrases = talk.entity(reference.entity)
    if "my" in phrases.lists:
        return realise(phrases.lists["my"], Words(talk))
    if talk.die.chance(0.25):
        return f"one of my {realise(phrases.lists['many'], Words(talk))}"
    return f"my {realise(phrases.lists['one'], Words(talk))}"


def _say_id(talk: Talk, identifier: str) -> str:
    return finish.value(speak.say_id(identifier, talk.voice, talk.die))


class _Described:
    """The columns of a row, as the user says them."""

    plural = False

    def __init__(self, talk: Talk, reference: Reference) -> None:
        self.talk = talk
        self.die = talk.die
        self._row = reference.row

    def has(self, slot: str) -> bool:
        return self._row.get(slot) is not None

    def value(self, slot: str, form: str) -> str:
        value = self._row[slot]
        if isinstance(value, str) and slot in self.talk.phrases.values and value in self.talk.phrases.values[slot]:
            return _choice(self.talk, slot, Said("choice", value), form)
        return say(self.talk, slot, _said_of(value, self._row), form)


def _said_of(value: Json, row: JsonObject) -> Said:
    if isinstance(value, float):
        return Said("money", value, str(row.get("currency", "")))
    if isinstance(value, str) and _DATE.fullmatch(value):
        return Said("date", value)
    if isinstance(value, str) and _TIME.fullmatch(value):
        return Said("time", value)
    if isinstance(value, str) and (moment := _MOMENT.fullmatch(value)):
        return Said("date", moment[1])
    return Said("integer" if isinstance(value, int) else "text", value)


def say(talk: Talk, name: str, said: Said, form: str = "") -> str:
    """A value in the user's words, marked as one."""
    return _SAY[said.kind](talk, name, said, form)


def _money(talk: Talk, name: str, said: Said, form: str) -> str:
    if not said.currency:
        return finish.value(f"{said.value:g}" if said.value == int(said.value) else f"{said.value:.2f}")
    return finish.value(speak.say_money(said.value, said.currency, talk.voice, talk.die))


def _date(talk: Talk, name: str, said: Said, form: str) -> str:
    adverbial = speak.say_on(said.value, talk.today, talk.voice, talk.die)
    bare = speak.say_date(said.value, talk.today, talk.voice, talk.die)
    return finish.value(bare) if form == "day" else finish.date(adverbial, bare)


def _period(talk: Talk, name: str, said: Said, form: str) -> str:
    return finish.value(speak.say_period(said.value[0], said.value[1], talk.today, talk.voice, talk.die))


def _time(talk: Talk, name: str, said: Said, form: str) -> str:
    return finish.value(speak.say_time(said.value, talk.voice, talk.die))


def _integer(talk: Talk, name: str, said: Said, form: str) -> str:
    return finish.value(speak.say_integer(said.value, talk.voice, talk.die))


def _choice(talk: Talk, name: str, said: Said, form: str) -> str:
    key = str(said.value).lower() if isinstance(said.value, bool) else str(said.value)
    phrases = talk.phrases.values.get(name, {}).get(key)
    text = finish.settle(realise(phrases, Words(talk))) if phrases else humanised(key)
    return finish.value(text.lower() if talk.voice.lower else text)


def _text(talk: Talk, name: str, said: Said, form: str) -> str:
    return finish.value(speak.say_text(str(said.value), talk.voice, talk.die))


def _reference(talk: Talk, name: str, said: Said, form: str) -> str:
    return refer(talk, said.value)


def _references(talk: Talk, name: str, said: Said, form: str) -> str:
    return speak.say_list([refer(talk, reference) for reference in said.value])


def _choices(talk: Talk, name: str, said: Said, form: str) -> str:
    return speak.say_list([_choice(talk, name, Said("choice", value), form) for value in said.value])


def _values(talk: Talk, name: str, said: Said, form: str) -> str:
    return ", ".join(say(talk, key, inner, form) for key, inner in said.value)


_SAY = {
    "money": _money,
    "date": _date,
    "period": _period,
    "time": _time,
    "integer": _integer,
    "choice": _choice,
    "flag": _choice,
    "text": _text,
    "reference": _reference,
    "references": _references,
    "choices": _choices,
    "values": _values,
}


def humanised(value: str) -> str:
    """An enum value as words: ``in_transit`` → "in transit"."""
    return value.replace("_", " ")


class Assistant:
    """The assistant as a speaker: fields of a result, ``call.x`` of the call's arguments, ``me.x``, and the thing itself."""

    def __init__(self, talk: Talk, want: Want | None, arguments: JsonObject, result: Json, subject: Reference | None, *, plural: bool = False, row: bool = False) -> None:
        self.talk = talk
        self.die = talk.die
        self.want = want
        self.arguments = arguments
        self.result = result if isinstance(result, dict) else {}
        self.subject = subject
        self.plural = plural
        self.each: Any = None
        self.named = ""
        self._row = subject.row if row and subject else {}

    def field(self, slot: str) -> Any:
        """The raw value of a slot; None where there is none."""
        head, _, tail = slot.partition(".")
        if head == "call" and tail:
            return _deep(self.arguments, tail)
        if head == "me" and tail:
            return self.talk.planned.me.get(tail)
        if slot in self.result:
            return self.result[slot]
        if tail:
            return _deep(self.result, slot)
        return self.arguments.get(slot, self._row.get(slot))

    def has(self, slot: str) -> bool:
        if slot in ("it", "company", "today"):
            return slot != "it" or self.subject is not None
        return self.field(slot) is not None

    def value(self, slot: str, form: str) -> str:
        if slot == "it":
            return self._named()
        if slot == "company":
            return self.talk.phrases.company
        if slot == "today":
            return speak.state_date(self.talk.today, self.talk.today)
        value = self.field(slot)
        if form == "count":
            return speak.state_count(len(value) if isinstance(value, list) else int(value))
        if form == "each":
            return self._items(value)
        return state(self.talk, slot.rpartition(".")[2], value, self._beside(slot), form)

    def _beside(self, slot: str) -> JsonObject:
        """The object that the value stands in: its currency is the value's."""
        head, _, tail = slot.rpartition(".")
        place = self.arguments if head == "call" else self.talk.planned.me if head == "me" else _deep(self.result, head) if head else self.result
        place = place if isinstance(place, dict) else {}
        if "currency" not in place:
            extra = self.result.get("currency") or self.arguments.get("currency") or (self.subject.row.get("currency") if self.subject else None)
            place = {**place, "currency": extra or self.talk.planned.me.get("currency")}
        return place

    def _named(self) -> str:
        if self.named:
            return self.named
        assert self.subject is not None
        phrases = self.talk.entity(self.subject.entity)
        if self.subject.mode == "described" and self.subject.id not in self.talk.known and "named_described" in phrases.lists and self.die.chance(0.5):
            row = Assistant(self.talk, None, {}, self.subject.row, None)
            try:
                return realise(phrases.lists["named_described"], row)
            except NoPhrase:
                return self.subject.id
        return realise(phrases.lists["named"], Words(self.talk, {"id": self.subject.id}))

    def _items(self, value: Any) -> str:
        if not isinstance(value, list):
            return state(self.talk, "", value, {}, "")
        if self.each is None:
            return speak.say_list([state(self.talk, "", item, {}, "") for item in value])
        items = []
        for item in value:
            row = Assistant(self.talk, None, self.arguments, item if isinstance(item, dict) else {"item": item}, None)
            if "currency" not in row.result and self.result.get("currency"):
                row.result = {**row.result, "currency": self.result["currency"]}
            items.append(finish.settle(self.each.say(row)))
        if len(items) > 3 or any(len(item) > 70 for item in items) and len(items) > 1:
            return "\n" + "\n".join(f"- {item}" for item in items)
        return speak.say_list(items) if not any("," in item for item in items) else "; ".join(items)


def _deep(value: Any, path: str) -> Any:
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value


def state(talk: Talk, name: str, value: Any, beside: JsonObject, form: str) -> str:
    """A value as the assistant states it, by its type."""
    if form == "plain":
        return str(value)
    if isinstance(value, bool) and (phrases := talk.phrases.values.get(name, {}).get(str(value).lower())):
        return realise(phrases, Words(talk))
    if isinstance(value, float) or (isinstance(value, int) and not isinstance(value, bool) and _is_money(name, beside)):
        return _stated_number(value, name, beside)
    if isinstance(value, int):
        return speak.state_integer(value) if value >= 10_000 else str(value)
    if isinstance(value, list):
        return speak.say_list([state(talk, name, item, beside, form) for item in value])
    if isinstance(value, dict):
        return ", ".join(state(talk, key, item, value, form) for key, item in value.items() if item is not None)
    return _stated_text(talk, str(value))


MONEY_NAMES = re.compile(r"amount|price|total|fee|cost|balance|limit|paid|refund|value|spent|charge|deposit|sum|average|budget|discount|minimum|shipping", re.IGNORECASE)


NUMBER_NAMES = re.compile(r"(?:^|_)(?:count|nights|number|percent|days|points)(?:$|_)")


def _is_money(name: str, beside: JsonObject) -> bool:
    return bool(beside.get("currency")) and MONEY_NAMES.search(name) is not None and NUMBER_NAMES.search(name) is None


def _stated_number(value: float, name: str, beside: JsonObject) -> str:
    if _is_money(name, beside):
        return speak.state_money(float(value), str(beside["currency"]))
    return f"{value:.10g}"


def _stated_text(talk: Talk, text: str) -> str:
    if _DATE.fullmatch(text):
        return speak.state_date_short(text, talk.today) if talk.short_dates else speak.state_date(text, talk.today)
    if _TIME.fullmatch(text):
        return speak.state_time(text)
    if moment := _MOMENT.fullmatch(text):
        return f"{speak.state_date_short(moment[1], talk.today)} at {speak.state_time(moment[2])}"
    return text.replace("_", " ") if "_" in text and " " not in text and "@" not in text else text


def gist(phrases: DomainPhrases, talk: Talk, want: Want, name: str = "") -> str:
    """A noun phrase for what the user wants: "a refund for T1001". ``name`` stands for the subject where its id is not known."""
    texts = phrases.goals[want.goal.name].lists.get("gist")
    if texts is None:
        return humanised(want.goal.name)
    speaker = Assistant(talk, want, want.arguments[0], {}, want.subjects[0] if want.subjects else None, plural=len(want.subjects) > 1)
    speaker.named = name or speak.say_list([subject.id for subject in want.subjects])
    return realise(texts, speaker)


def answer(talk: Talk, want: Want, arguments: JsonObject, result: Json, subject: Reference | None) -> str:
    """The assistant on one result, in a phrase whose conditions hold. Raises NoPhrase where the domain has none."""
    speaker = Assistant(talk, want, arguments, result, subject)
    phrase = _fitting(talk.phrases.answers[want.goal.tool], speaker)
    counted = [speaker.field(slot) for slot in phrase.mentions if isinstance(speaker.field(slot), list)]
    if counted:
        speaker.plural = len(counted[0]) != 1
    speaker.each = phrase.each
    return finish.settle(phrase.say(speaker))


def _fitting(phrases: Sequence[Phrase], speaker: Assistant) -> Phrase:
    """One of the phrases whose conditions hold: drawn first, and looked at all together only where that keeps failing."""
    for _ in range(8):
        phrase = phrases[speaker.die.below(len(phrases))]
        if phrase.weight == 1.0 and (not phrase.when or holds(phrase.when, speaker.field)) and phrase.fits(speaker):
            return phrase
    return choose(conditions(phrases, speaker), speaker)


def conditions(phrases: Sequence[Phrase], speaker: Assistant) -> list[Phrase]:
    """The phrases whose conditions hold for this speaker."""
    return [phrase for phrase in phrases if not phrase.when or holds(phrase.when, speaker.field)]
