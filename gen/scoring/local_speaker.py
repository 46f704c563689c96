"""A model of transformers in this process as a speaker: prompts in, greedily spoken tokens out, many conversations at a time.

What runs the model is the teachers' engine (slots that are refilled, keys and values kept for a conversation's next turn), without
any schema: a call is whatever the model writes.
"""

from __future__ import annotations

from typing import Protocol

from gen.conversation import Conversation
from gen.errors import BadInput
from gen.scoring.prompting import Prompt
from gen.scoring.settings import Bounds
from gen.scoring.speaking import Said
from gen.teachers.request import Completion, Request, Sampling, TooLong

GREEDY = 0.0


class Form(Protocol):
    """How conversations become a model's prompts, and what it says becomes messages."""

    @property
    def ends(self) -> tuple[int, ...]: ...
    def prompt(self, talk: Conversation, *, thinks: bool) -> Prompt: ...
    def read(self, prompt: Prompt, tokens: tuple[int, ...], *, ended: bool) -> Said: ...


class Engine(Protocol):
    """What goes on from a prompt: the part of ``ModelThread`` that is used here."""

    @property
    def concurrency(self) -> int: ...
    async def speak(self, prompt: list[int], request: Request) -> Completion: ...
    def forget(self, view: str) -> None: ...
    async def close(self) -> None: ...


class LocalSpeaker:
    """One model in one form."""

    def __init__(self, form: Form, engine: Engine, bounds: Bounds) -> None:
        self._form = form
        self._engine = engine
        self._sampling = Sampling(temperature=GREEDY, top_p=1.0, max_tokens=bounds.tokens)

    @property
    def concurrency(self) -> int:
        return self._engine.concurrency

    async def say(self, talk: Conversation, *, view: str, thinks: bool) -> Said:
        try:
            prompt = self._form.prompt(talk, thinks=thinks)
        except BadInput as error:  # of what the model itself said before, or of a row that the form cannot say
            return Said(None, problem=f"the conversation so far cannot be said: {error.what}")
        request = Request(model="", messages=(), schema=None, sampling=self._sampling, seed=0, view=view)
        try:
            completion = await self._engine.speak(prompt.tokens, request)
        except TooLong as error:
            return Said(None, problem=error.what)
        return self._form.read(prompt, completion.tokens, ended=completion.finish == "stop")

    def forget(self, view: str) -> None:
        self._engine.forget(view)

    async def close(self) -> None:
        await self._engine.close()
