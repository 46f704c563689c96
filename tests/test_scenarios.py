"""What each scenario promises, over the domains that come with fcgen: planned, spoken, executed and checked."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

from gen.checks.table import check_row
from gen.conversation import Conversation, Message
from gen.planning.draws import NothingFits
from gen.planning.scenarios import SCENARIOS
from gen.recipe import build_recipe
from gen.synthesis.opening import Workshop, open_workshop
from gen.synthesis.slots import make
from gen.yaml_file import parse_yaml

DOMAINS = ("payments", "orders", "travel")
ROWS = 12


@cache
def workshop(domain: str, scenario: str) -> Workshop:
    text = f"name: {domain}\ntools: {{domains: [{domain}]}}\nscenarios: {{{scenario}: 1}}\n"
    return open_workshop(build_recipe(parse_yaml(text, Path("test.yaml"))))


@cache
def rows(domain: str, scenario: str) -> list[Conversation]:
    made = [make(workshop(domain, scenario), slot).conversation for slot in range(ROWS)]
    return [row for row in made if row is not None]


def calling(row: Conversation) -> list[Message]:
    return [message for message in row.messages if message.tool_calls]


def said(row: Conversation, role: str) -> list[str]:
    return [message.content for message in row.messages if message.role == role]


def offered(row: Conversation) -> set[str]:
    return {tool["function"]["name"] for tool in row.tools}


def errors(row: Conversation) -> list[str]:
    return [message.content for message in row.messages if message.role == "tool" and message.content.startswith('{"error"')]


def first_reply(row: Conversation) -> Message:
    return next(message for message in row.messages if message.role == "assistant")


def _single(row: Conversation) -> bool:
    return len(calling(row)) == 1 and len(calling(row)[0].tool_calls) == 1


def _parallel(row: Conversation) -> bool:
    (turn,) = calling(row)
    return len(turn.tool_calls) > 1 and len({call.name for call in turn.tool_calls}) == 1


def _parallel_multiple(row: Conversation) -> bool:
    return len({call.name for call in calling(row)[0].tool_calls}) == 2


def _chained(row: Conversation) -> bool:
    turns = calling(row)
    return len(turns) >= 2 and any("result" in {s.kind for s in row.sources if s.call == n} for n in range(1, len(turns) + 1))


def _multi_turn(row: Conversation) -> bool:
    return row.plan is not None and len(row.plan.goals) >= 2 and len(calling(row)) >= 2


def _missing_parameter(row: Conversation) -> bool:
    reply = first_reply(row)
    return not reply.tool_calls and "?" in reply.content + "?" and len(said(row, "user")) >= 2 and len(calling(row)) >= 1


def _missing_tool(row: Conversation) -> bool:
    return not first_reply(row).tool_calls and {c.name for m in calling(row) for c in m.tool_calls} <= offered(row)


def _irrelevant(row: Conversation) -> bool:
    return not first_reply(row).tool_calls


def _no_call(row: Conversation) -> bool:
    last = [message for message in row.messages if message.role in ("user", "assistant")][-1]
    return last.role == "assistant" and not last.tool_calls and len(calling(row)) <= 1


def _amended(row: Conversation) -> bool:
    return len(calling(row)) >= 1


def _confirmed_write(row: Conversation) -> bool:
    """Nothing is written before a user's second message."""
    users = 0
    for message in row.messages:
        users += message.role == "user"
        writes = {call.name for call in message.tool_calls} & workshop(row.domain, "confirmed_write").knowledge[row.domain].writes  # type: ignore[operator]
        if writes and users < 2:
            return False
    return users >= 2


def _tool_error(row: Conversation) -> bool:
    return len(errors(row)) >= 1


def _long(row: Conversation) -> bool:
    return len(said(row, "user")) >= 10


PROMISES: dict[str, Callable[[Conversation], bool]] = {
    "single": _single,
    "multiple": _single,
    "parallel": _parallel,
    "parallel_multiple": _parallel_multiple,
    "chained": _chained,
    "multi_turn": _multi_turn,
    "missing_parameter": _missing_parameter,
    "missing_tool": _missing_tool,
    "irrelevant": _irrelevant,
    "no_call": _no_call,
    "amended": _amended,
    "confirmed_write": _confirmed_write,
    "tool_error": _tool_error,
    "long": _long,
}


def test_every_scenario_has_a_promise() -> None:
    assert set(PROMISES) == set(SCENARIOS)


@pytest.mark.slow
@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("domain", DOMAINS)
def test_rows_keep_their_scenarios_promise_and_pass_every_check_again(domain: str, scenario: str) -> None:
    made = rows(domain, scenario)
    assert len(made) == ROWS
    context = workshop(domain, scenario).context(replay=True)
    for row in made:
        assert PROMISES[scenario](row), row.id
        assert [f for f in check_row(row, context) if f.severity == "error"] == []


@pytest.mark.slow
@pytest.mark.parametrize("domain", DOMAINS)
def test_what_was_said_first_of_an_amended_value_is_not_called(domain: str) -> None:
    for row in rows(domain, "amended"):
        assert row.plan is not None
        made = [(call.name, call.arguments) for message in calling(row) for call in message.tool_calls]
        assert made == [(call.name, call.arguments) for call in row.plan.calls]


@pytest.mark.parametrize("domain", DOMAINS)
def test_a_slot_is_a_pure_function(domain: str) -> None:
    one, other = (open_workshop(workshop(domain, "single").recipe) for _ in range(2))
    for slot in (5, 0, 3):  # in any order
        assert make(one, slot) == make(other, slot)


