"""Blocks made on a Ray cluster: the engine for machines that share no disk. The same blocks, so the same bytes.

What a worker needs travels once: the recipe, the filled databases, and the domains of the folder that the run was started in. Blocks come
back as entries, and who waits for them puts them into the store. A block whose worker or machine is lost is made again by another.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import socket
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from gen.corpus.atomic import make_folder
from gen.corpus.blocks import BlockStore
from gen.corpus.manifest import installed_versions
from gen.errors import BadInput, OutsideFailed, missing_extra
from gen.recipe import Recipe
from gen.synthesis.engines import AHEAD, Block, Maker
from gen.synthesis.entries import Entry, entry_of, to_lines
from gen.synthesis.opening import Filled, Workshop, no_collection, open_workshop
from gen.synthesis.slots import make

RETRIES = 3
"""How often a block is begun again whose worker was lost."""

HERE = ("auto", "local")
"""Addresses that Ray finds by itself."""

PATIENCE = 10.0
"""Seconds that the head of a cluster has to take a connection."""

OWN = "schemas"
"""The folder of domains of one's own, which other machines do not have."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What a worker opens: the recipe with its databases; ``versions`` are those that the run was started with."""

    recipe: Recipe
    filled: Filled
    versions: dict[str, str]


@contextmanager
def making_on_ray(workshop: Workshop, blocks: Sequence[Block], store: BlockStore, *, address: str, scratch: Path) -> Iterator[Maker]:
    """Make these blocks by the simulator on the cluster at ``address``, as ``ray.init`` takes it: auto, local, HOST:PORT, ray://HOST:PORT.

    Raises BadInput where ray is not installed or a worker has other versions, OutsideFailed where there is no cluster or it fails.
    """
    ray = _connected(address, _surroundings(workshop.recipe, scratch))
    try:
        yield Maker(_entries(ray, workshop, blocks, store), partial(make, workshop))
    finally:
        ray.shutdown()


def _connected(address: str, surroundings: Mapping[str, Any]) -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # no telemetry; read when ray is imported
    try:
        import ray  # type: ignore[import-untyped, unused-ignore]  # it may not be there when types are checked
    except ModuleNotFoundError as error:
        raise missing_extra("ray", "ray", "--ray") from error
    _require_address(address)
    try:
        _require_listener(address)
        ray.init(address=address, runtime_env=dict(surroundings), log_to_driver=False, logging_level=logging.ERROR)
    except (OSError, ValueError, RuntimeError) as error:
        raise OutsideFailed(
            f"there is no Ray cluster at {address!r}: {error}", where="--ray", hint="`ray start --head` begins one"
        ) from error
    return ray


def _require_address(address: str) -> None:
    if address not in HERE and not re.fullmatch(r"(ray://)?[^/:]+:[0-9]{1,5}", address):
        raise BadInput(
            f"{address!r} is no address of a Ray cluster",
            where="--ray",
            allowed="auto (the cluster of this machine), local (one of this machine alone), HOST:PORT, ray://HOST:PORT",
        )


def _require_listener(address: str) -> None:
    """Raises OSError where nobody listens at an address: Ray would try for ever."""
    if address not in HERE:
        host, _, port = address.removeprefix("ray://").rpartition(":")
        with socket.create_connection((host, int(port)), timeout=PATIENCE):
            return


def _surroundings(recipe: Recipe, scratch: Path) -> dict[str, Any]:
    """A working directory for the workers with the domains of this one and nothing else: corpora may lie there too.

    A domain that the recipe names by an absolute path must lie there on every machine.
    """
    named = [Path(name) for name in recipe.model.tools.domains]
    folders = [folder for folder in {Path(OWN), *named} if folder.is_dir() and not folder.is_absolute() and ".." not in folder.parts]
    if not folders:
        return {}
    make_folder(scratch)
    for folder in folders:
        shutil.copytree(folder, scratch / folder, dirs_exist_ok=True)
    return {"working_dir": str(scratch.resolve())}


def _entries(ray: Any, workshop: Workshop, blocks: Sequence[Block], store: BlockStore) -> Iterator[Entry]:
    """The entries in order, with some blocks for each core of the cluster handed out before they are needed."""
    task = ray.remote(max_retries=RETRIES)(_made)
    setup = [ray.put(Setup(workshop.recipe, workshop.filled(), installed_versions()))]  # in a list: fetched by who needs it
    waiting, running = deque(blocks), deque[tuple[Block, Any]]()
    while waiting or running:
        while waiting and len(running) < AHEAD * max(1, int(ray.cluster_resources().get("CPU", 1))):
            running.append((waiting[0], task.remote(setup, waiting[0][1])))
            waiting.popleft()
        (number, _), promised = running.popleft()
        entries = _awaited(ray, promised)
        store.write(number, to_lines(entries))
        yield from entries


def _awaited(ray: Any, promised: Any) -> list[Entry]:
    try:
        entries: list[Entry] = ray.get(promised)
    except ray.exceptions.RayTaskError as error:  # the worker raised something: the same thing is raised here
        raise error.cause from error
    except ray.exceptions.RayError as error:
        raise OutsideFailed(
            f"the Ray cluster lost a block again and again: {type(error).__name__}",
            hint="run the same command again: it goes on where it stopped",
        ) from error
    return entries


# -- in a worker


def _made(setup: list[Any], slots: range) -> list[Entry]:
    with no_collection():
        workshop = _opened(setup[0])
        return [entry_of(make(workshop, slot)) for slot in slots]


@lru_cache(maxsize=1)
def _opened(setup: Any) -> Workshop:
    """The workshop, opened once in a worker."""
    import ray

    told: Setup = ray.get(setup)
    require_same(told.versions, installed_versions())
    return open_workshop(told.recipe, told.filled)


def require_same(started: Mapping[str, str], here: Mapping[str, str]) -> None:
    """Raises BadInput where a worker has other versions than the run was started with: it might make other bytes."""
    different = sorted(name for name in started if here.get(name) != started[name])
    if different:
        raise BadInput(
            f"a machine of the Ray cluster has other versions: {', '.join(f'{name} {here.get(name)}' for name in different)}",
            where="--ray",
            allowed=", ".join(f"{name} {started[name]}" for name in different),
        )
