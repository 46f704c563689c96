"""Every rule rejects a conversation that it must reject and accepts one that it must accept; the table and the sources it gives."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gen.checks.context import EMPTY, Context, DomainKnowledge, Replay
from gen.checks.near_duplicates import NearDuplicates
from gen.checks.table import RULES, best, check_corpus, check_row, examine, known_codes, trace
from gen.checks.trace import trace_of
from gen.conversation import Conversation, Finding, Message, Source, ToolCall
from gen.errors import BadInput

EXAMPLES = json.loads((Path(__file__).parent / "checks_examples.json").read_text(encoding="utf-8"))
WIRES: dict[str, Any] = {wire["id"]: wire for wire in EXAMPLES["conversations"]}
KNOWN = Context(
    domains={
        "payments": DomainKnowledge(
            readings=EXAMPLES["readings"],
            returns=EXAMPLES["returns"],
            writes=frozenset(EXAMPLES["writes"]),
            passing_errors=frozenset(EXAMPLES["passing_errors"]),
        )
    }
)


def conversation(name: str, change: Callable[[Any], object] | None = None) -> Conversation:
    wire = copy.deepcopy(WIRES[name])
    if change is not None:
        change(wire)
    return Conversation.from_wire(wire)


def says(index: int, text: str) -> Callable[[Any], None]:
    """The message at ``index`` says something else."""

    def change(wire: Any) -> None:
        wire["messages"][index]["content"] = text

    return change


def call(wire: Any, index: int, position: int = 0) -> Any:
    return wire["messages"][index]["tool_calls"][position]


def arguments(index: int, **values: Any) -> Callable[[Any], None]:
    """Arguments of the first call of a message are others; None takes one away."""

    def change(wire: Any) -> None:
        function = call(wire, index)["function"]
        function["arguments"] = {k: v for k, v in (function["arguments"] | values).items() if v is not None}

    return change


def all_of(*changes: Callable[[Any], object]) -> Callable[[Any], None]:
    def change(wire: Any) -> None:
        for one in changes:
            one(wire)

    return change


def without_plan(wire: Any) -> None:
    del wire["plan"]


def repeated(wire: Any) -> None:
    """The call of the reference conversation is made again after its result."""
    again = copy.deepcopy(wire["messages"][1:3])
    again[0]["tool_calls"][0]["id"] = again[1]["tool_call_id"] = "aaaaaaaa1"
    wire["messages"][3:3] = again


def also(name: str, call_arguments: Any, result: Any) -> Callable[[Any], None]:
    """Another call in the reference conversation, before its answer."""

    def change(wire: Any) -> None:
        function = {"name": name, "arguments": call_arguments}
        wire["messages"][3:3] = [
            {"role": "assistant", "content": "", "tool_calls": [{"id": "aaaaaaaa2", "type": "function", "function": function}]},
            {"role": "tool", "tool_call_id": "aaaaaaaa2", "name": name, "content": json.dumps(result)},
        ]

    return change


def tool_change(index: int, change: Callable[[Any], object]) -> Callable[[Any], None]:
    return lambda wire: change(wire["tools"][index]["function"])  # type: ignore[func-returns-value]


CANCELLED = {"transaction_id": "T1240", "status": "Cancelled"}


def listed(status: str) -> Callable[[Any], None]:
    """Before the reference call, the payments were listed, and T1240 was ``status``; then it was cancelled."""
    return all_of(
        also("cancel_payment", {"transaction_id": "T1240"}, CANCELLED),
        also("search_transactions", {"customer_id": "C2041"}, {"transactions": [{"transaction_id": "T1240", "status": status}]}),
    )


SEARCHED_ELSEWHERE = arguments(2, amount=None)
"""The payment is looked for in another way than the plan does, and found."""


def searched_again(wire: Any) -> None:
    """After the refund the payment is looked for as the plan has it, for its status, and the plan wants that too."""
    for offset, (name, asked, result) in enumerate(
        [
            ("search_transactions", dict(wire["plan"]["calls"][0]["arguments"]), json.loads(wire["messages"][3]["content"])),
            ("retrieve_payment_status", {"transaction_id": "T1188"}, {"status": "Pending"}),
        ]
    ):
        identity = f"aaaaaaaa{offset}"
        function = {"name": name, "arguments": asked}
        wire["messages"][8 + 2 * offset : 8 + 2 * offset] = [
            {"role": "assistant", "content": "", "tool_calls": [{"id": identity, "type": "function", "function": function}]},
            {"role": "tool", "tool_call_id": identity, "name": name, "content": json.dumps(result)},
        ]
        wire["plan"]["calls"].append(function | ({"after": [2]} if offset else {}))


ASKED_OF_SEARCH = {"call": 0, "path": "transactions.0.amount", "value": 42.1}


def reach(wire: Any) -> None:
    """The plan's last call needs the first one, which changes things, instead of the search."""
    wire["plan"]["calls"][2]["after"] = [0]
    wire["plan"]["facts"] = []


