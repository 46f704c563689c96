"""Asking a model: what the store has is not asked for again, what comes is kept before anybody uses it, and all of it is counted."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from gen.teachers.budget import Budget, Usage
from gen.teachers.places import Places
from gen.teachers.request import Completion, Engine, Request
from gen.teachers.stored import Key


class BudgetSpent(Exception):
    """The budget is used up: the message says which part of it, in words."""


class Stopped(Exception):
    """The run ends early: nothing more is asked for."""


class Store(Protocol):
    """Where completions are kept."""

    def get(self, address: str) -> Completion | None: ...
    async def put(self, request: Request, completion: Completion, *, key: Key, address: str = "") -> Completion: ...
    async def close(self) -> None: ...


Watch = Callable[[Usage], None]
"""Who wants to know what was used so far, after every completion."""


@dataclass(frozen=True)
class Model:
    """A model that plays a role: its name, and what runs it."""

    name: str
    engine: Engine


class Asker:
    """Asks the models of a run, one for each role. ``before`` is what was paid for in earlier runs within the same budget."""

    def __init__(self, models: Mapping[str, Model], store: Store, budget: Budget, watch: Watch, before: Usage) -> None:
        self.models = models
        self.usage = Usage()
        self._charged = before
        self._store = store
        self._watch = watch
        self._budget = budget
        self._engines = list({id(model.engine): model.engine for model in models.values()}.values())
        self._places = {id(engine): Places(engine.concurrency) for engine in self._engines}
        self._stopped = False
        self._began = time.monotonic()

    @property
    def concurrency(self) -> int:
        """Requests that are worth having in flight at a time, over all engines."""
        return sum(engine.concurrency for engine in self._engines)

    @property
    def share(self) -> float:
        """How much of the budget is used, from 0 on."""
        return self._budget.share(self._charged, seconds=time.monotonic() - self._began)

    def stop(self) -> None:
        """Ask for nothing more; what is in flight comes back."""
        self._stopped = True

    async def ask(self, request: Request, key: Key) -> Completion:
        """The completion of a request. Raises BudgetSpent or Stopped before it would be asked for, and what the engine raises."""
        address = request.address()
        kept = self._store.get(address)
        if kept is not None:
            self.usage.count(kept, role=key.role, model=request.model, reused=True)
            return kept
        engine = self.models[key.role].engine
        async with self._places[id(engine)].taken(key.slot):  # the line stands here, where it can be sent home
            if self._stopped:
                raise Stopped
            if spent := self._budget.spent(self._charged, seconds=time.monotonic() - self._began):
                raise BudgetSpent(spent)
            completion = await engine.complete(request)
        completion = await self._store.put(request, completion, key=key, address=address)
        for usage in (self.usage, self._charged):
            usage.count(completion, role=key.role, model=request.model)
        self._watch(self.usage)
        return completion

    def forget(self, view: str) -> None:
        """The chat is over."""
        for engine in self._engines:
            engine.forget(view)

    async def close(self) -> None:
        """Let go of the engines."""
        for engine in self._engines:
            await engine.close()
