"""A run: recipe → corpus. Candidates block by block, kept as they come; one pass in slot order; shards; published.

Killed at any moment and started again, it goes on with the blocks that are on disk and ends in the same bytes.
"""

from __future__ import annotations

import datetime
import sys
from collections.abc import Iterable, Iterator, Sequence, Set
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from gen.conversation import Conversation, JsonObject
from gen.corpus.blocks import BlockStore
from gen.corpus.card import CardFacts, render_card
from gen.corpus.card_facts import card_facts
from gen.corpus.cells import Cells, Layout, wire_of
from gen.corpus.folder import REJECTED, begin, clear_work, publish, write_rejected, write_shards
from gen.corpus.lock import WORK, exclusive, shared
from gen.corpus.manifest import Manifest, installed_versions, read_manifest
from gen.errors import BadInput, FcgenError
from gen.recipe import Recipe
from gen.redact import redacted
from gen.synthesis.cast import Models, open_cast
from gen.synthesis.conversing import conversing
from gen.synthesis.deciding import Decider
from gen.synthesis.engines import Block, Maker, making
from gen.synthesis.entries import Entry, from_lines, row_of
from gen.synthesis.ledger import Ledger
from gen.synthesis.on_ray import making_on_ray
from gen.synthesis.opening import Workshop, no_collection, open_workshop, rows_digest, without_addresses
from gen.synthesis.slots import BLOCK
from gen.synthesis.summary import Progress, Summary
from gen.teachers.compacting import compact
from gen.teachers.completions import COMPLETIONS, files_in
from gen.teachers.naming import SIMULATOR
from gen.teachers.store import part_name


def synthesize(
    recipe: Recipe,
    out: Path,
    *,
    rows: int,
    workers: int,
    shard: tuple[int, int] | None,
    progress: Progress,
    layout: Layout = "json",
    models: Models | None = None,
    ray: str = "",
) -> Summary:
    """Make the corpus of a recipe in a folder, or go on with it, or grow it, or make one shard's share of its candidates.

    ``models`` says how those of the recipe are run, where its teacher is none of ours. Where their budget is used up, the rows
    that are there are published, and the same call with a larger one goes on.

    ``ray`` is the address of a Ray cluster on which the simulator's blocks are made, instead of by ``workers`` here.

    Raises BadInput where the folder belongs to another recipe or run, OutsideFailed for a full disk, killed workers, a cluster that is
    not there or a model that does not answer any more.
    """
    started = _now()
    with no_collection():
        workshop = open_workshop(recipe)  # first: a recipe that does not hold leaves no folder behind
        lock: AbstractContextManager[None] = shared(out, *shard) if shard else exclusive(out)
        with lock:
            return _Run(workshop, out, rows, workers, shard, layout, progress, started, models or Models(), ray).go()


