"""What the simulated user says: one small function for each act, in the table ``ACTS``.

A request is an opener, colour, the request in one of its forms, what the sentence has not said yet, a reason, a closer.
Which of these there are is the persona's; values are said in the persona's voice.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from gen.planning.draft import Step, Want
from gen.planning.personas import Persona
from gen.teachers import finish
from gen.teachers.grammar import NoPhrase, holds, realise
from gen.teachers.habits import Habits
from gen.teachers.phrases import DomainPhrases, Phrases
from gen.teachers.saying import User, refer, say
from gen.teachers.talk import Talk, words

WRAPPED = {"do": "ask_do", "want": "ask_want", "know": "ask_know"}
"""Forms that stand inside a wrapper of the shared English."""


ELLIPTIC = re.compile(r"\b(?:yet|or not)$")
"""What a question ends with that is short of its verb: "T1187 paid yet"."""

STATEMENT = re.compile(r"(?:what|when|do|have|had|don't)\b(?!')", re.IGNORECASE)
"""How a statement may begin that looks like a question: "what I need is …", "when you have a minute, …"."""

ATTACHED = re.compile(
    r"(?:because|since|as|cos|just|only|for|from|starting|beginning|to|on|with|without|until|till|in|at|every|each|by(?! the way)|once|per|"
    r"under|over|via|through|of|before|after|between|during|today|tomorrow|yesterday|next|last|this|monthly|weekly|daily|yearly|quarterly|"
    r"fortnightly|if|but|and|or|made|dated|about|"
    r"departing|leaving|arriving|paid|using)\b",
    re.IGNORECASE,
)
"""How a clause begins that goes on with the sentence before it."""

UNHURRIED = 0.2
"""Personas that are in a hurry less often than that say now and then that they are in none."""

JOINT = "\x05"
"""Where a request in its wrapper ends: what the sentence takes on stands there, before ", I'd be grateful"."""


def spoken(talk: Talk, rule: str, **values: str) -> str:
    """A shared rule in the user's register: its formal twin, where there is one and the persona is formal."""
    if talk.planned.persona.formal and talk.phrases.grammar.has(f"{rule}_formal"):
        rule = f"{rule}_formal"
    return words(talk, rule, **values)


class UserActs:
    """Speaks the user's steps of one domain."""

    def __init__(self, phrases: DomainPhrases, habits: Habits) -> None:
        self.phrases = phrases
        self.habits = habits
        self._weighed: dict[tuple[str, str, bool], Mapping[str, float]] = {}

    def speak(self, talk: Talk, step: Step, *, first: bool) -> str:
        """The message of a user's step, as the persona types it."""
        persona = talk.planned.persona
        text = ACTS[step.act](self, talk, step)
        if first:
            text = self._opened(talk, text, persona)
        text = finish.settle(text)
        if talk.uttered:
            _note_words(talk, text)
        if not talk.voice.lower:
            text = finish.capitals(text)
        text = self.habits.apply(text, persona, talk.die)
        if talk.voice.lower:
            text = _lower_outside(text) if finish.START in text else text.lower()
        return finish.plain(text)

    # -- parts

    def _opened(self, talk: Talk, text: str, persona: Persona) -> str:
        if not talk.die.chance(persona.greeting):
            return text
        hello = words(talk, "hello_formal" if persona.formal else "hello_casual")
        if "," not in hello and talk.die.chance(persona.no_punctuation * 0.7):
            return f"{hello} {text}"
        mark = talk.die.pick((",", ".") if persona.formal else (",", ",", ".", "!"))
        return f"{hello}{mark} {text}"

    def core(self, talk: Talk, want: Want, step: Step) -> str:
        """The request itself, as one sentence, or more where an argument needs its own."""
        user = User(talk, want, withheld=step.argument, change=step.change)
        sentence, asks = self._form(talk, user)
        attached, apart = self._rest(talk, want, user)
        sentence = finish.stop(_joined(sentence, attached), question=asks)
        return " ".join([sentence, *[finish.stop(clause, question=False) for clause in apart]])

    def _form(self, talk: Talk, user: User) -> tuple[str, bool | None]:
        """The request in one of its forms, without its final mark; and whether it asks (None: its words show)."""
        forms = self.phrases.goals[user.want.goal.name].forms
        weights = self._weights(talk.planned.persona, user.want)
        for _ in range(6):
            form = talk.die.weighted(weights)
            try:
                text = realise(forms[form], user)
            except NoPhrase:
                if len(weights) == 1:
                    raise
                weights = {other: weight for other, weight in weights.items() if other != form}
                continue
            if form in WRAPPED:
                return spoken(talk, WRAPPED[form], **{form: text + JOINT}), None
            if form == "ask" or (form == "short" and ELLIPTIC.search(text)):
                return text, True
            return text, False if form == "say" and STATEMENT.match(text) else None
        raise NoPhrase(f"no form of {user.want.goal.name!r} fits, with {sorted(user.want.said)} to say")

    def _weights(self, persona: Persona, want: Want) -> Mapping[str, float]:
        """How likely each form of a request is. It hangs on little, and is kept."""
        much = len(want.said) > 1
        key = (persona.name, want.goal.name, much)
        if key not in self._weighed:
            self._weighed[key] = _weigh(persona, self.phrases.goals[want.goal.name].forms, much)
        return self._weighed[key]

    def _rest(self, talk: Talk, want: Want, user: User) -> tuple[list[str], list[str]]:
        """Arguments that the request has not said: clauses that its sentence takes on, and clauses that stand apart."""
        phrases = self.phrases.goals[want.goal.name].maps["with"]
        attached: list[str] = []
        apart: list[str] = []
        for name in talk.die.shuffled(user.unsaid()):
            if name in user.spoken:
                continue  # a clause may say more than its own argument
            clause = realise(phrases[name], user) if name in phrases else user.value(name, "")
            (attached if ATTACHED.match(finish.plain(clause)) else apart).append(clause)
        return attached, apart

    def coloured(
        self,
        talk: Talk,
        want: Want | None,
        core: str,
        more: Sequence[str] = (),
        *,
        aside: str | None = "aside",
        urgent: bool = True,
        leads: bool = False,
    ) -> str:
        """The request with what this persona says around it: an aside by this rule, a reason, how soon, thanks.

        The reason is that of ``want``, so it stays beside ``core``: after ``more``, the other requests, it would be said of them.
        Nothing stands before a core that ``leads`` over from what was said ("great, and ...").
        """
        persona, die = talk.planned.persona, talk.die
        early = 0.0 if leads else 0.75 if core.endswith("?") else 0.45  # a question is mostly what people end with
        before: list[str] = []
        beside: list[str] = []
        after: list[str] = []
        if aside and die.chance(persona.aside):
            (before if die.chance(early) else after).append(finish.stop(spoken(talk, aside), question=False))
        why = self.phrases.goals[want.goal.name].lists.get("why") if want else None
        if why and die.chance(persona.why):
            reason = finish.stop(realise(_suiting(why, want), talk.plain), question=False)
            (before if die.chance(early - 0.15) else beside).append(reason)
        if urgent and die.chance(persona.urgency):
            pace = "urgency" if persona.urgency > UNHURRIED or die.chance(0.5) else "unhurried"
            after.append(finish.stop(spoken(talk, pace), question=False))
        if die.chance(persona.thanks):
            after.append(finish.stop(words(talk, "thanks_formal" if persona.formal else "thanks_casual"), question=False))
        return " ".join([*before, core, *beside, *more, *after])


