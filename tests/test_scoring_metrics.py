"""Metrics: the corpus's own conversation is a success, and each corruption of it fails in the metric that is about it."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gen.checks.context import Context
from gen.checks.mutations import HARMLESS, MUTATIONS
from gen.conversation import Conversation, Message, ToolCall
from gen.dice import dice
from gen.errors import BadInput
from gen.planning.scenarios import SCENARIOS
from gen.recipe import build_recipe
from gen.scoring.arguments import differences
from gen.scoring.intervals import Rate, mcnemar, wilson
from gen.scoring.metrics import METRICS, NO_CALL, compare, score, wrong
from gen.scoring.outcomes import Outcome, is_question, judge
from gen.scoring.pairing import UNKNOWN_TOOL
from gen.scoring.played import Played, PlayedTurn, as_conversation, as_played
from gen.synthesis.opening import Workshop, open_workshop
from gen.synthesis.slots import make
from gen.yaml_file import parse_yaml

DOMAINS = ("payments", "orders", "travel")
SLOTS = 6 * len(SCENARIOS)


@cache
def workshop(domain: str) -> Workshop:
    scenarios = ", ".join(f"{name}: 1" for name in SCENARIOS)
    text = f"name: {domain}\ntools: {{domains: [{domain}]}}\nscenarios: {{{scenarios}}}\n"
    return open_workshop(build_recipe(parse_yaml(text, Path("test.yaml"))))


@cache
def row(domain: str, slot: int) -> Conversation | None:
    return make(workshop(domain), slot).conversation


@cache
def context(domain: str) -> Context:
    return workshop(domain).context(replay=True)


def executed(conversation: Conversation, known: Context) -> Played:
    """The conversation as a model's, its calls really executed: results and end state are what comes of them."""
    assert known.replay is not None
    again = known.replay(conversation)
    ids = [call.id for message in conversation.messages for call in message.tool_calls]
    results = dict(zip(ids, again.results, strict=True))
    messages = [replace(m, content=results.get(m.tool_call_id or "", m.content)) for m in conversation.messages]
    return as_played(replace(conversation, messages=tuple(messages)), state=again.state)


slots = st.tuples(st.sampled_from(DOMAINS), st.integers(0, SLOTS - 1))


@given(slots)
def test_the_conversation_of_the_corpus_is_a_success(place: tuple[str, int]) -> None:
    gold = row(*place)
    if gold is None:
        return  # a slot that needs another attempt
    found = judge(gold, executed(gold, context(place[0])), context(place[0]))
    assert found.verdicts == {"end_state": True, "answers": True, "success": True}
    assert wrong(found) == []
    assert not [problem for turn in found.turns for problem in turn.problems]
    assert judge(gold, as_played(gold), context(place[0])) == found


IN_METRIC = {
    # corruption → the metrics of which one at least must be wrong, whatever else is
    "wrong tool": {"right_tool"},
    "invented tool": {"right_tool", "schema_valid"},
    "other enum value": {"arguments_right"},
    "unknown enum value": {"schema_valid", "arguments_right"},
    "missing required": {"schema_valid", "arguments_right"},
    "extra argument": {"schema_valid", "arguments_right"},
    "wrong type": {"schema_valid", "arguments_right"},
    "swapped arguments": {"arguments_right"},
    "invented id": {"arguments_right"},
    "stale id": {"arguments_right"},
    "amount in cents": {"arguments_right"},
    "other currency": {"arguments_right"},
    "date off by a day": {"arguments_right"},
    "date off by a month": {"arguments_right"},
    "dropped call": {"call_accuracy"},
    "repeated call": {"call_accuracy"},
    "call before the value": {"call_accuracy"},
    "answer with other number": {"answers"},
    "answer with other id": {"answers"},
    "answer to nothing": {"answers"},
    "raw json answer": {"answers"},
    "claimed success": {"answers"},
    "empty answer": {"answers"},
}


@given(slots, st.sampled_from(sorted(IN_METRIC)))
def test_a_corruption_fails_in_its_metric(place: tuple[str, int], kind: str) -> None:
    gold = row(*place)
    mutant = MUTATIONS[kind](gold, dice(0, kind, gold.id)) if gold else None
    if gold is None or mutant is None or mutant == gold:
        return
    found = judge(gold, executed(mutant, context(place[0])), context(place[0]))
    failed = set(wrong(found))
    assert IN_METRIC[kind] <= failed, (failed, found.problems)
    assert "call_accuracy" in failed or IN_METRIC[kind] == {"answers"}
    if kind != "repeated call":  # a look more than needed is forgiven
        assert "success" in failed


