"""The notation of phrases: alternatives, values, rules, numbers, articles, weights and conditions; what is malformed has its place."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gen.dice import dice
from gen.errors import BadInput
from gen.teachers.finish import settle
from gen.teachers.grammar import Grammar, NoPhrase, Phrase, choose, holds, realise
from gen.yaml_file import parse_yaml


class Speaker:
    """A speaker with these values."""

    def __init__(self, *labels: object, plural: bool = False, **values: str) -> None:
        self.die = dice(1, *map(str, labels))
        self.plural = plural
        self.values = values

    def has(self, slot: str) -> bool:
        return slot in self.values

    def value(self, slot: str, form: str) -> str:
        return f"{self.values[slot]}:{form}" if form else self.values[slot]


def phrases(yaml: str, grammar: Grammar | None = None) -> list[Phrase]:
    source = parse_yaml(yaml, Path("phrases.yaml"))
    return (grammar or Grammar()).phrases(source, source.data, ("it",))


def all_of(text: str, n: int = 400, grammar: Grammar | None = None, **speaker: Any) -> Counter[str]:
    """How often each realisation of one phrase comes up."""
    compiled = phrases(f"- {text!r}", grammar)
    return Counter(realise(compiled, Speaker(i, **speaker)) for i in range(n))


# -- alternatives


def test_plain_text_is_said_as_it_is() -> None:
    assert set(all_of("hello, it is 5 o'clock (really)")) == {"hello, it is 5 o'clock (really)"}


def test_alternatives_are_equally_likely() -> None:
    counts = all_of("{a|b|c} x", 3000)
    assert set(counts) == {"a x", "b x", "c x"}
    assert max(counts.values()) - min(counts.values()) < 150


def test_an_alternative_may_be_empty() -> None:
    assert set(all_of("x{| y}")) == {"x", "x y"}
    assert set(all_of("{x||y}")) == {"x", "", "y"}


def test_alternatives_nest() -> None:
    assert set(all_of("{a {b|c {d|e}}|f}")) == {"a b", "a c d", "a c e", "f"}


def test_all_combinations_come_up() -> None:
    assert set(all_of("{a|b}{c|d}{e|f}")) == {x + y + z for x in "ab" for y in "cd" for z in "ef"}


@given(
    st.recursive(
        st.sampled_from(["a", "b", " ", "c d"]),
        lambda inner: (
            st.lists(inner, min_size=1, max_size=3).map(lambda parts: "{" + "|".join(parts) + "}") | st.tuples(inner, inner).map("".join)
        ),
        max_leaves=8,
    )
)
def test_every_well_formed_phrase_says_something_without_a_mark(text: str) -> None:
    said = realise(phrases(f"- {text!r}"), Speaker(text))
    assert not set(said) & set("{|}")


# -- values


def test_a_value_is_the_speakers_in_its_form() -> None:
    assert set(all_of("<x> and <x:count>, <call.y>", x="1", **{"call.y": "2"})) == {"1 and 1:count, 2"}


def test_only_branches_whose_values_are_there_are_taken() -> None:
    assert set(all_of("a{ <x>| <y>|}", y="2")) == {"a 2", "a"}
    assert set(all_of("a{ <x> {b|<y>}|c}", y="2")) == {"ac"}


def test_only_phrases_whose_values_are_there_are_taken() -> None:
    compiled = phrases("['<x>', 'b <y>', '{<x>|<z>}']")
    assert {realise(compiled, Speaker(i, y="2")) for i in range(100)} == {"b 2"}


def test_where_nothing_fits_the_caller_hears_of_it() -> None:
    with pytest.raises(NoPhrase, match="no phrase fits"):
        realise(phrases("['<x>', '{<x> a|<y>}']"), Speaker())


def test_a_phrase_knows_what_it_mentions() -> None:
    (phrase,) = phrases("['a <x>{ <y>|}']")
    assert phrase.mentions == {"x", "y"}


# -- numbers and articles


def test_singular_and_plural() -> None:
    assert set(all_of("[has/have] <it> been [one payment/payments] here[/s]", it="it")) == {"has it been one payment here"}
    assert set(all_of("[has/have] <it> been [one payment/payments] here[/s]", it="they", plural=True)) == {"have they been payments heres"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a(n) order", "an order"),
        ("a(n) payment", "a payment"),
        ("a(n) <x>", "an invoice"),
        ("a(n) {order|order}", "an order"),
    ],
)
def test_articles_follow_the_next_word(text: str, said: str) -> None:
    assert {settle(t) for t in all_of(text, 5, x="invoice")} == {said}


# -- rules


def grammar(yaml: str) -> Grammar:
    made = Grammar()
    made.add_rules(parse_yaml("rules:\n" + yaml, Path("phrases.yaml")))
    return made


def test_rules_are_said_where_they_are_named_and_may_name_others() -> None:
    assert set(all_of("[hello] you", grammar=grammar("  hello: ['{hi|[hey]}']\n  hey: [hey, ho]\n"))) == {"hi you", "hey you", "ho you"}


def test_a_later_rule_hides_an_earlier_one_also_where_it_was_named_before() -> None:
    made = grammar("  hello: [hi]\n")
    compiled = phrases("['[hello]']", made)
    made.add_rules(parse_yaml("rules: {hello: [ahoy]}", Path("own.yaml")))
    assert realise(compiled, Speaker()) == "ahoy"
    assert made.has("hello") and not made.has("bye")
    assert made.say("hello", Speaker()) == "ahoy"


def test_a_rule_that_nobody_declared_has_the_place_where_it_is_named() -> None:
    made = grammar("  hello: [hi]\n")
    source = parse_yaml("- a\n- '[helo] b'\n", Path("own.yaml"))
    made.phrases(source, source.data, ())
    with pytest.raises(BadInput, match="there is no rule 'helo'") as caught:
        made.check(source)
    assert (caught.value.where, caught.value.hint) == ("own.yaml:2", "did you mean 'hello'?")


# -- weights and conditions


def test_weights_are_kept_to() -> None:
    compiled = phrases("[a, {say: b, weight: 3}, {say: c, weight: 0}]")
    counts = Counter(realise(compiled, Speaker(i)) for i in range(2000))
    assert set(counts) == {"a", "b"}
    assert abs(counts["b"] / 2000 - 0.75) < 0.04


@pytest.mark.parametrize(
    ("wanted", "fits", "misses"),
    [
        ("Paid", ["Paid"], ["paid", "Pending", None, 1, ["Paid"]]),
        (["Paid", "Open"], ["Paid", "Open"], ["Pending", None]),
        (3, [3, 3.0], [4, "3", True, None]),
        (0, [0], [False, None, 1, ""]),
        (True, [True], [1, False, None, "true"]),
        ("true", [True], [False, "true", 1]),
        ("false", [False], [True, None, 0]),
        (["true", "Paid"], [True, "Paid"], [False, 1]),
        ("some", ["x", 0, False, 1.5, ["a"], {"a": 1}], [None, "", [], {}]),
        ("none", [None, "", [], {}], ["x", 0, False, ["a"]]),
        ("one", [["a"], 1], [[], ["a", "b"], 2, 0, "a", None, True]),
        ("many", [["a", "b"], 2, 7], [[], ["a"], 1, 0, "ab", None]),
    ],
)
def test_conditions(wanted: object, fits: list[object], misses: list[object]) -> None:
    for value in fits:
        assert holds([("x", wanted)], {"x": value}.get), value
    for value in misses:
        assert not holds([("x", wanted)], {"x": value}.get), value


def test_all_conditions_must_hold() -> None:
    (phrase,) = phrases("[{say: a, when: {status: Paid, refund: none}}]")
    assert holds(phrase.when, {"status": "Paid"}.get)
    assert not holds(phrase.when, {"status": "Paid", "refund": "R1"}.get)
    assert not holds(phrase.when, {}.get)
    assert holds((), {}.get)


def test_each_is_a_phrase_for_the_items() -> None:
    (phrase,) = phrases("[{say: '<rows:each>', each: '<id>, <amount>'}]")
    assert phrase.each is not None
    assert phrase.each.say(Speaker(id="T1", amount="5")) == "T1, 5"


def test_the_same_die_says_the_same() -> None:
    compiled = phrases("['{a|b|c|d}{e|f|g}', '{h|i}']")
    assert [choose(compiled, Speaker(i)).say(Speaker(i)) for i in range(20)] == [
        choose(compiled, Speaker(i)).say(Speaker(i)) for i in range(20)
    ]


# -- what is malformed


@pytest.mark.parametrize(
    ("text", "what", "character"),
    [
        ("a {b|c", "a { is not closed", 7),
        ("a {b|{c}", "a { is not closed", 9),
        ("a b} c", "unexpected '}'", 4),
        ("a | b", "unexpected '|'", 3),
        ("a <b", "unexpected '<'", 3),
        ("a <b c>", "unexpected '<'", 3),
        ("a b> c", "unexpected '>'", 4),
        ("a <> c", "unexpected '<'", 3),
        ("a [b c", "unexpected '['", 3),
        ("a [b c]", "unexpected '['", 3),
        ("a ] c", "unexpected ']'", 3),
        ("a {b|[c} d", "unexpected '['", 6),
    ],
)
def test_a_malformed_phrase_is_shown_with_its_line_and_character(text: str, what: str, character: int) -> None:
    with pytest.raises(BadInput) as caught:
        phrases(f"- fine\n- {text!r}\n")
    assert caught.value.what == f"the phrase {text!r}: {what} at character {character}"


def test_the_line_is_that_of_the_alternative() -> None:
    source = parse_yaml("goals:\n  refund:\n    do:\n      - fine\n      - 'not {fine'\n", Path("own.yaml"))
    with pytest.raises(BadInput) as caught:
        Grammar().phrases(source, source.data["goals"]["refund"]["do"], ("goals", "refund", "do"))
    assert caught.value.where == "own.yaml:5"


@pytest.mark.parametrize("text", ["[]", "text", "{}", "null", "{a: b}"])
def test_what_is_no_list_of_alternatives_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="it holds no list of alternatives"):
        phrases(text)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("- [a]", "['a'] is no phrase"),
        ("- ", "None is no phrase"),
        ("- {weight: 2}", "None is no phrase"),
        ("- {say: a, wen: {x: 1}}", "unknown key 'wen' of a phrase"),
    ],
)
def test_what_is_no_phrase_is_refused(text: str, what: str) -> None:
    with pytest.raises(BadInput) as caught:
        phrases(text)
    assert caught.value.what == what


def test_numbers_and_truths_are_said_as_text() -> None:
    assert [p.say(Speaker()) for p in phrases("[7, 2.5]")] == ["7", "2.5"]
