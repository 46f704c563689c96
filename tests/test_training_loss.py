"""The loss of trained tokens: transformers' own, packed or padded, without the logits of everything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tiny_models import Kind, build_model

from gen.errors import BadInput
from gen.rendering.templates import template_named
from gen.rendering.tokens import UNTRAINED
from gen.training import loss as training_loss
from gen.training.adapter import with_lora
from gen.training.agrees import require_agreement
from gen.training.base import Base, base_tokenizer, open_base
from gen.training.data import Example
from gen.training.loss import Head, summed_loss, teach_loss
from gen.training.packing import alone, collate, packed, width_of

SETTINGS = {"r": 4, "alpha": 8}


@pytest.fixture(scope="module", params=["gemma2", "gemma3", "llama"])
def base(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Base:
    kind: Kind = request.param
    name = str(build_model(tmp_path_factory.mktemp(kind), kind))
    made = open_base(name, *base_tokenizer(name, template_named("gemma")))
    teach_loss(made.model)
    return made


def examples(count: int = 5, vocabulary: int = 1200) -> list[Example]:
    """Rows of random ids, about half of them trained."""
    random = np.random.default_rng(0)
    made = []
    for number in range(count):
        ids = random.integers(6, vocabulary, size=10 + 9 * number).astype(np.int32)
        made.append(Example(str(number), ids, np.where(random.random(len(ids)) < 0.5, ids, UNTRAINED).astype(np.int32)))
    return made


def test_it_is_transformers_own_loss_and_gradient(base: Base) -> None:
    model: Any = with_lora(base, **SETTINGS)
    rows = examples()
    batch = collate(alone(rows), width_of(rows), 0)
    results = []
    for summed in (False, True):
        model.zero_grad()
        loss = model(**batch, **({"summed": True} if summed else {}))["loss"]
        loss.backward()
        results.append((loss.detach(), {name: part.grad.clone() for name, part in model.named_parameters() if part.grad is not None}))
    (theirs, their_grads), (ours, our_grads) = results
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=0)
    assert set(our_grads) == set(their_grads)
    assert any("token" in name for name in our_grads)
    for name, grad in their_grads.items():
        torch.testing.assert_close(our_grads[name], grad, atol=1e-5, rtol=1e-3, msg=name)


def test_packed_rows_lose_what_rows_alone_lose(base: Base) -> None:
    rows = examples(8)
    width = 2 * width_of(rows)
    bins = packed(rows, width)
    assert len(bins) < len(rows)
    together = base.model(**collate(bins, width, 0), summed=True)
    apart = base.model(**collate(alone(rows), width, 0), summed=True)
    torch.testing.assert_close(together["sum"], apart["sum"], atol=1e-3, rtol=1e-5)
    by_itself = sum(base.model(**collate([(row,)], len(row.input_ids), 0), summed=True)["sum"] for row in rows)
    torch.testing.assert_close(together["sum"], by_itself, atol=1e-3, rtol=1e-5)
    assert int(together["tokens"]) == sum(row.trained for row in rows)


@pytest.mark.parametrize("softcap", [None, 5.0])
def test_chunks_make_no_difference(softcap: float | None, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(1)
    hidden, weight = torch.randn(50, 8), torch.randn(40, 8)
    rows, values = torch.tensor([3, 17]), torch.randn(2, 8)
    labels = torch.randint(0, 40, (50,))
    labels[0] = 3
    found = []
    for budget in (1 << 20, 1):
        monkeypatch.setitem(training_loss.LOGITS, "cpu", budget)
        h, v = hidden.clone().requires_grad_(), values.clone().requires_grad_()
        loss, right = summed_loss(h, labels, Head(weight, rows, v), softcap=softcap, judge=True)
        (loss * 0.5).backward()
        found.append((loss, h.grad, v.grad, right))
    full = weight.index_copy(0, rows, values.requires_grad_())
    h = hidden.clone().requires_grad_()
    logits = h @ full.t()
    logits = softcap * torch.tanh(logits / softcap) if softcap else logits
    expected = torch.nn.functional.cross_entropy(logits, labels, reduction="sum")
    (expected * 0.5).backward()
    for loss, of_hidden, of_values, right in found:
        torch.testing.assert_close(loss, expected)
        torch.testing.assert_close(of_hidden, h.grad)
        torch.testing.assert_close(of_values, values.grad)
        assert torch.equal(right, logits.argmax(-1) == labels)


def test_a_batch_without_a_trained_token_has_no_loss(base: Base) -> None:
    row = Example("0", np.arange(6, 20, dtype=np.int32), np.full(14, UNTRAINED, dtype=np.int32))
    out = base.model(**collate([(row,)], 14, 0), summed=True)
    assert out["loss"] == 0 and int(out["tokens"]) == 0


@given(st.lists(st.integers(1, 64), min_size=1, max_size=40), st.integers(64, 200))
def test_bins_hold_every_row_once_and_are_never_too_full(lengths: list[int], width: int) -> None:
    rows = [Example(str(n), np.zeros(length, dtype=np.int32), np.zeros(length, dtype=np.int32)) for n, length in enumerate(lengths)]
    bins = packed(rows, width)
    assert sorted(int(row.id) for chosen in bins for row in chosen) == list(range(len(rows)))
    sizes = [sum(len(row.input_ids) for row in chosen) for chosen in bins]
    assert max(sizes) <= width
    assert len(bins) <= 1 or sum(sorted(sizes)[:2]) > width
    assert bins == packed(rows, width)


def fresh(folder: Path) -> Any:
    made = open_base(str(build_model(folder)), *base_tokenizer(str(folder), template_named("gemma"))).model
    teach_loss(made)
    return made


def test_a_model_whose_logits_are_made_in_another_way_is_refused(tmp_path: Path) -> None:
    model = fresh(tmp_path)
    require_agreement(model, examples(2), packing=True)
    model.config.final_logit_softcapping = 1.0  # its own forward asks for it each time
    with pytest.raises(BadInput, match="in a way that fcgen does not know"):
        require_agreement(model, examples(2), packing=True)


def test_a_model_that_takes_no_positions_is_not_packed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = fresh(tmp_path)
    inner = model.base_model.forward
    monkeypatch.setattr(model.base_model, "forward", lambda *args, position_ids=None, **more: inner(*args, **more))
    with pytest.raises(BadInput, match="does not keep packed rows apart"):
        require_agreement(model, examples(2), packing=True)
    require_agreement(model, examples(2), packing=False)