@pytest.mark.parametrize("kind", IN_METRIC)
def test_every_corruption_is_met(kind: str) -> None:
    """Else the property above would prove nothing of it."""
    rows = (row(domain, slot) for domain in DOMAINS for slot in range(SLOTS))
    assert any(MUTATIONS[kind](gold, dice(0, kind, gold.id)) is not None for gold in rows if gold)


@given(slots, st.sampled_from(sorted(HARMLESS)))
def test_a_harmless_change_costs_nothing(place: tuple[str, int], kind: str) -> None:
    gold = row(*place)
    same = HARMLESS[kind](gold, dice(0, kind, gold.id)) if gold else None
    if gold is not None and same is not None:
        assert wrong(judge(gold, executed(same, context(place[0])), context(place[0]))) == []


@given(slots)
def test_outcomes_and_what_was_played_come_back_from_json(place: tuple[str, int]) -> None:
    gold = row(*place)
    if gold is None:
        return
    played = as_played(gold)
    assert Played.from_wire(json.loads(json.dumps(played.to_wire()))) == played
    assert as_conversation(gold, played).messages == gold.messages
    found = judge(gold, played)
    assert Outcome.from_wire(json.loads(json.dumps(found.to_wire()))) == found


# -- by hand

LOOK = {
    "type": "function",
    "function": {
        "name": "get_payment",
        "description": "Look a payment up",
        "parameters": {
            "type": "object",
            "properties": {
                "id": {"type": "string", "pattern": "^T"},
                "note": {"type": "string"},
                "limit": {"type": "integer", "default": 5},
                "kinds": {"type": "array", "items": {"type": "string", "enum": ["a", "b"]}, "uniqueItems": True},
            },
            "required": ["id"],
            "additionalProperties": False,
        },
    },
}
SEND = {
    "type": "function",
    "function": {"name": "cancel_payment", "description": "Cancel a payment", "parameters": LOOK["function"]["parameters"]},
}


def user(text: str) -> Message:
    return Message("user", text)


def said(text: str) -> Message:
    return Message("assistant", text)


def call(name: str = "get_payment", **arguments: Any) -> Message:
    identity = f"{name[:3]}{len(str(arguments)):06}"
    return Message("assistant", "", tool_calls=(ToolCall(identity, name, arguments),))


def back(made: Message, content: str = '{"status": "Paid"}') -> Message:
    return Message("tool", content, tool_call_id=made.tool_calls[0].id, name=made.tool_calls[0].name)


def talk(*messages: Message, scenario: str = "single") -> Conversation:
    return Conversation("row-1", messages, (LOOK, SEND), domain="pay", scenario=scenario)


def turn(*messages: Message) -> PlayedTurn:
    """A turn in which each call gets a result."""
    return PlayedTurn(tuple(m for message in messages for m in ((message, back(message)) if message.tool_calls else (message,))))


def verdicts(gold: Conversation, *turns: PlayedTurn) -> dict[str, bool]:
    found = judge(gold, Played(gold.id, turns))
    return {**found.turns[0].verdicts, **found.verdicts}


ASKED = call(id="T1")
ONE = talk(user("is T1 paid?"), ASKED, back(ASKED), said("Yes, it is paid."))
NONE = talk(user("hello"), said("Hello."), scenario="no_call")


def test_the_right_call_is_right_in_everything() -> None:
    found = verdicts(ONE, turn(ASKED, said("It has been paid.")))
    assert found == {
        "parses": True, "schema_valid": True, "missed_calls": False, "right_tool": True, "arguments_right": True, "call_accuracy": True,
        "answers": True, "success": True,
    }  # fmt: skip


