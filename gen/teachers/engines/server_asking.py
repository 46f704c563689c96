"""Asking a server until it answers: what is asked again, how long we wait, and when we give up.

A complaint of too much to do (429, or any status with ``Retry-After``) is borne as long as anybody gets answers; what breaks is
asked again a number of times. The waits are our own and not tenacity's: they follow from what the server says to *all* requests,
and a request that goes well, which nearly all do, pays nothing for them.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NoReturn, TypeGuard

import orjson

from gen.errors import OutsideFailed
from gen.teachers.engines.server_http import Wire, seconds_of
from gen.teachers.engines.server_pace import Pace
from gen.teachers.engines.server_refusal import is_no_quota, refusal
from gen.teachers.engines.server_reply import Broken, Reply, Said, error_of, quoted, said

TOO_MUCH = frozenset((429, 503, 504, 529))
"""Statuses that say that the server has too much to do."""

PASSING = TOO_MUCH | {408, 409, 425, 500, 502, 520, 521, 522, 523, 524}
"""Statuses of which another try may know nothing."""

MOST_STRANGE = 3
"""Times that a strange completion (an empty one) is asked for before it is believed to be what the model says."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long we bear what, in seconds.

    Attributes:
        tries: of one request, before a server that breaks is given up; ``tries_at_first`` of one that never answered anything.
        first_wait: before the second try; doubled each time, up to ``longest_wait``, and drawn from its upper half.
        overload: how long a server may say that it has too much to do, without a good answer to anybody.
        timeout: until a request counts as lost.
    """

    tries: int = 8
    tries_at_first: int = 3
    first_wait: float = 0.5
    longest_wait: float = 30.0
    overload: float = 600.0
    timeout: float = 600.0


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request that was sent, what came of it, and the seconds between."""

    body: bytes
    outcome: Reply | Broken
    seconds: float