# code → conversations that the rule must reject; and more that it must accept, besides all the examples.
REJECTED: dict[str, list[Conversation]] = {
    "FC101": [
        conversation("reference", lambda w: w["messages"].insert(0, {"role": "user", "content": "Hello."})),
        conversation("reference", lambda w: w["messages"].append({"role": "system", "content": "Be kind."})),
        conversation("irrelevant", lambda w: w["messages"].append({"role": "assistant", "content": "Or about a receipt?"})),
    ],
    "FC102": [
        conversation("reference", lambda w: (call(w, 1).update(id="call_1"), w["messages"][2].update(tool_call_id="call_1"))),
        conversation("parallel", lambda w: call(w, 2, 1).update(id=call(w, 2)["id"])),
    ],
    "FC103": [
        conversation("reference", lambda w: w["messages"][2].update(tool_call_id="aaaaaaaaa")),
        conversation("reference", lambda w: w["messages"][2].update(name="retrieve_payment_date")),
    ],
    "FC104": [conversation("reference", lambda w: w["messages"].pop(2)), conversation("parallel", lambda w: w["messages"].pop(4))],
    "FC105": [
        conversation("reference", says(3, " ")),
        conversation("reference", says(0, "")),
        conversation("reference", lambda w: w["messages"].clear()),
    ],
    "FC106": [
        conversation("reference", lambda w: w["messages"].pop()),
        conversation("reference", lambda w: w["messages"].__delitem__(slice(2, None))),
    ],
    "FC107": [conversation("reference", says(2, "status: Paid"))],
    "FC108": [conversation("reference", says(0, "T1001 \ud83d?")), conversation("reference", arguments(1, transaction_id="T1001\ud83d"))],
    "FC109": [conversation("reference", arguments(1, amount=n)) for n in (0.12345678901234568, 2**70, float("inf"), float("nan"))],
    "FC201": [conversation("reference", lambda w: call(w, 1)["function"].update(name="get_payment_status"))],
    "FC202": [
        conversation("reference", arguments(1, transaction_id=1001)),
        conversation("reference", arguments(1, transaction_id=None)),
        conversation("reference", arguments(1, limit=3)),
        conversation("chained", arguments(2, date_from="2026-02-30")),
    ],
    "FC203": [
        conversation("reference", repeated),
        conversation("reference", all_of(without_plan, repeated)),
        conversation("parallel", lambda w: call(w, 2, 1)["function"]["arguments"].update(transaction_id="T1002")),
    ],
    "FC204": [
        conversation("reference", tool_change(1, lambda f: f["parameters"]["properties"]["transaction_id"].update(type="strin"))),
        conversation("reference", tool_change(1, lambda f: f.pop("name"))),
        conversation("reference", tool_change(1, lambda f: f.update(parameters={"type": "array"}))),
    ],
    "FC205": [conversation("reference", lambda w: w["tools"].append(w["tools"][0]))],
    "FC301": [
        conversation("reference", says(0, "What's the status of my transaction?")),
        conversation("missing-parameter", says(3, "2002")),
        conversation("chained", says(1, "hey can u refund that 42,10 thing from last tues")),
        conversation("reference", all_of(also("search_transactions", {"customer_id": "C2041"}, {"transactions": []}))),
    ],
    "FC401": [
        conversation("reference", says(3, "Your transaction T1001 has been paid, €12.99 in all.")),
        conversation("reference", says(3, "Your transaction T1001 was paid on 3 March.")),
        conversation("no-call", says(4, "Between 9 March and 17 March there are two, T1187, paid, and T1190, pending.")),
        conversation("reference", says(3, "Your transaction T1002 has been paid.")),
        conversation("reference", says(3, "T1001 has been paid. It takes 3 to 5 days.")),
        conversation("reference", says(3, "T1001 has been paid. Write to help@example.com.")),
        conversation("amended", says(8, "All set: $35 to Ana Whitlock on the first of every month, starting 1 April 2026.")),
        conversation(
            "no-call", says(4, "€42.10 to Brightleaf Books (T1187) is paid, €12.50 to Corner Cafe (T1190) is pending: €55.60 in all.")
        ),
        conversation("irrelevant", all_of(says(1, "refund payment 6316"), says(2, "So T6361 is to be refunded?"))),
    ],
    "FC402": [
        conversation("reference", says(3, "Your transaction T1001 is still pending.")),
        conversation("reference", says(3, "Your transaction T1001 has been successfully failed.")),
        conversation("tool-error", says(6, "T1240 is pending.")),
        conversation("chained", says(8, "Done: €42.10 for T1188 is on its way back to you. The refund number is R508, still cancelled.")),
        conversation("reference", all_of(listed("Pending"), says(7, "T1240 is declined now, and your T1001 has been paid."))),
    ],
    "FC403": [
        conversation("reference", says(3, "I have looked it up for you.")),
        conversation("chained", says(8, "Done: €42.10 for T1188 is on its way back to you.")),
        conversation("amended", says(8, "All set: £35 to Ana Whitlock every month.")),
        conversation("amended", says(7, '{"standing_order_id": "S19", "next_payment": "2026-05-01"}')),
    ],
    "FC404": [
        conversation("tool-error", lambda w: (w["messages"].__delitem__(slice(4, 6)), says(4, "All done, T1240 is cancelled!")(w))),
        conversation("parallel", says(5, "T1002 was paid on 27 February 2026, and so was T1004.")),
    ],
    "FC406": [conversation("tool-error", says(5, '{"transaction_id": "T1204", "status": "Cancelled"}'))],
    "FC501": [
        conversation("irrelevant", says(1, f"whats a good wine {token} with duck"))
        for token in (
            "[TOOL_CALLS]",
            "[/INST]",
            "<end_of_turn>",
            "<|im_start|>",
            "</tool_call>",
            "<eos>",
            '<|"|>',
            "<turn|>",
            "<｜tool▁calls▁begin｜>",
        )
    ],
    "FC502": [
        conversation("irrelevant", says(1, "please use retrieve_payment_status with duck")),
        conversation("missing-parameter", says(2, "Sure. What's the transaction_id?")),
    ],
    "FC503": [
        conversation("reference", says(3, '{"status": "Paid"}')),
        conversation("reference", says(3, 'T1001 has "status": "Paid".')),
        conversation("reference", says(3, "T1001: ['Paid']")),
    ],
    "FC504": [
        conversation("irrelevant", says(2, text))
        for text in (
            "I can't help with <topic>.",
            "I can't {help|assist} with that.",
            "I can't help, [they/it] is wine.",
            "That is a(n) wine.",
            "It is {wine}.",
        )
    ],
    "FC505": [
        conversation("irrelevant", says(2, text)) for text in ("The wine is None.", "I see null there.", "It costs €None.", "It is NaN.")
    ],
    "FC506": [
        conversation("irrelevant", says(2, text))
        for text in (
            "I can  only help.",
            "I can only help .",
            "I can only help,, sorry.",
            "I can only help with the the payments.",
            "I can only help.. Sorry.",
            " Hi.",
        )
    ],
    "FC507": [
        conversation("irrelevant", says(2, text))
        for text in ("That is a error.", "That is an payment.", "It takes an hour or a hour.", "It was a €80 wine.")
    ],
    "FC601": [
        conversation("chained", arguments(6, transaction_id="T1187")),
        conversation("reference", lambda w: w["messages"].__delitem__(slice(1, 3))),
        conversation("reference", says(2, '{"error": "There is no transaction T1001."}')),
        conversation("reference", lambda w: w["plan"]["calls"][0].update(outcome="error")),
        conversation("parallel", lambda w: w["plan"]["calls"][0].update(after=[1])),
        conversation("chained", all_of(SEARCHED_ELSEWHERE, says(3, '{"transactions": [{"transaction_id": "T1187", "amount": 42.1}]}'))),
        conversation("chained", all_of(SEARCHED_ELSEWHERE, says(3, '{"error": "Too many payments."}'))),
        conversation("chained", all_of(SEARCHED_ELSEWHERE, arguments(6, transaction_id="T1187"))),
        conversation("chained", all_of(SEARCHED_ELSEWHERE, lambda w: w["plan"]["calls"][1].pop("after"))),
        conversation("chained", all_of(SEARCHED_ELSEWHERE, lambda w: w["plan"]["facts"].append(ASKED_OF_SEARCH))),
        conversation("chained", all_of(SEARCHED_ELSEWHERE, lambda w: w["plan"]["calls"][0].update(outcome="error"))),
        conversation("chained", all_of(lambda w: w["messages"].__delitem__(slice(2, 4)), says(1, "refund T1188 pls, ordered it twice"))),
        conversation("chained", lambda w: w["plan"]["calls"].insert(0, {"name": "cancel_payment", "arguments": {}}) or reach(w)),
    ],
    "FC603": [conversation("reference", also("retrieve_payment_date", {"transaction_id": "T1001"}, {"date": "2026-03-01"}))],
    "FC604": [
        conversation("reference", also("cancel_payment", {"transaction_id": "T1001"}, {"transaction_id": "T1001", "status": "Cancelled"}))
    ],
}
ACCEPTED: dict[str, list[Conversation]] = {
    "FC203": [
        conversation("reference", all_of(repeated, lambda w: w["plan"]["calls"].append(w["plan"]["calls"][0]))),
        conversation("reference", all_of(repeated, says(2, '{"error": "The request timed out."}'))),
    ],
    "FC301": [
        conversation("reference", says(0, "what about number 1001")),
        conversation("reference", arguments(1, transaction_id="T1001")),
    ],
    "FC401": [
        *[
            conversation("irrelevant", all_of(says(1, said), says(2, "So T6316 is to be refunded, is that right?")))
            for said in ("I'm owed a refund for payment 6316", "refund #6316 pls", "the one with number 6316", "6316", "refund 6316 and 20")
        ],
        conversation("no-call", says(4, "Two payments: T1187, paid, and T1190, pending. Together €54.60, a difference of €29.60.")),
        conversation(
            "no-call", says(4, "Between 10 March and 17 March there are two, T1187, paid, and T1190, pending. That is in March 2026.")
        ),
        conversation("no-call", says(4, "On that Tuesday you made both payments, T1187 and T1190; one is paid and one is pending.")),
        conversation("amended", says(8, "£35 goes to Ana Whitlock on the 1st of each month, for the first time on 1 April, in 15 days.")),
        conversation("irrelevant", lambda w: (w["tools"].clear(), says(2, "A duck has 2 legs and lives for 8 years.")(w))),
    ],
    "FC402": [
        conversation("reference", says(3, "T1001 is not pending any more: it went through.")),
        conversation("chained", says(8, "Refunded: €42.10 for T1188. The refund number is R508.")),
        conversation("reference", all_of(listed("Pending"), says(7, "T1240 is cancelled now, and your T1001 has been paid."))),
        conversation("reference", says(3, "You want it cancelled, is that right?")),
        conversation("tool-error", says(6, "T1240 was paid and has been cancelled since.")),
    ],
    "FC403": [conversation("reference", says(3, "Yes, T1001 went through."))],
    "FC601": [
        conversation("chained", SEARCHED_ELSEWHERE),
        conversation("chained", all_of(SEARCHED_ELSEWHERE, says(5, "yes, T1188"))),
        conversation("chained", all_of(SEARCHED_ELSEWHERE, searched_again)),
        conversation("chained", all_of(SEARCHED_ELSEWHERE, lambda w: w["plan"]["calls"][1].update(after=[0, 0]))),
    ],
    "FC404": [
        conversation("parallel", says(5, "T1002: 27 February 2026. I couldn't get a date for T1004.")),
        conversation("parallel", says(5, "T1002: 27 February 2026. T1004 is open, which rules that out.")),
    ],
    "FC501": [conversation("irrelevant", says(1, "is 3 < 4 [or not] a good wine with duck <3"))],
    "FC502": [conversation("irrelevant", says(1, "my name is jo_wine on instagram, whats a good wine with duck"))],
    "FC503": [conversation("irrelevant", says(1, "whats a good wine [red, I mean] with duck {lol}"))],
    "FC504": [conversation("irrelevant", says(2, "I only do payments, see [here](https://example.com)."))],
    "FC505": [conversation("irrelevant", says(2, "None of my tools knows wine. True, that is a pity."))],
    "FC506": [
        conversation("irrelevant", says(2, "Try:\n```\nfor  x in f( ) :\n```\nWine... I only do payments (sorry!).\n\nAnything else?"))
    ],
    "FC507": [
        conversation("irrelevant", says(2, text))
        for text in (
            "A user, an hour, a one-off, an honest answer, an 8, a 7, an 18, an 11, an €80 wine, a €42.10 wine, a European, a NASA"
        )
        .replace(", a NASA", "")
        .split("|")
    ],
}


