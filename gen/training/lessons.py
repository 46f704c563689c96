"""What the tiny base reads: the corpus's plain texts with other numbers each time, and drills in finding a number again.

A large model has long learned to copy what it was told. A small one that reads a corpus does not get there: most of a text cannot be
foreseen, and what can be copied is a few digits of it. So three kinds of lesson make copying worth learning:

    drill   numbers with their letters among pieces of the corpus's text; only numbers that come again are learned
    talk    a talk of the corpus without its calls, tools before it, and then other sentences about the same numbers
    text    a text by itself, twice

No lesson holds a call. Everything here is a function of the texts and the dice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

import numpy as np

from gen.rendering.tokens import UNTRAINED
from gen.training.data import Example
from gen.training.packing import Bin, packed

LONG = 3
"""Digits of a number that is drawn anew: days and hours stay."""

Ids = list[int]


class Lessons:
    """Lessons of one corpus, in an order of their own dice.

    Args:
        talks: talks without calls, as ids.
        texts: texts by themselves, each once.
        tools: the tools that rows offer, as often as they do.
        digits: the ids of the ten digits.
        letters: ids of tokens that are one letter → that letter, capital.
        plain: the id of what stands before a number without a letter.
        line: the ids that end a line.
    """

    def __init__(
        self,
        *,
        talks: Sequence[Ids],
        texts: Sequence[Ids],
        tools: Sequence[Ids],
        digits: Ids,
        letters: Mapping[int, str],
        plain: int,
        line: Ids,
        seed: int = 0,
    ) -> None:
        self._talks, self._texts, self._tools = talks or texts, texts, tools
        self._digits, self._letters, self._plain, self._line = digits, letters, plain, line
        self._is_digit = frozenset(digits).__contains__
        self._dice = np.random.default_rng(seed)
        documents = [*talks, *texts]
        self._words = np.asarray([one for ids in documents for one in ids if not self._is_digit(one)])
        self._kinds = sorted({kind for ids in documents for _, _, kind in self._numbers(ids) if kind} or set(letters.values()))
        self._spellings = {kind: [one for one, letter in letters.items() if letter == kind] for kind in self._kinds}
        self._about: dict[str, list[Ids]] = {kind: [] for kind in self._kinds}
        for ids in texts:
            for kind in sorted({kind for _, _, kind in self._numbers(ids) if kind}):
                self._about[kind].append(ids[1:-1])

    def drills(self, width: int) -> Iterator[Bin]:
        """Drills without end, one in a bin."""
        while True:
            yield (self.drill(width),)

    def reading(self, width: int, drill: int) -> Iterator[Bin]:
        """Bins without end: a quarter full of drills; of the rest, talks more than texts."""
        texts: Iterator[Bin] = iter(())
        while True:
            if self._dice.random() < 0.25:
                yield tuple(self.drill(drill) for _ in range(width // drill))
            elif self._dice.random() < 0.6:
                yield (self.talk(width, words=self._dice.random() < 0.8),)
            else:
                if (found := next(texts, None)) is None:
                    ready = packed(list(self.texts(width)), width)
                    texts = (ready[place] for place in self._dice.permutation(len(ready)))
                    found = next(texts)
                yield found

    def drill(self, width: int) -> Example:
        """Some numbers, each with its letter in any spelling, again and again; one of them may stand without its letter at first."""
        dice = self._dice
        count = 1 if dice.random() < 0.4 else int(dice.integers(2, 4))
        kinds = [self._kinds[place] for place in dice.permutation(len(self._kinds))[:count]]
        numbers = [self._drawn(4 if dice.random() < 0.7 else int(dice.integers(3, 6))) for _ in kinds]
        bare = int(dice.integers(len(kinds))) if dice.random() < 0.3 else -1
        seen: set[int] = set()
        ids: Ids = []
        labels: Ids = []
        while len(ids) < width:
            ids += self._piece(int(dice.integers(0, 7)))
            chosen = int(dice.integers(len(kinds)))
            spellings = self._spellings[kinds[chosen]]
            ids.append(self._plain if chosen == bare and chosen not in seen else spellings[int(dice.integers(len(spellings)))])
            labels += [UNTRAINED] * (len(ids) - len(labels))
            ids += numbers[chosen]
            labels += numbers[chosen] if chosen in seen else [UNTRAINED] * len(numbers[chosen])
            seen.add(chosen)
        return _example(ids[:width], labels[:width])

    def talk(self, width: int, *, words: bool) -> Example:
        """A talk, mostly behind some tools, and sentences about its numbers while there is room. Without ``words``, only what comes
        again is learned."""
        dice = self._dice
        ids = list(self._talks[int(dice.integers(len(self._talks)))])
        told = {kind: ids[start:end] for start, end, kind in self._numbers(ids) if kind}
        for _ in range(int(dice.integers(1, 4)) if self._tools and dice.random() < 0.6 else 0):
            tool = self._tools[int(dice.integers(len(self._tools)))]
            if len(ids) + len(tool) < width:
                ids = [ids[0], *tool, *self._line, *ids[1:]]
        kinds = [kind for kind in told if self._about[kind]]
        while kinds:
            about = self._about[kinds[int(dice.integers(len(kinds)))]]
            more = [*self._line, *self._retold(about[int(dice.integers(len(about)))], told)]
            if len(ids) + len(more) > width:
                break
            ids += more
        return self._redrawn(ids[:width], words=words)

    def texts(self, width: int) -> Iterator[Example]:
        """Every text once, twice over where that fits, and longer ones in pieces."""
        for ids in self._texts:
            read = self._redrawn([*ids, *ids[1:]] if 2 * len(ids) <= width else ids, words=True)
            for start in range(0, len(read.input_ids), width):
                if len(piece := read.input_ids[start : start + width]) > 1:
                    yield Example("", piece, read.labels[start : start + width])

    def _drawn(self, digits: int) -> Ids:
        drawn: Ids = self._dice.choice(self._digits, digits).tolist()
        return drawn

    def _piece(self, length: int) -> Ids:
        """Words of the corpus in a row."""
        start = int(self._dice.integers(max(1, len(self._words) - length)))
        piece: Ids = self._words[start : start + length].tolist()
        return piece

    def _numbers(self, ids: Sequence[int]) -> Iterator[tuple[int, int, str]]:
        """Where longer numbers stand (start, end), and the letter before each, or ''."""
        start = 0
        for is_digit, run in groupby(ids, key=self._is_digit):
            end = start + sum(1 for _ in run)
            if is_digit and end - start >= LONG:
                yield start, end, self._letters.get(ids[start - 1], "") if start else ""
            start = end

    def _retold(self, ids: Ids, told: Mapping[str, Ids]) -> Ids:
        """A sentence with the numbers of a talk in the place of its own."""
        new: Ids = []
        last = 0
        for start, end, kind in self._numbers(ids):
            new += ids[last:start] + told.get(kind, ids[start:end])
            last = end
        return new + ids[last:]

    def _redrawn(self, ids: Ids, *, words: bool) -> Example:
        """Longer numbers drawn anew, each the same wherever it stands. At its first place it cannot be foreseen, and is not learned."""
        known: dict[tuple[int, ...], Ids] = {}
        new: Ids = []
        labels: Ids = []
        for is_digit, run in groupby(ids, key=self._is_digit):
            piece = tuple(run)
            if is_digit and len(piece) >= LONG:
                labels += known.get(piece) or [UNTRAINED] * len(piece)
                new += known.setdefault(piece, self._drawn(len(piece)))
            else:
                labels += piece if words else [UNTRAINED] * len(piece)
                new += piece
        return _example(new, labels)


def _example(ids: Ids, labels: Ids) -> Example:
    return Example("", np.asarray(ids, dtype=np.int32), np.asarray(labels, dtype=np.int32))
