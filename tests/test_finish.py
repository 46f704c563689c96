"""From a realised phrase to a written message: dates after prepositions, articles, capitals, questions, stops and spaces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gen.teachers import finish
from gen.teachers.finish import capitals, plain, settle, stop
from gen.teachers.simulated_user import ELLIPTIC

WORDS = st.lists(st.sampled_from(["a", "payment", "on", "from", ",", ".", "it", "twice", "!"]), max_size=8).map(" ".join)


def written(text: str) -> str:
    return plain(capitals(settle(text)))


def dated(text: str, adverbial: str = "on 10 March", bare: str = "10 March") -> str:
    return plain(settle(text.replace("<d>", finish.date(adverbial, bare))))


# -- dates


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("it was paid <d>", "it was paid on 10 March"),
        ("it was paid on <d>", "it was paid on 10 March"),
        ("On <d> it was paid", "on 10 March it was paid"),
        ("from <d>", "from 10 March"),
        ("between <d> and <d>", "between 10 March and 10 March"),
        ("since <d>", "since 10 March"),
        ("by <d>, please", "by 10 March, please"),
        ("until <d>", "until 10 March"),
        ("the payment of <d>", "the payment of 10 March"),
        ("the date is <d>", "the date is 10 March"),
        ("From <d>", "From 10 March"),
        ("<d>", "on 10 March"),
        ("can we do <d>?", "can we do on 10 March?"),
    ],
)
def test_a_date_takes_its_preposition_unless_another_stands_there(text: str, said: str) -> None:
    assert dated(text) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [("paid <d>", "paid yesterday"), ("paid on <d>", "paid yesterday"), ("from <d>", "from yesterday"), ("it was <d>", "it was yesterday")],
)
def test_yesterday_never_takes_on(text: str, said: str) -> None:
    assert dated(text, "yesterday", "yesterday") == said


def test_a_date_with_its_own_article_takes_no_second_one() -> None:
    assert dated("the <d> payment", "on the 10th", "the 10th") == "the 10th payment"


# -- articles


@pytest.mark.parametrize(
    ("next_word", "article"),
    [
        ("order", "an"), ("invoice", "an"), ("payment", "a"), ("hour", "an"), ("hotel", "a"), ("honest mistake", "an"), ("user", "a"),
        ("unpaid bill", "an"), ("one-way ticket", "a"), ("euro", "a"), ("European trip", "a"), ("union", "a"), ("umbrella", "an"),
        ("8 euro fee", "an"), ("11 euro fee", "an"), ("18 euro fee", "an"), ("80 euro fee", "an"), ("1 euro fee", "a"),
        ("110 euro fee", "a"), ("Upgrade", "an"), ("T-shirt", "a"),
    ],
)  # fmt: skip
def test_a_or_an_by_the_sound_of_the_next_word(next_word: str, article: str) -> None:
    assert plain(settle(f"a\x01 {next_word}")) == f"{article} {next_word}"
    assert plain(settle(f"a\x01 {finish.value(next_word)}")) == f"{article} {next_word}"


def test_a_capital_article_stays_one() -> None:
    assert settle("A\x01 order") == "An order"


# -- capitals


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("hello there. how are you? fine! good", "Hello there. How are you? Fine! Good"),
        ("i think i'm late, and i've paid; i", "I think I'm late, and I've paid; I"),
        ("it is me, i’ll wait", "It is me, I’ll wait"),
        ("one\ntwo", "One\nTwo"),
        ('"yes" she said. "no" he said', '"Yes" she said. "No" he said'),
        ("so… well", "So… Well"),
        ("élodie paid", "Élodie paid"),
        ("it cost 3.50 euros", "It cost 3.50 euros"),
        ("see www.example.com now", "See www.example.com now"),
        ("(maybe) later", "(Maybe) later"),
        ("use retrieve_payment_status. retrieve_payment_status it is", "Use retrieve_payment_status. retrieve_payment_status it is"),
    ],
)
def test_sentences_and_i_have_their_capitals(text: str, said: str) -> None:
    assert capitals(text) == said


@given(WORDS)
def test_capitals_set_twice_are_set_once(text: str) -> None:
    assert capitals(capitals(text)) == capitals(text)


# -- stops


@pytest.mark.parametrize(
    "text",
    [
        "can you refund it",
        "could you please look",
        "hi, is it paid",
        "so when was it paid",
        "what's the status",
        "isn't it there yet",
        "please can you check",
        "sorry, did it arrive",
        "any news",
        "ok and where is it",
        "How much was it",
    ],
)
def test_a_question_ends_with_its_mark(text: str) -> None:
    assert stop(text) == text + "?"


@pytest.mark.parametrize(
    "text",
    ["refund it", "I need a refund", "candy is dandy", "whatever", "please send it", "I wonder what it is", "canned food is what I bought"],
)
def test_a_statement_ends_with_a_stop(text: str) -> None:
    assert stop(text) == text + "."


@pytest.mark.parametrize("text", ["done.", "really?", "no!", "well…", "the following:", "a smile :)", ""])
def test_what_has_its_mark_keeps_it(text: str) -> None:
    assert stop(text) == text


@pytest.mark.parametrize(("text", "asks"), [("T1187 paid yet", True), ("T1187, paid or not", True), ("status of T1187", False)])
def test_a_short_question_needs_no_verb(text: str, asks: bool) -> None:
    assert (ELLIPTIC.search(text) is not None) == asks


def test_the_caller_may_know_better() -> None:
    assert stop("it is paid", question=True) == "it is paid?"
    assert stop("can do", question=False) == "can do."


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("done.. ", "done."),
        ("done. .", "done."),
        ("really?.", "really?"),
        ("wait,.", "wait."),
        ("no , yes", "no, yes"),
        ("a  b   c", "a b c"),
        (" a ", "a"),
        ("well...", "well..."),
        ("what?!", "what?!"),
        ("3.50.", "3.50."),
        ("line \nnext", "line\nnext"),
    ],
)
def test_stops_and_spaces_are_mended(text: str, said: str) -> None:
    assert settle(text) == said


# -- marks


@given(WORDS)
def test_nothing_of_the_marks_is_left(text: str) -> None:
    marked = f"{text} a\x01 {finish.value('item')} {finish.date('on Monday', 'Monday')} {text}"
    assert not set(written(marked)) & {"\x00", "\x01", "\x02", "\x03", "\x04"}


@given(st.text(alphabet="abcXYZ019-€", min_size=1))
def test_a_value_inside_a_sentence_stays_as_it_is(value: str) -> None:
    assert written(f"the payment {finish.value(value)} was made") == f"The payment {value} was made"


def test_nobody_is_helped_to_have_something() -> None:
    assert settle("please help me have it back") == "please help me get it back"
    assert settle("help me to have a list") == "help me to get a list"
    assert settle("help me  have it back") == "help me get it back"
    assert settle("help me haveli") == "help me haveli"
