"""A request in the local engine, and who waits for it: made by the event loop, ended by the thread that runs the model."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from gen.teachers.request import Completion, Request


@dataclass(eq=False, slots=True)
class Job:
    """A request in the engine, its prompt and who waits for it."""

    request: Request
    prompt: list[int]
    room: int
    future: asyncio.Future[Completion]
    loop: asyncio.AbstractEventLoop

    @property
    def wanted(self) -> bool:
        """Whether somebody still waits."""
        return not self.future.cancelled()

    def finish(self, outcome: Completion | Exception) -> None:
        """Hand the outcome to the event loop, if it still runs."""
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self._settle, outcome)

    def _settle(self, outcome: Completion | Exception) -> None:
        if self.future.done():
            return
        if isinstance(outcome, Exception):
            self.future.set_exception(outcome)
        else:
            self.future.set_result(outcome)
