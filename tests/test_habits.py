"""What a persona does to its words it does to words only: values stay as they are, and a rate of nought does nothing."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gen.dice import Dice, dice
from gen.planning.personas import Persona, personas
from gen.teachers import finish
from gen.teachers.habits import NEIGHBOURS, Habits
from gen.teachers.phrases import english

SHARED = english().data
HABITS = Habits(SHARED["abbreviations"], SHARED["non_native"])
OWN = Habits({"please": ["pls"], "thank you": ["thx"], "you": ["u"]}, [{"from": "I would like", "to": "I want"}])
NOBODY = Persona("nobody", {}, {})
RATES = ("typos", "abbreviations", "no_punctuation", "run_on", "exclaim", "drop_article", "question_mark_drop", "non_native")
EVERYTHING = replace(NOBODY, **dict.fromkeys(RATES, 1.0))

WORDS = st.lists(
    st.sampled_from(
        ["please", "the", "a payment", "thank you", "I would like", "because", "you're", "refund.", "And,", "it's", "an order", "tomorrow?"]
    ),
    max_size=8,
).map(" ".join)
VALUES = st.text(alphabet="abcdefgh IJK0123-.,€'’:@please the", min_size=1, max_size=14)
PIECES = st.lists(WORDS | VALUES.map(finish.value), max_size=6).map(" ".join)
SEEDS = st.integers(0, 2**32)


def values(text: str) -> list[str]:
    return re.findall(f"{finish.START}([^{finish.END}]*){finish.END}", text)


def sure(habits: Habits, text: str, seed: int = 1, **rates: Any) -> str:
    return habits.apply(text, replace(NOBODY, **rates), dice(seed))


@given(PIECES, SEEDS, st.sampled_from([EVERYTHING, *personas().values()]))
def test_values_are_never_touched(text: str, seed: int, persona: Persona) -> None:
    assert values(HABITS.apply(text, persona, Dice(seed))) == values(text)


@given(PIECES, SEEDS)
def test_who_has_no_habits_types_what_was_said(text: str, seed: int) -> None:
    assert HABITS.apply(text, NOBODY, Dice(seed)) == text


@given(PIECES, SEEDS, st.sampled_from(sorted(personas())))
def test_the_same_die_types_the_same(text: str, seed: int, name: str) -> None:
    persona = personas()[name]
    assert HABITS.apply(text, persona, Dice(seed)) == HABITS.apply(text, persona, Dice(seed))


@pytest.mark.parametrize("name", sorted(personas()))
def test_the_rates_of_our_personas_are_rates(name: str) -> None:
    persona = personas()[name]
    assert all(0 <= getattr(persona, rate) <= 1 for rate in (*RATES, "greeting", "thanks", "aside", "why", "urgency", "hedge"))
    assert set(persona.forms) <= {"do", "want", "know", "ask", "say", "short"} and sum(persona.forms.values()) > 0


# -- each habit, always


def test_abbreviations_the_longest_first_and_not_before_an_apostrophe() -> None:
    assert sure(OWN, "Please, thank you and you and you're", abbreviations=1.0) == "pls, thx and u and you're"


def test_a_non_natives_turns() -> None:
    assert sure(OWN, "Well, I would like it", non_native=1.0) == "Well, I want it"
    assert sure(OWN, "Well, I would likely go", non_native=1.0) == "Well, I would likely go"


def test_articles_are_dropped_and_nothing_that_looks_like_one() -> None:
    assert sure(OWN, "the payment for a train, an order, their area, a", drop_article=1.0) == "payment for train, order, their area, a"
    assert sure(OWN, "thanks a lot, in a bit, the bit I paid", drop_article=1.0) == "thanks a lot, in a bit, the bit I paid"


@pytest.mark.parametrize("seed", range(30))
def test_one_slip_in_every_long_word_and_none_in_short_ones(seed: int) -> None:
    typed = sure(OWN, "it is the refund of yesterday", seed, typos=1.0).split(" ")
    assert typed[:3] == ["it", "is", "the"] and typed[4] == "of"
    for word, slip in (("refund", typed[3]), ("yesterday", typed[5])):
        assert slip[0] == word[0]
        assert abs(len(slip) - len(word)) <= 1
        assert len(set(slip) - set(word)) <= 1


def test_neighbours_on_the_keyboard_are_letters_and_never_the_letter_itself() -> None:
    assert set(NEIGHBOURS) == set("abcdefghijklmnopqrstuvwxyz")
    assert all(near and letter not in near and near.isalpha() for letter, near in NEIGHBOURS.items())


@pytest.mark.parametrize("seed", range(6))
def test_who_runs_on_sets_no_inner_stops(seed: int) -> None:
    said = sure(OWN, "It is late. I wait, still; done.", seed, run_on=1.0)
    assert re.fullmatch(r"It is late,? I wait,? still,? done\.", said)


@pytest.mark.parametrize(
    ("text", "rate", "said"),
    [
        ("Is it paid?", "question_mark_drop", {"Is it paid"}),
        ("It is.", "no_punctuation", {"It is"}),
        ("It is.", "exclaim", {"It is!", "It is!!"}),
        ("Is it?", "no_punctuation", {"Is it?"}),
        ("Is it?", "exclaim", {"Is it?"}),
        ("It is!", "no_punctuation", {"It is!"}),
        ("It is.", "question_mark_drop", {"It is."}),
    ],
)
def test_final_marks(text: str, rate: str, said: set[str]) -> None:
    assert {sure(OWN, text, seed, **{rate: 1.0}) for seed in range(30)} == said
