"""A model in this process that is to be scored: an adapter on its base, a plain model's folder, or a name on the Hub.

Everything that can be wrong with a name is found before weights are read. An adapter's base is the same weights with the adapter
switched off, so before and after need one model in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from gen.conversation import Conversation, JsonObject
from gen.corpus.atomic import sha256_of
from gen.errors import BadInput, missing_extra
from gen.rendering.loading import digest_of
from gen.scoring.forms import Chosen, form_for, longest_answer
from gen.scoring.local_speaker import LocalSpeaker
from gen.scoring.settings import Bounds
from gen.training.adapter import ABOUT, BESIDE, about_adapter, base_of, load_adapter
from gen.training.base import load_model
from gen.training.weights import fingerprint_of, require_weights

Note = Callable[[str], None]
"""Who hears what a user should know."""

FACTORS = "adapter_model.safetensors"

LEAST, MOST = 64, 1024
"""Tokens of a message, where a model was taught to speak as the corpus does; and where nobody knows how it speaks."""


ADAPTERS = ("adapters", "models")
"""Folders in which ``fcgen train`` and ``fcgen merge-adapter`` put what they make: such a path is never a name on the Hub."""


@dataclass(frozen=True)
class LocalModel:
    """A model with its weights, ready to speak.

    Attributes:
        name: as people named it.
        model: what computes; of an adapter, the base with the adapter's layers in it.
        chosen: the prompt that it gets.
        identity: what tells it from any other model, however it is named.
        adapter: the peft model, where there is an adapter in it.
        off: whether the adapter is switched off while this model speaks: then it is the base.
    """

    name: str
    model: Any
    tokenizer: Any
    chosen: Chosen
    identity: JsonObject
    adapter: Any = None
    off: bool = False

    @property
    def told(self) -> str:
        """In words, the prompt that it gets."""
        return self.chosen.told

    def room(self, rows: Sequence[Conversation]) -> int:
        """The tokens that a message may have: of a model that was taught to speak as the corpus does, at least twice its longest one.

        A power of two, so that more rows seldom change it: what was played under another bound is played again.
        """
        longest = longest_answer(self.chosen, rows) if self.chosen.own else 0
        return min(1 << (max(LEAST, 2 * longest) - 1).bit_length(), MOST) if longest else MOST

    def refusal(self, talk: Conversation) -> str:
        """Why the prompt cannot say a talk; "" where it can."""
        try:
            self.chosen.form.prompt(talk, thinks=False)
        except BadInput as error:
            return error.what
        return ""

    def speaker(self, bounds: Bounds, note: Note) -> LocalSpeaker:
        """The model in a thread of its own, which ends when the speaker is closed."""
        from gen.teachers.engines.loading import Loaded
        from gen.teachers.engines.thread import ModelThread

        loaded = Loaded(self.model, self.tokenizer, self.chosen.form.ends)
        return LocalSpeaker(self.chosen.form, ModelThread(loaded, self.name, note=note), bounds)

    @contextmanager
    def active(self) -> Iterator[None]:
        """Within this the weights are this model's."""
        if self.adapter is None:
            yield
        elif self.off:
            _put_rows(self.adapter, trained=False)
            with self.adapter.disable_adapter():
                yield
        else:
            _put_rows(self.adapter, trained=True)
            yield


def _put_rows(adapter: Any, *, trained: bool) -> None:
    """Put the trained rows into the embedding, or the base's again: exact both ways, for rows are replaced and not added to.

    peft would copy the whole embedding for them at each step, and in a way that no CUDA graph can hold.
    """
    from peft.tuners.trainable_tokens.layer import TrainableTokensLayer

    for part in adapter.modules():
        if isinstance(part, TrainableTokensLayer) and part.merged != trained:
            part.merge() if trained else part.unmerge()


