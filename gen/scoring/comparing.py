"""Models opened, run and compared on one task: what one ``fcgen score`` does, from names to a ``Scored``.

Names are looked at first, then weights are read, one model at a time; an adapter's base is its own weights without it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gen.conversation import Conversation
from gen.errors import BadInput
from gen.scoring.naming import is_server, open_any, plain_name, require_usable
from gen.scoring.running import Model, Progress, Result, run
from gen.scoring.scored import Scored
from gen.scoring.surprise import Forgetting
from gen.scoring.tasks import Task

if TYPE_CHECKING:
    from gen.scoring.local_model import LocalModel
    from gen.scoring.surprise import Surprise

BASE = "base"
"""What stands for an adapter's own base where a model to compare with is asked for."""


@dataclass(frozen=True)
class Asked:
    """What is asked for.

    Attributes:
        model: a folder, a name on the Hub, or ``server:ADDRESS#MODEL``.
        compare: another such name, or ``base``; "" for none.
        template: the prompt of ``model``, where it is not to be chosen: a template's name, or ``words``.
        turns: the template whose turns a model without any chat template gets.
        base: where the adapter's base lies now.
        plain: a file of plain chats in place of ours; ``guard`` is whether plain chat is looked at.
    """

    model: str
    compare: str = ""
    template: str = ""
    turns: str = "gemma"
    base: str = ""
    max_new_tokens: int | None = None
    fresh: bool = False
    plain: Path | None = None
    guard: bool = True

    def require_usable(self) -> None:
        """Look at all names. Raises BadInput before anything is loaded."""
        for name, template in ((self.model, self.template), (self.compare, "")):
            if name and name != BASE:
                require_usable(name, template)
        if self.compare == BASE and not _is_adapter(self.model):
            raise BadInput(f"{self.model} is no adapter, so it has no base", where="--compare base", allowed="the name of a model")
        if self.plain is not None:
            from gen.scoring.forgetting import plain_chats

            plain_chats(self.plain)


def score_models(task: Task, asked: Asked, folder: Path, progress: Progress) -> Scored:
    """Score, and compare. What is played is kept in ``folder``. Raises BadInput for what is wrong with a name before anything is loaded."""
    asked.require_usable()
    pair = _Pair(task, asked, folder, progress)
    after = pair.after()
    before = pair.before()
    return Scored(task, after, before, pair.forgetting(), pair.notes)


class _Pair:
    """The model and the one that it is compared with, one after the other."""

    def __init__(self, task: Task, asked: Asked, folder: Path, progress: Progress) -> None:
        self._task, self._asked, self._folder, self._progress = task, asked, folder, progress
        self._opened: LocalModel | None = None
        self._surprise: tuple[Surprise, Surprise] | None = None
        self._surprised_after: Surprise | None = None
        self._compared = ""
        self.notes: list[str] = []

    def after(self) -> Result:
        model = self._open(self._asked.model, self._asked.template, self._asked.base)
        result = self._run(model)
        if self._opened is not None and self._asked.guard:
            self._guarded(self._opened)
        return result

    def before(self) -> Result | None:
        name = self._asked.compare
        if not name:
            return None
        if self._opened is not None and self._opened.adapter is not None and self._is_its_base(name):
            from gen.scoring.local_model import base_of_adapter

            return self._run(base_of_adapter(self._opened, base=self._asked.base))
        self._drop()
        model = self._open(name, "", "")
        result = self._run(model)
        if self._opened is not None and self._surprised_after is not None and self._surprise is None:
            self._guarded(self._opened)
        return result

    def forgetting(self) -> Forgetting | None:
        if self._surprise is None:
            return None
        return Forgetting(*self._surprise, compared=self._compared, chats=len(self._chats()))

    def _open(self, name: str, template: str, base: str) -> Model:
        from gen.scoring.local_model import LocalModel

        if not is_server(name):
            self._progress.note(f"loading {name}")
        model = open_any(name, template=template, turns=self._asked.turns, base=base)
        self._opened = model if isinstance(model, LocalModel) else None
        return model

    def _drop(self) -> None:
        """Let go of the weights before others are read."""
        self._opened = None

    def _run(self, model: Model) -> Result:
        asked = self._asked
        return run(model, self._task, self._folder, self._progress, max_new_tokens=asked.max_new_tokens, fresh=asked.fresh)

    def _is_its_base(self, name: str) -> bool:
        if name == BASE:
            return True
        from gen.training.adapter import about_adapter, base_of

        folder = Path(plain_name(self._asked.model)).expanduser()
        return plain_name(name) in (self._asked.base, base_of(folder, about_adapter(folder)))

    def _guarded(self, model: LocalModel) -> None:
        """Plain chat must not cost what was played: where it cannot be looked at, that is a note."""
        try:
            self._look(model)
        except BadInput as error:
            self.notes.append(f"plain chat was not looked at: {error.what}")

    def _look(self, model: LocalModel) -> None:
        """Plain chat with the model; and, of an adapter, without it, in the very same tokens; else with the one it is compared with."""
        from dataclasses import replace

        if self._surprised_after is not None:
            self._surprise, self._compared = (self._surprise_of(model), self._surprised_after), model.name
            return
        self._surprised_after = self._surprise_of(model)
        if model.adapter is not None:
            self._surprise, self._compared = (self._surprise_of(replace(model, off=True)), self._surprised_after), "its base"

    def _surprise_of(self, model: LocalModel) -> Surprise:
        from gen.scoring.forgetting import surprise

        return surprise(model, self._chats(), self._asked.turns)

    def _chats(self) -> list[Conversation]:
        from gen.scoring.forgetting import plain_chats

        return plain_chats(self._asked.plain)


def _is_adapter(name: str) -> bool:
    from gen.scoring.local_model import is_adapter

    return not is_server(name) and is_adapter(plain_name(name))
