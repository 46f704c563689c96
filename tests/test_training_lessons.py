"""What the tiny base reads: numbers that come again are learned where they can be known, and nowhere else; and Muon's steps."""

from __future__ import annotations

from itertools import islice

import numpy as np

from gen.rendering.tokens import UNTRAINED
from gen.training.data import Example
from gen.training.lessons import Ids, Lessons

DIGITS = list(range(10))
LETTERS = {20: "T", 21: "T", 30: "C"}
BARE, LINE = 40, 41
TALK = [50, 20, 1, 2, 3, 4, 51, 30, 7, 7, 7, 52]
TEXTS = [[60, 61, 21, 9, 8, 7, 6, 62, 63], [60, 30, 5, 5, 6, 64, 1, 7, 63], [60, 65, 66, 63]]
TOOL = [70, 71]


def lessons(seed: int = 0) -> Lessons:
    return Lessons(talks=[TALK], texts=TEXTS, tools=[TOOL], digits=DIGITS, letters=LETTERS, plain=BARE, line=[LINE], seed=seed)


def numbers(ids: Ids) -> list[tuple[int, str, tuple[int, ...]]]:
    """Where runs of digits begin, the letter before them, and the digits."""
    found, start = [], 0
    while start < len(ids):
        end = start
        while end < len(ids) and ids[end] in DIGITS:
            end += 1
        if end - start >= 3:
            found.append((start, LETTERS.get(ids[start - 1], ""), tuple(ids[start:end])))
        start = max(end, start + 1)
    return found


def learned(example: Example) -> set[int]:
    labels = example.labels
    assert all(label in (UNTRAINED, token) for label, token in zip(labels, example.input_ids, strict=True))
    return {place for place, label in enumerate(labels.tolist()) if label != UNTRAINED}


def test_a_drill_teaches_the_digits_of_numbers_that_came_before() -> None:
    known_letters = 0
    for example in (one for (one,) in islice(lessons().drills(64), 60)):
        ids, places = example.input_ids.tolist(), learned(example)
        assert len(ids) == 64
        before: list[tuple[int, ...]] = []
        told: dict[str, tuple[int, ...]] = {}
        for start, letter, number in numbers(ids):
            whole = start + len(number) < 64  # the last may be cut by the width
            again = {start + n in places for n in range(len(number))}
            assert len(again) == 1
            if again == {True}:
                assert not whole or number in before
                if letter in told and whole:
                    assert number == told[letter]
                    known_letters += 1
            before.append(number)
            told.setdefault(letter, number) if letter else None
        assert all(ids[place] in DIGITS for place in places)
    assert known_letters > 100


def test_a_talk_goes_on_with_sentences_about_its_numbers() -> None:
    school = lessons()
    with_tool = 0
    for words in (True, False):
        for _ in range(30):
            example = school.talk(48, words=words)
            ids, places = example.input_ids.tolist(), learned(example)
            assert len(ids) <= 48 and ids[0] == 50
            with_tool += ids[1:4] == [*TOOL, LINE]
            told: dict[str, tuple[int, ...]] = {}
            for start, letter, number in numbers(ids):
                first = letter not in told
                assert told.setdefault(letter, number) == number
                assert {start + n in places for n in range(len(number))} == {not first}
            assert set(told) == {"T", "C"} and told["T"] != (1, 2, 3, 4)
            assert words or all(ids[place] in DIGITS for place in places)
    assert 20 < with_tool < 55


def test_a_text_is_read_twice_and_its_numbers_are_others_each_time() -> None:
    school = lessons()
    (first, *_), (second, *_) = list(school.texts(32)), list(school.texts(32))
    ids = first.input_ids.tolist()
    assert ids[1:9] == ids[9:] and ids[:3] == TEXTS[0][:3] and ids[3:7] != second.input_ids.tolist()[3:7]
    assert learned(first) == set(range(17)) - {3, 4, 5, 6}
    short = list(school.texts(8))
    assert [len(one.input_ids) for one in short] == [8, 8, 7]  # the rest of the first, one token, teaches nothing


def test_reading_mixes_all_and_follows_from_its_seed() -> None:
    bins = list(islice(lessons().reading(64, 16), 200))
    assert all(sum(len(one.input_ids) for one in chosen) <= 64 for chosen in bins)
    drills = sum(len(chosen) == 4 and all(len(one.input_ids) == 16 for one in chosen) for chosen in bins)
    assert 30 < drills < 70
    again = list(islice(lessons().reading(64, 16), 200))
    assert all(np.array_equal(a.input_ids, b.input_ids) for x, y in zip(bins, again, strict=True) for a, b in zip(x, y, strict=True))
    other = list(islice(lessons(1).reading(64, 16), 200))
    assert any(len(x) != len(y) for x, y in zip(bins, other, strict=True))


def test_texts_without_a_number_and_without_tools_make_lessons_too() -> None:
    plain = Lessons(talks=[], texts=[[60, 65, 66, 63]], tools=[], digits=DIGITS, letters=LETTERS, plain=BARE, line=[LINE])
    assert all(any(learned(one)) for (one,) in islice(plain.drills(64), 20))
    assert sum(len(chosen) for chosen in islice(plain.reading(64, 16), 50)) >= 50
