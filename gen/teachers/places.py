"""Places in flight, given to whoever is first in line: the conversation of the lowest slot.

So conversations that were begun early end early, and what there is when a run ends is a corpus's beginning, not its middle.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from heapq import heappop, heappush


class Places:
    """So many places. Used by one event loop."""

    def __init__(self, count: int) -> None:
        self._free = count
        self._line: list[tuple[int, int, asyncio.Future[None]]] = []
        self._came = 0

    @asynccontextmanager
    async def taken(self, rank: int) -> AsyncIterator[None]:
        """Wait for a place, which lower ranks get first, and leave it at the end."""
        await self._take(rank)
        try:
            yield
        finally:
            self._leave()

    async def _take(self, rank: int) -> None:
        if self._free:
            self._free -= 1
            return
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._came += 1
        heappush(self._line, (rank, self._came, mine))
        try:
            await mine
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled():
                self._leave()  # it was given to somebody who has gone
            raise

    def _leave(self) -> None:
        while self._line:
            first = heappop(self._line)[2]
            if not first.done():
                first.set_result(None)
                return
        self._free += 1
