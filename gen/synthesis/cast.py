"""The cast of a run whose teacher is a language model: which models play user, assistant and judge, and where their words are kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from gen.conversation import Conversation
from gen.planning.planner import Planned
from gen.recipe import Recipe, Teacher
from gen.synthesis.opening import OpenDomain
from gen.teachers.asking import Asker, Model, Store, Watch
from gen.teachers.budget import Budget, Usage
from gen.teachers.completions import COMPLETIONS, Completions
from gen.teachers.engines.opening import Note, open_engine
from gen.teachers.judge import verdict
from gen.teachers.model import ModelDialogue
from gen.teachers.naming import TeacherName, teacher_name
from gen.teachers.request import Engine
from gen.teachers.speakers import Speakers
from gen.teachers.store import CompletionStore

OpenEngine = Callable[[TeacherName, Teacher, Note], Engine]
OpenStore = Callable[[Path, str, str], Store]
"""(corpus folder, writer, digest of the run) → what keeps completions."""


def keep_in(folder: Path, writer: str, run: str) -> Store:
    """The store of completions of a corpus folder."""
    return CompletionStore(folder / COMPLETIONS, writer, run=run)


@dataclass(frozen=True)
class Models:
    """How the models of a run are run: within which budget, by which engines, and what keeps their completions."""

    budget: Budget = field(default_factory=Budget)
    opening: OpenEngine = open_engine
    keeping: OpenStore = keep_in


@dataclass(frozen=True)
class Modelled:
    """Models that play the roles of a run."""

    name: str
    asker: Asker
    recipe: Recipe
    store: Store

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


def open_cast(recipe: Recipe, folder: Path, *, run: str, writer: str, models: Models, watch: Watch, note: Note) -> Modelled:
    """Open the models that a recipe names, and the store of completions of a corpus folder.

    ``watch`` is told what they use, ``note`` what a user should know of them.

    Raises BadInput for what cannot be used, OutsideFailed where nobody answers.
    """
    settings = recipe.model.teacher
    names = {"assistant": settings.name, "user": settings.user or settings.name}
    if settings.judge is not None:
        names["judge"] = settings.judge.name or settings.name
    parsed = {role: teacher_name(name, where=recipe.where("teacher")) for role, name in names.items()}
    engines = {name: models.opening(name, settings, note) for name in dict.fromkeys(parsed.values())}
    playing = {role: Model(name.model, engines[name]) for role, name in parsed.items()}
    store = models.keeping(folder, writer, run)
    asker = Asker(playing, store, models.budget, watch, _paid_before(folder, run, models.budget))
    return Modelled(_shown(parsed["assistant"], parsed["user"], settings), asker, recipe, store)


def _paid_before(folder: Path, run: str, budget: Budget) -> Usage:
    """What earlier runs paid for in this corpus: a budget is the corpus's, however often its making was interrupted."""
    usage = Usage()
    if budget.tokens is not None or budget.cost is not None:
        for stored in Completions(folder / COMPLETIONS, run=run):
            if stored.run == run:
                usage.count(stored.completion, role=stored.key.role, model=stored.model)
    return usage


def _shown(assistant: TeacherName, user: TeacherName, settings: Teacher) -> str:
    """As rows name their teacher."""
    shown = str(assistant) if user == assistant else f"{assistant}, user {user}"
    return f"{shown}, guided" if settings.guidance == "plan" else shown