def open_model(name: str, *, template: str = "", turns: str = "", base: str = "") -> LocalModel:
    """Load a model. Raises BadInput where it cannot be used, OutsideFailed where it cannot be fetched.

    Args:
        template: the prompt that is asked for: a template's name, or ``words``.
        turns: the template whose turns a model without any chat template gets.
        base: where an adapter's base lies now.
    """
    if is_adapter(name):
        return _open_adapter(name, template, base)
    return _open_plain(name, template, turns)


def base_of_adapter(model: LocalModel, *, template: str = "", base: str = "") -> LocalModel:
    """The base of an adapter, as the same weights without it, in the prompt that is fair to it: its own, where tokens had to be added."""
    from gen.rendering.loading import load_tokenizer

    folder = Path(model.name)
    about = about_adapter(folder)
    tokenizer: Any = load_tokenizer(base or base_of(folder, about))
    trained = "" if about["added_tokens"] else about["template"]
    chosen = form_for(tokenizer, _ends(model.model, tokenizer), asked=template or trained, turns=about["template"])
    name = f"{model.name} without the adapter" if about["base"] == BESIDE else f"{about['base']} (its base)"
    return LocalModel(name, model.model, tokenizer, chosen, {"base": about["fingerprint"]}, model.adapter, off=True)


def require_usable(name: str, template: str = "") -> None:
    """Look at a name before anything is loaded. Raises BadInput."""
    _require_packages(("torch", "transformers", "accelerate", "peft") if is_adapter(name) else ("torch", "transformers"))
    folder = Path(name).expanduser()
    if is_adapter(name):
        about = about_adapter(folder)
        if template and template != about["template"]:
            raise BadInput(
                f"{name} was trained on the template {about['template']!r}", where=f"--template {template}", allowed=about["template"]
            )
        if not (folder / FACTORS).is_file():
            raise BadInput(f"the adapter has no {FACTORS}", where=name, hint="train it again")
        require_weights(base_of(folder, about))
        return
    if not folder.exists() and (name.startswith((".", "/", "~")) or folder.parts[0] in ADAPTERS):
        there = sorted(str(path.parent) for kind in ADAPTERS for path in Path(kind).glob("*/*.json"))
        raise BadInput(
            f"there is no model {name!r}", where="--model", allowed=", ".join(dict.fromkeys(there)), hint="fcgen train makes an adapter"
        )
    require_weights(name)


def is_adapter(name: str) -> bool:
    """Whether this is a folder with an adapter in it."""
    folder = Path(name).expanduser()
    return (folder / ABOUT).is_file() or (folder / "adapter_config.json").is_file()


def _open_adapter(name: str, template: str, base: str) -> LocalModel:
    folder = Path(name).expanduser()
    about = about_adapter(folder)
    adapter, tokenizer = load_adapter(folder, base=base)
    inner = _placed(adapter.get_base_model())
    chosen = form_for(tokenizer, (), trained=about["template"], asked=template)
    identity = {"base": about["fingerprint"], "adapter": sha256_of(folder / FACTORS)}
    return LocalModel(name, inner, tokenizer, chosen, identity, adapter)


def _open_plain(name: str, template: str, turns: str) -> LocalModel:
    import torch

    from gen.rendering.loading import load_tokenizer

    tokenizer: Any = load_tokenizer(name)
    form_for(tokenizer, (), asked=template, turns=turns)  # before weights are read
    model = _placed(load_model(name, torch.bfloat16 if torch.cuda.is_available() else torch.float32))
    chosen = form_for(tokenizer, _ends(model, tokenizer), asked=template, turns=turns)
    return LocalModel(name, model, tokenizer, chosen, {"model": fingerprint_of(name), "tokenizer": digest_of(tokenizer)})


def _placed(model: Any) -> Any:
    """The model where it computes, and never training."""
    import torch

    return model.to("cuda" if torch.cuda.is_available() else "cpu").train(mode=False)


def _ends(model: Any, tokenizer: Any) -> tuple[int, ...]:
    from gen.teachers.engines.loading import ends_of

    return ends_of(model, tokenizer)


def _require_packages(names: Sequence[str]) -> None:
    for package in names:
        if find_spec(package) is None:
            raise missing_extra(package, "train", "a model in this process")
