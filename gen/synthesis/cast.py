"""The cast of a run whose teacher is a language model: which models play user, assistant and judge, and where their words are kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gen.conversation import Conversation
from gen.planning.planner import Planned
from gen.recipe import Recipe, Teacher
from gen.synthesis.opening import OpenDomain
from gen.teachers.asking import Asker, Model
from gen.teachers.budget import Budget
from gen.teachers.engines.opening import open_engine
from gen.teachers.judge import verdict
from gen.teachers.model import ModelDialogue
from gen.teachers.naming import TeacherName, teacher_name
from gen.teachers.request import Engine
from gen.teachers.speakers import Speakers
from gen.teachers.store import CompletionStore

COMPLETIONS = "completions"
"""The folder of a corpus in which completions are kept."""

OpenEngine = Callable[[TeacherName, Teacher], Engine]


@dataclass(frozen=True)
class Modelled:
    """Models that play the roles of a run."""

    name: str
    asker: Asker
    recipe: Recipe
    store: CompletionStore

    def begin(self, planned: Planned, domain: OpenDomain) -> Speakers:
        """The conversation of this plan, to be spoken."""
        model = self.recipe.model
        rehearsal = domain.teacher.rehearse(planned)
        return ModelDialogue(planned, rehearsal, asker=self.asker, settings=model.teacher, seed=model.seed, thoughts=model.thoughts)

    async def verdict(self, conversation: Conversation) -> tuple[str, str] | None:
        """Why the judge of the recipe, where there is one, refuses what passed every check."""
        model = self.recipe.model
        if model.teacher.judge is None:
            return None
        return await verdict(conversation, model.teacher.judge, self.asker, seed=model.seed)

    async def close(self) -> None:
        """Let go of engines and store."""
        await self.asker.close()
        await self.store.close()


def open_cast(
    recipe: Recipe, folder: Path, *, run: str, writer: str, budget: Budget | None = None, opening: OpenEngine = open_engine
) -> Modelled:
    """Open the models that a recipe names, and the store of completions in ``folder``.

    Raises BadInput for what cannot be used, OutsideFailed where nobody answers.
    """
    settings = recipe.model.teacher
    names = {"assistant": settings.name, "user": settings.user or settings.name}
    if settings.judge is not None:
        names["judge"] = settings.judge.name or settings.name
    parsed = {role: teacher_name(name, where=recipe.where("teacher")) for role, name in names.items()}
    engines = {name: opening(name, settings) for name in dict.fromkeys(parsed.values())}
    models = {role: Model(name.model, engines[name]) for role, name in parsed.items()}
    store = CompletionStore(folder / COMPLETIONS, writer, run=run)
    return Modelled(_shown(parsed["assistant"], parsed["user"], settings), Asker(models, store, budget or Budget()), recipe, store)


def _shown(assistant: TeacherName, user: TeacherName, settings: Teacher) -> str:
    """As rows name their teacher."""
    shown = str(assistant) if user == assistant else f"{assistant}, user {user}"
    return f"{shown}, guided" if settings.guidance == "plan" else shown
