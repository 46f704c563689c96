"""Messages, plans and conversations are pure values with one exact wire form, in which what was never said is absent."""

from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gen.canonical import exact_json
from gen.conversation import ROLES, Conversation, ExpectedCall, Fact, Finding, Message, Plan, Source, ToolCall

TEXT = st.text(max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.dictionaries(TEXT, JSON, max_size=3)
COUNTS = st.integers(0, 50)

CALLS = st.builds(ToolCall, id=TEXT, name=TEXT, arguments=OBJECTS)
MESSAGES = st.builds(
    Message,
    role=st.sampled_from(ROLES),
    content=TEXT,
    reasoning_content=st.none() | TEXT,
    tool_calls=st.lists(CALLS, max_size=2).map(tuple),
    tool_call_id=st.none() | TEXT,
    name=st.none() | TEXT,
)
EXPECTED = st.builds(ExpectedCall, TEXT, OBJECTS, st.sampled_from(["result", "error"]), st.lists(COUNTS, max_size=3).map(tuple))
FACTS = st.builds(Fact, COUNTS, TEXT, JSON)
PLANS = st.builds(
    Plan,
    today=TEXT,
    goals=st.lists(TEXT, max_size=2).map(tuple),
    calls=st.lists(EXPECTED, max_size=2).map(tuple),
    facts=st.lists(FACTS, max_size=2).map(tuple),
    state=TEXT,
    person=TEXT,
    faults=st.dictionaries(COUNTS, TEXT, max_size=2),
    world=COUNTS,
)
SOURCES = st.builds(Source, COUNTS, TEXT, st.sampled_from(["user", "result", "system", "default"]), st.integers(-1, 50))
CONVERSATIONS = st.builds(
    Conversation,
    id=TEXT,
    messages=st.lists(MESSAGES, max_size=3).map(tuple),
    tools=st.lists(OBJECTS, max_size=2).map(tuple),
    domain=TEXT,
    scenario=TEXT,
    split=TEXT,
    persona=TEXT,
    teacher=TEXT,
    slot=COUNTS,
    attempt=COUNTS,
    plan=st.none() | PLANS,
    sources=st.lists(SOURCES, max_size=2).map(tuple),
    untrained=st.lists(COUNTS, max_size=2).map(tuple),
)
FINDINGS = st.builds(Finding, TEXT, st.sampled_from(["error", "warning"]), TEXT, TEXT)


@given(st.one_of(CALLS, MESSAGES, EXPECTED, FACTS, PLANS, SOURCES, CONVERSATIONS, FINDINGS))
def test_from_wire_of_to_wire_is_the_value_even_through_json_text(value: object) -> None:
    wire = value.to_wire()  # type: ignore[attr-defined]
    assert type(value).from_wire(wire) == value  # type: ignore[attr-defined]
    assert type(value).from_wire(json.loads(exact_json(wire))) == value  # type: ignore[attr-defined]


@given(MESSAGES)
def test_no_key_of_a_message_is_null(message: Message) -> None:
    assert None not in message.to_wire().values()


def test_the_wire_form_of_a_message_with_a_call() -> None:
    call = ToolCall("VvvODy9mT", "retrieve_payment_status", {"transaction_id": "T1001"})
    assert Message("assistant", "", "I need its status.", (call,)).to_wire() == {
        "role": "assistant",
        "content": "",
        "reasoning_content": "I need its status.",
        "tool_calls": [
            {
                "id": "VvvODy9mT",
                "type": "function",
                "function": {"name": "retrieve_payment_status", "arguments": {"transaction_id": "T1001"}},
            }
        ],
    }


def test_the_wire_form_of_a_result() -> None:
    assert Message("tool", '{"status": "Paid"}', tool_call_id="VvvODy9mT", name="retrieve_payment_status").to_wire() == {
        "role": "tool",
        "tool_call_id": "VvvODy9mT",
        "name": "retrieve_payment_status",
        "content": '{"status": "Paid"}',
    }


def test_an_empty_thought_is_kept_apart_from_no_thought() -> None:
    assert Message("assistant", "hi", "").to_wire()["reasoning_content"] == ""
    assert "reasoning_content" not in Message("assistant", "hi").to_wire()


def test_a_row_needs_no_more_than_an_id_and_messages() -> None:
    row = Conversation.from_wire({"id": "x", "messages": [{"role": "user", "content": "hi"}]})
    assert row == Conversation("x", (Message("user", "hi"),))


@pytest.mark.parametrize("value", [Message("user", "hi"), Plan("2026-03-17"), Conversation("x", ())])
def test_values_do_not_change(value: object) -> None:
    field = dataclasses.fields(value)[0].name  # type: ignore[arg-type]
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(value, field, "other")
