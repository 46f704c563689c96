"""A fixed number of slots of a transformers model: keys and values in padded buffers, each row of its own length.

The model's own forward runs; this is the cache it writes to and the masks it is given. Row ``r`` holds one chat from position 0;
what lies behind its length is never looked at. Sliding windows are masks too, so every layer keeps every position. Used under
``torch.inference_mode``.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from gen.errors import BadInput

MASKED = ("full_attention", "sliding_attention")
"""The kinds of layers whose past is nothing but keys and values, and which a mask tells apart."""

STEP = 128
"""Buffers, and the part of them that is looked at, are multiples of this long."""

MOST_AT_ONCE = {"cuda": 16384, "cpu": 4096}
LONGEST_AT_ONCE = 1024
"""Tokens of prompts that one forward reads: in all rows, and in one."""


@dataclass(frozen=True, slots=True)
class Saved:
    """Keys and values of one chat, out of its slot."""

    layers: dict[int, tuple[torch.Tensor, torch.Tensor]]

    @property
    def size(self) -> int:
        return sum(part.nbytes for pair in self.layers.values() for part in pair)


def cache_name(model: Any) -> str:
    """The parameter by which a model takes its cache: transformers calls it ``cache`` from 5.24 on."""
    plain = model.get_base_model() if hasattr(model, "get_base_model") else model  # peft hands on whatever it is given
    return "cache" if "cache" in inspect.signature(plain.forward).parameters else "past_key_values"


class Slots:
    """The slots of one model."""

    def __init__(self, model: Any, count: int, *, graphs: bool = False) -> None:
        self.model = model
        self.count = count
        self.device = model.device
        self.capacity = 0
        self.graphs = graphs
        self._as_cache = {cache_name(model): self}
        self._layers: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
        self._everyone = torch.arange(count, device=self.device)
        self._mode: _Decode | _Prompts
        self._captured: dict[int, tuple[Any, torch.Tensor]] = {}
        self._pool: Any = None
        self._tokens = torch.zeros(count, dtype=torch.long, device=self.device)
        self._positions = torch.zeros(count, dtype=torch.long, device=self.device)
        config = model.config.get_text_config()
        self._kinds: list[str] | None = getattr(config, "layer_types", None)
        self._window: int | None = getattr(config, "sliding_window", None)
        if not set(self._kinds or ()) <= set(MASKED):
            other = sorted(set(self._kinds or ()) - set(MASKED))
            raise BadInput(f"this model has layers of kind {', '.join(other)}, which slots cannot hold", hint="vllm:MODEL or server:...")

    # -- what transformers asks of a cache

    is_compileable = False

    def get_seq_length(self, *_: Any, **__: Any) -> int:
        return 0

    def update(self, keys: torch.Tensor, values: torch.Tensor, layer: int, *_: Any, **__: Any) -> tuple[torch.Tensor, torch.Tensor]:
        """Keep what a layer computed, and hand out all that it may look at."""
        if layer not in self._layers:
            shape = (self.count, keys.shape[1], self.capacity, keys.shape[3])
            self._layers[layer] = (keys.new_zeros(shape), values.new_zeros((*shape[:3], values.shape[3])))
        kept = self._layers[layer]
        self._mode.write(kept[0], keys)
        self._mode.write(kept[1], values)
        return self._mode.read(kept[0]), self._mode.read(kept[1])

    # -- work

    def reserve(self, length: int) -> None:
        """Make the buffers at least this long."""
        if length <= self.capacity:
            return
        self._captured.clear()
        self.capacity = _up(max(length, self.capacity * 5 // 4))
        for layer, pair in self._layers.items():
            self._layers[layer] = (_longer(pair[0], self.capacity), _longer(pair[1], self.capacity))

    def read(self, rows: Sequence[int], starts: Sequence[int], tokens: Sequence[Sequence[int]]) -> None:
        """Read the tokens of prompts into rows, each from its own position on."""
        done = [0] * len(rows)
        while left := [number for number in range(len(rows)) if done[number] < len(tokens[number])]:
            left.sort(key=lambda number: len(tokens[number]) - done[number])
            longest = min(LONGEST_AT_ONCE, len(tokens[left[0]]) - done[left[0]])
            batch = left[:1]
            for number in left[1:]:
                longer = min(LONGEST_AT_ONCE, len(tokens[number]) - done[number])
                if longer * (len(batch) + 1) > MOST_AT_ONCE.get(self.device.type, 4096):
                    break
                batch, longest = [*batch, number], longer
            parts = [tokens[number][done[number] : done[number] + longest] for number in batch]
            self._read([rows[number] for number in batch], [starts[number] + done[number] for number in batch], parts, longest)
            for number, part in zip(batch, parts, strict=True):
                done[number] += len(part)

    def _read(self, rows: list[int], starts: list[int], parts: list[Sequence[int]], longest: int) -> None:
        looked_at = min(_up(max(start + len(part) for start, part in zip(starts, parts, strict=True))), self.capacity)
        ids = torch.tensor([[*part, *[0] * (longest - len(part))] for part in parts]).to(self.device)
        lengths = torch.tensor([len(part) for part in parts]).to(self.device)
        steps = torch.arange(longest, device=self.device)
        positions = torch.tensor(starts).to(self.device)[:, None] + steps
        self._mode = _Prompts(torch.tensor(rows).to(self.device), positions, steps < lengths[:, None], looked_at)
        self._forward(ids, positions, looked_at)

    def step(self, tokens: torch.Tensor, positions: torch.Tensor, looked_at: int) -> torch.Tensor:
        """One token in every row, at these positions: the logits of what comes next. Nothing waits for the device."""
        looked_at = min(_up(looked_at, 2 * STEP if self.graphs else STEP // 2), self.capacity)
        self._tokens.copy_(tokens)
        self._positions.copy_(positions)
        if not self.graphs:
            return self._decode(looked_at)
        if looked_at not in self._captured:
            self._captured[looked_at] = self._capture(looked_at)
        graph, logits = self._captured[looked_at]
        graph.replay()
        return logits

    def _decode(self, looked_at: int) -> torch.Tensor:
        self._mode = _Decode(self._everyone, self._positions, looked_at)
        return self._forward(self._tokens[:, None], self._positions[:, None], looked_at)

    def _capture(self, looked_at: int) -> tuple[Any, torch.Tensor]:
        """The step as one CUDA graph: launching its thousand kernels one by one takes longer than they do."""
        side = torch.cuda.Stream()  # type: ignore[no-untyped-call]  # the library has no types here
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            self._decode(looked_at)
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        self._pool = self._pool or torch.cuda.graph_pool_handle()  # one is replayed at a time: they may share their memory
        with torch.cuda.graph(graph, pool=self._pool, capture_error_mode="thread_local"):
            logits = self._decode(looked_at)
        return graph, logits

    def _forward(self, ids: torch.Tensor, positions: torch.Tensor, looked_at: int) -> torch.Tensor:
        masks = self._masks(positions, looked_at)
        out = self.model(input_ids=ids, attention_mask=masks, position_ids=positions, use_cache=True, logits_to_keep=1, **self._as_cache)
        logits: torch.Tensor = out.logits[:, -1]
        return logits

    def _masks(self, positions: torch.Tensor, looked_at: int) -> Any:
        """What each position may look at: itself and what is before it, in sliding layers no further than the window."""
        columns = torch.arange(looked_at, device=self.device)
        seen = columns <= positions[:, :, None]
        near = seen if self._window is None else seen & (columns > positions[:, :, None] - self._window)
        if self._kinds is None:
            return self._additive(near)
        return {kind: self._additive(near if kind == "sliding_attention" else seen) for kind in set(self._kinds)}

    def _additive(self, seen: torch.Tensor) -> torch.Tensor:
        dtype = self.model.dtype
        return torch.zeros(seen.shape, dtype=dtype, device=self.device).masked_fill_(~seen, torch.finfo(dtype).min)[:, None]

    # -- chats in and out of slots

    def save(self, row: int, length: int) -> Saved:
        return Saved({layer: (k[row, :, :length].clone(), v[row, :, :length].clone()) for layer, (k, v) in self._layers.items()})

    def load(self, row: int, saved: Saved, length: int) -> None:
        for layer, (keys, values) in saved.layers.items():
            self._layers[layer][0][row, :, :length] = keys[:, :length]
            self._layers[layer][1][row, :, :length] = values[:, :length]


class _Decode:
    """One token of every row is written, and each sees its row."""

    def __init__(self, everyone: torch.Tensor, positions: torch.Tensor, looked_at: int) -> None:
        self._everyone = everyone
        self._positions = positions
        self._looked_at = looked_at

    def write(self, kept: torch.Tensor, new: torch.Tensor) -> None:
        kept[self._everyone.to(kept.device), :, self._positions.to(kept.device)] = new[:, :, 0]

    def read(self, kept: torch.Tensor) -> torch.Tensor:
        return kept[:, :, : self._looked_at]


class _Prompts:
    """Many tokens of some rows are written; what only fills up a shorter row is not."""

    def __init__(self, rows: torch.Tensor, positions: torch.Tensor, real: torch.Tensor, looked_at: int) -> None:
        self._rows = rows
        self._real = real
        self._to = (rows[:, None].expand_as(positions)[real], positions[real])
        self._looked_at = looked_at

    def write(self, kept: torch.Tensor, new: torch.Tensor) -> None:
        rows, positions = (part.to(kept.device) for part in self._to)
        kept[rows, :, positions] = new.transpose(1, 2)[self._real.to(kept.device)]

    def read(self, kept: torch.Tensor) -> torch.Tensor:
        return kept[self._rows.to(kept.device), :, : self._looked_at]


def _up(length: int, step: int = STEP) -> int:
    return -(-length // step) * step


def _longer(part: torch.Tensor, length: int) -> torch.Tensor:
    longer = part.new_zeros((*part.shape[:2], length, part.shape[3]))
    longer[:, :, : part.shape[2]] = part
    return longer
