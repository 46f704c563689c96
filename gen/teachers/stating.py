"""The assistant's side of a conversation: values as results hold them, stated plainly by their type."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

from gen.conversation import Json, JsonObject
from gen.planning.draft import Want
from gen.planning.draws import Reference
from gen.teachers.grammar import NoPhrase, Phrase, choose, holds, realise
from gen.teachers.phrases import DomainPhrases
from gen.teachers.talk import Talk, Words
from gen.values import speak

DATE = re.compile(r"\d{4}-\d\d-\d\d")
TIME = re.compile(r"\d\d:\d\d")
MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)(?::\d\d)?(?:Z|[+-]\d\d:\d\d)?")


def humanised(value: str) -> str:
    """An enum value as words: ``in_transit`` → "in transit"."""
    return value.replace("_", " ")


_OWN = frozenset(("it", "company", "today"))
"""Slots that are no fields."""


class Assistant:
    """The assistant as a speaker: fields of a result, ``call.x`` of the call's arguments, ``me.x``, and the thing itself."""

    def __init__(
        self,
        talk: Talk,
        want: Want | None,
        arguments: JsonObject,
        result: Json,
        subject: Reference | None,
        *,
        plural: bool = False,
        row: bool = False,
    ) -> None:
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
        if slot in self.result:
            return self.result[slot]
        if "." not in slot:
            return self.arguments[slot] if slot in self.arguments else self._row.get(slot)
        keys = _keys(slot)
        if keys[0] == "call":
            return _deep(self.arguments, keys[1:])
        if keys[0] == "me":
            return self.talk.planned.me.get(keys[1])
        return _deep(self.result, keys)

    def has(self, slot: str) -> bool:
        if slot in _OWN:
            return slot != "it" or self.subject is not None
        return self.field(slot) is not None

    def value(self, slot: str, form: str) -> str:
        if slot in _OWN:
            return self._own(slot)
        value = self.field(slot)
        if form == "count":
            return speak.state_count(len(value) if isinstance(value, list) else int(value))
        if form == "each":
            return self._items(value)
        if isinstance(value, str):
            return value if form == "plain" else _stated_text(self.talk, value)
        return state(self.talk, slot.rpartition(".")[2], value, self._beside(slot), form)

    def _own(self, slot: str) -> str:
        if slot == "it":
            return self._named()
        return self.talk.phrases.company if slot == "company" else speak.state_date(self.talk.today, self.talk.today)

    def _beside(self, slot: str) -> JsonObject:
        """The object that the value stands in: its currency is the value's."""
        head = slot.rpartition(".")[0]
        me = self.talk.planned.me
        place = self.result if not head else self.arguments if head == "call" else me if head == "me" else _deep(self.result, _keys(head))
        if isinstance(place, dict) and "currency" in place:
            return place
        row = self.subject.row if self.subject else {}
        for holder in (self.result, self.arguments, row, me):
            if currency := holder.get("currency"):
                return {"currency": currency}
        return {}

    def _named(self) -> str:
        if self.named:
            return self.named
        assert self.subject is not None
        phrases = self.talk.entity(self.subject.entity)
        if (
            self.subject.mode == "described"
            and self.subject.id not in self.talk.known
            and "named_described" in phrases.lists
            and self.die.chance(0.85)
        ):
            row = Assistant(self.talk, None, {}, self.subject.row, None)
            try:
                return realise(phrases.lists["named_described"], row)
            except NoPhrase:
                return self.subject.id
        return realise(phrases.lists["named"], Words(self.die, {"id": self.subject.id}))

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
            items.append(self.each.say(row).strip())
        if len(items) > 3 or (any(len(item) > 70 for item in items) and len(items) > 1):
            return "\n" + "\n".join(f"- {item}" for item in items)
        return speak.say_list(items) if not any("," in item for item in items) else "; ".join(items)


@cache
def _keys(path: str) -> tuple[str, ...]:
    return tuple(path.split("."))


