"""A slot → its candidate: the first attempt that plans, speaks and passes every check of its own row.

A pure function of (recipe, slot, first attempt). What concerns several rows is decided later, in the pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from gen.checks.table import best, examine
from gen.conversation import Conversation, JsonObject
from gen.planning.draws import NothingFits
from gen.planning.planner import Planned
from gen.synthesis.blame import fault_of
from gen.synthesis.converse import at_once, converse, row_of
from gen.synthesis.opening import OpenDomain, Workshop
from gen.synthesis.rehearsed import Rehearsed
from gen.synthesis.repaired import without_failed_calls
from gen.teachers.grammar import NoPhrase
from gen.teachers.naming import SIMULATOR
from gen.teachers.speakers import GaveUp, Speakers

BLOCK = 250
"""Slots in a block, the unit of work and of what a killed run keeps."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """An attempt that was refused: at which stage (plan, speech, check, judge, corpus), for which reason (a rule's code, or a word).

    ``fault`` says who is to blame where a model spoke: user, assistant or tool; "" where it did not, or nobody is.
    """

    slot: int
    attempt: int
    scenario: str
    stage: str
    reason: str
    message: str
    conversation: JsonObject | None = None
    fault: str = ""

    def to_wire(self) -> JsonObject:
        wire: JsonObject = {
            "slot": self.slot,
            "attempt": self.attempt,
            "scenario": self.scenario,
            "stage": self.stage,
            "reason": self.reason,
            "message": self.message,
        }
        if self.fault:
            wire["fault"] = self.fault
        return wire if self.conversation is None else wire | {"conversation": self.conversation}

    @classmethod
    def from_wire(cls, wire: JsonObject) -> Rejection:
        return cls(**{key: wire[key] for key in cls.__slots__ if key in wire})


@dataclass(frozen=True, slots=True)
class Candidate:
    """What a slot came to: a conversation that passed its own checks (None: no attempt did), and what was refused before it."""

    slot: int
    conversation: Conversation | None
    rejections: tuple[Rejection, ...]


class Cast(Protocol):
    """Who speaks in the conversations of a run."""

    @property
    def name(self) -> str:
        """As rows name their teacher."""
        ...

    def begin(self, planned: Planned, domain: OpenDomain) -> Speakers: ...

    async def verdict(self, conversation: Conversation) -> tuple[str, str] | None:
        """Why a conversation that passed the checks is refused after all: a word and a sentence; None where it is not."""
        ...


class Simulated:
    """The simulator of each domain."""

    name = SIMULATOR

    def begin(self, planned: Planned, domain: OpenDomain) -> Speakers:
        return domain.teacher.begin(planned)

    async def verdict(self, conversation: Conversation) -> None:
        """It says what the plan says: there is nothing to judge."""


_SIMULATED = Simulated()


def make(workshop: Workshop, slot: int, first: int = 0) -> Candidate:
    """The candidate of a slot, from its attempt ``first`` on, spoken by the simulator."""
    return at_once(make_with(_SIMULATED, workshop, slot, first))


async def make_with(cast: Cast, workshop: Workshop, slot: int, first: int = 0) -> Candidate:
    """The candidate of a slot, from its attempt ``first`` on."""
    rejections: list[Rejection] = []
    for attempt in range(first, workshop.recipe.model.attempts):
        made = await _attempt(cast, workshop, slot, attempt)
        if isinstance(made, Conversation):
            return Candidate(slot, made, tuple(rejections))
        rejections.append(made)
    return Candidate(slot, None, tuple(rejections))


async def _attempt(cast: Cast, workshop: Workshop, slot: int, attempt: int) -> Conversation | Rejection:
    scenario = workshop.planner.allotment.scenario(slot)
    try:
        planned = workshop.planner.plan(slot, attempt)
    except NothingFits as error:
        return Rejection(slot, attempt, scenario, "plan", "nothing_fits", str(error))
    opened = workshop.domains[planned.domain]
    environment = Rehearsed(planned, opened.worlds[planned.plan.world])
    try:
        conversation = await converse(planned, cast.begin(planned, opened), environment, teacher=cast.name)
    except NoPhrase as error:
        return Rejection(slot, attempt, scenario, "speech", "no_phrase", str(error))
    except GaveUp as end:
        said = row_of(planned, end.messages, cast.name).to_wire()
        return Rejection(slot, attempt, scenario, "speech", end.reason, str(end), said, end.fault)
    return await _examined(cast, workshop, conversation, environment.state())


async def _examined(cast: Cast, workshop: Workshop, conversation: Conversation, state: str) -> Conversation | Rejection:
    simulated = cast.name == SIMULATOR
    if not simulated and workshop.recipe.model.teacher.keep_repaired:
        conversation = without_failed_calls(conversation)
    context = workshop.context(state=state)
    examined = examine(conversation, context, ignore=workshop.ignore)
    finding = best(f for f in examined.findings if f.severity == "error")
    if finding is not None:
        fault = "" if simulated else fault_of(finding, conversation, context)
        return _refused(conversation, "check", finding.code, f"{finding.where}: {finding.message}", fault)
    verdict = await cast.verdict(conversation)
    if verdict is not None:
        return _refused(conversation, "judge", *verdict)
    return conversation.with_sources(examined.sources)


def _refused(conversation: Conversation, stage: str, reason: str, message: str, fault: str = "") -> Rejection:
    return Rejection(conversation.slot, conversation.attempt, conversation.scenario, stage, reason, message, conversation.to_wire(), fault)
