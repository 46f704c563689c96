"""Conversations that wait for models, many at a time on one event loop: the engine of runs whose teacher is a language model.

The loop runs while the next entry is waited for, in the thread of who waits. Slots are begun in order, and handed over in order; a
conversation goes on when its own turn is there, never in step with others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from gen.corpus.blocks import BlockStore
from gen.synthesis.cast import Modelled
from gen.synthesis.engines import Block, Maker
from gen.synthesis.entries import Entry, entry_of, to_lines
from gen.synthesis.interruptible import run_interruptibly
from gen.synthesis.opening import Workshop
from gen.synthesis.slots import Candidate, make_with
from gen.teachers.asking import BudgetSpent, Stopped

UNDER_WAY = 2
"""Conversations that are under way for each request that may be in flight: some are always between two requests."""

LEFT_TO_SAY = 0.6
"""Of a conversation that is under way, about: what it will still cost, beside what a whole one does."""

DRAIN = 20.0
"""Seconds that requests in flight have to come back when a run ends early: they are paid for."""


@contextmanager
def conversing(workshop: Workshop, cast: Modelled, blocks: Sequence[Block], store: BlockStore) -> Iterator[Maker]:
    """Make these blocks by this cast, which is closed at the end."""
    several = _Conversing(workshop, cast, blocks, store)
    try:
        yield Maker(several.entries(), several.again, lambda: several.spent, lambda: cast.asker.usage)
    finally:
        several.end()


class _Conversing:
    """The slots of these blocks, some of them under way."""

    def __init__(self, workshop: Workshop, cast: Modelled, blocks: Sequence[Block], store: BlockStore) -> None:
        self.spent = ""
        self._workshop, self._cast, self._store = workshop, cast, store
        self._blocks = blocks
        self._waiting = iter([slot for _, slots in blocks for slot in slots])
        self._under_way: dict[int, asyncio.Task[Candidate]] = {}
        self._anew: set[asyncio.Task[Candidate]] = set()
        self._active = self._done = 0
        self._share_before = cast.asker.share
        self._broken: asyncio.Future[None] | None = None
        self._runner = asyncio.Runner()

    def end(self) -> None:
        """What is in flight is waited for, and everything is closed."""
        try:
            run_interruptibly(self._runner, self._end())
        finally:
            self._runner.close()

    def entries(self) -> Iterator[Entry]:
        """The entries in slot order, each as soon as it and all before it are there; fewer where the budget is used up.

        Raises what an engine raises when it gives up.
        """
        for number, slots in self._blocks:
            entries = []
            for slot in slots:
                candidate = self._next(slot)
                if candidate is None:
                    return
                entries.append(entry_of(candidate))
                yield entries[-1]
            self._store.write(number, to_lines(entries))

    def again(self, slot: int, first: int) -> Candidate | None:
        """The candidate of a slot from its attempt ``first`` on; None where the budget is used up."""
        try:
            return run_interruptibly(self._runner, self._made_anew(slot, first))
        except BudgetSpent as spent:
            self.spent = str(spent)
            return None

    def _next(self, slot: int) -> Candidate | None:
        task = self._under_way.get(slot)
        try:
            if task is not None and task.done() and not self._is_broken():
                return self._under_way.pop(slot).result()
            return run_interruptibly(self._runner, self._result(slot))
        except BudgetSpent as spent:
            self.spent = str(spent)
            return None

    async def _made_anew(self, slot: int, first: int) -> Candidate:
        """The candidate of a slot from its attempt ``first`` on; who stops waiting for it loses nothing that was asked."""
        task = asyncio.create_task(make_with(self._cast, self._workshop, slot, first))
        self._anew.add(task)
        await asyncio.wait({task})
        self._anew.discard(task)
        return task.result()

    async def _result(self, slot: int) -> Candidate:
        """The candidate of a slot; or the first failure of any slot, as soon as there is one."""
        if self._broken is None:
            self._broken = asyncio.get_running_loop().create_future()
            self._begin()
        task = self._under_way[slot]
        either: set[asyncio.Future[Candidate] | asyncio.Future[None]] = {task, self._broken}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if self._broken.done():
            self._broken.result()
        del self._under_way[slot]
        return task.result()

    def _is_broken(self) -> bool:
        return self._broken is not None and self._broken.done()

    def _begin(self) -> None:
        """Begin as many slots as may be under way."""
        while self._may_begin() and (slot := next(self._waiting, None)) is not None:
            task = asyncio.create_task(make_with(self._cast, self._workshop, slot))
            self._under_way[slot] = task
            self._active += 1
            task.add_done_callback(self._ended)

    def _may_begin(self) -> bool:
        """Whether one more conversation can be had: there is room for it, and budget for all to come to their ends."""
        if self._active >= UNDER_WAY * self._cast.asker.concurrency:
            return False
        if not self._done or not self._active:
            return True
        share = self._cast.asker.share
        each = (share - self._share_before) / self._done
        return share + each * LEFT_TO_SAY * (self._active + 1) < 1

    def _ended(self, task: asyncio.Task[Candidate]) -> None:
        self._active -= 1
        self._done += 1
        if task.cancelled():
            return
        failure = task.exception()
        if failure is None:
            self._begin()
        elif not isinstance(failure, BudgetSpent | Stopped) and self._broken is not None and not self._broken.done():
            self._broken.set_exception(failure)

    async def _end(self) -> None:
        """Nothing more is asked for; what is in flight is waited for, for a while and until Ctrl-C, since it is paid for."""
        self._cast.asker.stop()
        tasks = {*self._under_way.values(), *self._anew}
        try:
            if tasks:
                await asyncio.wait(tasks, timeout=DRAIN)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if self._broken is not None and self._broken.done():
                self._broken.exception()  # it was raised, or came after another: either way somebody has seen it
            await self._cast.close()