def _deep(value: Any, keys: Sequence[str]) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def state(talk: Talk, name: str, value: Any, beside: JsonObject, form: str) -> str:
    """A value as the assistant states it, by its type."""
    if form == "plain":
        return str(value)
    if isinstance(value, str):
        return _stated_text(talk, value)
    if isinstance(value, bool) and (phrases := talk.phrases.values.get(name, {}).get(str(value).lower())):
        return realise(phrases, talk.plain)
    if isinstance(value, float) or (isinstance(value, int) and not isinstance(value, bool) and _is_money(name, beside)):
        return _stated_number(value, name, beside)
    if isinstance(value, int):
        return speak.state_integer(value) if value >= 10_000 else str(value)
    if isinstance(value, list):
        return speak.say_list([state(talk, name, item, beside, form) for item in value])
    if isinstance(value, dict):
        return ", ".join(state(talk, key, item, value, form) for key, item in value.items() if item is not None)
    return _stated_text(talk, str(value))


MONEY_NAMES = re.compile(
    r"amount|price|total|fee|cost|balance|limit|paid|refund|value|spent|charge|deposit|sum|average|budget|discount|minimum|shipping",
    re.IGNORECASE,
)


NUMBER_NAMES = re.compile(r"(?:^|_)(?:count|nights|number|percent|days|points)(?:$|_)")


def _is_money(name: str, beside: JsonObject) -> bool:
    return bool(beside.get("currency")) and _names_money(name)


@cache
def _names_money(name: str) -> bool:
    return MONEY_NAMES.search(name) is not None and NUMBER_NAMES.search(name) is None


def _stated_number(value: float, name: str, beside: JsonObject) -> str:
    if _is_money(name, beside):
        return speak.state_money(float(value), str(beside["currency"]))
    return f"{value:.10g}"


def _stated_text(talk: Talk, text: str) -> str:
    if text[:1].isdigit():
        if DATE.fullmatch(text):
            return speak.state_date_short(text, talk.today) if talk.short_dates else speak.state_date(text, talk.today)
        if TIME.fullmatch(text):
            return speak.state_time(text)
        if moment := MOMENT.fullmatch(text):
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


def answer(talk: Talk, want: Want, arguments: JsonObject, result: Json, subject: Reference | None, used: set[int]) -> str:
    """The assistant on one result, in a phrase whose conditions hold, and not one of those ``used`` (by id) if that can be.

    Articles and spaces are settled with the whole message. Raises NoPhrase where the domain has none.
    """
    speaker = Assistant(talk, want, arguments, result, subject)
    phrase = _fitting(talk.phrases.answers[want.goal.tool], speaker, used)
    used.add(id(phrase))
    counted = [slot for slot in phrase.mentions if isinstance(speaker.field(slot), list)]
    if counted:
        speaker.plural = len(speaker.field(min(counted))) != 1
    speaker.each = phrase.each
    return phrase.say(speaker).strip()


def _fitting(phrases: Sequence[Phrase], speaker: Assistant, used: set[int]) -> Phrase:
    """One of the phrases whose conditions hold: drawn first, and looked at all together only where that keeps failing."""
    random = speaker.die.random
    count = len(phrases)
    held: Held = {}
    for _ in range(8):
        phrase = phrases[int(random() * count)]
        if id(phrase) in used or (phrase.share < 1 and random() >= phrase.share):
            continue
        if _applies(phrase, speaker, held) and (phrase.fits is None or phrase.fits(speaker)):
            return phrase
    return choose([phrase for phrase in phrases if _applies(phrase, speaker, held)], speaker)


def conditions(phrases: Sequence[Phrase], speaker: Assistant) -> list[Phrase]:
    """The phrases whose conditions hold for this speaker."""
    held: Held = {}
    return [phrase for phrase in phrases if _applies(phrase, speaker, held)]


Held = dict[int, bool]
"""Whether conditions hold, by the id of a phrase's ``when``, which many phrases of a list share."""


def _applies(phrase: Phrase, speaker: Assistant, held: Held) -> bool:
    when = phrase.when
    if not when:
        return True
    known = held.get(id(when))
    if known is None:
        known = held[id(when)] = holds(when, speaker.field)
    return known
