"""The thread that alone touches a model of transformers, and the door to it for an event loop.

What goes in are prompts as tokens, with a request that says how to go on; whoever makes prompts (a teacher's chats, what is scored)
stands before it. The work itself is ``batch.py``'s.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from gen.errors import OutsideFailed
from gen.teachers.engines.job import Job
from gen.teachers.request import Completion, Request, TooLong

if TYPE_CHECKING:
    from gen.teachers.engines.batch import Batch
    from gen.teachers.engines.loading import Loaded

SLOTS = {"cuda": 64, "cpu": 8}
"""Turns that are spoken at a time, where nothing else is asked for."""

AHEAD = 3
"""Requests that are worth having in flight, for each slot: some conversations wait for their environment."""


class ModelThread:
    """A loaded model with its thread, which begins at once.

    Args:
        name: of the model, for messages.
        slots: turns that are spoken at a time; halved whenever memory runs out.
        graphs: whether steps run as CUDA graphs; None for where there is CUDA.
        note: hears what a user should know: fewer slots, no graphs.
    """

    def __init__(
        self,
        loaded: Loaded,
        name: str,
        *,
        slots: int | None = None,
        graphs: bool | None = None,
        note: Callable[[str], None] = lambda _: None,
    ) -> None:
        from gen.teachers.engines.batch import Batch

        device = loaded.model.device.type
        self._name = name
        self._batch: Batch = Batch(
            loaded, slots or SLOTS.get(device, SLOTS["cpu"]), graphs=device == "cuda" if graphs is None else graphs, note=note
        )
        config = loaded.model.config.get_text_config()
        self._context = int(getattr(config, "max_position_embeddings", None) or 1 << 20)
        self._inbox: queue.SimpleQueue[Job | str | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="fcgen-local-engine", daemon=True)
        self._closed = False
        self._failed: BaseException | None = None
        self._thread.start()

    @property
    def concurrency(self) -> int:
        return AHEAD * self._batch.count

    def require_open(self) -> None:
        """Raises OutsideFailed where the thread has ended, and why."""
        if self._closed or self._failed:
            raise OutsideFailed(f"the engine of {self._name} has ended") from self._failed

    async def speak(self, prompt: list[int], request: Request) -> Completion:
        """How the model goes on from a prompt. Raises TooLong where the prompt leaves no room for a token."""
        self.require_open()
        room = min(request.sampling.max_tokens, self._context - len(prompt))
        if room < 1:
            raise TooLong(
                f"the chat has {len(prompt)} tokens, and {self._name} reads {self._context} with its answer",
                hint="shorter conversations, fewer tools, or a model with a longer context",
            )
        loop = asyncio.get_running_loop()
        job = Job(request, prompt, room, loop.create_future(), loop)
        self._inbox.put(job)
        if not self._thread.is_alive():  # it ended while we asked
            self._drain()
        return await job.future

    def forget(self, view: str) -> None:
        self._inbox.put(view)

    async def close(self) -> None:
        """Stop after the step that is being computed; what is still in flight fails."""
        self._closed = True
        self._inbox.put(None)
        await asyncio.to_thread(self._thread.join)

    def statistics(self) -> dict[str, float]:
        """What the engine did so far: steps, tokens, prompts read and spared, and how full the slots were."""
        return self._batch.statistics()

    # -- the thread

    def _work(self) -> None:
        try:
            while self._receive():
                self._batch.advance()
        except BaseException as error:  # noqa: BLE001 -- whatever ends the thread is told to everybody who waits
            self._failed = error
        self._batch.abandon(OutsideFailed(f"the engine of {self._name} was closed") if self._failed is None else self._failed_as_error())
        self._drain()

    def _drain(self) -> None:
        """Tell those who came too late."""
        while not self._inbox.empty():
            left = self._inbox.get()
            if isinstance(left, Job):
                left.finish(OutsideFailed(f"the engine of {self._name} has ended"))

    def _failed_as_error(self) -> Exception:
        return self._failed if isinstance(self._failed, Exception) else OutsideFailed(f"the engine of {self._name} was interrupted")

    def _receive(self) -> bool:
        """Take in what arrived, and wait for it where there is nothing to do. False at the end."""
        while not self._inbox.empty() or self._batch.idle:
            item = self._inbox.get()
            if item is None:
                return False
            if isinstance(item, str):
                self._batch.forget(item)
            else:
                self._batch.add(item)
        return True
