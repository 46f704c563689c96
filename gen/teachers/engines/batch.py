"""The loop over the slots of a local model: refill, step, draw, and what was drawn is looked at while the next step runs.

A step is launched with the tokens that were just drawn, before anybody looked at them: matchers, bounds and ends are the work of
the processor while the GPU computes. Where the look finds another token to take, or an end, that row's step was in vain: it is
done again with the right token, or the row is free.
"""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

from gen.errors import FcgenError, OutsideFailed
from gen.teachers.engines.grammar import Constraint, Grammars
from gen.teachers.engines.residence import Residence
from gen.teachers.engines.sampling import draw, forbid
from gen.teachers.engines.slots import Slots
from gen.teachers.request import Completion, TooLong

if TYPE_CHECKING:
    from gen.teachers.engines.job import Job
    from gen.teachers.engines.loading import Loaded

REFILL = 12
"""A twelfth of the slots is free before prompts are read: a forward for one short prompt costs as much as for many."""


@dataclass(eq=False, slots=True)
class Speaking:
    """A turn that is being spoken in a slot."""

    job: Job
    constraint: Constraint | None
    chance: random.Random
    start: float
    cached: int
    tokens: list[int] = field(default_factory=list)
    fresh: bool = True
    """Whether its next step begins with a token that we name, and not with the one that was just drawn."""


