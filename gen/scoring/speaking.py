"""A model in the place of the assistant: what is asked of it, and what comes back. The seam between who plays a conversation and
what runs the model; ``local_model.py`` and ``server_model.py`` are behind it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from gen.conversation import Conversation, Message


@dataclass(frozen=True, slots=True)
class Said:
    """What a model came to when it was its turn.

    Attributes:
        message: what it says or calls; None where its output is no message.
        unread: the output that could not be read; "" where it could.
        problem: why it could not be read, or why it was cut.
        tokens: how many it took, as far as is known.
    """

    message: Message | None
    unread: str = ""
    problem: str = ""
    tokens: int = 0


class Speaker(Protocol):
    """A model that can be asked to go on. Used by one event loop; any number of conversations may wait at a time.

    Nothing holds it to the form of a call: what is measured is what it learned. ``say`` raises OutsideFailed where whatever runs the
    model gave up; a conversation that the model cannot read is a Said with its problem.
    """

    @property
    def concurrency(self) -> int:
        """Conversations that are worth having under way at a time."""
        ...

    async def say(self, talk: Conversation, *, view: str, thinks: bool) -> Said:
        """What the assistant says next.

        Args:
            talk: the conversation so far, with the tools on offer; its last message is the user's or a result.
            view: which conversation it is, the same each time: what was computed for it may be kept.
            thinks: whether the model may think first, where its format has a switch for that.
        """
        ...

    def forget(self, view: str) -> None:
        """The conversation is over: nothing needs to be kept for it."""
        ...

    async def close(self) -> None: ...
