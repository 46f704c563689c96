"""The completion store: no completion that was paid for is ever lost, or asked for twice.

    store = CompletionStore(corpus / COMPLETIONS, writer=part_name(2, 8), run=digest)
    found = store.get(request.address())
    said = found or await store.put(request, await engine.complete(request), key=Key(slot, attempt, turn, "user"))
    await store.close()

``put`` returns when the completion is on the disk. All that arrive while the disk is busy go there together, with one fsync in a
thread, so that the number of completions a second does not hang on the disk's; the event loop is never held up. Killed at any
moment, a run finds again what ``put`` returned from. Each writer has a journal of its own, so that the parts of a job array write side
by side into one folder; what others had written is read when the store opens.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from gen.corpus.lock import beside
from gen.errors import FcgenError
from gen.teachers.completions import Completions
from gen.teachers.journal import Journal, JournalWriter
from gen.teachers.request import Completion, Request
from gen.teachers.stored import Key, Stored, storable, to_line

GATHER = 0.01
"""Seconds in which completions gather before they go to the disk: little beside what a model takes. At a thousand completions a
second it saves five fsyncs in six, and more than half of the event loop's work: changing threads for each costs more than the disk."""


def part_name(part: int, parts: int) -> str:
    """The writer that is one part of a job array."""
    return f"part-{part:05d}-of-{parts:05d}"


@dataclass(eq=False, slots=True)
class _Waiting:
    """A completion on its way to the disk, and who waits for that."""

    stored: Stored
    line: bytes
    waiters: list[asyncio.Future[None]] = field(default_factory=list)


class CompletionStore:
    """Completions of a folder, and a journal there to which this process alone appends. Used by one event loop.

    Args:
        folder: ``completions/`` of a corpus; made when there is something to keep.
        writer: the journal's name. A second process with the same writer is refused; so is one that compacts the folder meanwhile.
        run: the digest of the corpus that is made, by which completions that no replay can ask for are told apart later.

    Raises BadInput where another process is this writer, or a completion is not as it was written.
    """

    def __init__(self, folder: Path, writer: str = "main", *, run: str = "") -> None:
        path = folder / f"{writer}.jsonl"
        self._run = run
        self._coming: list[_Waiting] = []
        self._flying: dict[str, _Waiting] = {}
        self._committing: asyncio.Task[None] | None = None
        self._unsaid: FcgenError | None = None
        with ExitStack() as held:
            held.enter_context(beside(folder, writer))
            self._stored = Completions(folder, run=run)
            sources = self._stored.sources
            mine = next((source for source in sources if isinstance(source, Journal) and source.path == path), None)
            if mine is None:
                mine = Journal(path)
                sources.append(mine)
            self._mine = sources.index(mine)
            self._journal = JournalWriter(path, mine.end)
            held.callback(self._journal.close)
            held.callback(self._stored.close)
            self._thread = held.enter_context(ThreadPoolExecutor(1, thread_name_prefix="completions"))
            self._held = held.pop_all()

    def __len__(self) -> int:
        """How many completions are kept."""
        return len(self._stored)

    def get(self, address: str) -> Completion | None:
        """The completion of the request with this address, if it is on the disk."""
        stored = self._stored.get(address)
        if stored is None:
            return None
        if stored.run != self._run and self._run and address not in self._flying:
            self._send(replace(stored, run=self._run))
        return stored.completion

    async def put(self, request: Request, completion: Completion, *, key: Key, address: str = "") -> Completion:
        """Keep a completion; it is on the disk when this returns. Cancelling who waits does not undo it.

        Args:
            key: where it belongs.
            address: the request's, where the caller has computed it already.

        Returns the completion that ``get`` gives from now on: it may be one that was kept before, or one whose text was no Unicode.

        Raises OutsideFailed for a full disk; then, and from then on, nothing is kept.
        """
        address = address or request.address()
        known = self._stored.get(address)
        if known is not None:
            return known.completion
        waiting = self._flying.get(address) or self._send(Stored(address, self._run, key, request.model, storable(completion)))
        waiter = asyncio.get_running_loop().create_future()
        waiting.waiters.append(waiter)
        await waiter
        return waiting.stored.completion

    async def close(self) -> None:
        """Bring to the disk what is on its way there, and let others write. Raises OutsideFailed where the disk refuses it."""
        try:
            if self._committing is not None and not self._committing.done():
                await asyncio.wait({self._committing})
        finally:
            self._held.close()
        if self._unsaid is not None:
            raise self._unsaid

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    def _send(self, stored: Stored) -> _Waiting:
        """Let a completion go to the disk with the next ones."""
        waiting = _Waiting(stored, to_line(stored))
        self._flying[stored.address] = waiting
        self._coming.append(waiting)
        if self._committing is None or self._committing.done():
            self._committing = asyncio.get_running_loop().create_task(self._commit_all())
        return waiting

    async def _commit_all(self) -> None:
        """Bring to the disk what is there, and what comes meanwhile."""
        loop = asyncio.get_running_loop()
        while self._coming:
            batch: list[_Waiting] = []
            try:
                await asyncio.sleep(GATHER)
                batch, self._coming = self._coming, []
                start = await loop.run_in_executor(self._thread, self._journal.append, [waiting.line for waiting in batch])
            except FcgenError as error:
                self._refuse(batch, error)
            except asyncio.CancelledError:  # the loop ends, and everybody who waits with it
                self._forget([*batch, *self._coming])
                self._coming = []
                raise
            else:
                self._note(batch, start)

    def _note(self, batch: list[_Waiting], start: int) -> None:
        """These are on the disk, one after the other."""
        for waiting in batch:
            self._stored.add(bytes.fromhex(waiting.stored.address), self._mine, start)
            start += len(waiting.line)
            del self._flying[waiting.stored.address]
            for waiter in waiting.waiters:
                if not waiter.done():
                    waiter.set_result(None)

    def _refuse(self, batch: list[_Waiting], error: FcgenError) -> None:
        """These could not be kept. Where nobody waits to hear it, ``close`` says so."""
        for waiting in batch:
            del self._flying[waiting.stored.address]
            waiters = [waiter for waiter in waiting.waiters if not waiter.done()]
            for waiter in waiters:
                waiter.set_exception(error)
            if not waiters:
                self._unsaid = error

    def _forget(self, batch: list[_Waiting]) -> None:
        for waiting in batch:
            del self._flying[waiting.stored.address]
            for waiter in waiting.waiters:
                waiter.cancel()
