"""What the simulated assistant says: one small function for each act, in the table ``ACTS``; and what it thinks.

Answers are built from results, field by field; thoughts say the need, the tool, and where an argument comes from.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from gen.conversation import Json
from gen.planning.domain import DomainPlanner
from gen.planning.draft import Step, Want
from gen.planning.draws import Reference
from gen.teachers import finish
from gen.teachers.grammar import realise
from gen.teachers.phrases import DomainPhrases
from gen.teachers.stating import Assistant, answer, conditions, gist, humanised
from gen.teachers.talk import Talk, words
from gen.teachers.thoughts import think
from gen.values import speak

SORRY = re.compile(r"\b(?:sorry|afraid|unfortunately|apolog\w*|wish|pity)\b", re.IGNORECASE)
LEAD = re.compile(
    r"^(?:I've (?:checked|looked(?: it up)?)(?::|, and)|Here (?:it is|we go|they are):|All right,|All set[:,]|Right[:.]|It worked\.) "
)
"""How an answer may begin that stands alone: in the middle of a message it would begin anew."""
LONG = 130
"""Characters from which on an answer among several gets a line of its own."""


class AssistantActs:
    """Speaks the assistant's steps of one domain."""

    def __init__(self, phrases: DomainPhrases, domain: DomainPlanner) -> None:
        self.phrases = phrases
        self.domain = domain

    def speak(self, talk: Talk, step: Step, results: Sequence[Json]) -> str:
        """The reply of an assistant's step; ``results`` are those of the calls just made."""
        text = ACTS[step.act](self, talk, step, results)
        return _without_stop(finish.plain(finish.capitals(finish.settle(text))))

    def before_call(self, talk: Talk, step: Step) -> str:
        """Now and then the assistant says that it looks, beside its call."""
        return finish.capitals(finish.settle(words(talk, "on_it"))) if step.detail[0] != "retry" and talk.die.chance(0.06) else ""

    def think(self, talk: Talk, step: Step) -> str | None:
        """The thought before a step; None where the act is plain."""
        text = think(talk, step)
        return finish.plain(finish.capitals(finish.settle(text))) if text else None


def parameter(talk: Talk, name: str) -> str:
    """What the assistant calls a parameter: "the transaction number"."""
    return talk.phrases.parameters.get(name, humanised(name).removesuffix(" id") + (" number" if name.endswith("_id") else ""))


# -- acts: (acts of the domain, the talk, the step, results) → text, not yet finished


def _answer(acts: AssistantActs, talk: Talk, step: Step, results: Sequence[Json]) -> str:
    parts: list[str] = []
    queue = list(results)
    used: set[int] = set()
    for want in step.wants:
        talk.answered[id(want)] = queue[: len(want.arguments)]
        for subject, arguments in zip(_subjects(want), want.arguments, strict=True):
            parts.append(answer(talk, want, arguments, queue.pop(0), subject, used))
    text = _together(parts)
    if step.detail == "retried" and talk.die.chance(0.3):
        text = f"{words(talk, 'retry_note')} {text}"
    elif len(parts) == 1 and not step.wants[0].goal.writes and talk.die.chance(0.08):
        text = f"{words(talk, 'answer_lead')} {text}"
    listed = text.rpartition("\n")[2].startswith("- ")
    return f"{text} {words(talk, 'closing_offer')}" if talk.die.chance(0.08) and not listed else text


def _together(parts: Sequence[str]) -> str:
    """Answers in one message: short ones as sentences, lists and long ones apart; what asks back comes last."""
    if len(parts) < 2:
        return "".join(parts)
    parts = sorted(parts, key=lambda part: part.endswith("?"))
    parts = [parts[0], *[LEAD.sub("", part) for part in parts[1:]]]
    if any("\n" in part for part in parts):
        return "\n\n".join([_without_stop(part) for part in parts])
    return ("\n" if max(map(len, parts)) > LONG else " ").join(parts)


def _without_stop(text: str) -> str:
    """A text that ends in a list, without the stop of the sentence that the list ends."""
    return text.removesuffix(".") if text.rpartition("\n")[2].startswith("- ") else text


def _subjects(want: Want) -> Sequence[Reference | None]:
    return want.subjects or [None]


def _repeat(acts: AssistantActs, talk: Talk, step: Step, results: Sequence[Json]) -> str:
    want = step.wants[0]
    used: set[int] = set()
    parts = [
        answer(talk, want, arguments, result, subject, used)
        for subject, arguments, result in zip(_subjects(want), want.arguments, talk.answered[id(want)], strict=True)
    ]
    lead = words(talk, "repeat_lead") if talk.die.chance(0.6) else ""
    return f"{lead} {_together(parts)}".strip()