@dataclass
class _Run:
    workshop: Workshop
    out: Path
    rows: int
    workers: int
    shard: tuple[int, int] | None
    layout: Layout
    progress: Progress
    started: datetime.datetime
    models: Models
    ray: str
    example: Conversation | None = None

    @property
    def recipe(self) -> Recipe:
        return self.workshop.recipe

    def go(self) -> Summary:
        digest, decided = rows_digest(self.recipe)
        published = read_manifest(self.out)
        here = sum(published.splits.values()) + len(published.ledger.get("short", [])) if published else 0
        if published and self.rows < here:
            raise BadInput(
                f"the corpus has {here} rows already, --rows {self.rows} asks for fewer",
                where=str(self.out),
                hint="choose another folder with --out",
            )
        begin(self.out, digest=digest, recipe=decided, layout=self.layout)
        if published and self.rows == here:
            clear_work(self.out)
            return self._summary(published, grown_from=here, already_done=True)
        if self.shard:
            return self._one_shard(digest, here)
        try:
            return self._whole(published, (digest, decided), here)
        except FcgenError:
            if published is None and not BlockStore(self.out).blocks() and not files_in(self.out / COMPLETIONS):
                clear_work(self.out)  # nothing was made: a mistyped model binds the folder to no recipe
            raise

    # -- a whole run

    def _whole(self, published: Manifest | None, decided: tuple[str, JsonObject], here: int) -> Summary:
        ledger = Ledger()
        self.progress.start(self.rows, here)
        store = BlockStore(self.out)
        blocks = _blocks(range(here, self.rows))
        missing = [block for block in blocks if not _complete(store, block)]
        with self._making(missing, store, decided[0], self.out / WORK / "worlds") as maker:
            entries = _entries(blocks, set(missing), maker.entries, store)
            written = write_shards(self.out, self._rows(entries, maker, ledger, published), layout=self.layout)
            ledger.usage.add(maker.usage())
        stopped = maker.spent()
        if not ledger.accepted or (stopped and published and ledger.accepted == published.rows):
            return self._nothing_new(ledger, here, stopped)
        manifest = Manifest(
            recipe=self.recipe.model.name,
            digest=decided[0],
            decided_by=decided[1],
            ledger=ledger.to_json(),
            versions=installed_versions(),
            created=published.created if published else self.started.isoformat(),
            finished=_now().isoformat(),
            command=redacted(" ".join(["fcgen", *sys.argv[1:]])),
        )
        manifest = publish(
            self.out,
            written,
            card=render_card(written, self._facts(ledger)),
            recipe=self._told.to_yaml(),
            manifest=manifest,
            rejected={"rejected": ledger.lines},
        )
        compact(self.out / COMPLETIONS)
        return self._summary(manifest, grown_from=here, stopped=stopped)

    def _making(
        self, blocks: Sequence[Block], store: BlockStore, digest: str, scratch: Path, writer: str = "main"
    ) -> AbstractContextManager[Maker]:
        """Who makes these blocks: the simulator, or the models of the recipe."""
        if self.recipe.model.teacher.name == SIMULATOR and self.ray:
            return making_on_ray(self.workshop, blocks, store, address=self.ray, scratch=scratch)
        if self.recipe.model.teacher.name == SIMULATOR:
            return making(self.workshop, blocks, store, workers=self.workers, scratch=scratch)
        told = self.progress
        cast = open_cast(self.recipe, self.out, run=digest, writer=writer, models=self.models, watch=told.used, note=told.note)
        if unenforced := self.workshop.unenforced():
            told.note(f"no engine holds a model to these, so calls are checked for them afterwards: {', '.join(unenforced)}")
        return conversing(self.workshop, cast, blocks, store)

    def _rows(self, entries: Iterable[Entry], maker: Maker, ledger: Ledger, published: Manifest | None) -> Iterator[Cells]:
        """Rows that are there already, then new ones, all in slot order."""
        decider = Decider(self.recipe.model.checks.near_duplicates, ledger)
        if published:
            yield from self._earlier_rows(decider, ledger, published)
        before = sum(ledger.rejected.values())
        for row in decider.decide(entries, maker.again):
            after = sum(ledger.rejected.values())
            self.progress.advance(1, after - before)
            before = after
            self.example = self.example or Conversation.from_wire(wire_of(row))
            yield row

    def _earlier_rows(self, decider: Decider, ledger: Ledger, published: Manifest) -> Iterator[Cells]:
        from gen.corpus.reading import read_rows  # pyarrow: when workers are at work already

        ledger.add_earlier(published.ledger, self._earlier_rejections())
        for conversation in read_rows(self.out):
            row = row_of(conversation)
            decider.remember(row)
            self.example = self.example or conversation
            yield row.cells

    # -- a shard's share

    def _one_shard(self, digest: str, here: int) -> Summary:
        assert self.shard is not None
        part, parts = self.shard
        store = BlockStore(self.out)
        mine = [block for block in _blocks(range(here, self.rows)) if block[0] % parts == part - 1]
        missing = [block for block in mine if not _complete(store, block)]
        total = sum(len(slots) for _, slots in mine)
        made = total - sum(len(slots) for _, slots in missing)
        self.progress.start(total, made)
        with self._making(missing, store, digest, self.out / WORK / f"worlds-{part}", part_name(part, parts)) as maker:
            for entry in maker.entries:
                made += 1
                self.progress.advance(1, len(entry.rejections))
            return Summary(
                corpus=self.out,
                rows=made,
                asked=total,
                splits={},
                scenarios={},
                rejected={},
                seconds=_seconds(self.started),
                complete=made == total,
                shard=self.shard,
                stopped=maker.spent(),
                usage=_used(maker.usage().to_json()),
            )

    # -- what is said of it

    def _nothing_new(self, ledger: Ledger, here: int, stopped: str) -> Summary:
        """No row was accepted, or none beside those that are there. What was refused can be read all the same."""
        counts = ledger.to_json()
        if not here:
            write_rejected(self.out, {"rejected": ledger.lines})
        return Summary(
            corpus=self.out,
            rows=here,
            asked=self.rows,
            splits={},
            scenarios={},
            rejected=counts["rejected"],
            seconds=_seconds(self.started),
            complete=False,
            grown_from=here,
            stopped=stopped,
            usage=_used(counts.get("usage")),
            faults=counts.get("faults", {}),
        )

    def _summary(self, manifest: Manifest, *, grown_from: int, already_done: bool = False, stopped: str = "") -> Summary:
        scenarios = {name: sum(counts.values()) for name, counts in manifest.ledger["scenarios"].items()}
        return Summary(
            corpus=self.out,
            rows=manifest.rows,
            asked=self.rows,
            splits=manifest.splits,
            scenarios=scenarios,
            rejected=manifest.ledger["rejected"],
            seconds=_seconds(self.started),
            complete=manifest.rows >= self.rows,
            grown_from=grown_from,
            already_done=already_done,
            stopped=stopped,
            usage=_used(manifest.ledger.get("usage")),
            faults=manifest.ledger.get("faults", {}),
        )

    def _facts(self, ledger: Ledger) -> CardFacts:
        return card_facts(
            self._told,
            ledger.to_json(),
            location=str(self.out),
            example=self.example,
            recipe_text=self._told.to_yaml(),
            versions=installed_versions(),
        )

    @property
    def _told(self) -> Recipe:
        """The recipe as the corpus tells it."""
        told = without_addresses(self.recipe)
        return Recipe(told.model.model_copy(update={"rows": self.rows}), told.origin)

    def _earlier_rejections(self) -> Iterable[str]:
        path = self.out / REJECTED / "rejected.jsonl"
        return path.read_text(encoding="utf-8").split("\n")[:-1] if path.is_file() else ()


