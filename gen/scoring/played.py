"""What a model said in the place of the assistant of a corpus's conversation: the input of every metric.

Who lets a model speak fills these; who scores reads them. A conversation is cut at the user's messages: a turn is all that the model
said and what came back, up to the user's next message, which the corpus speaks whatever the model did.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from gen.conversation import Conversation, JsonObject, Message, ToolCall


@dataclass(frozen=True, slots=True)
class PlayedTurn:
    """What a model did between one message of the user and the next.

    Attributes:
        messages: assistant messages, each call followed by the message of role ``tool`` that executing it gave.
        unread: the text that the model produced and that could not be read as a message; "" where all could be.
        problem: why it could not be read, or why the turn was cut: the limit of tokens or of calls was reached.
    """

    messages: tuple[Message, ...]
    unread: str = ""
    problem: str = ""

    @property
    def calls(self) -> tuple[ToolCall, ...]:
        return tuple([call for message in self.messages for call in message.tool_calls])

    @property
    def text(self) -> str:
        """What the turn ends with, for the user to read; "" where it ends in anything else."""
        last = self.messages[-1] if self.messages else None
        return last.content if last is not None and last.role == "assistant" and not last.tool_calls else ""

    def to_wire(self) -> JsonObject:
        wire: JsonObject = {"messages": [message.to_wire() for message in self.messages]}
        return wire | {key: value for key, value in (("unread", self.unread), ("problem", self.problem)) if value}

    @classmethod
    def from_wire(cls, wire: JsonObject) -> PlayedTurn:
        messages = tuple(Message.from_wire(message) for message in wire["messages"])
        return cls(messages, wire.get("unread", ""), wire.get("problem", ""))


@dataclass(frozen=True, slots=True)
class Played:
    """A conversation as a model played it.

    Attributes:
        id: of the corpus's conversation.
        turns: as many as the conversation has messages of the user, in order.
        state: digest of the environment's state after the last turn; "" where nothing was executed.
    """

    id: str
    turns: tuple[PlayedTurn, ...]
    state: str = ""

    def to_wire(self) -> JsonObject:
        wire: JsonObject = {"id": self.id, "turns": [turn.to_wire() for turn in self.turns]}
        return wire | ({"state": self.state} if self.state else {})

    @classmethod
    def from_wire(cls, wire: JsonObject) -> Played:
        return cls(wire["id"], tuple(PlayedTurn.from_wire(turn) for turn in wire["turns"]), wire.get("state", ""))


def turns_of(messages: Sequence[Message]) -> list[tuple[Message, ...]]:
    """What follows each message of the user, up to the next one; what stands before the first is nobody's turn."""
    turns: list[list[Message]] = []
    for message in messages:
        if message.role == "user":
            turns.append([])
        elif turns and message.role != "system":
            turns[-1].append(message)
    return list(map(tuple, turns))


def as_played(conversation: Conversation, *, state: str = "") -> Played:
    """A conversation of the corpus as if a model had said what its assistant says. The state is the plan's where none is given."""
    planned = conversation.plan.state if conversation.plan else ""
    return Played(conversation.id, tuple(map(PlayedTurn, turns_of(conversation.messages))), state or planned)


def as_conversation(conversation: Conversation, played: Played) -> Conversation:
    """The conversation with what the model said in the assistant's place: what the checks can read."""
    messages: list[Message] = []
    turns = iter(played.turns)
    for message in conversation.messages:
        if message.role == "system":
            messages.append(message)
        elif message.role == "user":
            turn = next(turns, None)
            messages += [message, *(turn.messages if turn else ())]
    return replace(conversation, messages=tuple(messages), sources=(), untrained=())
