"""What a call returns is known from the plan, which executed it: the same calls in the same order need no second execution.

Where a speaker departs from the plan, everything said so far is executed in the environment, and so is all that follows.
``fcgen check`` executes every call again.
"""

from __future__ import annotations

from typing import Self

from gen.conversation import Json, JsonObject
from gen.environments.sql import SqlEngine
from gen.planning.planner import Planned


class Rehearsed:
    """An environment that remembers the plan's execution. A context manager."""

    def __init__(self, planned: Planned, engine: SqlEngine) -> None:
        self._planned = planned
        self._engine = engine
        self._made: list[tuple[str, JsonObject]] = []
        self._live = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._engine.end()

    def call(self, name: str, arguments: JsonObject) -> Json:
        """The result of a call, or ``{"error": ...}``."""
        if not self._live:
            executed = self._planned.executed
            at = len(self._made)
            self._made.append((name, arguments))
            if at < len(executed) and executed[at][0] == name and executed[at][1] == arguments:
                return executed[at][2]
            self._depart()
        return self._engine.call(name, arguments)

    def state(self) -> str:
        """The digest of the environment's state now."""
        if not self._live:
            if len(self._made) == len(self._planned.executed):
                return self._planned.plan.state
            self._depart()
        return self._engine.state()

    def _depart(self) -> None:
        """Bring the environment to where the conversation is: all but a call that is only now to be made."""
        self._live = True
        self._engine.begin(self._planned.key, self._planned.plan.faults)
        executed = self._planned.executed
        for (name, arguments), (name_then, arguments_then, _) in zip(self._made, executed, strict=False):
            if (name, arguments) != (name_then, arguments_then):
                break
            self._engine.call(name, arguments)
