"""What a model is scored on: conversations of a corpus, or questions of BFCL; each is played and judged in its own way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Protocol

from gen.conversation import Conversation
from gen.corpus.reading import read_rows
from gen.errors import BadInput
from gen.scoring.bfcl_files import Case, as_row, load_bfcl, undotted
from gen.scoring.bfcl_outcomes import judge_case
from gen.scoring.outcomes import Outcome, judge
from gen.scoring.played import Played, PlayedTurn
from gen.scoring.playing import play
from gen.scoring.settings import Bounds, History
from gen.scoring.speaking import Speaker
from gen.scoring.worlds import Worlds, open_worlds

BFCL = "bfcl:"
"""What a folder of BFCL's data is named with."""


class Task(Protocol):
    """Rows to be played, how each is, and what came of it.

    Attributes:
        source: what it is in words.
        kind: what rows are grouped by.
        facts: what people should know of it, in words.
        left_out: what cannot be scored, in words.
    """

    @property
    def source(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def rows(self) -> Sequence[Conversation]: ...
    @property
    def facts(self) -> Sequence[str]: ...
    @property
    def left_out(self) -> Sequence[str]: ...
    def begins(self, row: Conversation) -> Iterator[Conversation]:
        """The talks that a model is given whatever it says: what it cannot be given of these is not its fault."""
        ...

    async def play(self, row: Conversation, speaker: Speaker, bounds: Bounds) -> Played: ...
    def setting(self, row: Conversation) -> str:
        """What decides how this row is played, beside the row and the model."""
        ...

    def judge(self, row: Conversation, played: Played) -> Outcome: ...


@dataclass(frozen=True)
class OnCorpus:
    """Conversations of a corpus's split; ``seen`` are the tools of its split train, where others are held out."""

    source: str
    rows: Sequence[Conversation]
    worlds: Worlds
    histories: Mapping[str, History]
    seen: Collection[str] | None = None
    left_out: Sequence[str] = ()
    kind: str = "scenario"

    @property
    def facts(self) -> tuple[str, ...]:
        counts = Counter(self.histories.values())
        told = {"executed": "calls executed", "gold": "the corpus's own history, calls not executed"}
        played = [f"{told[history]} in {count:,}" if len(counts) > 1 else told[history] for history, count in sorted(counts.items())]
        return ("played with " + "; ".join(played),) + ((self.worlds.note,) if self.worlds.note else ())

    def begins(self, row: Conversation) -> Iterator[Conversation]:
        users = [index for index, message in enumerate(row.messages) if message.role == "user"]
        for index in users if self.histories[row.id] == "gold" else users[:1]:
            yield replace(row, messages=row.messages[: index + 1], untrained=())

    async def play(self, row: Conversation, speaker: Speaker, bounds: Bounds) -> Played:
        history = self.histories[row.id]
        return await play(row, speaker, self.worlds.world(row, history), history=history, bounds=bounds)

    def setting(self, row: Conversation) -> str:
        return self.histories[row.id]

    def judge(self, row: Conversation, played: Played) -> Outcome:
        return judge(row, played, self.worlds.context, seen=self.seen)


def on_corpus(corpus: Path, *, split: str | None = None, limit: int | None = None, history: History | None = None) -> OnCorpus:
    """The conversations of a corpus that are scored: of the split, else of the first held-out one that there is.

    Raises BadInput where the corpus has no such split, two rows have one id, or a row cannot be played as it is asked.
    """
    splits = Counter(row.split for row in read_rows(corpus))
    chosen = split or next((name for name in ("test", "validation") if name in splits), None)
    if chosen is None or chosen not in splits:
        missing = f"the corpus has no split {split!r}" if split else "the corpus has no held-out split"
        raise BadInput(missing, where=str(corpus), allowed=f"it has {', '.join(splits)}", hint="--split says which one is scored")
    rows = list(islice(read_rows(corpus, splits=[chosen]), limit))
    twice = [name for name, count in Counter(row.id for row in rows).items() if count > 1]
    if twice:
        raise BadInput(f"{len(twice)} ids stand for several rows, such as {twice[0]!r}", where=str(corpus))
    playable = [row for row in rows if any(message.role == "user" for message in row.messages)]
    if not playable:
        raise BadInput(f"in no row of the split {chosen!r} does a user speak: there is nothing to play", where=str(corpus))
    worlds = open_worlds(corpus)
    histories = {row.id: worlds.history(row, history) for row in playable}
    left_out = (f"{len(rows) - len(playable)} rows in which no user speaks",) if len(playable) < len(rows) else ()
    seen = _offered(read_rows(corpus, splits=["train"])) if "train" in splits and chosen != "train" else None
    if seen is not None and seen >= _offered(playable):
        seen = None  # nothing is held out: there are no two parts to tell apart
    return OnCorpus(f"{corpus}, split {chosen}", playable, worlds, histories, seen, left_out)


def _offered(rows: Iterable[Conversation]) -> frozenset[str]:
    """The tools that rows offer."""
    return frozenset(tool["function"]["name"] for row in rows for tool in row.tools)


@dataclass(frozen=True)
class OnBfcl:
    """Questions of BFCL: one message of the model each, judged by BFCL's own rules."""

    source: str
    cases: Mapping[str, Case]
    left_out: Sequence[str]
    rows: Sequence[Conversation] = field(default=())
    kind: str = "category"
    facts: Sequence[str] = ("judged by BFCL's rules, success is its verdict",)

    def begins(self, row: Conversation) -> Iterator[Conversation]:
        case = self.cases[row.id]
        yield Conversation(case.id, case.messages, case.tools)

    async def play(self, row: Conversation, speaker: Speaker, bounds: Bounds) -> Played:
        (talk,) = self.begins(row)
        try:
            said = await speaker.say(talk, view=row.id, thinks=False)
        finally:
            speaker.forget(row.id)
        messages = (said.message,) if said.message is not None else ()
        return Played(row.id, (PlayedTurn(messages, said.unread, said.problem),))

    def setting(self, row: Conversation) -> str:
        return ""

    def judge(self, row: Conversation, played: Played) -> Outcome:
        return judge_case(self.cases[row.id], played.turns[0])


def on_bfcl(folder: Path, *, categories: Collection[str] = (), limit: int | None = None) -> OnBfcl:
    """BFCL's questions in a folder; of each category as many as ``limit`` says. Raises BadInput where there is none to score."""
    benchmark = load_bfcl(folder, categories)
    counts: Counter[str] = Counter()
    cases: dict[str, Case] = {}
    for case in map(undotted, benchmark.cases):
        counts[case.category] += 1
        if limit is None or counts[case.category] <= limit:
            cases[case.id] = case
    return OnBfcl(f"BFCL, {folder}", cases, benchmark.left_out, [_shown(case) for case in cases.values()])


def _shown(case: Case) -> Conversation:
    """A case as a row with one turn: what is said before the last message of the user belongs to the setting."""
    row = as_row(case)
    last = max(index for index, message in enumerate(row.messages) if message.role == "user")
    return replace(row, messages=(*[m for m in row.messages[:last] if m.role == "system"], *row.messages[last:]))
