"""transformers' Trainer with our loss, and checkpoints that hold no embedding.

Imported only when something is trained: it imports torch and transformers.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments

from gen.training.adapter import load_weights, save_weights, trained_weights
from gen.training.packing import Bin, Collator
from gen.training.quiet import quiet
from gen.training.settings import Resolved

CHECKPOINTS = 10
"""How often a run is saved, evenly over it."""

_NEEDED = ("adapter_model.safetensors", "optimizer.*", "scheduler.pt", "rng_state*.pth", "trainer_state.json")
"""Files of a whole checkpoint; the optimizer's has another ending under FSDP."""


class LoraTrainer(Trainer):
    """Trains what peft made trainable. ``seen`` and ``trained`` count tokens since the start of this process."""

    def __init__(self, model: Any, arguments: Any, bins: Sequence[Bin], collator: Collator, callbacks: Sequence[TrainerCallback]) -> None:
        with quiet():
            super().__init__(model=model, args=arguments, train_dataset=list(bins), data_collator=collator, callbacks=list(callbacks))
        self.model_accepts_loss_kwargs = True  # some of Gemma's classes say no, and accumulation would be a mean of means
        self.remove_callback(PrinterCallback)
        self.seen = 0
        self.trained = torch.zeros((), dtype=torch.long, device=self.args.device)

    def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None) -> Any:
        """The mean over the trained tokens of a whole step, on all devices: each device's share of it."""
        out = model(**inputs, summed=True, num_items_in_batch=num_items_in_batch)
        self.seen += inputs["input_ids"].numel()
        self.trained += out["tokens"]
        loss = out["loss"]
        if num_items_in_batch is not None and self.args.average_tokens_across_devices:
            loss = loss * self.accelerator.num_processes  # DDP divides by as many
        return (loss, out) if return_outputs else loss

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        """What ``save_model`` wrote, whoever has which part of it: a run may go on with another number of processes."""
        load_weights(self.model, Path(resume_from_checkpoint))

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """Only what was trained: peft would put the grown embedding into every checkpoint."""
        weights = trained_weights(self.model)
        if self.args.should_save:
            save_weights(self.accelerator.unwrap_model(self.model), Path(output_dir or str(self.args.output_dir)), weights)


def steps_of(bins: int, settings: Resolved, processes: int) -> int:
    """How many steps a run has, as the Trainer counts them."""
    batches = -(-bins // (settings.batch * processes))
    return math.ceil(settings.epochs * max(1, -(-batches // settings.train.accumulate)))


def arguments(settings: Resolved, out: Path, folder: Path, steps: int) -> TrainingArguments:
    """What the Trainer is told. Metrics go to the trackers that were asked for, and to nobody else.

    Args:
        out: the adapter's folder; a tracker calls the run by its name.
        folder: where checkpoints go.
    """
    train = settings.train
    cuda = torch.cuda.is_available()
    names = {field.name for field in dataclasses.fields(TrainingArguments)}
    more: dict[str, Any] = {
        "activation_checkpointing" if "activation_checkpointing" in names else "gradient_checkpointing": train.checkpointing
    }
    if "trackio_static_space_id" in names:
        more["trackio_static_space_id"] = False  # nothing becomes a Space of its own accord
    return TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=settings.epochs,
        per_device_train_batch_size=settings.batch,
        gradient_accumulation_steps=train.accumulate,
        learning_rate=settings.learning_rate,
        lr_scheduler_type=train.schedule if train.schedule != "constant" else "constant_with_warmup",
        warmup_steps=math.ceil(train.warmup * steps),
        weight_decay=train.weight_decay,
        max_grad_norm=train.clip,
        seed=train.seed,
        data_seed=train.seed,
        bf16=cuda,
        use_cpu=not cuda,
        ddp_find_unused_parameters=False,
        ddp_backend="gloo" if not cuda and int(os.environ.get("WORLD_SIZE", "1")) > 1 else None,
        logging_steps=max(1, steps // 100),
        save_strategy="steps",
        save_steps=max(1, steps // CHECKPOINTS),
        save_total_limit=2,
        disable_tqdm=True,
        report_to=list(train.report_to) or "none",
        run_name=out.name,
        remove_unused_columns=False,
        label_names=["labels"],
        dataloader_pin_memory=cuda,
        **more,
    )


def newest_checkpoint(folder: Path) -> Path | None:
    """The last checkpoint that is whole; a run that was killed while it saved leaves one that is not."""
    found = [path for path in folder.glob("checkpoint-*") if path.name.removeprefix("checkpoint-").isdecimal()]
    for path in sorted(found, key=lambda path: int(path.name.removeprefix("checkpoint-")), reverse=True):
        if all(any(path.glob(name)) for name in _NEEDED) and _is_json(path / "trainer_state.json"):
            return path
    return None


def _is_json(path: Path) -> bool:
    try:
        json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return False
    return True
