"""A model of transformers in this process as a teacher: chats become prompts by the model's own chat template.

``LocalEngine`` is what a run asks; a thread of its own (``thread.py``) runs the model, in a fixed number of slots, refilled as turns end.
For the last factor of two in throughput there is vLLM; this one runs wherever torch does, and holds every turn to its schema.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from gen.teachers.engines.thread import ModelThread
from gen.teachers.request import Completion, Request

if TYPE_CHECKING:
    from gen.teachers.engines.loading import Loaded


class LocalEngine:
    """The engine of ``local:MODEL``.

    Args:
        name: a folder, or a name on the Hub.
        slots: turns that are spoken at a time; halved whenever memory runs out.
        graphs: whether steps run as CUDA graphs; None for where there is CUDA.
        note: hears what a user should know: fewer slots, no graphs.
        loaded: a model that is loaded already.
    """

    def __init__(
        self,
        name: str,
        *,
        slots: int | None = None,
        graphs: bool | None = None,
        note: Callable[[str], None] = lambda _: None,
        loaded: Loaded | None = None,
    ) -> None:
        from gen.teachers.engines.loading import load

        ready = loaded if loaded is not None else load(name)

        from gen.teachers.engines.chat import Chat

        self._chat = Chat(ready.tokenizer, name)
        self._model = ModelThread(ready, name, slots=slots, graphs=graphs, note=note)

    @property
    def concurrency(self) -> int:
        return self._model.concurrency

    async def complete(self, request: Request) -> Completion:
        self._model.require_open()
        prompt = await asyncio.to_thread(self._chat.tokens, request.messages)
        return await self._model.speak(prompt, request)

    def forget(self, view: str) -> None:
        self._model.forget(view)

    async def close(self) -> None:
        """Stop after the step that is being computed; what is still in flight fails."""
        await self._model.close()

    def statistics(self) -> dict[str, float]:
        """What the engine did so far: steps, tokens, prompts read and spared, and how full the slots were."""
        return self._model.statistics()
