"""What a call returns is known from the plan, which executed it: the same calls in the same order need no second execution.

Where a speaker departs from the plan, everything said so far is executed in the environment, and what follows with it. An
environment has one conversation at a time, and many are under way: so nothing stays open between two calls. ``fcgen check``
executes every call again.
"""

from __future__ import annotations

from gen.conversation import Json, JsonObject
from gen.environments.sql import SqlEngine
from gen.planning.planner import Planned


class Rehearsed:
    """An environment that remembers the plan's execution."""

    def __init__(self, planned: Planned, engine: SqlEngine) -> None:
        self._planned = planned
        self._engine = engine
        self._made: list[tuple[str, JsonObject]] = []
        self._departed = False

    def call(self, name: str, arguments: JsonObject) -> Json:
        """The result of a call, or ``{"error": ...}``."""
        executed = self._planned.executed
        at = len(self._made)
        self._made.append((name, arguments))
        if not self._departed and at < len(executed) and executed[at][0] == name and executed[at][1] == arguments:
            return executed[at][2]
        self._departed = True
        return self._again()[0]

    def state(self) -> str:
        """The digest of the environment's state now."""
        if not self._departed and len(self._made) == len(self._planned.executed):
            return self._planned.plan.state
        return self._again()[1]

    def _again(self) -> tuple[Json, str]:
        """Execute all calls anew: the result of the last one, and the state after it."""
        self._engine.begin(self._planned.key, self._planned.plan.faults)
        try:
            result: Json = None
            for name, arguments in self._made:
                result = self._engine.call(name, arguments)
            return result, self._engine.state()
        finally:
            self._engine.end()