def test_what_cannot_be_read_is_no_call_and_no_answer() -> None:
    found = judge(ONE, Played(ONE.id, (PlayedTurn((), unread='[TOOL_CALLS]{"name', problem="the text ends within a call"),)))
    assert found.turns[0].verdicts == {"parses": False, "missed_calls": True, "right_tool": False, "call_accuracy": False}
    assert found.turns[0].problems[0] == "the text ends within a call"
    assert not found.verdicts["success"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | st.sampled_from(["id", "kinds", "limit"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(st.text() | st.just("get_payment"), json_values, st.text())
def test_whatever_a_model_says_can_be_judged(name: str, arguments: Any, text: str) -> None:
    made = Message("assistant", "", tool_calls=(ToolCall("abcdefghi", name, arguments),))
    found = verdicts(ONE, PlayedTurn((made, Message("tool", text, tool_call_id="abcdefghi"), said(text))))
    assert found["call_accuracy"] == (name == "get_payment" and differences({"id": "T1"}, arguments, LOOK["function"]["parameters"]) == [])
    assert found["schema_valid"] or not found["call_accuracy"]


def test_a_turn_that_was_not_played_is_a_failure() -> None:
    assert not verdicts(ONE)["parses"]
    assert not verdicts(ONE)["success"]


def test_calling_where_nothing_is_to_be_called_is_no_success() -> None:
    found = verdicts(NONE, turn(call(id="T1"), said("Hello.")))
    assert found["over_calling"] and not found["success"]
    assert "call_accuracy" not in found
    assert not verdicts(NONE, turn(said("Hello.")))["over_calling"]


@pytest.mark.parametrize(("extra", "success"), [(call(id="T2"), True), (call("cancel_payment", id="T2"), False), (call(id="X2"), False)])
def test_a_look_more_is_forgiven_a_write_or_a_broken_call_is_not(extra: Message, success: bool) -> None:
    found = verdicts(ONE, turn(ASKED, extra, said("It is paid.")))
    assert not found["call_accuracy"]
    assert found["success"] == success


def test_asking_is_a_question_without_the_call() -> None:
    gold = talk(user("cancel it"), said("Which one?"), user("T1"), ASKED, back(ASKED), said("Done."), scenario="missing_parameter")
    rest = turn(ASKED, said("Done."))
    assert verdicts(gold, turn(said("Please tell me the number.")), rest)["asks"]
    silent = judge(gold, Played(gold.id, (turn(said("I cannot help you.")), rest)))
    assert not silent.turns[0].verdicts["asks"] and "it had to ask, and asked nothing" in silent.turns[0].problems
    hasty = verdicts(gold, turn(call(id="T9"), said("All right?")), rest)
    assert not hasty["asks"] and hasty["over_calling"] and not hasty["success"]


@pytest.mark.parametrize("text", ["Which one?", "Please confirm that.", "I'd need the number first.", "Tell me the number, then."])
def test_what_asks(text: str) -> None:
    assert is_question(text)


@pytest.mark.parametrize("text", ["", "Done.", "You are welcome."])
def test_what_does_not_ask(text: str) -> None:
    assert not is_question(text)


def test_the_end_state_decides_where_it_is_known() -> None:
    gold = row("payments", 0)
    assert gold is not None and gold.plan is not None
    found = judge(gold, as_played(gold, state="0" * 64), context("payments"))
    assert wrong(found) == ["success", "end_state"]
    unknown = judge(gold, replace(as_played(gold), state=""), context("payments"))
    assert "end_state" not in unknown.verdicts and unknown.verdicts["success"]


def test_messages_that_are_not_trained_on_are_not_expected() -> None:
    slip = call(id="T9")
    gold = replace(talk(user("is T1 paid?"), slip, back(slip), ASKED, back(ASKED), said("It is paid.")), untrained=(1,))
    assert verdicts(gold, turn(ASKED, said("It is paid.")))["call_accuracy"]


def test_a_row_that_ends_with_its_call_needs_no_answer() -> None:
    gold = talk(user("is T1 paid?"), ASKED)
    assert verdicts(gold, PlayedTurn((ASKED,)))["success"]


@pytest.mark.parametrize(
    ("expected", "made", "same"),
    [
        ({"id": "T1"}, {"id": "T1"}, True),
        ({"id": "T1"}, {"id": "T1", "limit": 5}, True),
        ({"id": "T1", "limit": 5}, {"id": "T1"}, True),
        ({"id": "T1", "limit": 5}, {"id": "T1", "limit": 5.0}, True),
        ({"id": "T1"}, {"id": "T1", "limit": 6}, False),
        ({"id": "T1"}, {"id": "T1", "limit": True}, False),
        ({"id": "T1"}, {"id": "t1"}, False),
        ({"id": "Ta"}, {"id": "TA"}, False),  # a pattern: the tool looks it up
        ({"note": "New York"}, {"note": "new-york"}, True),
        ({"note": "room 7"}, {"note": "Room 7"}, False),  # it holds a digit
        ({"note": "New York"}, {"note": "New Jersey"}, False),
        ({"kinds": ["a", "b"]}, {"kinds": ["b", "a"]}, True),
        ({"kinds": ["a", "b"]}, {"kinds": ["a", "a"]}, False),
        ({"kinds": ["a"]}, {"kinds": ["A"]}, False),
        ({"list": [1, 2]}, {"list": [2, 1]}, False),
        ({"deep": {"x": "a"}}, {"deep": {"x": "A"}}, True),
        ({"deep": {"x": "a"}}, {"deep": {}}, False),
        ({"id": "T1"}, ["T1"], False),
    ],
)
def test_which_arguments_mean_the_same(expected: Any, made: Any, same: bool) -> None:
    assert (differences(expected, made, LOOK["function"]["parameters"]) == []) == same


def test_groups_tools_and_confusion() -> None:
    right = judge(ONE, Played(ONE.id, (turn(ASKED, said("It is paid.")),)), seen={"get_payment"})
    other = judge(ONE, Played(ONE.id, (turn(call("cancel_payment", id="T1"), said("It is paid.")),)), seen={"cancel_payment"})
    invented = judge(ONE, Played(ONE.id, (turn(call("look"), said("It is paid.")),)))
    silent = judge(ONE, Played(ONE.id, (turn(said("It is paid.")),)))
    idle = judge(NONE, Played(NONE.id, (turn(said("Hello.")),)))
    scores = score([right, other, invented, silent, idle])
    assert scores.overall.conversations == 5
    assert scores.overall.rates["call_accuracy"] == Rate(1, 4)
    assert scores.overall.rates["missed_calls"] == Rate(1, 4)
    assert set(scores.by_scenario) == {"single", "no_call"} and set(scores.by_domain) == {"pay"}
    assert {name: group.rates["call_accuracy"].share for name, group in scores.by_part.items()} == {"seen tools": 1, "held-out tools": 0}
    assert scores.by_tool["get_payment"].named == scores.by_tool["get_payment"].right == Rate(1, 4)
    assert scores.confusion == {
        ("get_payment", "get_payment"): 1, ("get_payment", "cancel_payment"): 1, ("get_payment", UNKNOWN_TOOL): 1,
        ("get_payment", NO_CALL): 1, (NO_CALL, NO_CALL): 1,
    }  # fmt: skip
    told = json.loads(json.dumps(scores.to_json()))
    assert told["overall"]["metrics"]["call_accuracy"]["share"] == 0.25
    assert set(told) == {"overall", "by_scenario", "by_domain", "by_part", "by_tool", "confusion"}


def test_every_metric_is_counted_somewhere() -> None:
    rows = [gold for slot in range(SLOTS) if (gold := row("payments", slot))]
    assert set(score([judge(gold, as_played(gold)) for gold in rows]).overall.rates) == METRICS.keys()


def test_nothing_to_score_is_an_error() -> None:
    with pytest.raises(BadInput, match="no conversation to score"):
        score([])


def test_before_and_after_are_paired_by_conversation() -> None:
    bad, good = Played("", (turn(said("It is paid.")),)), Played("", (turn(ASKED, said("It is paid.")),))
    rows = [replace(ONE, id=f"row-{i}") for i in range(10)]
    before = [judge(gold, good if i < 1 else bad) for i, gold in enumerate(rows)]
    after = [judge(gold, bad if i < 1 else good) for i, gold in enumerate(rows)]
    changes = compare(before, after)
    assert (changes["call_accuracy"].gained, changes["call_accuracy"].lost) == (9, 1)
    assert changes["call_accuracy"].p == pytest.approx(0.021484375)
    assert changes["missed_calls"].gained == 9  # fewer is better
    assert changes["call_accuracy"].before == Rate(1, 10) and changes["call_accuracy"].after == Rate(9, 10)
    assert compare(before, list(reversed(before)))["call_accuracy"].p == 1
    with pytest.raises(BadInput, match="'row-9'"):
        compare(before, after[:-1])


# -- statistics, as scipy 1.17 has them


@pytest.mark.parametrize(
    ("count", "of", "low", "high"),
    [
        (0, 10, 0.0, 0.2775328), (1, 10, 0.017876213, 0.404150027), (5, 10, 0.236593091, 0.763406909), (10, 10, 0.7224672, 1.0),
        (47, 50, 0.837829083, 0.97938503), (333, 1000, 0.304477903, 0.362800234), (0, 0, 0.0, 1.0),
    ],
)  # fmt: skip
def test_wilsons_interval(count: int, of: int, low: float, high: float) -> None:
    assert wilson(count, of) == pytest.approx((low, high), abs=1e-8)


@given(st.integers(1, 5000).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_an_interval_holds_its_share_and_mirrors(rate: tuple[int, int]) -> None:
    count, of = rate
    low, high = wilson(count, of)
    assert 0 <= low <= count / of <= high <= 1
    assert wilson(of - count, of) == pytest.approx((1 - high, 1 - low))


@pytest.mark.parametrize(
    ("gained", "lost", "p"),
    [(0, 0, 1), (1, 0, 1), (5, 0, 0.0625), (8, 2, 0.109375), (30, 12, 0.007915897335), (50, 50, 1), (120, 80, 0.005685155997)],
)
def test_mcnemars_exact_test(gained: int, lost: int, p: float) -> None:
    assert mcnemar(gained, lost) == mcnemar(lost, gained) == pytest.approx(p)


def test_mcnemars_test_of_many_pairs_neither_overflows_nor_rounds_to_less_than_nothing() -> None:
    assert 0 <= mcnemar(9000, 1000) < 1e-300
