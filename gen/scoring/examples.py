"""Conversations in which a model did badly: which to show, and how they look, what was expected beside what it did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gen.canonical import exact_json
from gen.conversation import Conversation, Message, ToolCall
from gen.rendering.html import safe
from gen.scoring.metrics import METRICS, wrong
from gen.scoring.outcomes import Outcome, TurnOutcome
from gen.scoring.played import Played, PlayedTurn, turns_of

_OF_A_KIND = 2
"""Examples that fail in the same way in the same scenario: more would say nothing new."""

_LONGEST = 1200
"""Characters of a text that are shown; what is left out is said."""


@dataclass(frozen=True, slots=True)
class Example:
    """A conversation of the corpus, what a model made of it, and what came of that."""

    conversation: Conversation
    played: Played
    outcome: Outcome


def worst(examples: Iterable[Example], count: int) -> list[Example]:
    """The examples that are wrong in most metrics, a few of a kind, in a fixed order."""
    failed = [(wrong(example.outcome), example) for example in examples]
    ranked = sorted([pair for pair in failed if pair[0]], key=lambda pair: (-len(pair[0]), pair[1].outcome.id))
    shown: list[Example] = []
    kinds: Counter[tuple[str, ...]] = Counter()
    for names, example in ranked:
        kinds[kind := (example.outcome.scenario, *names)] += 1
        if kinds[kind] <= _OF_A_KIND and len(shown) < count:
            shown.append(example)
    return shown


def article(example: Example) -> str:
    """One example as a part of the page."""
    outcome = example.outcome
    failed = ", ".join(METRICS[name].title for name in wrong(outcome))
    head = (
        f"<header><h2>{safe(outcome.id)}</h2><span>{safe(outcome.scenario)}</span><span class=wrong>wrong: {safe(failed)}</span></header>"
    )
    users = [message.content for message in example.conversation.messages if message.role == "user"]
    gold = turns_of(example.conversation.messages)
    turns = "".join(
        _turn(user, expected, example.played.turns[index] if index < len(example.played.turns) else None, outcome.turns[index])
        for index, (user, expected) in enumerate(zip(users, gold, strict=True))
    )
    return f'<article class="example">{head}{_setting(example.conversation)}{turns}{_problems(outcome.problems)}</article>\n'


def _setting(conversation: Conversation) -> str:
    """What the model was told beforehand, folded away: the system message and the tools on offer."""
    system = [message.content for message in conversation.messages if message.role == "system"]
    names = [str(tool["function"]["name"]) for tool in conversation.tools]
    told = "".join(f"<p>{_text(content)}</p>" for content in system)
    offered = f"<p>{safe(', '.join(names))}</p>" if names else ""
    counted = "1 tool" if len(names) == 1 else f"{len(names)} tools"
    return f"<details><summary>{'system message and ' if system else ''}{counted}</summary>{told}{offered}</details>"


def _turn(user: str, expected: Sequence[Message], played: PlayedTurn | None, outcome: TurnOutcome) -> str:
    made = _messages(played.messages, known={_call(call) for message in expected for call in message.tool_calls}) if played else ""
    unread = f'<pre class="unread">{_text(played.unread)}</pre>' if played and played.unread else ""
    nothing = '<p class="nothing">nothing</p>'
    return (
        f'<div class="turn"><p class="user"><b>user</b>{_text(user)}</p>'
        f"<div><h3>expected</h3>{_messages(expected) or nothing}</div>"
        f"<div><h3>the model</h3>{made + unread or nothing}</div>{_problems(outcome.problems)}</div>"
    )


def _messages(messages: Iterable[Message], known: set[str] | None = None) -> str:
    """Messages of the assistant and results; a call that is not among the known ones is marked."""
    parts = []
    for message in messages:
        if message.reasoning_content:
            parts.append(f'<p class="nothing">{_text(message.reasoning_content)}</p>')
        if message.role == "tool":
            parts.append(f'<pre class="result">{_text(message.content)}</pre>')
        elif message.content:
            parts.append(f"<p>{_text(message.content)}</p>")
        for call in message.tool_calls:
            kind = "call" if known is None or _call(call) in known else "call wrong"
            parts.append(f'<pre class="{kind}">{_call(call)}</pre>')
    return "".join(parts)


def _call(call: ToolCall) -> str:
    """A call as a line where it is short, else with a line for each argument."""
    arguments = call.arguments if isinstance(call.arguments, dict) else {"?": call.arguments}
    said = [f"{name}={exact_json(value)}" for name, value in sorted(arguments.items())]
    line = f"{call.name}({', '.join(said)})"
    return _text(line if len(line) <= 60 else f"{call.name}(\n  " + ",\n  ".join(said) + ")")


def _text(text: str) -> str:
    shown = text if len(text) <= _LONGEST else f"{text[:_LONGEST]} … and {len(text) - _LONGEST} characters more"
    return "\n".join(safe(line) for line in shown.split("\n")) if "\n" in shown else safe(shown)


def _problems(problems: Sequence[str]) -> str:
    return f'<ul class="problems">{"".join(f"<li>{safe(problem)}</li>" for problem in problems)}</ul>' if problems else ""
