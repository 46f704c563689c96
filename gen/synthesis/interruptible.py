"""Ctrl-C while an event loop runs: it ends what is waited for, and is raised when the loop has stopped.

Raised inside the loop, where Python raises it by default, it would kill whatever runs at that moment: a conversation, or the task
that brings completions to the disk, and with it every completion that waits for that. asyncio's own protection is off beside a handler
like the command line's. Knows nothing of conversations.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run_interruptibly(runner: asyncio.Runner, work: Coroutine[Any, Any, T]) -> T:
    """What ``runner.run`` gives. The first Ctrl-C cancels ``work``, and only that; what its handler raises is raised afterwards.

    A second one is raised at once: who presses again does not want to wait.
    """
    handler = signal.getsignal(signal.SIGINT)
    if not callable(handler) or threading.current_thread() is not threading.main_thread():
        return runner.run(work)
    loop = runner.get_loop()
    task: asyncio.Task[Any] | None = None
    pressed = 0

    async def watched() -> T:
        nonlocal task
        task = asyncio.current_task()
        if pressed:
            cancel()
        return await work

    def cancel() -> None:
        if task is not None:
            task.cancel()

    def press(number: int, frame: Any) -> None:
        nonlocal pressed
        pressed += 1
        if pressed > 1:
            handler(number, frame)
        loop.call_soon_threadsafe(cancel)  # not here: the loop may be in the middle of anything

    signal.signal(signal.SIGINT, press)
    try:
        return runner.run(watched())
    finally:
        signal.signal(signal.SIGINT, handler)
        if pressed == 1:
            handler(signal.SIGINT, None)
