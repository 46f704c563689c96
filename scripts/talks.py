"""What language models would be asked in the slots of a recipe, and what the simulator says there: what a model can learn from.

The whole model path asks, so that the chats are those of a run; the answers come from the simulated conversation of the same plan.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from gen.canonical import exact_json
from gen.conversation import Message
from gen.recipe import Recipe
from gen.synthesis.cast import Modelled
from gen.synthesis.converse import at_once, converse
from gen.synthesis.opening import Workshop, open_workshop
from gen.synthesis.rehearsed import Rehearsed
from gen.synthesis.slots import make_with
from gen.teachers.asking import Asker, Model
from gen.teachers.budget import Budget, Usage
from gen.teachers.request import ChatMessage, Completion, Request
from gen.teachers.stored import Key

Talk = tuple[ChatMessage, ...]
"""A whole chat of one role; what its assistant says is what the model of that role should say."""


class Simulating:
    """An engine that says what the simulator says in the form that models are asked for, and keeps the chats it was asked for."""

    concurrency = 1

    def __init__(self, workshop: Workshop) -> None:
        self._workshop = workshop
        self._spoken: dict[str, tuple[Message, ...]] = {}
        self.talks: dict[str, Talk] = {}

    async def complete(self, request: Request) -> Completion:
        slot, attempt, role = request.view.split(".")
        turn = sum(speaker == "assistant" for speaker, _ in request.messages)
        place = f"{slot}.{attempt}"
        if place not in self._spoken:
            self._spoken[place] = self._speak(int(slot), int(attempt))
        text = said([message for message in self._spoken[place] if message.role == role], turn, role)
        self.talks[request.view] = (*request.messages, ("assistant", text))
        return Completion(text)

    def forget(self, view: str) -> None:
        """Chats are what is wanted."""

    async def close(self) -> None:
        """Nothing is held."""

    def _speak(self, slot: int, attempt: int) -> tuple[Message, ...]:
        planned = self._workshop.planner.plan(slot, attempt)
        opened = self._workshop.domains[planned.domain]
        environment = Rehearsed(planned, opened.worlds[planned.plan.world])
        return at_once(converse(planned, opened.teacher.begin(planned), environment, teacher="simulator")).messages


def said(messages: Sequence[Message], turn: int, role: str) -> str:
    """What a role says in its turn, which counts from 0, as a model writes it."""
    if turn >= len(messages):
        return exact_json({"text": "", "done": True})
    message = messages[turn]
    if role == "user":
        return exact_json({"text": message.content, "done": False})
    calls = [{"name": call.name, "arguments": call.arguments} for call in message.tool_calls]
    return exact_json({"thought": message.reasoning_content or "", "text": message.content, "calls": calls})


class Forgetful:
    """A store of completions that keeps none."""

    def get(self, address: str) -> Completion | None:
        return None

    async def put(self, request: Request, completion: Completion, *, key: Key, address: str = "") -> Completion:
        return completion

    async def close(self) -> None:
        """Nothing is held."""


def talks(recipe: Recipe, slots: Sequence[int]) -> list[Talk]:
    """The chats of both roles in these slots, those of conversations that pass every check."""

    async def main() -> list[Talk]:
        workshop, store = open_workshop(recipe), Forgetful()
        engine = Simulating(workshop)
        playing = {role: Model("simulator", engine) for role in ("user", "assistant")}
        asker = Asker(playing, store, Budget(), lambda usage: None, Usage())
        cast = Modelled("simulated", asker, recipe, store)
        made = [await make_with(cast, workshop, slot) for slot in slots]
        accepted = [candidate.conversation for candidate in made if candidate.conversation is not None]
        return [engine.talks[f"{row.slot}.{row.attempt}.{role}"] for row in accepted for role in playing]

    return asyncio.run(main())