def state(digest: str) -> Context:
    return replace(KNOWN, state=digest)


def replaying(result: str, digest: str = "") -> Context:
    return replace(KNOWN, replay=lambda _: Replay((result,), digest))


PLANNED = conversation("reference", lambda w: w["plan"].update(state="77ab"))
# Rules that need more than the conversation: (conversation, context that makes it bad, context that makes it good).
IN_CONTEXT: dict[str, list[tuple[Conversation, Context, Context]]] = {
    "FC405": [(conversation("reference"), replaying('{"status": "Pending"}'), replaying('{"status":"Paid"}'))],
    "FC602": [
        (PLANNED, state("5e9c"), state("77ab")),
        (PLANNED, replaying('{"status": "Paid"}', "5e9c"), replaying('{"status": "Paid"}', "77ab")),
    ],
}


def said(identifier: str, text: str, **changes: Any) -> Conversation:
    messages = (Message("user", text), Message("assistant", "Gladly."))
    return replace(Conversation(identifier, messages), **changes)


PLAN = conversation("reference").plan
MIX = replace(EMPTY, scenarios={"single": 1, "parallel": 1})
# corpora that a rule must reject, and accept
CORPORA: dict[str, tuple[list[Conversation], list[Conversation]]] = {
    "FC701": (
        [said("a", "please refund my payment T1001 today"), said("b", "Please refund my payment T2040 today!")],
        [said("a", "please refund my payment T1001 today"), said("b", "T2040 was charged twice, can I get it back?")],
    ),
    "FC702": (
        [said("a", "status of T1001?"), said("b", "Status of T2040", split="test")],
        [said("a", "status of T1001?"), said("b", "Has T2040 gone through", split="test"), said("c", "Status of T2")],
    ),
    "FC703": (
        [said("a", "one", plan=PLAN), said("b", "two", plan=PLAN, split="test")],
        [
            said("a", "one", plan=PLAN),
            said("b", "two", plan=replace(PLAN, person="C1") if PLAN else None, split="test"),
            said("c", "x", plan=PLAN),
        ],
    ),
    "FC704": ([said("a", "one"), said("a", "two")], [said("a", "one"), said("b", "two")]),
    "FC705": (
        [said(str(i), "one", scenario="single") for i in range(10)],
        [said(str(i), "one", scenario="single" if i % 2 else "parallel") for i in range(11)],
    ),
}


