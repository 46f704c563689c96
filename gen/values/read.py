"""What values does a piece of English text hold? The door to the readers of values.

The checks use it: whether the arguments of a call are grounded in what was said (``stands_in``), and whether an answer
contradicts a result. It is broad, because people are (terse, chatty, not native), and where they are ambiguous it keeps every
candidate. It must share nothing with ``speak``, which says values: a shared table would agree with its own mistakes. What a
domain calls its values ("ordered it twice" for ``duplicate``) is not known here: a domain's ``readings`` say so.
"""

from __future__ import annotations

from functools import lru_cache

from gen.values.read_leaf import ROUNDS, stands_in
from gen.values.read_scan import Tense
from gen.values.read_span import Kind, Span, Value, words_of
from gen.values.readings import Readings

__all__ = ["ROUNDS", "Kind", "Readings", "Span", "Value", "read", "stands_in", "words_of"]


@lru_cache(maxsize=4096)
def read(text: str, today: str, tense: Tense | None = None) -> Readings:
    """The values that the text holds.

    Args:
        text: what someone said.
        today: the day on which they said it, ``YYYY-MM-DD``; what is relative follows from it.
        tense: whether the text is known to speak of the "past" or the "future": then only days that fit are kept, if any does.

    Raises:
        ValueError: ``today`` is no ISO date.
    """
    return Readings(text, today, tense)
