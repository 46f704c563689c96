"""A slot → its candidate: the first attempt that plans, speaks and passes every check of its own row.

A pure function of (recipe, slot, first attempt). What concerns several rows is decided later, in the pass.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import orjson

from gen.checks.table import best, examine
from gen.conversation import Conversation, JsonObject
from gen.planning.draws import NothingFits
from gen.synthesis.converse import converse
from gen.synthesis.opening import Workshop
from gen.synthesis.rehearsed import Rehearsed
from gen.teachers.grammar import NoPhrase
from gen.teachers.simulator import NAME

BLOCK = 250
"""Slots in a block, the unit of work and of what a killed run keeps."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """An attempt that was refused: at which stage (plan, check, corpus), for which reason (a rule's code, or a word)."""

    slot: int
    attempt: int
    scenario: str
    stage: str
    reason: str
    message: str
    conversation: JsonObject | None = None

    def to_wire(self) -> JsonObject:
        wire: JsonObject = {
            "slot": self.slot,
            "attempt": self.attempt,
            "scenario": self.scenario,
            "stage": self.stage,
            "reason": self.reason,
            "message": self.message,
        }
        return wire if self.conversation is None else wire | {"conversation": self.conversation}

    @classmethod
    def from_wire(cls, wire: JsonObject) -> Rejection:
        return cls(
            wire["slot"], wire["attempt"], wire["scenario"], wire["stage"], wire["reason"], wire["message"], wire.get("conversation")
        )


@dataclass(frozen=True, slots=True)
class Candidate:
    """What a slot came to: a conversation that passed its own checks (None: no attempt did), and what was refused before it."""

    slot: int
    conversation: Conversation | None
    rejections: tuple[Rejection, ...]


def make(workshop: Workshop, slot: int, first: int = 0) -> Candidate:
    """The candidate of a slot, from its attempt ``first`` on."""
    rejections: list[Rejection] = []
    for attempt in range(first, workshop.recipe.model.attempts):
        made = _attempt(workshop, slot, attempt)
        if isinstance(made, Conversation):
            return Candidate(slot, made, tuple(rejections))
        rejections.append(made)
    return Candidate(slot, None, tuple(rejections))


def _attempt(workshop: Workshop, slot: int, attempt: int) -> Conversation | Rejection:
    scenario = workshop.planner.allotment.scenario(slot)
    try:
        planned = workshop.planner.plan(slot, attempt)
    except NothingFits as error:
        return Rejection(slot, attempt, scenario, "plan", "nothing_fits", str(error))
    opened = workshop.domains[planned.domain]
    with Rehearsed(planned, opened.worlds[planned.plan.world]) as environment:
        try:
            conversation = converse(planned, opened.teacher.begin(planned), environment, teacher=NAME)
        except NoPhrase as error:
            return Rejection(slot, attempt, scenario, "speech", "no_phrase", str(error))
        state = environment.state()
    examined = examine(conversation, workshop.context(state=state), ignore=workshop.ignore)
    finding = best(f for f in examined.findings if f.severity == "error")
    if finding is not None:
        return Rejection(slot, attempt, scenario, "check", finding.code, f"{finding.where}: {finding.message}", conversation.to_wire())
    return replace(conversation, sources=examined.sources)


def to_lines(candidates: Iterable[Candidate]) -> list[str]:
    """Candidates as the lines of a block: first the tools that they offer, by domain and name, which rows then only name."""
    tools: dict[str, dict[str, JsonObject]] = {}
    lines = []
    for candidate in candidates:
        lines += [_line(rejection.to_wire() | {"accepted": False}) for rejection in candidate.rejections]
        row = candidate.conversation
        if row is not None:
            known = tools.setdefault(row.domain, {})
            names = [tool["function"]["name"] for tool in row.tools]
            known.update(zip(names, row.tools, strict=True))
            wire = replace(row, tools=()).to_wire() | {"tools": names}
            lines.append(_line({"slot": candidate.slot, "accepted": True, "conversation": wire}))
    return [_line({"tools": tools}), *lines]


def from_lines(workshop: Workshop, outcomes: list[JsonObject], slots: range) -> list[Candidate]:
    """The candidates of these slots from a block's lines. Tools are the workshop's own objects: equal ones are one."""
    rejections: dict[int, list[Rejection]] = {slot: [] for slot in slots}
    accepted: dict[int, Conversation] = {}
    for outcome in outcomes:
        slot = outcome.get("slot")
        if slot not in rejections:
            continue  # the line of tools; slots of a run that was asked for more
        if outcome["accepted"]:
            wire = outcome["conversation"]
            wire["tools"] = [workshop.tools[wire["domain"]][name] for name in wire["tools"]]
            accepted[slot] = Conversation.from_wire(wire)
        else:
            rejections[slot].append(Rejection.from_wire(outcome))
    return [Candidate(slot, accepted.get(slot), tuple(rejections[slot])) for slot in slots]


def _line(value: Any) -> str:
    return orjson.dumps(value).decode()
