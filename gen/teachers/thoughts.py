"""What the assistant thinks before it acts: the need, the tool, where an argument comes from. Short, and about this case."""

from __future__ import annotations

import re

from gen.planning.draft import Step, Want, references_of
from gen.planning.draws import Reference, Said
from gen.planning.goals import LAST
from gen.teachers.grammar import realise
from gen.teachers.stating import gist, humanised, state
from gen.teachers.talk import Talk, words
from gen.values import speak

MOST_NOTES = 2
"""Arguments that a thought accounts for; people do not list them all."""


_TO_THEM = re.compile(
    r"(\b(?:to|for|from|with|of|by|at|between|give|giving|send|sending|pay|paying|tell|telling|owe|get|getting) )?"
    r"\b(your|yours|you|yourself)\b",
    re.IGNORECASE,
)


def think(talk: Talk, step: Step) -> str:
    """The thought before a step; empty where there is nothing to think."""
    if step.act == "call":
        return _before_call(talk, step)
    rule = _RULES.get(step.act)
    if rule is None:
        return ""
    if step.act == "clarify":
        return words(talk, rule, param=_parameter(talk, step.argument))
    return words(talk, rule)


def _before_call(talk: Talk, step: Step) -> str:
    kind = step.detail[0]
    want = step.wants[0]
    if kind == "retry":
        return words(talk, "think_retry")
    if kind == "find":
        need = _need(talk, want, unfound=True) if want.subjects and talk.die.chance(0.45) else ""
        return f"{need} {_search(talk, step.detail[1])}".strip()
    parts = []
    found = [r for r in references_of(want) if r.mode == "described"]
    if talk.planned.policy and want.goal.confirm:
        parts.append(words(talk, "think_confirmed"))
    elif found and want.found:
        parts.append(_match(talk, found[-1]))
    elif want.changed is not None:
        parts.append(words(talk, "think_changed", new=_plain(talk, want.changed.new), old=_plain(talk, want.changed.old)))
    else:
        parts.append(" ".join([_need(talk, w) for w in step.wants]))
    if len(step.calls) > 1:
        parts.append(words(talk, "think_parallel"))
    elif talk.die.chance(0.3):
        parts.append(words(talk, "think_tool", tool=want.goal.tool))
    parts += _notes(talk, want)
    return " ".join(parts)


def _search(talk: Talk, reference: Reference) -> str:
    """Why something is looked for first: by what they said of it, or because no id was given."""
    said = _described(talk, reference)
    return words(talk, "think_search_by", said=said) if said and talk.die.chance(0.65) else words(talk, "think_search_first")


def _match(talk: Talk, reference: Reference) -> str:
    said = _described(talk, reference)
    rule = "think_match_by" if said and talk.die.chance(0.45) else "think_match"
    return words(talk, rule, value=reference.id, said=said)


def _described(talk: Talk, reference: Reference) -> str:
    """What the user said of a thing, plainly: "€42.10 (10 March)"; empty where that is only that it is the last."""
    row = reference.row
    said = [state(talk, column, row[column], row, "") for column in reference.by if column != LAST]
    if not said:
        return ""
    first = f"the {said[0]}" if said[0][0].islower() else said[0]
    return f"{first} ({said[1]})" if len(said) == 2 else ", ".join([first, *said[1:]])


def _need(talk: Talk, want: Want, *, unfound: bool = False) -> str:
    """What they want, told of them and not to them; before it is found, without the id that nobody said."""
    name = ""
    if unfound:
        one = realise(talk.entity(want.subjects[0].entity).lists["one"], talk.plain)
        name = talk.die.pick((f"the {one} they describe", f"that {one}", f"the {one} they mean"))
    text = gist(talk.phrases, talk, want, name)
    return words(talk, "think_need", gist=_TO_THEM.sub(_of_them, text) if "you" in text.lower() else text)


def _of_them(found: re.Match[str]) -> str:
    before, word = found[1] or "", found[2].lower()
    return before + {"your": "their", "yours": "theirs", "you": "them" if before else "they", "yourself": "themselves"}[word]


def _notes(talk: Talk, want: Want) -> list[str]:
    """Where one or two arguments come from: those that the user put in other words, else those that need no words."""
    notes = _reworded(talk, want)
    count = talk.die.pick((0, 1, 1, MOST_NOTES) if notes else (0, 0, 1))
    if not count:
        return []
    notes = notes or _plainly_given(talk, want)
    return [_note(talk, *note) for note in talk.die.sample(notes, min(count, len(notes)))]


Note = tuple[str, str, str]
"""A rule of the shared English, the argument that it speaks of, and its value."""


def _reworded(talk: Talk, want: Want) -> list[Note]:
    notes: list[Note] = []
    for name, said in want.said.items():
        if (rule := _rule_for(talk, name, said)) is not None:
            notes.append((rule, name, f"{said.value:.2f}" if said.kind == "money" else said.value))
    return notes


def _plainly_given(talk: Talk, want: Want) -> list[Note]:
    notes: list[Note] = []
    for name, spec in want.goal.arguments.items():
        if isinstance(spec, str) and spec.startswith("me."):
            notes.append(("think_known", name, str(want.arguments[0][name])))
    argument = want.goal.subject_argument
    if argument and len(want.subjects) == 1 and want.subjects[0].mode == "id":
        notes.append(("think_given", argument, want.subjects[0].id))
    return notes


def _rule_for(talk: Talk, name: str, said: Said) -> str | None:
    """Which thought accounts for an argument that the user said in other words than the call's; None where there is nothing to say."""
    heard = talk.said_as.get(name, "")
    if said.kind == "date":
        return "think_date" if heard else None
    if said.kind == "money":
        return "think_sum" if heard and not any(letter.isdigit() for letter in heard) else None
    if said.kind != "choice" or not isinstance(said.value, str) or name not in talk.phrases.values:
        return None
    if not heard:
        return "think_means"
    return None if humanised(said.value).lower() in heard.lower() else "think_words"


def _note(talk: Talk, rule: str, name: str, value: str) -> str:
    if rule == "think_date":
        return words(talk, rule, said=talk.said_as[name], value=value, today=talk.today)
    return words(talk, rule, param=_parameter(talk, name), value=value, said=talk.said_as.get(name, ""))


def _plain(talk: Talk, said: Said) -> str:
    if said.kind == "money" and said.currency:
        return speak.state_money(said.value, said.currency)
    return speak.state_date(said.value, talk.today) if said.kind == "date" else str(said.value)


def _parameter(talk: Talk, name: str) -> str:
    parts = [talk.phrases.parameters.get(part, humanised(part)) for part in name.split("+")]
    return speak.say_list(parts)


_RULES = {
    "clarify": "think_missing",
    "confirm": "think_confirm_first",
    "cannot": "think_no_tool",
    "unsupported": "think_no_tool",
    "decline": "think_off_topic",
    "explain": "think_refused",
    "know": "think_system_says",
    "repeat": "think_known_already",
}
