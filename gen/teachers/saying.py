"""The user's side of a conversation: references and values as this user says them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gen.conversation import Json, JsonObject
from gen.planning.draft import Change, Want
from gen.planning.draws import Reference, Said
from gen.teachers import finish
from gen.teachers.grammar import holds, realise
from gen.teachers.stating import DATE, MOMENT, TIME, humanised
from gen.teachers.talk import Talk, Words
from gen.values import speak

REWORDED = frozenset(("date", "choice", "money"))
"""Kinds of values of which a thought may say how the user put them."""


class User:
    """The user as a speaker: subjects are references, arguments what was drawn, all in the persona's voice.

    ``withheld`` is an argument that is not said; ``change`` has an argument whose old value is said.
    """

    def __init__(self, talk: Talk, want: Want, *, withheld: str = "", change: Change | None = None) -> None:
        self.talk = talk
        self.die = talk.die
        self.want = want
        self.withheld = withheld
        self.plural = len(want.subjects) > 1 or _says_several(want)
        self.spoken: set[str] = set()
        self._said = _said_first(want.said, withheld, change) if withheld or change is not None else want.said

    def has(self, slot: str) -> bool:
        if slot == "it":
            return bool(self.want.subjects)
        return slot in self._said

    def value(self, slot: str, form: str) -> str:
        if slot == "it":
            return self.subject()
        self.spoken.add(slot)
        text = say(self.talk, slot, self._said[slot], form)
        if self._said[slot].kind in REWORDED and (self.want.changed is None or self.want.changed.argument != slot):
            self.talk.uttered[slot] = finish.forms(text)
        return text

    def subject(self) -> str:
        """What the request is about, in the user's words."""
        subjects = self.want.subjects
        if self.withheld and self.withheld == self.want.goal.subject_argument:
            return _unnamed(self.talk, subjects[0])
        if len(subjects) == 1:
            return refer(self.talk, subjects[0])
        return several(self.talk, subjects)

    def unsaid(self) -> list[str]:
        """Arguments that the sentence so far has not said."""
        return [name for name in self._said if name not in self.spoken]


def _says_several(want: Want) -> bool:
    for said in want.said.values():  # noqa: SIM110 - any() is slower
        if said.kind == "references" and len(said.value) > 1:
            return True
    return False


def _said_first(said: Mapping[str, Said], withheld: str, change: Change | None) -> Mapping[str, Said]:
    """What is said before the assistant asks for what was withheld, and before the user changes their mind."""
    first = {name: one for name, one in said.items() if name != withheld}
    if change is not None and change.argument in first:
        first[change.argument] = change.old
    return first


def several(talk: Talk, references: Sequence[Reference]) -> str:
    """Some things by their ids: "T1001 and T1002", "payments T1001 and T1002"."""
    ids = speak.say_list([_say_id(talk, reference.id) for reference in references], talk.die.pick(("and", "and", "and", "and", "&")))
    noun = realise(talk.entity(references[0].entity).lists["many"], talk.plain) if talk.die.chance(0.4) else ""
    return f"{noun} {ids}".strip()


def refer(talk: Talk, reference: Reference) -> str:
    """A reference in the user's words: by id, described, or as what was just spoken of."""
    phrases = talk.entity(reference.entity)
    if reference.mode == "again" and "again" in phrases.lists:
        return realise(phrases.lists["again"], talk.plain)
    if reference.mode == "described":
        row = reference.row
        ways = [way for way in phrases.described["+".join(reference.by)] if not way.when or holds(way.when, row.get)]
        return realise(ways, _Described(talk, reference))
    talk.known.add(reference.id)
    return realise(phrases.lists["id"], Words(talk.die, {"id": _say_id(talk, reference.id)}))


def _unnamed(talk: Talk, reference: Reference) -> str:
    phrases = talk.entity(reference.entity)
    if "my" in phrases.lists:
        return realise(phrases.lists["my"], talk.plain)
    if talk.die.chance(0.25):
        return f"one of my {realise(phrases.lists['many'], talk.plain)}"
    return f"my {realise(phrases.lists['one'], talk.plain)}"


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
    if isinstance(value, str) and DATE.fullmatch(value):
        return Said("date", value)
    if isinstance(value, str) and TIME.fullmatch(value):
        return Said("time", value)
    if isinstance(value, str) and (moment := MOMENT.fullmatch(value)):
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
    text = realise(phrases, talk.plain).strip() if phrases else humanised(key)
    return finish.value(text.lower() if talk.voice.lower else text)


def _text(talk: Talk, name: str, said: Said, form: str) -> str:
    return finish.value(speak.say_text(str(said.value), talk.voice, talk.die))


def _reference(talk: Talk, name: str, said: Said, form: str) -> str:
    return refer(talk, said.value)


def _references(talk: Talk, name: str, said: Said, form: str) -> str:
    return several(talk, said.value) if len(said.value) > 1 else refer(talk, said.value[0])


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
