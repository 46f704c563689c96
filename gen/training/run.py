"""A training from plan to adapter: trained, saved on the way, and gone on with where it stopped.

``.work/`` in the adapter's folder holds checkpoints while it runs. A run is continued only with the same rows, base and settings.
What can be wrong is looked at before, in ``plan.py``.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gen.conversation import JsonObject
from gen.corpus.atomic import make_folder, write_whole
from gen.corpus.lock import WORK, exclusive
from gen.errors import BadInput
from gen.rendering.template import Template
from gen.training.adapter import ABOUT, BESIDE, save_adapter, trained_weights, with_lora
from gen.training.base import Base, open_base
from gen.training.data import Example
from gen.training.outside import enough_disk, enough_memory
from gen.training.plan import Plan
from gen.training.settings import TINY, Resolved, resolve, to_wire
from gen.training.sharding import in_one_unit
from gen.training.trackers import place_events

if TYPE_CHECKING:
    from gen.training.trainer import LoraTrainer
    from gen.training.watch import Progress

RUN = "run.json"
REJECTED = "rejected.jsonl"
FREE = ("base", "held_out", "batch", "accumulate", "checkpointing", "max_length", "report_to")
"""Settings that may change while a run is gone on with: they do not change what is learned, or what they change is compared itself."""


@dataclass(frozen=True, slots=True)
class Summary:
    """How a training went; what training.json says."""

    folder: Path
    about: JsonObject


def finished(out: Path) -> bool:
    """Whether a finished adapter lies there."""
    return (out / ABOUT).is_file()


def train(work: Plan, progress: Progress, *, save_steps: int | None = None) -> Summary:
    """Train, or go on with a training that was stopped.

    Raises BadInput where another training was begun in the folder, OutsideFailed where memory runs out, KeyboardInterrupt
    after Ctrl-C, when what was learned is saved.
    """
    with ExitStack() as held:
        if _is_first():
            held.enter_context(exclusive(work.out))
        return _Training(work, progress, save_steps).run()


def _is_first() -> bool:
    return os.environ.get("RANK", "0") == "0"


def _processes() -> int:
    return int(os.environ.get("WORLD_SIZE", "1"))


class _Training:
    """One run of one plan."""

    def __init__(self, work: Plan, progress: Progress, save_steps: int | None) -> None:
        import torch

        self.plan, self.progress, self.save_steps = work, progress, save_steps
        quantize = work.train.quantize == "4bit"
        with enough_memory(lambda: f"loading {work.name}", self._smaller_base):
            self.base: Base = open_base(work.name, work.tokenizer, work.added, attention=work.train.attention, quantize=quantize)
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        hidden = self.base.model.config.get_text_config().hidden_size
        self.settings: Resolved = resolve(work.train, hidden=hidden, trained=work.trained, device=self.device)
        self.folder = work.out / WORK

    def run(self) -> Summary:
        from gen.training.watch import Interruption

        identity = self._identity()
        self._require_same(identity)
        model = self._model()
        interruption = Interruption()
        trainer = self._trainer(model, interruption)
        self._write_down(identity)
        self._show_sample()
        with interruption.listening():
            self._train(trainer)
        if interruption.asked and trainer.state.global_step < trainer.state.max_steps:
            self.progress.note(f"saved after step {trainer.state.global_step:,} of {trainer.state.max_steps:,}; the same command goes on")
            raise KeyboardInterrupt
        return self._finish(trainer)

    def _identity(self) -> JsonObject:
        """What must be the same for a run to be gone on with."""
        digest = hashlib.sha256()
        for example in self.plan.rows.examples:
            digest.update(example.input_ids.tobytes() + example.labels.tobytes())
        told = {"rows": digest.hexdigest(), "fingerprint": self.base.fingerprint, "template": self.plan.template.name}
        settings = {key: value for key, value in to_wire(self.settings).items() if key not in FREE}
        settings["bins_a_step"] = self.settings.batch * self.plan.train.accumulate * _processes()
        return told | {f"train.{key}": value for key, value in settings.items()}

    def _require_same(self, identity: JsonObject) -> None:
        try:
            before = json.loads((self.folder / RUN).read_text(encoding="utf-8"))
        except (OSError, ValueError):  # nothing was begun here
            return
        different = sorted(key for key in identity if identity[key] != before.get(key))
        if different:
            raise BadInput(
                f"another training was begun in this folder: {', '.join(different)} differ",
                where=str(self.plan.out),
                hint="say what was said then, or choose another folder with --out",
            )

    def _model(self) -> Any:
        from gen.training.agrees import require_agreement
        from gen.training.loss import teach_loss

        lora = self.plan.train.lora
        teach_loss(self.base.model)
        with enough_memory(lambda: f"loading {self.plan.name}", self._smaller_base):
            model = with_lora(self.base, r=lora.r, alpha=lora.alpha, dropout=lora.dropout, seed=self.plan.train.seed).to(self.device)
            require_agreement(model, self.plan.rows.examples, packing=self.plan.train.packing)
        return model

    def _trainer(self, model: Any, interruption: Any) -> LoraTrainer:
        from gen.training.exactness import Judged, judged
        from gen.training.packing import Collator, alone, packed, width_of
        from gen.training.trainer import LoraTrainer, arguments, newest_checkpoint, steps_of
        from gen.training.watch import Counts, Metrics, Watch

        rows, held = self.plan.rows.examples, self.plan.held_out
        width = width_of(rows)
        bins = packed(rows, width) if self.plan.train.packing else alone(rows)
        padding = self.plan.tokenizer.pad_token_id or 0
        told = arguments(self.settings, self.plan.out, self.folder / "checkpoints", steps_of(len(bins), self.settings, _processes()))
        if self.save_steps is not None:
            told.save_steps = self.save_steps
        self.checkpoint = newest_checkpoint(Path(str(told.output_dir)))
        step = int(self.checkpoint.name.partition("-")[2]) if self.checkpoint else 0
        if step:
            self.progress.note(f"going on after step {step:,}")

        def look() -> Judged | None:
            wide = max(width, width_of(held)) if held else width
            return judged(trainer.model_wrapped, held, width=wide, batch=self.settings.batch, padding=padding) if held else None

        metrics = Metrics(self.plan.out, step, writes=_is_first())

        def report(line: JsonObject) -> None:
            if self.plan.train.report_to:
                trainer.log(line)

        self.watch = Watch(metrics, self.progress, interruption, look, lambda: Counts(trainer.seen, int(trainer.trained)), report)
        trainer: LoraTrainer = LoraTrainer(model, told, bins, Collator(width, padding), [self.watch])
        place_events(trainer, self.plan.out)
        if trainer.is_fsdp_enabled:
            in_one_unit(model)
        return trainer

    def _write_down(self, identity: JsonObject) -> None:
        if not _is_first():
            return
        make_folder(self.folder)
        write_whole(self.folder / RUN, (json.dumps(identity).encode(),))
        if self.plan.rows.refused:
            lines = (json.dumps(one.to_wire(), ensure_ascii=False).encode() + b"\n" for one in self.plan.rows.refused)
            write_whole(self.plan.out / REJECTED, lines)

    def _show_sample(self) -> None:
        """The shortest row as the model gets it: read back from ids and labels, not from where they came from."""
        from gen.rendering.decoding import Decoder

        example = min(self.plan.rows.examples, key=lambda one: len(one.input_ids))
        spans = Decoder(self.plan.tokenizer, self.plan.template).spans(example.input_ids.tolist(), example.labels.tolist())
        self.progress.sample(tuple(spans))

    def _train(self, trainer: LoraTrainer) -> None:
        from gen.training.quiet import quiet

        with quiet(), enough_disk(self.plan.out), enough_memory(lambda: f"step {trainer.state.global_step + 1}", self._smaller):
            trainer.train(resume_from_checkpoint=str(self.checkpoint) if self.checkpoint else None)

    def _smaller(self) -> str:
        """What to lower, the cheapest first."""
        batch, train = self.settings.batch, self.plan.train
        if batch > 1:
            return f"--set batch={batch // 2} --set accumulate={train.accumulate * 2} learns the same with less memory, and goes on here"
        if not train.checkpointing:
            return "--set checkpointing=true needs much less memory, and a third more time"
        return f"a smaller --max-length with --skip-bad, {self._smaller_base()}"

    def _smaller_base(self) -> str:
        small = "a smaller base"
        return small if self.plan.train.quantize == "4bit" else f"--set quantize=4bit (another training: it begins anew), or {small}"

    def _finish(self, trainer: LoraTrainer) -> Summary:
        work, looks = self.plan, self.watch.looks
        last = looks.get(trainer.state.global_step)
        base = BESIDE if work.train.base == TINY else work.name
        about: JsonObject = {
            "base": base,
            "fingerprint": self.base.fingerprint,
            "template": work.template.name,
            "added_tokens": list(work.added),
            "ends": _ends(work.rows.examples, work.tokenizer, work.template),
            "corpus": work.source,
            "attention": self.base.attention,
            "versions": {package: version(package) for package in ("torch", "transformers", "peft")},
            "precision": str(next(self.base.model.parameters()).dtype).removeprefix("torch."),
            "settings": to_wire(self.settings),
            "rows": len(work.rows.examples),
            "left_out": len(work.rows.refused),
            "trained_tokens": work.trained,
            "steps": trainer.state.global_step,
            "rows_sha256": self._identity()["rows"],
        }
        if last is not None:
            about |= last.to_wire()
        weights = trained_weights(trainer.model)
        if _is_first():
            model = trainer.accelerator.unwrap_model(trainer.model)
            model.peft_config["default"].base_model_name_or_path = base
            with enough_disk(work.out):
                save_adapter(model, work.tokenizer, work.out, about, weights)
            shutil.rmtree(self.folder / "checkpoints", ignore_errors=True)
            (self.folder / RUN).unlink(missing_ok=True)
        return Summary(work.out, about)


def _ends(examples: Sequence[Example], tokenizer: Any, template: Template) -> list[str]:
    """The control tokens that end what the model says, where it must stop."""
    tokens = set(template.control_tokens)
    found: set[str] = set()
    for example in examples:
        trained = example.labels != -100
        last = [n for n in range(len(trained)) if trained[n] and (n + 1 == len(trained) or not trained[n + 1])]
        found.update(tokenizer.convert_ids_to_tokens([int(example.input_ids[n]) for n in last]))
    return sorted(found & tokens)