class PatientClient:
    """Asks one model on one server, no more than ``pace`` lets in at a time.

    Attributes:
        counts: requests sent, and how many of them failed in which way.
    """

    def __init__(self, address: str, model: str, *, concurrency: int, patience: Patience) -> None:
        self.address = address
        self.model = model
        self.patience = patience
        self.wire = Wire(address, timeout=patience.timeout)
        self.pace = Pace(concurrency)
        self.counts: Counter[str] = Counter()
        self._last_good = 0.0
        self._jitter = random.Random()  # of waits, which are no output

    async def once(self, body_now: Callable[[], bytes]) -> Exchange:
        """Send one request, when there is room for it; its body is made then, by what is known by then."""
        left_in = await self.pace.enter()
        try:
            body = body_now()
            begun = time.monotonic()
            outcome = await self.wire.ask(body)
        finally:
            self.pace.leave()
        self.counts["requests"] += 1
        self._weigh(outcome, left_in)
        return Exchange(body, outcome, time.monotonic() - begun)

    async def answer(
        self, body_now: Callable[[], bytes], *, learns: Callable[[Reply, bytes], Awaitable[bool]], strange: Callable[[Said], str]
    ) -> tuple[Said, float]:
        """What the model says, and the seconds that it took.

        Args:
            body_now: the body, by what is known of the server now.
            learns: whether something was learnt of a refusal of this body, so that another body may do better.
            strange: what is wrong with a completion, so that it is worth asking again; or nothing.
        """
        trouble = _Trouble()
        while True:
            exchange = await self.once(body_now)
            body, outcome = exchange.body, exchange.outcome
            if isinstance(outcome, Reply) and outcome.status == 200:
                heard = self._heard(outcome, strange, trouble)
                if isinstance(heard, Said):
                    return heard, exchange.seconds
                await self._rest(heard, trouble)
            elif _may_teach(outcome) and (body_now() != body or await learns(outcome, body)):  # somebody else, or we, know better now
                self.counts["sent in another form"] += 1
            else:
                await self._rest(outcome, trouble)

    def _heard(self, reply: Reply, strange: Callable[[Said], str], trouble: _Trouble) -> Said | Broken:
        """What the model says in a reply of 200; what is strange is believed when it was said often enough."""
        heard = said(reply)
        if isinstance(heard, Broken):
            return heard
        wrong = strange(heard)
        trouble.strange += bool(wrong)
        if not wrong or trouble.strange >= MOST_STRANGE:
            return heard
        self.counts["tokens wasted"] += heard.tokens_out
        return Broken("strange completion", wrong)

    def _weigh(self, outcome: Reply | Broken, left_in: int) -> None:
        """What the outcome says of the server: whether to ask more or less of it."""
        if isinstance(outcome, Broken):
            if outcome.slow:
                self.pace.complained(left_in)
        elif outcome.status == 200:
            self._last_good = time.monotonic()
            self.pace.praised()
        elif outcome.status in TOO_MUCH or outcome.retry_after:
            self.pace.complained(left_in, wait=min(_asked_wait(outcome), self.patience.overload))

    async def _rest(self, outcome: Reply | Broken, trouble: _Trouble) -> None:
        """Wait until the request is worth another try. Raises what is to be told where it is not."""
        if isinstance(outcome, Reply) and outcome.status not in PASSING:
            raise refusal(outcome, address=self.address, model=self.model, key_from=self.wire.key_from, models=await self._models(outcome))
        self.counts[_kind(outcome)] += 1
        if isinstance(outcome, Reply) and (outcome.status == 429 or outcome.retry_after):
            await self._bear(outcome, trouble)
            return
        trouble.failures += 1
        if trouble.failures >= (self.patience.tries if self._last_good else self.patience.tries_at_first):
            self._give_up(outcome, f"in {trouble.failures} tries")
        await asyncio.sleep(self._wait(trouble.failures))

    async def _bear(self, reply: Reply, trouble: _Trouble) -> None:
        """The server has too much to do: wait, as long as it answers anybody."""
        now, bound = time.monotonic(), self.patience.overload
        if reply.status == 429 and is_no_quota(reply):
            raise refusal(reply, address=self.address, model=self.model, key_from=self.wire.key_from, models=[])
        trouble.overloads += 1
        trouble.since = trouble.since or now
        asked = _asked_wait(reply)
        if asked > bound:
            self._give_up(reply, f"and asks to wait for {asked:,.0f} s")
        if now - max(self._last_good, trouble.since) > bound:
            self._give_up(reply, f"to anybody for {bound:,.0f} s")
        await asyncio.sleep(self._jitter.uniform(0, self.patience.first_wait) if asked else self._wait(trouble.overloads))

    def _wait(self, times: int) -> float:
        longest = min(self.patience.longest_wait, self.patience.first_wait * 2 ** min(times - 1, 20))
        return self._jitter.uniform(longest / 2, longest)

    def _give_up(self, outcome: Reply | Broken, how_long: str) -> NoReturn:
        last = outcome.reason if isinstance(outcome, Broken) else f"HTTP {outcome.status}, {quoted(str(error_of(outcome)['message']))}"
        raise OutsideFailed(f"the server gives no completion {how_long}; at last: {last}", where=self.address, hint=_hint(outcome))

    async def _models(self, reply: Reply) -> list[str]:
        """The models of the server, where the refusal may be about the model's name."""
        return await self.models() if reply.status in (404, 405) else []

    async def models(self) -> list[str]:
        """The names under ``/models``; none where the server does not say."""
        outcome = await self.wire.look("/models")
        if isinstance(outcome, Broken) or outcome.status != 200:
            return []
        try:
            listed = orjson.loads(outcome.body)
        except orjson.JSONDecodeError:
            return []
        data = listed.get("data") if isinstance(listed, dict) else None
        return sorted(str(row["id"]) for row in data if isinstance(row, dict) and "id" in row) if isinstance(data, list) else []

    async def close(self) -> None:
        self.pace.close()
        await self.wire.close()


@dataclass(slots=True)
class _Trouble:
    """What one request has been through."""

    failures: int = 0
    overloads: int = 0
    strange: int = 0
    since: float = 0.0


def _may_teach(outcome: Reply | Broken) -> TypeGuard[Reply]:
    return isinstance(outcome, Reply) and outcome.status not in TOO_MUCH


def _asked_wait(reply: Reply) -> float:
    return seconds_of(reply.retry_after, time.time())


def _kind(outcome: Reply | Broken) -> str:
    return outcome.kind if isinstance(outcome, Broken) else f"HTTP {outcome.status}"


def _hint(outcome: Reply | Broken) -> str:
    again = "then run the same command again: what was answered is kept"
    if isinstance(outcome, Reply):
        return f"ask for less at a time (--concurrency), {again}" if outcome.status in TOO_MUCH else f"look at the server's log, {again}"
    if outcome.kind == "no connection":
        return f"is the server running, and is the address right? {again}"
    return f"ask for less at a time (--concurrency), {again}" if outcome.slow else f"look at the server's log, {again}"
