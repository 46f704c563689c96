"""What came of a conversation that a model played, turn by turn: each metric's verdict, and what was wrong in words.

A turn is judged by the calls that the corpus's assistant makes in it, as BFCL judges parallel calls: the same calls, in any order, in
one message or several. (An order that matters shows elsewhere: who acts before it looked things up has to guess the arguments.)
A verdict is there only where its metric applies; ``metrics.py`` says when that is, and counts.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from gen.checks.context import EMPTY, Context
from gen.checks.offered import Offered
from gen.checks.row import Row
from gen.checks.table import RULES
from gen.conversation import Conversation, JsonObject, Message, ToolCall
from gen.scoring.arguments import differences
from gen.scoring.pairing import CallOutcome, outcomes, pair, said
from gen.scoring.played import Played, PlayedTurn, as_conversation, turns_of

SEEN, HELD_OUT = "seen tools", "held-out tools"


@dataclass(frozen=True, slots=True)
class TurnOutcome:
    """The verdicts of one turn by metric, its calls side by side, and what was wrong."""

    verdicts: Mapping[str, bool]
    calls: tuple[CallOutcome, ...] = ()
    problems: tuple[str, ...] = ()

    def to_wire(self) -> JsonObject:
        return {"verdicts": dict(self.verdicts), "calls": [call.to_wire() for call in self.calls], "problems": list(self.problems)}

    @classmethod
    def from_wire(cls, wire: JsonObject) -> TurnOutcome:
        return cls(wire["verdicts"], tuple(map(CallOutcome.from_wire, wire["calls"])), tuple(wire["problems"]))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one conversation.

    ``part`` tells conversations about tools that were trained on from those about others; "" where nobody said which were.
    """

    id: str
    scenario: str
    domain: str
    turns: tuple[TurnOutcome, ...]
    verdicts: Mapping[str, bool]
    part: str = ""
    problems: tuple[str, ...] = ()

    def to_wire(self) -> JsonObject:
        wire: JsonObject = {"id": self.id, "scenario": self.scenario, "domain": self.domain, "part": self.part}
        wire["turns"] = [turn.to_wire() for turn in self.turns]
        return wire | {"verdicts": dict(self.verdicts), "problems": list(self.problems)}

    @classmethod
    def from_wire(cls, wire: JsonObject) -> Outcome:
        turns = tuple(map(TurnOutcome.from_wire, wire["turns"]))
        return cls(wire["id"], wire["scenario"], wire["domain"], turns, wire["verdicts"], wire["part"], tuple(wire["problems"]))


def judge(conversation: Conversation, played: Played, context: Context = EMPTY, *, seen: Collection[str] | None = None) -> Outcome:
    """Judge what a model said in a conversation of a corpus.

    Args:
        context: what is known of the domains; without it, whether an answer is true is judged with less knowledge.
        seen: the tools that the model was trained on; None where that is not known.
    """
    row = Row(as_conversation(conversation, played), context)
    turns: list[TurnOutcome] = []
    for index, expected in enumerate(_expected_turns(conversation)):
        turn = played.turns[index] if index < len(played.turns) else PlayedTurn((), problem="the turn was not played")
        turns.append(_judge_turn(turn, expected, row.offered))
    verdicts: dict[str, bool] = {}
    if conversation.plan and conversation.plan.state and played.state:
        verdicts["end_state"] = played.state == conversation.plan.state
    untrue = list(_untrue(row, context))
    verdicts["answers"] = not untrue and not any(NO_ANSWER in turn.problems for turn in turns)
    verdicts["success"] = all(_is_served(turn, row) for turn in turns) and verdicts["answers"] and verdicts.get("end_state", True)
    return Outcome(
        conversation.id, conversation.scenario, conversation.domain, tuple(turns), verdicts, _part(conversation, seen), tuple(untrue)
    )


@dataclass(frozen=True, slots=True)
class _Expected:
    """What a turn has to do: make these calls, ask the user, end with an answer."""

    calls: tuple[ToolCall, ...]
    asks: bool
    answers: bool


def _expected_turns(conversation: Conversation) -> list[_Expected]:
    """What each turn of the corpus's assistant does. What is not trained on is not expected; nor an answer where the row ends before it."""
    dropped = {id(conversation.messages[index]) for index in conversation.untrained}
    turns = turns_of(conversation.messages)
    return [
        _Expected(
            calls=tuple([call for message in turn if id(message) not in dropped for call in message.tool_calls]),
            asks=_must_ask(conversation.scenario, turns, index),
            answers=bool(PlayedTurn(turn).text),
        )
        for index, turn in enumerate(turns)
    ]


# -- one turn


NO_ANSWER = "the turn does not end with an answer"