class Batch:
    """What is spoken and what waits. Used by one thread."""

    def __init__(self, loaded: Loaded, count: int, *, graphs: bool, note: Callable[[str], None]) -> None:
        self._loaded = loaded
        self._note = note
        self._graphs = graphs
        self._waiting: deque[Job] = deque()
        self._pool = ThreadPoolExecutor(1, "fcgen-masks")
        self._on_gpu = loaded.model.device.type == "cuda"
        self._ready: torch.cuda.Event | None = None
        self._grammars: Grammars | None = None
        self._counts = dict.fromkeys(("steps", "places", "spoken", "read", "cached"), 0)
        self._set_up(count)

    def _set_up(self, count: int) -> None:
        self.count = count
        self._slots = Slots(self._loaded.model, count, graphs=self._graphs)
        self._homes = Residence(self._slots)
        self._speaking: list[Speaking | None] = [None] * count
        self._next = [0] * count
        self._drawn = torch.zeros(count, dtype=torch.long, device=self._slots.device)
        self._seen = self._drawn.cpu()
        self._masked: set[int] = set()
        words = -(-self._vocabulary() // 32)
        self._allowed = torch.full((count, words), -1, dtype=torch.int32, pin_memory=self._on_gpu)

    def _vocabulary(self) -> int:
        return int(self._loaded.model.get_output_embeddings().weight.shape[0])

    # -- what the engine asks

    @property
    def idle(self) -> bool:
        return not self._waiting and not any(self._speaking)

    def add(self, job: Job) -> None:
        self._waiting.append(job)

    def forget(self, view: str) -> None:
        self._homes.forget(view)

    def abandon(self, error: Exception) -> None:
        """The end: everybody who waits hears of it."""
        for job in [*self._waiting, *(turn.job for turn in self._speaking if turn)]:
            job.finish(error)
        self._waiting.clear()
        self._pool.shutdown()

    def statistics(self) -> dict[str, float]:
        counts: dict[str, float] = dict(self._counts)
        return counts | {"slots": self.count, "occupancy": self._counts["spoken"] / max(1, self._counts["places"])}

    def advance(self) -> None:
        """Refill the slots and go one step; with fewer slots where memory does not suffice."""
        try:
            with torch.inference_mode():
                self._refill()
                if any(self._speaking):
                    self._step()
            told = ""
        except torch.OutOfMemoryError as error:
            told = str(error).splitlines()[0]
        if told:
            self._shrink(told)  # out here nothing holds the tensors of the step any more

    def _shrink(self, told: str) -> None:
        """Half the slots. What was being spoken begins again; its chance begins again too, so it says the same."""
        turns = [turn.job for turn in self._speaking if turn]
        if self.count == 1:
            failure = OutsideFailed(f"memory does not suffice for one turn: {told}", hint="a smaller model, or shorter conversations")
            for job in turns or [self._waiting.popleft()]:
                job.finish(failure)
            turns = []
        self._waiting.extendleft(reversed(turns))
        self._set_up(max(1, self.count // 2))
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        self._note(f"memory ran out: {self.count} slots from here on")

    # -- refill

    def _refill(self) -> None:
        """Put waiting requests into free slots and read their prompts, many at a time."""
        if not self._waiting or (any(self._speaking) and self._homes.free < max(1, min(self.count // REFILL, len(self._waiting)))):
            return
        rows: list[int] = []
        starts: list[int] = []
        prompts: list[list[int]] = []
        while self._waiting and self._homes.free:
            job = self._waiting[0]
            turn = self._turn(job)
            if turn is not None:
                self._slots.reserve(len(job.prompt) + job.room + 1)
                row, turn.cached = self._homes.enter(job.request.view, job.prompt)
                self._speaking[row], self._next[row] = turn, job.prompt[-1]
                rows.append(row)
                starts.append(turn.cached)
                prompts.append(job.prompt[turn.cached : -1])
            self._waiting.popleft()
        self._slots.read(rows, starts, prompts)
        self._counts["read"] += sum(len(prompt) for prompt in prompts)
        self._counts["cached"] += sum(starts)

    def _turn(self, job: Job) -> Speaking | None:
        """The request as a turn; None where nobody waits for it or it cannot be served, which is told."""
        if not job.wanted:
            return None
        try:
            constraint = None if job.request.schema is None else self._held_to().constraint(job.request.schema, job.room)
        except FcgenError as error:
            is_crowded = job.room < job.request.sampling.max_tokens  # by the chat before it, not by who asked
            job.finish(TooLong(f"{len(job.prompt)} tokens of chat leave {job.room} for a turn: {error.what}") if is_crowded else error)
            return None
        return Speaking(job, constraint, random.Random(job.request.seed), time.monotonic(), 0)

    def _held_to(self) -> Grammars:
        if self._grammars is None:
            self._grammars = Grammars(self._loaded.tokenizer, self._vocabulary(), list(self._loaded.ends))
        return self._grammars

    # -- a step

    def _step(self) -> None:
        """Launch a step, look at what was drawn before, draw from the step."""
        drawn = [(row, turn) for row, turn in enumerate(self._speaking) if turn and not turn.fresh]
        started = [turn for turn in self._speaking if turn and turn.fresh]
        logits = self._launch()
        self._look(drawn)
        for turn in started:
            turn.fresh = False
        turns = [(row, turn) for row, turn in enumerate(self._speaking) if turn and not turn.fresh]
        self._counts["steps"] += 1
        self._counts["places"] += self.count
        if not turns:
            return
        self._counts["spoken"] += len(turns)
        self._drawn = self._draw(logits, turns)
        self._seen = torch.empty(self.count, dtype=torch.long, pin_memory=self._on_gpu)
        self._seen.copy_(self._drawn, non_blocking=True)
        self._ready = torch.cuda.current_stream().record_event() if self._on_gpu else None

    def _launch(self) -> torch.Tensor:
        """A step of every row: with the token that was drawn, unseen, or with the one that we name."""
        device = self._slots.device
        positions = torch.tensor([self._position(row) for row in range(self.count)])
        looked_at = 1 + max(int(positions[row]) for row, turn in enumerate(self._speaking) if turn)
        named = torch.tensor([turn is None or turn.fresh for turn in self._speaking]).to(device, non_blocking=True)
        tokens = torch.where(named, torch.tensor(self._next).to(device, non_blocking=True), self._drawn)
        positions = positions.to(device, non_blocking=True)
        try:
            return self._slots.step(tokens, positions, looked_at)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            if not self._graphs:
                raise
            self._graphs = self._slots.graphs = False
            self._note(f"without CUDA graphs from here on: {str(error).splitlines()[0]}")
            return self._slots.step(tokens, positions, looked_at)

    def _position(self, row: int) -> int:
        """Where the next token of a row goes; what rests there is not touched."""
        turn = self._speaking[row]
        if turn is None:
            return len(self._homes.rows[row].tokens)
        return len(turn.job.prompt) - 1 + len(turn.tokens) + (not turn.fresh)

    def _look(self, drawn: list[tuple[int, Speaking]]) -> None:
        """Take what was drawn, row by row; end what has ended."""
        if self._ready is not None:
            self._ready.synchronize()
        tokens = self._seen.tolist()
        for row, turn in drawn:
            try:
                token = tokens[row] if turn.constraint is None else turn.constraint.take(tokens[row])
            except FcgenError as error:
                self._speaking[row] = None
                self._homes.rest(row, turn.job.prompt)
                turn.job.finish(error)
                continue
            turn.tokens.append(token)
            turn.fresh = token != tokens[row]
            self._next[row] = token
            ended = token in self._loaded.ends if turn.constraint is None else turn.constraint.done
            if ended or len(turn.tokens) >= turn.job.room or not turn.job.wanted:
                self._finish(row, turn, ended=ended)

    def _finish(self, row: int, turn: Speaking, *, ended: bool) -> None:
        self._speaking[row] = None
        self._homes.rest(row, turn.job.prompt + (turn.tokens[:-1] if turn.fresh else turn.tokens))
        cut = not ended or (turn.constraint is not None and turn.constraint.cut)
        said = turn.tokens[:-1] if ended else turn.tokens
        text = turn.constraint.text if turn.constraint else self._loaded.tokenizer.decode(said, skip_special_tokens=True)
        turn.job.finish(
            Completion(
                text=text,
                finish="length" if cut else "stop",
                tokens_in=len(turn.job.prompt),
                tokens_out=len(turn.tokens),
                tokens_cached=turn.cached,
                seconds=time.monotonic() - turn.start,
                tokens=tuple(turn.tokens),
            )
        )

    # -- the draw

    def _draw(self, logits: torch.Tensor, turns: list[tuple[int, Speaking]]) -> torch.Tensor:
        """A token for each of these rows, of those that its schema allows."""
        device = self._slots.device
        logits = logits.float()
        masks = self._masks(turns)
        settings = torch.zeros(3, self.count)
        for row, turn in turns:
            sampling = turn.job.request.sampling
            settings[:, row] = torch.tensor([sampling.temperature, sampling.top_p, turn.chance.random()])
        temperature, top_p, chance = settings.to(device, non_blocking=True)
        if masks is not None:
            masks.result()
            logits = forbid(logits, self._allowed.to(device, non_blocking=True))
        return draw(logits, temperature, top_p, chance) if bool(settings[0].any()) else logits.argmax(-1)

    def _masks(self, turns: list[tuple[int, Speaking]]) -> Future[Any] | None:
        """Begin to compute what each schema allows next, beside everything else; None where no row has one."""
        held = [(turn.constraint.matcher, row) for row, turn in turns if turn.constraint]
        for row in self._masked - {row for _, row in held}:
            self._allowed[row] = -1
        self._masked = {row for _, row in held}
        if not held:
            return None
        width = self._allowed.shape[1] * self._allowed.element_size()
        fill = self._held_to().executor.unsafe_compute_mask_ptr
        return self._pool.submit(fill, held, self._allowed.data_ptr(), width, self.count)
