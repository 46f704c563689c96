"""How many requests a server is asked at a time: more while it keeps up, half when it says that it is too much.

The window opens by one with each good reply until the server first complains (so it doubles with each round), and by one a round
afterwards. A complaint halves it, once for all requests that were under way together. While the server asks to be left alone
(``Retry-After``), nobody gets in.
"""

from __future__ import annotations

import asyncio
from collections import deque

FIRST = 16
"""Requests in flight to begin with: a server of one card bears them, and three rounds later there are a hundred."""


class Pace:
    """A gate in front of a server. Used by one event loop.

    Attributes:
        window: requests that may be in flight now, at most ``most``.
        busy: requests that are in flight.
    """

    def __init__(self, most: int) -> None:
        self.most = max(1, most)
        self.window = float(min(self.most, FIRST))
        self.busy = 0
        self._calm = True
        self._round = 0
        self._closed_until = 0.0
        self._waiting: deque[asyncio.Future[int]] = deque()
        self._alarm: asyncio.TimerHandle | None = None

    async def enter(self) -> int:
        """Wait for a place, first come, first served. Returns the round in which the request leaves, for ``complained``."""
        if not self._waiting and self._has_room():
            self.busy += 1
            return self._round
        place: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        self._admit()
        try:
            return await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():  # given a place in the moment in which it went away
                self.leave()
            raise

    def leave(self) -> None:
        """A request is over, whatever came of it."""
        self.busy -= 1
        if self._waiting:
            self._admit()

    def praised(self) -> None:
        """A request was answered well."""
        if self.window < self.most:
            self.window = min(self.most, self.window + (1.0 if self._calm else 1.0 / self.window))

    def complained(self, left_in: int, *, wait: float = 0.0) -> None:
        """The server said that it is too much, to a request that left in this round; nobody enters for ``wait`` seconds."""
        if left_in == self._round:
            self.window = max(1.0, self.window / 2)
            self._round += 1
            self._calm = False
        if wait > 0:
            self._closed_until = max(self._closed_until, asyncio.get_running_loop().time() + wait)

    def _has_room(self) -> bool:
        return self.busy < int(self.window) and not (self._closed_until and self._closed_for() > 0)

    def _closed_for(self) -> float:
        return self._closed_until - asyncio.get_running_loop().time()

    def _admit(self) -> None:
        """Let in whom there is room for, and look again when the server may be asked again."""
        while self._waiting and self._has_room():
            place = self._waiting.popleft()
            if not place.done():
                self.busy += 1
                place.set_result(self._round)
        if self._waiting and self._alarm is None and self._closed_for() > 0:
            self._alarm = asyncio.get_running_loop().call_later(self._closed_for(), self._ring)

    def _ring(self) -> None:
        self._alarm = None
        self._admit()

    def close(self) -> None:
        """Nobody will come any more."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