def _judge_turn(turn: PlayedTurn, wanted: _Expected, offered: Mapping[str, Offered]) -> TurnOutcome:
    expected = wanted.calls
    problems = [turn.problem or "the output could not be read"] if turn.unread or turn.problem else []
    verdicts = {"parses": not problems}
    made = turn.calls
    if made:
        unfit = list(refused(made, offered))
        problems += unfit
        verdicts["schema_valid"] = not unfit
    names = [call.name for call in expected]
    pairs = pair(names, [call.name for call in made], lambda i, j: _matches(expected[i], made[j], offered))
    problems += said(pairs, names, made, lambda i, j: ", ".join(_differences(expected[i], made[j], offered)))
    calls = outcomes(pairs, names, made, offered)
    if expected:
        verdicts["missed_calls"] = not made
        verdicts["right_tool"] = set(names) == {call.name for call in made}
        if verdicts["right_tool"]:
            verdicts["arguments_right"] = _all_match(expected, made, offered)
        verdicts["call_accuracy"] = all(call.right for call in calls)
    else:
        verdicts["over_calling"] = bool(made)
    if wanted.asks:
        verdicts["asks"] = all(call.right for call in calls) and is_question(turn.text)
        if not is_question(turn.text):
            problems.append("it had to ask, and asked nothing")
    if wanted.answers and not turn.text:
        problems.append(NO_ANSWER)
    return TurnOutcome(verdicts, calls, tuple(problems))


def refused(calls: Sequence[ToolCall], offered: Mapping[str, Offered]) -> Iterator[str]:
    """Calls that the tools would refuse by name or by schema."""
    for call in calls:
        tool = offered.get(call.name)
        if tool is None:
            yield f"the tool {call.name!r} was not offered"
        elif tool.validator is not None and not tool.validator.is_valid(call.arguments):
            for path, message in tool.validator.errors(call.arguments):
                yield f"{call.name}: {path + ': ' if path else ''}{message}"


def _differences(expected: ToolCall, made: ToolCall, offered: Mapping[str, Offered]) -> list[str]:
    tool = offered.get(expected.name)
    return differences(expected.arguments, made.arguments, tool.parameters if tool else {})


def _matches(expected: ToolCall, made: ToolCall, offered: Mapping[str, Offered]) -> bool:
    return expected.name == made.name and not _differences(expected, made, offered)


def _all_match(expected: Sequence[ToolCall], made: Sequence[ToolCall], offered: Mapping[str, Offered]) -> bool:
    """Whether everything expected was called, and nothing else, however often."""
    return all(any(_matches(one, other, offered) for other in made) for one in expected) and all(
        any(_matches(one, other, offered) for one in expected) for other in made
    )


# -- asking back

_FIRST_TURN_ASKS = ("missing_parameter", "confirmed_write")
_ASKS = re.compile(
    r"\?|\b(?:please|kindly)\s+(?:tell|give|send|provide|confirm|share|let|specify|enter|state|clarify)\b|\blet me know\b|"
    r"\b(?:i|we)(?:'ll| will| would|'d)?\s+(?:still |first |also |just )?(?:need|require)\b|\b(?:tell|give|send) me\b",
    re.IGNORECASE,
)


def is_question(text: str) -> bool:
    """Whether a text asks the user for something: it holds a question mark or the words of a request."""
    return _ASKS.search(text.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")) is not None


def _must_ask(scenario: str, turns: Sequence[Sequence[Message]], index: int) -> bool:
    """Whether the assistant has to ask in this turn: for what is missing, or before it acts.

    It is the first turn of the scenarios that are about asking; and of those where the user changes their mind, the one that ends in
    a question without a call, before the turn that calls.
    """
    if scenario in _FIRST_TURN_ASKS:
        return index == 0
    if scenario != "amended" or index + 1 >= len(turns):
        return False
    return not _calls_in(turns[index]) and _calls_in(turns[index + 1]) and is_question(PlayedTurn(tuple(turns[index])).text)


def _calls_in(messages: Sequence[Message]) -> bool:
    return any(message.tool_calls for message in messages)


# -- the whole conversation


def _is_served(turn: TurnOutcome, row: Row) -> bool:
    """Whether a turn does what it has to. A look more than needed is forgiven beside the calls that are expected, a write never."""
    expected = [call for call in turn.calls if call.expected]
    extra = [call for call in turn.calls if not call.expected]
    allowed = bool(expected) and turn.verdicts.get("schema_valid", True)
    return (
        turn.verdicts["parses"]
        and all(call.right for call in expected)
        and turn.verdicts.get("asks", True)
        and (not extra or (allowed and not any(row.writes(call.made) for call in extra)))
    )


_OF_ANSWERS = ("FC401", "FC402", "FC403", "FC404", "FC501", "FC503")
"""What the assistant answers for: nothing made up, no state contradicted, the facts told, errors passed on, no control tokens, no JSON."""

_MESSAGE = re.compile(r"messages\[(\d+)\]")


def _untrue(row: Row, context: Context) -> Iterator[str]:
    """What the rules for answers find in what the user is told."""
    for rule in map(RULES.__getitem__, _OF_ANSWERS):
        assert rule.function is not None
        for where, message in rule.function(row, context):
            place = _MESSAGE.match(where)
            if place is None or row.messages[int(place[1])].role == "assistant":
                yield f"{rule.code}: {message}"


def _part(conversation: Conversation, seen: Collection[str] | None) -> str:
    """Held out is a conversation that calls a tool nobody trained on; where it calls none, one that offers such a tool."""
    if seen is None:
        return ""
    called = {call.name for turn in _expected_turns(conversation) for call in turn.calls}
    names = called or {tool["function"]["name"] for tool in conversation.tools}
    return SEEN if all(name in seen for name in names) else HELD_OUT