def _joined(sentence: str, attached: Sequence[str]) -> str:
    """The sentence with the clauses that it takes on."""
    if not attached:
        return sentence.replace(JOINT, "", 1)
    body, _, tail = sentence.partition(JOINT)
    if tail.startswith(","):
        return f"{body.rstrip()} {' '.join(attached)}{tail}"
    return " ".join([f"{body}{tail}".rstrip(" ."), *attached])


def _suiting(why: Phrases, want: Want | None) -> Phrases:
    """The reasons that suit what is asked for: nobody feels silly because he was charged twice."""
    said = want.said if want else {}
    return [phrase for phrase in why if not phrase.when or holds(phrase.when, lambda name: said[name].value if name in said else None)]


def _weigh(persona: Persona, forms: Iterable[str], much: bool) -> Mapping[str, float]:
    """The persona's weights of these forms; where there is ``much`` to say, few ask for it in a question."""
    weights = {form: persona.forms.get(form, 0.0) for form in forms}
    if sum(weights.values()) <= 0:
        weights = dict.fromkeys(forms, 1.0)
    if much and not weights.keys().isdisjoint(("do", "want", "short")):
        weights = {form: weight * (0.15 if form in ("ask", "know") else 1.0) for form, weight in weights.items()}
    return weights


def _note_words(talk: Talk, text: str) -> None:
    """In which form a value was said: that shows in the settled message."""
    for name, forms in talk.uttered.items():
        said = next((form for form in forms if finish.value(form) in text), None)
        if said is not None:
            talk.said_as[name] = said.removeprefix("on ")
    talk.uttered.clear()


def _lower_outside(text: str) -> str:
    parts = text.split(finish.START)
    kept = [parts[0].lower()]
    for part in parts[1:]:
        value, _, rest = part.partition(finish.END)
        kept.append(f"{finish.START}{value}{finish.END}{rest.lower()}")
    return "".join(kept)


# -- acts: (acts of the domain, the talk, the step) → text, not yet finished


def _request(acts: UserActs, talk: Talk, step: Step) -> str:
    first = step.wants[0]
    core = acts.core(talk, first, step)
    more = [f"{spoken(talk, 'and_also')} {acts.core(talk, want, step)}" for want in step.wants[1:]]
    text = acts.coloured(talk, first, core, more, aside=_aside_of(step))
    if step.detail == "amend" and step.change:
        text = f"{text} {_correction(talk, step)}"
    return text


