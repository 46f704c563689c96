"""The embedded teacher: speaks the steps of a script as a user and as an assistant. No model, no network.

``Simulator`` holds what a process prepares once for a domain; ``begin`` gives the two speakers of one conversation. What
the user's acts say is in simulated_user.py, the assistant's in simulated_assistant.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import orjson

from gen.conversation import Json, Message, ToolCall
from gen.dice import Dice, dice
from gen.planning.domain import DomainPlanner
from gen.planning.draft import Step
from gen.planning.personas import Persona
from gen.planning.planner import Planned
from gen.recipe import Recipe
from gen.teachers.habits import Habits
from gen.teachers.phrases import english, read_phrases
from gen.teachers.simulated_assistant import AssistantActs
from gen.teachers.simulated_user import UserActs
from gen.teachers.system import choose_facts, system_text
from gen.teachers.talk import Talk
from gen.values.speak import Voice

PLAIN = Persona(
    name="plain",
    voice={"casual": 0.2, "words": 0.0, "lower": 0.0, "us": 0.2},
    forms={"do": 1, "want": 2, "know": 2, "ask": 2, "say": 0.5, "short": 0},
)
"""Who speaks a script in rehearsal: somebody without any habits."""


class Simulator:
    """The simulator of one domain."""

    def __init__(self, domain: DomainPlanner, recipe: Recipe) -> None:
        self._entities = domain.entities
        self._phrases = read_phrases(domain.domain.phrases, domain.declared, domain.entities, domain.tools)
        shared = english().data
        self._habits = Habits(shared["abbreviations"], shared["non_native"])
        self._seed = recipe.model.seed
        self._thoughts = recipe.model.thoughts
        self._users = UserActs(self._phrases, self._habits)
        self._assistants = AssistantActs(self._phrases, domain)

    def begin(self, planned: Planned) -> Dialogue:
        """The conversation of this plan, ready to be spoken."""
        die = dice(self._seed, "speech", planned.slot, "attempt", planned.attempt)
        voice = _voice(planned, die)
        talk = Talk(planned, die, self._phrases, self._entities, voice, planned.plan.today, short_dates=die.chance(0.3))
        choose_facts(talk)
        return Dialogue(talk, planned.steps, self._users, self._assistants, self._thoughts)

    def rehearse(self, planned: Planned) -> Rehearsal:
        """What a plain user would say at each of the user's steps, for a language model to say in its own words."""
        dialogue = self.begin(replace(planned, persona=PLAIN))
        system = dialogue.system()
        executed = iter(planned.executed)
        results: list[Json] = []
        lines: list[tuple[Step, str]] = []
        for step in planned.steps:
            if step.speaker == "user":
                lines.append((step, dialogue.users.speak(dialogue.talk, step, first=not lines)))
            elif step.act == "call":
                results = [next(executed)[2] for _ in step.calls]
            else:
                dialogue.assistants.speak(dialogue.talk, step, results)
                results = []
        return Rehearsal(system.content if system else "", lines, dialogue.talk.phrases.company)


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A script as the simulator would speak it: the system message, the user's steps with their lines, whose customer it is."""

    system: str
    lines: Sequence[tuple[Step, str]]
    company: str


@dataclass
class Dialogue:
    """One conversation: the script, and where in it the speakers are. ``user`` and ``assistant`` take turns."""

    talk: Talk
    steps: Sequence[Step]
    users: UserActs
    assistants: AssistantActs
    thoughts: float
    at: int = 0

    def system(self) -> Message | None:
        """How the conversation begins, where it begins with a system message."""
        return Message("system", system_text(self.talk)) if self.talk.planned.system else None

    async def user(self, messages: Sequence[Message]) -> Message | None:
        """What the user says next; None at the end."""
        if self.at >= len(self.steps):
            return None
        first = self.at == 0  # a script begins with the user
        step = self.steps[self.at]
        self.at += 1
        return Message("user", self.users.speak(self.talk, step, first=first))

    async def assistant(self, messages: Sequence[Message]) -> Message:
        """What the assistant says or calls next."""
        step = self.steps[self.at]
        self.at += 1
        if step.act == "call":
            calls = tuple([ToolCall(self.talk.die.letters(9), call.name, call.arguments) for call in step.calls])
            thought = self.assistants.think(self.talk, step) if self.talk.die.chance(self.thoughts) else None
            return Message("assistant", self.assistants.before_call(self.talk, step), thought, calls)
        results = [orjson.loads(message.content) for message in _last_results(messages)]
        content = self.assistants.speak(self.talk, step, results)
        thought = self.assistants.think(self.talk, step) if self.talk.die.chance(self.thoughts * 0.35) else None
        return Message("assistant", content, thought)


def _last_results(messages: Sequence[Message]) -> Sequence[Message]:
    """The tool messages at the end of the conversation so far."""
    start = len(messages)
    while start and messages[start - 1].role == "tool":
        start -= 1
    return messages[start:]


def _voice(planned: Planned, die: Dice) -> Voice:
    rates = planned.persona.voice
    casual = min(1.0, max(0.0, rates["casual"] + 0.2 * (die.random() - 0.5)))
    us = die.chance(0.75) if planned.me.get("currency") == "USD" else die.chance(rates.get("us", 0.2) * 0.5)
    if not planned.system:
        casual = 0.0
    return Voice(casual=casual, words=rates["words"], lower=die.chance(rates["lower"]), us=us)
