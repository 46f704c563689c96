"""The cases of ``paraphrases.yaml``, each as a small conversation that the rules judge. Run as a script it prints a table."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from gen.checks.answers import stated_facts, told_facts
from gen.checks.context import EMPTY
from gen.checks.grounding import grounded
from gen.checks.row import Row
from gen.conversation import Conversation, ExpectedCall, Fact, Message, Plan, ToolCall

CASES: dict[str, Any] = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))
LISTED = {"transactions": [{"transaction_id": name, "amount": 20.5 + n} for n, name in enumerate(CASES["picked"]["rows"])]}


@dataclass(frozen=True, slots=True)
class Case:
    """A text, the value that it does or does not say, and the conversation that tells."""

    subject: str
    text: str
    value: Any
    good: bool
    conversation: Conversation

    @property
    def accepted(self) -> bool:
        """Whether the rules find the value there."""
        row = Row(self.conversation, EMPTY)
        rules = (stated_facts, told_facts) if self.subject == "told" else (grounded,)
        return not any(list(rule(row, EMPTY)) for rule in rules)

    def __str__(self) -> str:
        return f"{self.subject}: {self.text!r} {'says' if self.good else 'does not say'} {self.value!r}"


def cases() -> Iterator[Case]:
    for subject, section in CASES["said"].items():
        for good in (True, False):
            for value, texts in section.get("yes" if good else "no", {}).items():
                for text in texts:
                    yield Case(subject, text, value, good, _called(text, section.get("name", "value"), section["schema"], value))
    for good in (True, False):
        for value, texts in CASES["picked"]["yes" if good else "no"].items():
            for text in texts:
                yield Case("picked", text, value, good, _picked(text, value))
        for result, texts in CASES["told"]["yes" if good else "no"]:
            for text in texts:
                yield Case("told", text, next(iter(result.values())), good, _told(text, result))


def _tool(name: str, **properties: Any) -> Any:
    parameters = {"type": "object", "properties": properties}
    return {"type": "function", "function": {"name": name, "description": "d", "parameters": parameters}}


def _exchange(number: int, name: str, arguments: Any, result: Any) -> tuple[Message, Message]:
    identity = f"aaaaaaaa{number}"
    calling = Message("assistant", "", None, (ToolCall(identity, name, arguments),))
    return calling, Message("tool", json.dumps(result), tool_call_id=identity, name=name)


def _called(text: str, name: str, schema: Any, value: Any) -> Conversation:
    messages = (Message("user", text), *_exchange(1, "f", {name: value}, {}), Message("assistant", "Done."))
    return Conversation("row", messages, (_tool("f", **{name: schema}),), plan=Plan(CASES["today"]))


def _picked(text: str, value: str) -> Conversation:
    told = "There are three: " + ", ".join(f"{row['transaction_id']} over €{row['amount']:.2f}" for row in LISTED["transactions"]) + "."
    messages = (
        Message("user", "What did I pay?"),
        *_exchange(1, "search_transactions", {}, LISTED),
        Message("assistant", told),
        Message("user", text),
        *_exchange(2, "refund_payment", {"transaction_id": value}, {}),
        Message("assistant", "Done."),
    )
    tools = (_tool("search_transactions"), _tool("refund_payment", transaction_id={"type": "string"}))
    return Conversation("row", messages, tools, plan=Plan(CASES["today"]))


def _told(text: str, result: Any) -> Conversation:
    messages = (Message("user", "Tell me."), *_exchange(1, "get", {}, result), Message("assistant", text))
    name, value = next(iter(result.items()))
    plan = Plan(CASES["today"], calls=(ExpectedCall("get", {}),), facts=(Fact(0, name, value),))
    return Conversation("row", messages, (_tool("get"),), plan=plan)


def table() -> str:
    """By subject: how many of the values that are said were found, and how many of the others were."""
    found: Counter[tuple[str, bool]] = Counter()
    count: Counter[tuple[str, bool]] = Counter()
    for case in cases():
        count[case.subject, case.good] += 1
        found[case.subject, case.good] += case.accepted
    for good in (True, False):
        found["all", good] = sum(n for (_, kind), n in found.items() if kind == good)
        count["all", good] = sum(n for (_, kind), n in count.items() if kind == good)
    lines = [f"{'subject':<18} {'found':>12} {'wrongly found':>15}"]
    for subject in dict.fromkeys(subject for subject, _ in count):
        shares = [f"{found[subject, good]} of {count[subject, good]}" for good in (True, False)]
        lines.append(f"{subject:<18} {shares[0]:>12} {shares[1]:>15}")
    return "\n".join(lines)


if __name__ == "__main__":
    wrong = [str(case) for case in cases() if case.accepted != case.good]
    sys.stdout.write("\n".join([table(), *wrong, ""]))
