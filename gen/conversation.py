"""The values that flow through fcgen: messages, tool calls, conversations, plans and findings.

Pure values with one exact wire form each; ``from_wire(to_wire(x)) == x``. Ids of rows, paths and times live in storage.
Absent keys are absent in the wire form, never null.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Json = Any
"""A JSON value: None, bool, int, float, str, list of Json, dict of str to Json."""

JsonObject = dict[str, Any]

Role = Literal["system", "user", "assistant", "tool"]
ROLES: tuple[Role, ...] = ("system", "user", "assistant", "tool")


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call of a tool: ``id`` is nine letters or digits (the strictest template needs that)."""

    id: str
    name: str
    arguments: JsonObject

    def to_wire(self) -> JsonObject:
        return {"id": self.id, "type": "function", "function": {"name": self.name, "arguments": self.arguments}}

    @classmethod
    def from_wire(cls, wire: JsonObject) -> ToolCall:
        function = wire["function"]
        return cls(id=wire["id"], name=function["name"], arguments=function["arguments"])


@dataclass(frozen=True, slots=True)
class Message:
    """One message. ``content`` of a tool message is the JSON text of the result."""

    role: Role
    content: str
    reasoning_content: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    name: str | None = None

    def to_wire(self) -> JsonObject:
        wire: JsonObject = {"role": self.role}
        if self.tool_call_id is not None:
            wire["tool_call_id"] = self.tool_call_id
        if self.name is not None:
            wire["name"] = self.name
        wire["content"] = self.content
        if self.reasoning_content is not None:
            wire["reasoning_content"] = self.reasoning_content
        if self.tool_calls:
            wire["tool_calls"] = [call.to_wire() for call in self.tool_calls]
        return wire

    @classmethod
    def from_wire(cls, wire: JsonObject) -> Message:
        return cls(
            role=wire["role"],
            content=wire["content"],
            reasoning_content=wire.get("reasoning_content"),
            tool_calls=tuple(ToolCall.from_wire(call) for call in wire.get("tool_calls", ())),
            tool_call_id=wire.get("tool_call_id"),
            name=wire.get("name"),
        )


@dataclass(frozen=True, slots=True)
class ExpectedCall:
    """A call that reaches the goal. ``after`` holds the indexes of expected calls that must come before it."""

    name: str
    arguments: JsonObject
    outcome: Literal["result", "error"] = "result"
    after: tuple[int, ...] = ()

    def to_wire(self) -> JsonObject:
        wire: JsonObject = {"name": self.name, "arguments": self.arguments}
        if self.outcome != "result":
            wire["outcome"] = self.outcome
        if self.after:
            wire["after"] = list(self.after)
        return wire

    @classmethod
    def from_wire(cls, wire: JsonObject) -> ExpectedCall:
        return cls(wire["name"], wire["arguments"], wire.get("outcome", "result"), tuple(wire.get("after", ())))


@dataclass(frozen=True, slots=True)
class Fact:
    """Something the user asked for, which must stand in an answer.

    ``path`` names the place in the result of expected call ``call``: ``"status"``, ``"transactions.0.amount"``.
    """

    call: int
    path: str
    value: Json

    def to_wire(self) -> JsonObject:
        return {"call": self.call, "path": self.path, "value": self.value}

    @classmethod
    def from_wire(cls, wire: JsonObject) -> Fact:
        return cls(wire["call"], wire["path"], wire["value"])


@dataclass(frozen=True, slots=True)
class Plan:
    """What is known of a conversation before anyone speaks, and what decides whether it reached its goal.

    Attributes:
        today: the day of the conversation, ``YYYY-MM-DD``.
        goals: names of the domain's goals, in order.
        calls: the calls that reach them, already executed once.
        facts: what the user wants to hear.
        state: digest of the environment's state after these calls.
        person: the id of the signed-in person, or "" where there is none.
        faults: ordinal of an executed call (0 is the conversation's first) → the passing error it meets.
        world: which of the recipe's worlds (a filled database with its own today) it plays in.
    """

    today: str
    goals: tuple[str, ...] = ()
    calls: tuple[ExpectedCall, ...] = ()
    facts: tuple[Fact, ...] = ()
    state: str = ""
    person: str = ""
    faults: dict[int, str] = field(default_factory=dict)
    world: int = 0

    def to_wire(self) -> JsonObject:
        wire: JsonObject = {
            "today": self.today,
            "goals": list(self.goals),
            "calls": [call.to_wire() for call in self.calls],
            "facts": [fact.to_wire() for fact in self.facts],
            "state": self.state,
        }
        if self.person:
            wire["person"] = self.person
        if self.faults:
            wire["faults"] = {str(k): v for k, v in self.faults.items()}
        if self.world:
            wire["world"] = self.world
        return wire

    @classmethod
    def from_wire(cls, wire: JsonObject) -> Plan:
        return cls(
            today=wire["today"],
            goals=tuple(wire.get("goals", ())),
            calls=tuple(ExpectedCall.from_wire(call) for call in wire.get("calls", ())),
            facts=tuple(Fact.from_wire(fact) for fact in wire.get("facts", ())),
            state=wire.get("state", ""),
            person=wire.get("person", ""),
            faults={int(k): v for k, v in wire.get("faults", {}).items()},
            world=wire.get("world", 0),
        )