def test_worlds_opened_from_filled_databases_make_the_same_rows() -> None:
    one = workshop("payments", "multi_turn")
    other = open_workshop(one.recipe, one.filled())
    assert [make(one, slot) for slot in range(4)] == [make(other, slot) for slot in range(4)]


@pytest.mark.parametrize("domain", DOMAINS)
@pytest.mark.parametrize("scenario", ["multi_turn", "long"])
def test_nobody_asks_again_about_the_same_thing_what_another_tool_just_told(domain: str, scenario: str) -> None:
    shop = workshop(domain, scenario)
    followed = 0
    for slot in range(40):
        try:
            steps = shop.planner.plan(slot, 0).steps
        except NothingFits:
            continue
        told: dict[str, set[str]] = {}
        for want in [want for step in steps if step.act == "answer" for want in step.wants]:
            for subject in want.subjects:
                known = told.setdefault(subject.id, set())
                if subject.mode == "again":
                    followed += 1
                    assert want.goal.tool not in known, (slot, subject.id, want.goal.name)
                if want.goal.writes:
                    known.clear()
                known |= {want.goal.tool, *shop.domains[domain].declaration.tools[want.goal.tool].stands_in_for}
    assert followed > 5


@pytest.mark.parametrize("domain", DOMAINS)
def test_follow_ups_heed_what_was_done_and_refer_only_to_what_was_just_said(domain: str) -> None:
    """Nobody tracks what was just cancelled, and "the same for that one" does not refer back over a question about the weather."""
    shop = workshop(domain, "long")
    digressions = referred = 0
    for slot in range(40):
        try:
            steps = shop.planner.plan(slot, 0).steps
        except NothingFits:
            continue
        done: dict[str, set[str]] = {}
        for want in [want for step in steps if step.act == "answer" for want in step.wants]:
            for subject in want.subjects:
                before = done.setdefault(subject.id, set())
                assert not before & set(want.goal.not_after), (slot, subject.id, want.goal.name)
                before.add(want.goal.name)
        for before_it, step in pairwise(steps):
            if step.act in ("same", "again") or any(subject.mode == "again" for want in step.wants for subject in want.subjects):
                referred += step.speaker == "user"
                assert step.speaker != "user" or before_it.act in ("answer", "repeat"), (slot, step.act)
            digressions += step.act in ("offtopic", "question")
    assert referred > 20
    assert digressions > 20


@pytest.mark.parametrize("domain", DOMAINS)
def test_a_question_that_is_not_for_the_assistant_is_not_urgent(domain: str) -> None:
    shop = workshop(domain, "irrelevant")
    asked = [made.messages for slot in range(60) if (made := make(shop, slot).conversation) is not None]
    first = [next(message.content for message in messages if message.role == "user") for messages in asked]
    assert not [text for text in first if re.search(r"\b(urgent|asap|hurry|deadline|the sooner|this matter|our records|the file)\b", text)]


@cache
def mixed(domain: str) -> list[Conversation]:
    """Rows of every scenario."""
    text = f"name: {domain}\ntools: {{domains: [{domain}]}}\nscenarios: {{{', '.join(f'{name}: 1' for name in SCENARIOS)}}}\n"
    shop = open_workshop(build_recipe(parse_yaml(text, Path("test.yaml"))))
    return [row for slot in range(400) if (row := make(shop, slot).conversation) is not None]


@pytest.mark.parametrize("domain", DOMAINS)
def test_what_thoughts_quote_was_said(domain: str) -> None:
    quoted = 0
    for row in mixed(domain):
        heard = " ".join(said(row, "user")).lower()
        for thought in [message.reasoning_content or "" for message in row.messages]:
            for quote in re.findall(r'"([^"]+)"', thought):
                quoted += 1
                assert quote.lower() in heard, (row.id, thought)
    assert quoted > 20


@pytest.mark.parametrize("domain", DOMAINS)
def test_sentences_take_on_clauses_where_they_belong(domain: str) -> None:
    """Not "if you could refund it, I'd be grateful because I was charged twice", and no lead behind an aside: "I'm late. Ok and ..."."""
    for row in mixed(domain):
        for text in said(row, "user"):
            assert not re.search(r"(?:grateful|be great|be lovely|be ace) (?:because|since|cos)\b", text), (row.id, text)
            assert not re.search(r"[.!] (?:brilliant|cool|great|perfect|thanks|excellent)[.,] (?:now|and|next)\b", text, re.IGNORECASE), (
                text
            )


@pytest.mark.parametrize("domain", DOMAINS)
def test_items_of_a_list_end_without_a_stop_wherever_the_list_stands(domain: str) -> None:
    listed = 0
    for row in mixed(domain):
        for line in [line for text in said(row, "assistant") for line in text.split("\n") if line.startswith("- ")]:
            listed += 1
            assert not line.endswith("."), (row.id, line)
    assert listed > 5


def test_reasons_suit_what_is_asked_for() -> None:
    """Nobody feels silly because he was charged twice, or kept the box of it."""
    for row in mixed("payments"):
        reasons = {call.arguments.get("reason") for message in row.messages for call in message.tool_calls or () if "refund" in call.name}
        if "duplicate" in reasons and len(row.plan.goals if row.plan else ()) == 1:
            assert not re.search(r"silly|stupid|idiot|packaging|the box\b|a present", " ".join(said(row, "user"))), row.id