def codes(row: Conversation, context: Context = KNOWN) -> set[str]:
    return {finding.code for finding in check_row(row, context)}


def test_every_rule_has_what_it_rejects() -> None:
    assert set(REJECTED) | set(IN_CONTEXT) | set(CORPORA) == set(RULES)


@pytest.mark.parametrize("name", WIRES)
def test_good_conversations_have_no_findings(name: str) -> None:
    assert check_row(conversation(name), KNOWN) == []


@pytest.mark.parametrize(
    ("code", "row"), [pytest.param(code, row, id=f"{code}-{i}") for code, rows in REJECTED.items() for i, row in enumerate(rows)]
)
def test_a_rule_rejects_what_it_must(code: str, row: Conversation) -> None:
    assert code in codes(row)


@pytest.mark.parametrize(
    ("code", "row"), [pytest.param(code, row, id=f"{code}-{i}") for code, rows in ACCEPTED.items() for i, row in enumerate(rows)]
)
def test_a_rule_accepts_what_it_must(code: str, row: Conversation) -> None:
    assert [finding for finding in check_row(row, KNOWN) if finding.code == code] == []


@pytest.mark.parametrize(("code", "case"), [(code, case) for code, cases in IN_CONTEXT.items() for case in cases])
def test_a_rule_that_needs_an_environment(code: str, case: tuple[Conversation, Context, Context]) -> None:
    row, bad, good = case
    assert code in codes(row, bad)
    assert codes(row, good) == set()
    assert code not in codes(row, EMPTY)


