"""Engines: who makes the blocks of a run. One process, or several on this machine.

A block is a pure function of (recipe, range of slots), so any engine makes the same bytes. Workers die with their parent.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from gen.corpus.atomic import make_folder, write_whole
from gen.errors import OutsideFailed
from gen.recipe import Recipe
from gen.synthesis.opening import Filled, Workshop, no_collection, open_workshop
from gen.synthesis.slots import Candidate, make, to_lines

RESTARTS = 3
"""How often a run goes on after workers were killed from outside."""

Made = tuple[list[str], list[Candidate] | None]
"""A block: its lines and, where it was made in this process, its candidates."""

_workshop: Workshop | None = None


def make_blocks(workshop: Workshop, blocks: Sequence[range], workers: int, scratch: Path) -> Iterator[Made]:
    """Make these blocks, in order, with so many workers, which find the filled databases in the folder ``scratch``."""
    with no_collection():
        yield from _in_processes(workshop, blocks, workers, scratch) if workers > 1 and len(blocks) > 1 else _in_process(workshop, blocks)


def _in_process(workshop: Workshop, blocks: Sequence[range]) -> Iterator[Made]:
    for slots in blocks:
        candidates = [make(workshop, slot) for slot in slots]
        yield to_lines(candidates), candidates


def _in_processes(workshop: Workshop, blocks: Sequence[range], workers: int, scratch: Path) -> Iterator[Made]:
    """Raises OutsideFailed where workers keep being killed."""
    waiting = deque(blocks)
    worlds = _keep(workshop.filled(), scratch)
    for _ in range(RESTARTS + 1):
        pool = ProcessPoolExecutor(
            workers, mp_context=multiprocessing.get_context("spawn"), initializer=_start, initargs=(workshop.recipe, worlds)
        )
        running: deque[tuple[range, Future[list[str]]]] = deque()
        try:
            while waiting or running:
                while waiting and len(running) < 2 * workers:
                    slots = waiting.popleft()
                    running.append((slots, pool.submit(_make, slots)))
                lines = running[0][1].result()
                running.popleft()
                yield lines, None
        except BrokenProcessPool:
            waiting.extendleft(slots for slots, _ in reversed(running))
        else:
            return
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
    raise OutsideFailed(
        "workers were killed again and again, probably for want of memory",
        hint="run the same command again with fewer --workers: it goes on where it stopped",
    )


def _keep(filled: Filled, scratch: Path) -> dict[str, list[Path]]:
    """Put the databases into files: too large an argument blocks the start of a worker that is killed meanwhile."""
    make_folder(scratch)
    worlds: dict[str, list[Path]] = {}
    for name, databases in filled.items():
        worlds[name] = [scratch / f"{name}-{i}.db" for i in range(len(databases))]
        for path, data in zip(worlds[name], databases, strict=True):
            write_whole(path, (data,))
    return worlds


def _start(recipe: Recipe, worlds: dict[str, list[Path]]) -> None:
    global _workshop
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    _workshop = open_workshop(recipe, {name: [path.read_bytes() for path in paths] for name, paths in worlds.items()})
    gc.disable()


def _end_with(parent: multiprocessing.process.BaseProcess) -> None:
    """A worker whose parent was killed would wait for work forever."""
    parent.join()
    os._exit(1)


def _make(slots: range) -> list[str]:
    assert _workshop is not None
    return to_lines([make(_workshop, slot) for slot in slots])
