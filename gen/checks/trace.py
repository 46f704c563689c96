"""What the rules between rows keep of a row: a corpus may be larger than memory, a trace is small.

Which texts are compared is decided here, once, for the check and for the pass that makes a corpus.
"""

from __future__ import annotations

from dataclasses import dataclass

from gen.checks.near_duplicates import said_by_user
from gen.checks.wording import person_of, wording_of
from gen.conversation import Conversation


@dataclass(frozen=True, slots=True)
class Trace:
    """What the corpus rules keep of a row."""

    id: str
    split: str
    scenario: str
    person: str
    wording: str
    said: str


def trace_of(conversation: Conversation) -> Trace:
    """What the corpus rules need to know of a row."""
    return Trace(
        id=conversation.id,
        split=conversation.split,
        scenario=conversation.scenario,
        person=person_of(conversation),
        wording=wording_of(conversation),
        said=said_by_user(conversation),
    )
