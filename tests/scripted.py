"""A model that answers well: it says what the simulator says, in the form that models are asked for.

Which turn of which conversation a request is for, only its seed tells: it follows from slot, attempt, role, turn and try.
"""

from __future__ import annotations

from typing import Any

from gen.canonical import exact_json
from gen.conversation import Message
from gen.dice import number
from gen.planning.draws import NothingFits
from gen.recipe import Recipe
from gen.synthesis.converse import at_once, converse
from gen.synthesis.opening import open_workshop
from gen.synthesis.rehearsed import Rehearsed
from gen.teachers.grammar import NoPhrase
from gen.teachers.request import Completion, Request

SPARE = 2
"""Turns beyond those of the simulator: tests make conversations longer."""


class Script:
    """Every turn of the first ``slots`` slots of a recipe, and of ``attempts`` attempts at each, by the seed of its request."""

    def __init__(self, recipe: Recipe, slots: int, *, attempts: int = 5) -> None:
        self._workshop = open_workshop(recipe)
        self._places: dict[int, tuple[int, int, str, int]] = {}
        places = [(slot, attempt) for slot in range(slots) for attempt in range(attempts)]
        self._spoken = {place: self._speak(*place) for place in places}  # at once: a server asks from a thread of its own
        seed = recipe.model.seed
        for slot, attempt in places:
            for role in ("user", "assistant"):
                turns = sum(message.role == role for message in self._spoken[slot, attempt])
                for turn in range(1, turns + 2 + SPARE):
                    for retry in range(recipe.model.teacher.tries):
                        drawn = number(seed, "completion", slot, attempt, role, turn, retry) % 2**31
                        self._places[drawn] = (slot, attempt, role, turn)

    def text(self, seed: int) -> str:
        """What the turn with this seed says."""
        return self.text_at(*self._places[seed])

    def text_or_none(self, seed: Any) -> str | None:
        """The same; None where no turn has this seed."""
        return self.text(seed) if seed in self._places else None

    def texts(self, slot: int, attempt: int, role: str) -> list[str]:
        """All turns of a role in an attempt."""
        turns = sum(message.role == role for message in self._spoken[slot, attempt])
        return [self.text_at(slot, attempt, role, turn) for turn in range(1, turns + 1)]

    def text_at(self, slot: int, attempt: int, role: str, turn: int) -> str:
        """What this turn says; turns count from 1."""
        said = [message for message in self._spoken[slot, attempt] if message.role == role]
        if turn > len(said):
            return exact_json({"text": "", "done": True})
        message = said[turn - 1]
        if role == "user":
            return exact_json({"text": message.content, "done": False})
        calls = [{"name": call.name, "arguments": call.arguments} for call in message.tool_calls]
        return exact_json({"thought": message.reasoning_content or "", "text": message.content, "calls": calls})

    def _speak(self, slot: int, attempt: int) -> tuple[Message, ...]:
        """What the simulator says in this attempt; nothing where it has nothing to say."""
        try:
            planned = self._workshop.planner.plan(slot, attempt)
            opened = self._workshop.domains[planned.domain]
            environment = Rehearsed(planned, opened.worlds[planned.plan.world])
            return at_once(converse(planned, opened.teacher.begin(planned), environment, teacher="script")).messages
        except (NothingFits, NoPhrase):
            return ()


class ScriptedEngine:
    """The script as an engine in this process; it counts what it is asked."""

    def __init__(self, script: Script, concurrency: int = 8) -> None:
        self.script = script
        self.concurrency = concurrency
        self.asked = 0
        self.closed = False

    async def complete(self, request: Request) -> Completion:
        self.asked += 1
        text = self.script.text(request.seed)
        prompt = sum(len(said) for _, said in request.messages)
        return Completion(text, tokens_in=prompt // 4, tokens_out=len(text) // 4, seconds=0.01)

    def forget(self, view: str) -> None:
        """Nothing is kept."""

    async def close(self) -> None:
        self.closed = True
