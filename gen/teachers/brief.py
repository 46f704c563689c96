"""What the two models of a conversation are told: the user its wishes and manner, the assistant its tools and policy.

The user never sees tools or calls, the assistant never sees the plan (unless the recipe guides it). Wishes come from the plan's
script, as the simulator would speak them plainly; the model is told to say them in its own words.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gen.canonical import exact_json
from gen.conversation import JsonObject
from gen.planning.draft import Step
from gen.planning.planner import Planned
from gen.teachers.prompts import prompt
from gen.teachers.simulator import Rehearsal
from gen.teachers.system import long_date


def user_brief(planned: Planned, rehearsal: Rehearsal) -> str:
    """The system message of the user's model."""
    lines = [f"{number}. {prompt(f'step_{step.act}')}{line}" for number, (step, line) in enumerate(rehearsal.lines, 1)]
    return prompt(
        "user",
        company=rehearsal.company or planned.domain,
        today=long_date(planned.plan.today),
        me=_me(planned.me),
        manner=planned.persona.manner,
        lines="\n".join(lines),
    )


def assistant_brief(planned: Planned, rehearsal: Rehearsal, *, guided: bool) -> str:
    """The system message of the assistant's model: what the row's own system message says, the tools, how to write a turn."""
    text = prompt(
        "assistant",
        system=rehearsal.system if planned.system else prompt("assistant_alone"),
        tools="\n".join(exact_json(tool.wire["function"]) for tool in planned.tools),
    )
    if not guided:
        return text
    acts = [_act(step) for step in planned.steps if step.speaker == "assistant"]
    return f"{text}\n\n{prompt('assistant_guidance', acts=_numbered(acts))}"


def results_message(results: Iterable[tuple[str, str]]) -> str:
    """How the assistant's model sees what its calls returned: (tool, JSON text of the result) each."""
    return prompt("results", results="\n".join(f"{name}: {content}" for name, content in results))


def _act(step: Step) -> str:
    if step.act != "call":
        return prompt(f"act_{step.act}")
    return prompt("act_call", calls=exact_json([{"name": call.name, "arguments": call.arguments} for call in step.calls]))


def _me(me: JsonObject) -> str:
    """Who the user is, as far as people know that of themselves."""
    known = [f"your {name.replace('_', ' ')} is {me[name]}" for name in ("name", "email", "phone") if me.get(name)]
    return f" In real life, {', '.join(known)}." if known else ""


def _numbered(texts: Sequence[str]) -> str:
    return "\n".join(f"{number}. {text}" for number, text in enumerate(texts, 1))