@pytest.mark.parametrize("code", CORPORA)
def test_a_rule_between_rows(code: str) -> None:
    bad, good = CORPORA[code]
    context = MIX if code == "FC705" else KNOWN
    assert code in {finding.code for finding in check_corpus([trace_of(row) for row in bad], context)}
    assert code not in {finding.code for finding in check_corpus([trace_of(row) for row in good], context)}


@pytest.mark.parametrize("code", RULES)
def test_a_rule_explains_itself(code: str) -> None:
    rule = RULES[code]
    assert rule.code == code and (rule.function is None) != (rule.corpus_function is None)
    assert all([rule.name, rule.summary.endswith("."), rule.why.endswith("."), rule.example_bad, rule.example_good])
    assert rule.example_bad != rule.example_good


def test_a_rule_can_be_left_out() -> None:
    row = conversation("irrelevant", says(2, "I can  only help."))
    assert codes(row) == {"FC506"}
    assert check_row(row, KNOWN, ignore={"FC506"}) == []


def test_another_search_that_found_it_is_only_worth_a_warning() -> None:
    assert codes(conversation("chained", SEARCHED_ELSEWHERE)) == {"FC603"}


def test_a_finding_names_its_place() -> None:
    found = check_row(conversation("chained", arguments(2, amount=-1)), KNOWN)
    assert ("FC202", "messages[2].tool_calls[0].arguments.amount") in {(finding.code, finding.where) for finding in found}


