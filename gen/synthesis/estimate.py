"""What a run would ask of models, before any token is spent: requests, tokens, time and cost.

Estimated from conversations that the simulator makes of the recipe's first slots, as if every first attempt were accepted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gen.canonical import exact_json
from gen.conversation import Conversation
from gen.synthesis.opening import Workshop
from gen.teachers.brief import assistant_brief, user_brief
from gen.teachers.budget import Price, Used

CHARACTERS = 3.8
"""Of a token, about, in the mixture of English and JSON that models are sent here."""

ENVELOPE = 40
"""Characters of a turn that are its form."""

PACE = 30.0
"""Tokens a second of one request among many: what servers of middling models give."""

IN_FLIGHT = 64
"""Requests in flight where the recipe does not say."""


@dataclass(frozen=True)
class Asks:
    """Requests and tokens; ``tokens_new`` of ``tokens_in`` were in no request before, the rest a server can have cached.

    ``seconds`` at ``PACE`` tokens a second of each request in flight; ``cost`` by the recipe's price, None where it has none.
    """

    requests: int
    tokens_in: int
    tokens_new: int
    tokens_out: int
    seconds: float
    cost: float | None


def estimate(workshop: Workshop, sample: Sequence[Conversation], rows: int) -> Asks:
    """What models would be asked for this many rows, by the rows of a sample."""
    teacher = workshop.recipe.model.teacher
    scale = rows / max(len(sample), 1)
    asked = [_asked(workshop, conversation) for conversation in sample]
    requests, sent, new, said = (round(scale * sum(column)) for column in zip(*asked, strict=True)) if asked else (0, 0, 0, 0)
    tokens_in, tokens_new, tokens_out = (round(characters / CHARACTERS) for characters in (sent, new, said))
    price = None if teacher.price is None else Price(teacher.price.input, teacher.price.output)
    used = Used(requests, tokens_in, tokens_out)
    seconds = tokens_out / (PACE * (teacher.concurrency or IN_FLIGHT))
    return Asks(requests, tokens_in, tokens_new, tokens_out, seconds, None if price is None else price.of(used))


def _asked(workshop: Workshop, conversation: Conversation) -> tuple[int, int, int, int]:
    """Requests, and characters sent, sent for the first time, and said."""
    planned = workshop.planner.plan(conversation.slot, conversation.attempt)
    rehearsal = workshop.domains[planned.domain].teacher.rehearse(planned)
    guided = workshop.recipe.model.teacher.guidance == "plan"
    user, assistant = len(user_brief(planned, rehearsal)), len(assistant_brief(planned, rehearsal, guided=guided))
    requests = sent = said = 0
    new = user + assistant
    for message in conversation.messages:
        length = len(message.content) + len(message.reasoning_content or "")
        length += sum(len(exact_json(call.arguments)) + ENVELOPE for call in message.tool_calls)
        if message.role == "user":
            requests, sent, said = requests + 1, sent + user, said + length + ENVELOPE
        elif message.role == "assistant":
            requests, sent, said = requests + 1, sent + assistant, said + length + ENVELOPE
        user += 0 if message.tool_calls or message.role == "tool" else length
        assistant += length
        new += length
    return requests + 1, sent + user, new, said + ENVELOPE  # the user says at last that there is nothing more