def _aside_of(step: Step) -> str:
    """The rule of what people say beside these wants: that they need an answer suits only who asks for one."""
    return "aside" if any(want.goal.writes for want in step.wants) else "aside_asking"


def _correction(talk: Talk, step: Step) -> str:
    assert step.change is not None
    name = step.change.argument
    new, old = say(talk, name, step.change.new, "day"), say(talk, name, step.change.old, "day")
    if step.change.new.kind == "date":
        talk.said_as[name] = finish.plain(new)
    return finish.stop(spoken(talk, "correction_before", new=new, old=old), question=False)


def _next(acts: UserActs, talk: Talk, step: Step) -> str:
    core = acts.core(talk, step.wants[0], step)
    lead = spoken(talk, "then_follow") if talk.die.chance(0.6) else ""
    text = f"{lead} {core}".strip()
    return acts.coloured(talk, step.wants[0], text, aside=_aside_of(step), leads=bool(lead)) if talk.die.chance(0.25) else text


def _instead(acts: UserActs, talk: Talk, step: Step) -> str:
    return f"{spoken(talk, 'instead')} {acts.core(talk, step.wants[0], step)}"


def _same(acts: UserActs, talk: Talk, step: Step) -> str:
    want = step.wants[0]
    rule = "same_again_write" if want.goal.writes else "same_again_read"
    return finish.stop(words(talk, rule, it=refer(talk, want.subjects[0])), question=None if want.goal.writes else True)


def _correct(acts: UserActs, talk: Talk, step: Step) -> str:
    return finish.stop(spoken(talk, "correction_after", new=refer(talk, step.wants[0].subjects[0])), question=False)


def _supply(acts: UserActs, talk: Talk, step: Step) -> str:
    want, name = step.wants[0], step.argument
    user = User(talk, want)
    phrases = acts.phrases.goals[want.goal.name].maps["supply"].get(name)
    # a choice may be said in a clause ("they charged me twice"), which nothing can be put around
    if phrases and name in want.said and (want.said[name].kind == "choice" or talk.die.chance(0.7)):
        text = realise(phrases, user)
    else:
        value = say(talk, name, want.said[name]) if name in want.said else refer(talk, want.subjects[0])
        text = value if talk.die.chance(0.35) else spoken(talk, "it_is", value=value)
    text = finish.stop(text, question=False)
    return f"{text} {_correction(talk, step)}" if step.change else text


def _yes(acts: UserActs, talk: Talk, step: Step) -> str:
    return finish.stop(spoken(talk, "yes"), question=False)


def _no(acts: UserActs, talk: Talk, step: Step) -> str:
    return finish.stop(spoken(talk, "no"), question=False)


def _amend(acts: UserActs, talk: Talk, step: Step) -> str:
    return f"{_correction(talk, step)} {finish.stop(spoken(talk, 'then_yes'), question=False)}"


def _right_id(acts: UserActs, talk: Talk, step: Step) -> str:
    new = refer(talk, step.wants[0].subjects[0])
    return finish.stop(spoken(talk, "correction_after", new=new), question=False)


def _again(acts: UserActs, talk: Talk, step: Step) -> str:
    return finish.stop(spoken(talk, "say_again"))


def _question(acts: UserActs, talk: Talk, step: Step) -> str:
    known = talk.topic.ask()
    return acts.coloured(talk, None, finish.stop(realise(known.ask, talk.plain), question=True), aside="aside_asking", urgent=False)


def _unsupported(acts: UserActs, talk: Talk, step: Step) -> str:
    text = finish.stop(realise(talk.topic.unsupported.ask, talk.plain))
    return acts.coloured(talk, None, text)


def _offtopic(acts: UserActs, talk: Talk, step: Step) -> str:
    text = finish.stop(words(talk, "offtopic"))
    return acts.coloured(talk, None, text, aside="aside_idle" if text.endswith("?") else None, urgent=False)


def _smalltalk(acts: UserActs, talk: Talk, step: Step) -> str:
    talk.topic.smalltalk = talk.die.pick(acts.phrases.smalltalk)
    return finish.stop(realise(talk.topic.smalltalk[0], talk.plain))


def _bye(acts: UserActs, talk: Talk, step: Step) -> str:
    return finish.stop(spoken(talk, "bye_let_down" if step.detail == "let_down" else "bye_user"), question=False)


ACTS: dict[str, Callable[[UserActs, Talk, Step], str]] = {
    "request": _request,
    "next": _next,
    "instead": _instead,
    "same": _same,
    "correct": _correct,
    "supply": _supply,
    "yes": _yes,
    "no": _no,
    "amend": _amend,
    "right_id": _right_id,
    "again": _again,
    "question": _question,
    "unsupported": _unsupported,
    "offtopic": _offtopic,
    "smalltalk": _smalltalk,
    "bye": _bye,
}
