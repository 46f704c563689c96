"""Engines: who makes the blocks of a run. One process, or several on this machine.

A block is a pure function of (recipe, range of slots), so any engine makes the same bytes. Workers die with their parent.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from gen.errors import OutsideFailed
from gen.recipe import Recipe
from gen.synthesis.opening import Filled, Workshop, open_workshop
from gen.synthesis.slots import block_lines

RESTARTS = 3
"""How often a run goes on after workers were killed from outside."""

Made = tuple[int, list[str]]
"""A block and its lines."""

_workshop: Workshop | None = None


def in_process(workshop: Workshop, blocks: Sequence[tuple[int, range]]) -> Iterator[Made]:
    """Make the blocks here, one after the other."""
    for block, slots in blocks:
        yield block, block_lines(workshop, slots)


def in_processes(workshop: Workshop, blocks: Sequence[tuple[int, range]], workers: int) -> Iterator[Made]:
    """Make the blocks in other processes; they come in order. Raises OutsideFailed where workers keep being killed."""
    waiting = deque(blocks)
    filled = workshop.filled()
    for _ in range(RESTARTS + 1):
        pool = ProcessPoolExecutor(
            workers, mp_context=multiprocessing.get_context("spawn"), initializer=_start, initargs=(workshop.recipe, filled)
        )
        running: deque[tuple[tuple[int, range], Future[list[str]]]] = deque()
        try:
            while waiting or running:
                while waiting and len(running) < 2 * workers:
                    running.append((waiting[0], pool.submit(_make, waiting.popleft()[1])))
                (block, _), future = running[0]
                lines = future.result()
                running.popleft()
                yield block, lines
            return
        except BrokenProcessPool:
            waiting.extendleft(block for block, _ in reversed(running))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
    raise OutsideFailed(
        "workers were killed again and again, probably for want of memory",
        hint="run the same command again with fewer --workers: it goes on where it stopped",
    )


def _start(recipe: Recipe, filled: Filled) -> None:
    global _workshop
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    _workshop = open_workshop(recipe, filled)


def _end_with(parent: multiprocessing.process.BaseProcess) -> None:
    """A worker whose parent was killed would wait for work forever."""
    parent.join()
    os._exit(1)


def _make(slots: range) -> list[str]:
    assert _workshop is not None
    return block_lines(_workshop, slots)