def _blocks(slots: range) -> list[Block]:
    """The blocks that these slots lie in, each with those of its slots that are wanted."""
    numbers = range(slots.start // BLOCK, -(-slots.stop // BLOCK)) if slots else range(0)
    return [(n, range(max(n * BLOCK, slots.start), min((n + 1) * BLOCK, slots.stop))) for n in numbers]


def _complete(store: BlockStore, block: Block) -> bool:
    """Whether the block on disk has every wanted slot: it may be of a run that was asked for fewer rows."""
    number, slots = block
    return store.has(number) and {outcome.get("slot") for outcome in store.read(number)} >= set(slots)


def _entries(blocks: Iterable[Block], missing: Set[Block], made: Iterator[Entry], store: BlockStore) -> Iterator[Entry]:
    """The entries of these blocks, in order: just made where they were missing, else from disk. They end where making ends."""
    for block in blocks:
        number, slots = block
        entries = islice(made, len(slots)) if block in missing else from_lines(store.read(number), slots)
        came = 0
        for entry in entries:
            came += 1
            yield entry
        if came < len(slots):
            return


def _used(usage: JsonObject | None) -> JsonObject | None:
    """What models took; None where none were asked."""
    return usage if usage and (usage["paid"] or usage["reused"]) else None


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def _seconds(since: datetime.datetime) -> float:
    return (_now() - since).total_seconds()
