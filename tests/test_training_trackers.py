"""Trackers: what a training tells TensorBoard, where its files go, and the error before any work where a package is missing."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from tensorboardX.proto.event_pb2 import Event
from tiny_models import build_model
from training_rows import Heard, write_corpus

from gen.errors import BadInput
from gen.hub.files import adapter_files
from gen.rendering.templates import template_named
from gen.training import trackers
from gen.training.plan import plan
from gen.training.run import train
from gen.training.settings import settings_of
from gen.training.watch import read_metrics

SHORT = ("lora.r=4", "epochs=1", "batch=4", "learning_rate=0.01")


def events(folder: Path) -> Iterator[tuple[str, int, float]]:
    """Tag, step and value of every scalar that TensorBoard would show: records of length, checksum, message, checksum."""
    for path in sorted(folder.glob("*.tfevents.*")):
        data, place = path.read_bytes(), 0
        while place < len(data):
            (length,) = struct.unpack_from("<Q", data, place)
            event = Event.FromString(data[place + 12 : place + 12 + length])
            place += 16 + length
            yield from ((value.tag, event.step, value.simple_value) for value in event.summary.value if value.HasField("simple_value"))


@pytest.mark.slow
def test_tensorboard_hears_what_our_own_metrics_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TENSORBOARD_LOGGING_DIR", raising=False)
    base, corpus, out = build_model(tmp_path / "base"), write_corpus(tmp_path / "rows.jsonl"), tmp_path / "out"
    settings = settings_of({"base": str(base), "report_to": ["tensorboard"]}, changes=SHORT)
    train(plan(corpus, out, template_named("gemma"), settings), Heard())
    told = {(tag, step): value for tag, step, value in events(out / trackers.EVENTS)}
    for line in read_metrics(out):
        pairs = {"train/loss": "loss", "train/learning_rate": "learning_rate", "eval/call_exactness": "call_exactness"}
        pairs |= {"eval/loss": "held_out_loss", "train/trained_tokens_per_second": "trained_tokens_per_second"}
        for tag, key in pairs.items():
            if key in line:
                assert told[tag, line["step"]] == pytest.approx(line[key], rel=1e-4), (tag, line)
    assert ("eval/call_exactness", 0) in told
    assert not any("tfevents" in file.name for file in adapter_files(out))


def test_a_missing_package_is_said_before_anything_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(trackers.PACKAGES, "wandb", ("no_package_of_this_name",))
    settings = settings_of({"base": str(tmp_path / "nowhere")}, changes=["report_to=[wandb]"])
    with pytest.raises(BadInput, match="reporting to wandb needs the package"):
        plan(tmp_path / "nothing", tmp_path / "out", template_named("gemma"), settings)


def test_an_unknown_tracker_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(BadInput, match="'tensorboard', 'trackio' or 'wandb'"):
        settings_of({}, changes=["report_to=[tensorbord]"])
