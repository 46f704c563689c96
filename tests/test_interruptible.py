"""Ctrl-C while an event loop runs."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator

import pytest

from gen.synthesis.interruptible import run_interruptibly


@pytest.fixture(autouse=True)
def ctrl_c_raises() -> Iterator[None]:
    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, interrupt)
    yield
    assert signal.getsignal(signal.SIGINT) is interrupt
    signal.signal(signal.SIGINT, before)


async def _presses_twice() -> None:
    signal.raise_signal(signal.SIGINT)
    signal.raise_signal(signal.SIGINT)
    await asyncio.sleep(60)


async def _presses() -> str:
    signal.raise_signal(signal.SIGINT)
    return "said to the end"


async def _waits_for(task: asyncio.Task[str]) -> None:
    await asyncio.wait({task})
    await asyncio.sleep(60)


def test_what_runs_when_it_is_pressed_goes_on_and_only_the_work_ends() -> None:
    with asyncio.Runner() as runner:
        beside: list[asyncio.Task[str]] = []

        async def work() -> None:
            beside.append(asyncio.create_task(_presses()))
            await _waits_for(beside[0])

        with pytest.raises(KeyboardInterrupt):
            run_interruptibly(runner, work())
        assert beside[0].result() == "said to the end"
        assert run_interruptibly(runner, asyncio.sleep(0, "the loop goes on")) == "the loop goes on"


def test_it_is_raised_where_the_work_was_done_before_it_could_be_cancelled() -> None:
    with asyncio.Runner() as runner, pytest.raises(KeyboardInterrupt):
        run_interruptibly(runner, _presses())


def test_pressed_twice_it_is_raised_at_once() -> None:
    with asyncio.Runner() as runner, pytest.raises(KeyboardInterrupt):
        run_interruptibly(runner, _presses_twice())


def test_where_it_is_ignored_it_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    with asyncio.Runner() as runner:
        assert run_interruptibly(runner, _presses()) == "said to the end"
    signal.signal(signal.SIGINT, before)