def test_the_best_finding_is_an_error_and_the_lowest() -> None:
    findings = [Finding("FC603", "warning", ""), Finding("FC601", "error", ""), Finding("FC202", "error", "")]
    assert best(findings) == findings[2]
    assert best([]) is None


def test_an_unknown_code_is_named_with_the_nearest() -> None:
    assert known_codes(["fc301"]) == {"FC301"}
    with pytest.raises(BadInput, match="FC999"):
        known_codes(["FC999"])


def test_a_conversation_of_others_needs_nothing_but_itself() -> None:
    assert codes(conversation("reference", without_plan), EMPTY) == set()


def test_a_number_is_the_same_number_however_it_is_written() -> None:
    assert codes(conversation("amended", arguments(6, amount=35))) == set()


def test_an_argument_left_out_has_its_default() -> None:
    assert codes(conversation("chained", arguments(2, limit=5))) == set()


def test_sources_say_where_each_argument_comes_from() -> None:
    sources, findings = trace(conversation("chained"), KNOWN)
    assert findings == []
    assert {(source.call, source.path): (source.kind, source.message) for source in sources} == {
        (0, "customer_id"): ("system", 0),
        (0, "date_from"): ("user", 1),
        (0, "date_to"): ("user", 1),
        (0, "amount"): ("user", 1),
        (1, "transaction_id"): ("result", 3),
        (1, "reason"): ("user", 1),
    }


def test_what_was_made_up_has_no_source_and_a_finding() -> None:
    sources, findings = trace(conversation("reference", says(0, "What's the status of my transaction?")), KNOWN)
    assert sources == [] and [finding.code for finding in findings] == ["FC301"]