@dataclass(frozen=True, slots=True)
class Source:
    """Where an argument leaf came from: leaf ``path`` of call ``call`` (0-based, in the conversation's order of calls).

    ``kind`` is "user", "result", "system" or "default"; ``message`` is the index of the message it stands in (-1 for a default).
    """

    call: int
    path: str
    kind: Literal["user", "result", "system", "default"]
    message: int

    def to_wire(self) -> JsonObject:
        return {"call": self.call, "path": self.path, "kind": self.kind, "message": self.message}

    @classmethod
    def from_wire(cls, wire: JsonObject) -> Source:
        return cls(wire["call"], wire["path"], wire["kind"], wire["message"])


@dataclass(frozen=True, slots=True)
class Conversation:
    """Messages, the tools they offered (wire form), and what is known of them. One row of a corpus.

    ``untrained`` holds indexes of assistant messages whose loss flag is off.
    """

    id: str
    messages: tuple[Message, ...]
    tools: tuple[JsonObject, ...] = ()
    domain: str = ""
    scenario: str = ""
    split: str = "train"
    persona: str = ""
    teacher: str = ""
    slot: int = 0
    attempt: int = 0
    plan: Plan | None = None
    sources: tuple[Source, ...] = ()
    untrained: tuple[int, ...] = ()

    def with_sources(self, sources: tuple[Source, ...]) -> Conversation:
        """The same, with where its arguments came from. Every row passes here: ``dataclasses.replace`` takes five times as long."""
        return Conversation(
            self.id,
            self.messages,
            self.tools,
            self.domain,
            self.scenario,
            self.split,
            self.persona,
            self.teacher,
            self.slot,
            self.attempt,
            self.plan,
            sources,
            self.untrained,
        )

    def to_wire(self) -> JsonObject:
        wire: JsonObject = {
            "id": self.id,
            "messages": [message.to_wire() for message in self.messages],
            "tools": list(self.tools),
            "domain": self.domain,
            "scenario": self.scenario,
            "split": self.split,
            "persona": self.persona,
            "teacher": self.teacher,
            "slot": self.slot,
            "attempt": self.attempt,
        }
        if self.plan is not None:
            wire["plan"] = self.plan.to_wire()
        wire["sources"] = [source.to_wire() for source in self.sources]
        wire["untrained"] = list(self.untrained)
        return wire

    @classmethod
    def from_wire(cls, wire: JsonObject) -> Conversation:
        plan = wire.get("plan")
        return cls(
            id=wire["id"],
            messages=tuple(Message.from_wire(message) for message in wire["messages"]),
            tools=tuple(wire.get("tools", ())),
            domain=wire.get("domain", ""),
            scenario=wire.get("scenario", ""),
            split=wire.get("split", "train"),
            persona=wire.get("persona", ""),
            teacher=wire.get("teacher", ""),
            slot=wire.get("slot", 0),
            attempt=wire.get("attempt", 0),
            plan=None if plan is None else Plan.from_wire(plan),
            sources=tuple(Source.from_wire(source) for source in wire.get("sources", ())),
            untrained=tuple(wire.get("untrained", ())),
        )


Severity = Literal["error", "warning", "note"]


Problem = tuple[str, str]
"""The place (``messages[3].tool_calls[0].arguments.amount``) and what is wrong there."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found: the rule's code, and the place: ``messages[3].tool_calls[0].arguments.amount``."""

    code: str
    severity: Severity
    message: str
    where: str = ""

    def to_wire(self) -> JsonObject:
        return {"code": self.code, "severity": self.severity, "message": self.message, "where": self.where}

    @classmethod
    def from_wire(cls, wire: JsonObject) -> Finding:
        return cls(wire["code"], wire["severity"], wire["message"], wire.get("where", ""))
