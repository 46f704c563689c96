"""What the rules may know beyond the conversation itself.

All of it is optional: a corpus that fcgen did not make is checked with an empty ``Context``, and the rules that need
more say nothing. Built by the command line from a corpus, or by the synthesis loop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from gen.conversation import Conversation, JsonObject

Readings = Mapping[str, Mapping[str, Sequence[str]]]
"""By name of a parameter or result field: value → regular expressions for how people say it. Booleans are "true" and "false"."""


@dataclass(frozen=True, slots=True)
class Replay:
    """What came of executing a conversation's calls again: the JSON text of each result in order, and the digest of the final state."""

    results: tuple[str, ...]
    state: str


@dataclass(frozen=True)
class DomainKnowledge:
    """What is known of a domain.

    Attributes:
        readings: how the checks recognise a value in people's words; see ``Readings``.
        returns: by tool, the JSON Schema of a successful result.
        writes: the tools that change the state; None where nobody knows, then the tool's name is asked.
        passing_errors: what a tool says when it fails for a moment; a call may be repeated after it.
    """

    readings: Readings = field(default_factory=dict)
    returns: Mapping[str, JsonObject] = field(default_factory=dict)
    writes: frozenset[str] | None = None
    passing_errors: frozenset[str] = frozenset()

    @cached_property
    def returned_enums(self) -> dict[str, dict[str, tuple[str, ...]]]:
        """By tool and field of its result, the values that the field can have."""
        return {tool: dict(_enums(schema)) for tool, schema in self.returns.items()}

    def states(self, tool: str) -> dict[str, tuple[str, ...]]:
        """The fields of a tool's result that are states, and every value they can have: by ``returns``, else by the readings."""
        known = self._states.get(tool)
        if known is None:
            enums = self.returned_enums.get(tool, {})
            could = {field: tuple(values) for field, values in self.readings.items()} | enums
            for field in ("status", "state"):
                could[field] = (*could.get(field, ()), *STATES)
            known = self._states[tool] = {field: tuple(sorted(set(values))) for field, values in could.items()}
        return known

    @cached_property
    def _states(self) -> dict[str, dict[str, tuple[str, ...]]]:
        return {}


STATES = ("Failed", "Cancelled", "Declined")
"""What any state can wrongly be said to be."""


def _enums(schema: JsonObject, name: str = "") -> Iterator[tuple[str, tuple[str, ...]]]:
    enum = schema.get("enum")
    if isinstance(enum, list) and name:
        yield name, tuple(value for value in enum if isinstance(value, str))
    for key, child in (schema.get("properties") or {}).items():
        if isinstance(child, dict):
            yield from _enums(child, key)
    items = schema.get("items")
    if isinstance(items, dict):
        yield from _enums(items, name)


@dataclass(frozen=True, slots=True)
class Context:
    """What holds for the conversations that are checked.

    Attributes:
        domains: by name of the domain that a conversation is of.
        replay: executes a conversation's calls again; None where there is no environment.
        state: digest of the state after the conversation, where the caller executed it and there is no ``replay``.
        near_duplicates: similarity above which two rows are near-duplicates; 1 turns the rule off.
        scenarios: weights that the corpus was asked for; empty where nobody asked.
    """

    domains: Mapping[str, DomainKnowledge] = field(default_factory=dict)
    replay: Callable[[Conversation], Replay] | None = None
    state: str = ""
    near_duplicates: float = 0.7
    scenarios: Mapping[str, float] = field(default_factory=dict)

    def domain(self, name: str) -> DomainKnowledge:
        return self.domains.get(name, _NOTHING)


_NOTHING = DomainKnowledge()
EMPTY = Context()
"""Nothing is known but the conversation."""