def test_a_default_is_a_source() -> None:
    sources, _ = trace(conversation("chained", arguments(2, limit=5)), KNOWN)
    assert Source(0, "limit", "default", -1) in sources


def test_what_comes_after_a_call_does_not_ground_it() -> None:
    assert "FC301" in codes(
        conversation("reference", lambda w: (says(0, "status please")(w), says(2, '{"status": "Paid", "id": "T1001"}')(w)))
    )


def test_sources_do_not_depend_on_what_is_ignored() -> None:
    row = conversation("chained")
    assert examine(row, KNOWN, ignore={"FC301"}).sources == examine(row, KNOWN).sources


# Near-duplicates


def test_a_near_duplicate_names_the_earlier_one_and_is_not_kept() -> None:
    index = NearDuplicates(0.7)
    assert index.add("a", "could you please refund the payment of 42.10 from last week") is None
    assert index.add("b", "Could you please refund the payment of 99.95 from last week?") == "a"
    assert index.add("c", "what is the status of my order from yesterday") is None
    assert index.add("d", "could you please refund the payment of 1.00 from last week") == "a"


def test_short_texts_compare_exactly() -> None:
    index = NearDuplicates(0.7)
    assert [index.add(key, text) for key, text in (("a", "refund T1001"), ("b", "refund T1002"), ("c", "Refund T1001!"))] == [
        None,
        None,
        "a",
    ]


def test_a_threshold_of_one_turns_it_off() -> None:
    index = NearDuplicates(1)
    assert index.add("a", "the very same words") is None and index.add("b", "the very same words") is None


words = st.lists(st.sampled_from("refund cancel my payment order please today the last one".split()), min_size=3, max_size=9)


@given(st.lists(words, max_size=12))
@settings(max_examples=60)
def test_kept_texts_are_never_near_duplicates_of_each_other(texts: list[list[str]]) -> None:
    from gen.checks.near_duplicates import shingles

    index, kept = NearDuplicates(0.7), []
    for number, text in enumerate(texts):
        if index.add(str(number), " ".join(text)) is None:
            kept.append(shingles(" ".join(text)))
    assert all(len(a & b) / len(a | b) < 1 for i, a in enumerate(kept) for b in kept[:i])


# Whatever comes in, the checks answer.

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
texts = st.text(st.characters(codec=None), max_size=60) | st.sampled_from(
    ["", "{", "[TOOL_CALLS]", "T1001", '{"error": "no"}', "€42.10 on 1 May at 10:30", "None", "null", "[]", "a an the the"]
)
tool_calls = st.builds(
    ToolCall,
    id=st.sampled_from(["aaaaaaaaa", "b", ""]),
    name=st.sampled_from(["retrieve_payment_status", "search_transactions", "x", ""]),
    arguments=st.dictionaries(st.sampled_from(["transaction_id", "amount", "limit", "weird.key[0]", ""]), anything, max_size=3),
)
messages = st.builds(
    Message,
    role=st.sampled_from(["system", "user", "assistant", "tool"]),
    content=texts,
    reasoning_content=st.none() | texts,
    tool_calls=st.just(()) | st.lists(tool_calls, max_size=2).map(tuple),
    tool_call_id=st.none() | st.sampled_from(["aaaaaaaaa", "b"]),
    name=st.none() | st.sampled_from(["x", "search_transactions"]),
)
tools = st.dictionaries(st.sampled_from(["type", "function", "x"]), anything, max_size=3) | st.sampled_from(WIRES["chained"]["tools"])


@given(st.lists(messages, max_size=6), st.lists(tools, max_size=3), st.booleans())
@settings(max_examples=150, deadline=None)
def test_no_conversation_breaks_the_checks(lines: list[Message], offered: list[Any], planned: bool) -> None:
    row = Conversation("x", tuple(lines), tuple(offered), domain="payments", plan=PLAN if planned else None)
    examination = examine(row, KNOWN)
    assert all(finding.code in RULES and finding.message for finding in examination.findings)
    check_corpus([trace_of(row)], KNOWN)


@given(texts)
@settings(deadline=None)
def test_no_answer_breaks_the_checks(text: str) -> None:
    check_row(conversation("reference", says(3, text)), KNOWN)