def _clarify(acts: AssistantActs, talk: Talk, step: Step, results: Sequence[Json]) -> str:
    want = step.wants[0]
    lead = words(talk, "ask_lead") + " " if talk.die.chance(0.4) else ""
    if step.argument == want.goal.subject_argument:
        return lead + realise(talk.entity(want.subjects[0].entity).lists["ask"], talk.plain)
    phrases = acts.phrases.goals[want.goal.name].maps["clarify"].get(step.argument)
    speaker = _speaker(talk, want, step)
    if phrases:
        return lead + realise(phrases, speaker)
    name = " and ".join(parameter(talk, part) for part in step.argument.split("+"))
    return lead + words(talk, "which_parameter", param=name)


def _confirm(acts: AssistantActs, talk: Talk, step: Step, results: Sequence[Json]) -> str:
    texts = [_asked_back(acts, talk, want, step) for want in step.wants if want.goal.confirm]
    return " ".join(texts)


def _asked_back(acts: AssistantActs, talk: Talk, want: Want, step: Step) -> str:
    phrases = acts.phrases.goals[want.goal.name].lists.get("confirm")
    speaker = _speaker(talk, want, step)
    if phrases:
        said = {name for name in want.said if "+" not in name}
        full = conditions([phrase for phrase in phrases if said <= phrase.mentions], speaker)
        return finish.stop(realise(full or conditions(phrases, speaker), speaker), question=True)
    return words(talk, "confirm_generic", gist=gist(talk.phrases, talk, want))


def _speaker(talk: Talk, want: Want, step: Step) -> Assistant:
    arguments = dict(want.arguments[0])
    if step.change is not None:
        arguments[step.change.argument] = step.change.old.value
    hidden = step.argument.split("+") if step.argument else []
    for name in hidden:
        arguments.pop(name, None)
    subject = want.subjects[0] if want.subjects and want.goal.subject_argument not in hidden else None
    speaker = Assistant(talk, want, arguments, {}, subject, plural=len(want.subjects) > 1, row=True)
    if subject is not None and subject.mode == "described" and not want.found:
        speaker.named = f"that {realise(talk.entity(subject.entity).lists['one'], talk.plain)}"
    elif len(want.subjects) > 1:
        speaker.named = speak.say_list([reference.id for reference in want.subjects])
    return speaker


def _cannot(acts: AssistantActs, talk: Talk, step: Step, results: Sequence[Json]) -> str:
    want = step.wants[0]
    phrases = acts.phrases.goals[want.goal.name].lists.get("cannot")
    text = realise(phrases, _speaker(talk, want, step)) if phrases else words(talk, "cannot_generic", gist=gist(talk.phrases, talk, want))
    return _sorry(talk, text)


def _unsupported(acts: AssistantActs, talk: Talk, step: Step, results: Sequence[Json]) -> str:
    return _sorry(talk, realise(talk.topic.unsupported.cannot, talk.plain))


def _sorry(talk: Talk, text: str) -> str:
    return f"{words(talk, 'apology')} {text}" if talk.die.chance(0.25) and SORRY.search(text) is None else text


def _decline(acts: AssistantActs, talk: Talk, step: Step, results: Sequence[Json]) -> str:
    return realise(acts.phrases.decline, talk.plain)


def _explain(acts: AssistantActs, talk: Talk, step: Step, results: Sequence[Json]) -> str:
    want = step.wants[0]
    phrases = acts.phrases.errors.get(want.goal.tool, {}).get(step.detail)
    speaker = Assistant(talk, want, want.arguments[0], results[-1], want.subjects[0] if want.subjects else None)
    if phrases:
        return _sorry(talk, realise(conditions(phrases, speaker), speaker))
    return words(talk, "error_generic", error=finish.stop(str(speaker.result["error"]), question=False))


def _know(acts: AssistantActs, talk: Talk, step: Step, results: Sequence[Json]) -> str:
    return realise(talk.topic.asked.answer, talk.plain)


def _leave(acts: AssistantActs, talk: Talk, step: Step, results: Sequence[Json]) -> str:
    return words(talk, "leave")


def _smalltalk(acts: AssistantActs, talk: Talk, step: Step, results: Sequence[Json]) -> str:
    return realise(talk.topic.smalltalk[1], talk.plain)


def _welcome(acts: AssistantActs, talk: Talk, step: Step, results: Sequence[Json]) -> str:
    return words(talk, "sorry_to_let_down" if step.detail == "let_down" else "you_are_welcome")


ACTS: dict[str, Callable[[AssistantActs, Talk, Step, Sequence[Json]], str]] = {
    "answer": _answer,
    "repeat": _repeat,
    "clarify": _clarify,
    "confirm": _confirm,
    "cannot": _cannot,
    "unsupported": _unsupported,
    "decline": _decline,
    "explain": _explain,
    "know": _know,
    "leave": _leave,
    "smalltalk": _smalltalk,
    "welcome": _welcome,
}
