"""Engines: who makes the blocks of a run. One process, or several on this machine.

A block is a pure function of (recipe, range of slots), so any engine makes the same bytes. Who makes a block also keeps it on
disk, and hands over its entries. Workers die with their parent.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from gen.corpus.atomic import make_folder, write_whole
from gen.corpus.blocks import BlockStore
from gen.errors import OutsideFailed
from gen.recipe import Recipe
from gen.synthesis.deciding import Again
from gen.synthesis.entries import Entry, entry_of, to_lines
from gen.synthesis.opening import Filled, Workshop, no_collection, open_workshop
from gen.synthesis.slots import make
from gen.teachers.budget import Usage

RESTARTS = 3
"""How often a run goes on after workers were killed from outside."""

AHEAD = 4
"""Blocks for each worker that are handed out before they are needed: one that takes long makes nobody wait."""

Block = tuple[int, range]
"""A block: its number, and its slots."""


@dataclass(frozen=True)
class Maker:
    """Who makes the blocks of a run.

    Attributes:
        entries: those of all blocks, in slot order, each block being in the store when its last one was taken. It ends early where a
            budget is used up; then ``spent`` says which, in words.
        again: (slot, attempt) → the slot's candidate from that attempt on; None where the budget is used up.
        usage: what was used of models so far.
    """

    entries: Iterator[Entry]
    again: Again
    spent: Callable[[], str] = str
    usage: Callable[[], Usage] = Usage


@contextmanager
def making(workshop: Workshop, blocks: Sequence[Block], store: BlockStore, *, workers: int, scratch: Path) -> Iterator[Maker]:
    """Make these blocks by the simulator. Workers start at once.

    Where workers have to open the workshop themselves, they find its filled databases in the folder ``scratch``.
    """
    again = partial(make, workshop)
    with no_collection():
        if workers > 1 and len(blocks) > 1:
            with closing(_Workers(workshop, blocks, store, workers, scratch)) as several:
                yield Maker(several.entries(), again)
        else:
            yield Maker((entry for block in blocks for entry in _make_block(workshop, store, block)), again)


def _make_block(workshop: Workshop, store: BlockStore, block: Block) -> list[Entry]:
    number, slots = block
    entries = [entry_of(make(workshop, slot)) for slot in slots]
    store.write(number, to_lines(entries))
    return entries


class _Workers:
    """Processes that make blocks, and the blocks that they are at."""

    def __init__(self, workshop: Workshop, blocks: Sequence[Block], store: BlockStore, workers: int, scratch: Path) -> None:
        self._workshop, self._store, self._workers, self._scratch = workshop, store, workers, scratch
        self._waiting = deque(blocks)
        self._running: deque[tuple[Block, Future[list[Entry]]]] = deque()
        self._pool = self._start()
        with suppress(BrokenProcessPool):  # who asks for the entries will see it again
            self._hand_out()

    def entries(self) -> Iterator[Entry]:
        """Raises OutsideFailed where workers keep being killed."""
        restarts = 0
        while self._running or self._waiting:
            try:
                self._hand_out()
                entries = self._running[0][1].result()
            except BrokenProcessPool:
                restarts += 1
                if restarts > RESTARTS:
                    break
                self._start_again()
            else:
                self._running.popleft()
                yield from entries
        else:
            return
        raise OutsideFailed(
            "workers were killed again and again, probably for want of memory",
            hint="run the same command again with fewer --workers: it goes on where it stopped",
        )

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _start(self) -> ProcessPoolExecutor:
        if _may_fork():
            fork = multiprocessing.get_context("fork")
            return ProcessPoolExecutor(self._workers, mp_context=fork, initializer=_begin, initargs=(self._workshop, self._store))
        worlds = _keep(self._workshop.filled(), self._scratch)
        spawn = multiprocessing.get_context("spawn")
        arguments = (self._workshop.recipe, worlds, self._store)
        return ProcessPoolExecutor(self._workers, mp_context=spawn, initializer=_open, initargs=arguments)

    def _start_again(self) -> None:
        self.close()
        self._waiting.extendleft(block for block, _ in reversed(self._running))
        self._running.clear()
        self._pool = self._start()

    def _hand_out(self) -> None:
        while self._waiting and len(self._running) < AHEAD * self._workers:
            self._running.append((self._waiting[0], self._pool.submit(_make, self._waiting[0])))
            self._waiting.popleft()


def _may_fork() -> bool:
    """Whether workers may be copies of this process, with the workshop open: starting them anew costs a second each.

    Only on Linux (elsewhere system libraries do not bear it), and only while this process has one thread: then nobody holds a lock
    that its holder's copy would not release. The databases bear it too: they lie in memory, with nothing in files
    (``environments/sql.py``), so that a copy shares nothing with what it was copied from.
    """
    return sys.platform == "linux" and len(list(Path("/proc/self/task").iterdir())) == 1


def _keep(filled: Filled, scratch: Path) -> dict[str, list[Path]]:
    """Put the databases into files: too large an argument blocks the start of a worker that is killed meanwhile."""
    make_folder(scratch)
    worlds: dict[str, list[Path]] = {}
    for name, databases in filled.items():
        worlds[name] = [scratch / f"{name}-{i}.db" for i in range(len(databases))]
        for path, data in zip(worlds[name], databases, strict=True):
            write_whole(path, (data,))
    return worlds


# -- in a worker

_own: tuple[Workshop, BlockStore] | None = None


def _open(recipe: Recipe, worlds: dict[str, list[Path]], store: BlockStore) -> None:
    _begin(open_workshop(recipe, {name: [path.read_bytes() for path in paths] for name, paths in worlds.items()}), store)


def _begin(workshop: Workshop, store: BlockStore) -> None:
    global _own
    _own = workshop, store
    gc.disable()
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: multiprocessing.process.BaseProcess) -> None:
    """A worker whose parent was killed would wait for work forever."""
    parent.join()
    os._exit(1)


def _make(block: Block) -> list[Entry]:
    assert _own is not None
    return _make_block(*_own, block)
