"""The shared English loads, is well formed in the notation of phrases.yaml, and says nothing that could pass for a value."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import gen.planning
import gen.teachers
from gen.yaml_file import read_yaml

TEACHERS = Path(gen.teachers.__file__).parent
ENGLISH: dict[str, Any] = read_yaml(TEACHERS / "english.yaml").data
ACTS: dict[str, list[str]] = read_yaml(TEACHERS / "acts.yaml").data["rules"]
PERSONAS: dict[str, dict[str, Any]] = read_yaml(Path(gen.planning.__file__).parent / "personas.yaml").data
RULES: dict[str, list[str]] = ENGLISH["rules"]

AT_LEAST = {
    "hello_casual": 15,
    "hello_formal": 18,
    "thanks_casual": 15,
    "thanks_formal": 25,
    "urgency": 15,
    "aside_story": 50,
    "aside_plain": 60,
    "aside_formal_news": 15,
    "aside_formal_story": 15,
    "aside_formal_plain": 20,
    "aside_unknown": 25,
    "aside_unknown_formal": 35,
    "aside_idle": 15,
    "aside_idle_formal": 12,
    "ask_do": 50,
    "ask_do_formal": 25,
    "ask_want": 40,
    "ask_want_formal": 20,
    "ask_know": 50,
    "ask_know_formal": 25,
    "and_also": 20,
    "then_follow": 25,
    "yes": 40,
    "yes_formal": 15,
    "no": 25,
    "it_is": 30,
    "it_is_formal": 15,
    "correction_before": 40,
    "correction_after": 30,
    "same_again_read": 20,
    "same_again_write": 20,
    "on_it": 25,
    "closing_offer": 25,
    "you_are_welcome": 30,
    "bye_user": 40,
    "bye_user_formal": 20,
    "apology": 20,
    "retry_note": 8,
    "ask_lead": 20,
}
SLOTS = {
    "ask_do": {"do"},
    "ask_do_formal": {"do"},
    "ask_want": {"want"},
    "ask_want_formal": {"want"},
    "ask_know": {"know"},
    "ask_know_formal": {"know"},
    "it_is": {"value"},
    "it_is_formal": {"value"},
    "correction_before": {"old", "new"},
    "correction_before_formal": {"old", "new"},
    "correction_after": {"old", "new"},
    "correction_after_formal": {"old", "new"},
    "same_again_read": {"it"},
    "same_again_write": {"it"},
    "think_need": {"gist"},
    "think_tool": {"tool"},
    "think_given": {"param", "value"},
    "think_known": {"param", "value"},
    "think_missing": {"param"},
    "think_changed": {"new"},
    "think_date": {"said", "value", "today"},
    "think_match": {"value"},
    "think_match_by": {"said", "value"},
    "think_search_by": {"said"},
    "think_words": {"said", "value", "param"},
    "think_sum": {"said", "value", "param"},
}
MANY_THOUGHTS = """need tool given known missing parallel confirm_first confirmed no_tool off_topic
known_already retry refused changed date search_first match"""
MAY_LEAVE_OUT = {"old", "param"}
ASSISTANT = {
    "on_it",
    "closing_offer",
    "you_are_welcome",
    "apology",
    "retry_note",
    "ask_lead",
}
VALUE_WORDS = re.compile(
    r"\d|\b(mon|tues|wednes|thurs|fri|satur|sun)days?\b|\b(january|february|april|june|july|august|september|october|november|december)\b"
    r"|\b(today|tomorrow|yesterday|tonight|two|three|four|five|six|seven|eight|nine|ten|hundred|thousand|twice|weekly|monthly|yearly)\b",
    re.IGNORECASE,
)


def texts() -> Iterator[tuple[str, str]]:
    """Every text in the notation, with the name of its list."""
    for name, alternatives in RULES.items():
        yield from ((name, text) for text in alternatives)
    yield from (("offtopic", text) for text in ENGLISH["offtopic"])
    for pair in ENGLISH["smalltalk"]:
        yield from (("smalltalk.user", text) for text in pair["user"])
        yield from (("smalltalk.assistant", text) for text in pair["assistant"])


def ways(text: str, depth: int = 0) -> int:
    """How many sentences a text stands for, rules expanded (a lower bound: rules in rules stop at depth six)."""
    total = 1
    for group in re.findall(r"\{([^{}]*)\}", text):
        total *= len(group.split("|"))
    for rule in re.findall(r"\[(\w+)\]", text) if depth < 6 else ():
        total *= sum(ways(alternative, depth + 1) for alternative in RULES[rule])
    return total


def test_every_alternative_is_a_text_and_none_stands_twice_in_its_list() -> None:
    for name, text in texts():
        assert isinstance(text, str) and text.strip() == text and text, (name, text)
    for name, alternatives in RULES.items():
        doubled = {text for text in alternatives if alternatives.count(text) > 1}
        assert doubled <= {"my [relation]", "<value>"}, (name, doubled)


@pytest.mark.parametrize(("opening", "closing"), ["{}", "[]", "<>", "()"])
def test_brackets_are_balanced(opening: str, closing: str) -> None:
    for name, text in texts():
        depth = 0
        for character in text:
            depth += (character == opening) - (character == closing)
            assert depth >= 0, (name, text)
        assert depth == 0, (name, text)


def test_bars_stand_in_braces() -> None:
    for name, text in texts():
        flat = text
        while (inner := re.sub(r"\{[^{}]*\}", "", flat)) != flat:
            flat = inner
        assert "|" not in flat, (name, text)


def test_every_rule_that_is_used_is_there_and_none_leads_back_to_itself() -> None:
    uses = {name: {rule for text in alternatives for rule in re.findall(r"\[(\w+)\]", text)} for name, alternatives in RULES.items()}
    assert {rule for _, text in texts() for rule in re.findall(r"\[(\w+)\]", text)} <= set(RULES)
    finished: set[str] = set()
    while ready := {name for name, used in uses.items() if name not in finished and used <= finished}:
        finished |= ready
    assert finished == set(RULES)


def test_each_list_uses_the_slots_that_its_place_fills() -> None:
    for name, text in texts():
        slots = set(re.findall(r"<(\w+)>", text))
        allowed = SLOTS.get(name, set())
        assert slots <= allowed, (name, text)
        assert allowed - slots <= MAY_LEAVE_OUT, (name, text)


@pytest.mark.parametrize("name", sorted(AT_LEAST))
def test_there_are_many_ways(name: str) -> None:
    assert len(RULES[name]) >= AT_LEAST[name]


def test_thoughts_have_many_ways_and_end_in_a_stop() -> None:
    for name in MANY_THOUGHTS.split():
        assert len(RULES[f"think_{name}"]) >= 25, name
    for name, text in texts():
        if name.startswith("think_"):
            assert text[-1] in ".?", (name, text)


def test_the_assistant_speaks_in_sentences_and_users_without_final_punctuation() -> None:
    for name, text in texts():
        if name in ASSISTANT or name == "smalltalk.assistant":
            assert text[-1] in ".!?", (name, text)
        elif name.startswith(("ask_", "aside", "offtopic", "bye", "yes", "no")):
            assert text[-1] not in ".!?;", (name, text)


def test_colour_holds_no_word_that_could_be_taken_for_a_value() -> None:
    for name, text in texts():
        if name != "think_date":  # it speaks of today, and its slots say which day
            spoken = re.sub(r"<\w+>", "", text)
            assert not VALUE_WORDS.search(spoken), (name, text)


def test_variety() -> None:
    assert len(RULES["her_name"]) + len(RULES["his_name"]) >= 80
    assert len(ENGLISH["smalltalk"]) >= 40
    assert sum(ways(text) for text in ENGLISH["offtopic"]) >= 5000
    assert len(ENGLISH["offtopic"]) >= 150
    assert sum(ways(text) for text in RULES["aside"]) >= 10_000


def test_rules_for_formal_people_stand_beside_the_common_ones_and_use_the_same_slots() -> None:
    for rules in (RULES, ACTS):
        for name in rules:
            common = name.removesuffix("_formal")
            if common == name or f"{common}_casual" in rules:
                continue
            used = {slot for text in rules[common] for slot in re.findall(r"<(\w+)>", text)}
            assert {slot for text in rules[name] for slot in re.findall(r"<(\w+)>", text)} <= used, name


def test_personas_have_all_their_rates() -> None:
    assert len(PERSONAS) >= 12
    shares = {"greeting", "thanks", "aside", "why", "urgency", "typos", "abbreviations", "no_punctuation", "run_on", "exclaim"}
    shares |= {"drop_article", "question_mark_drop"}
    for name, persona in PERSONAS.items():
        assert set(persona) - {"non_native"} == shares | {"manner", "voice", "forms", "formal"}, name
        assert persona["manner"].startswith(("You ", "English ")), name
        assert set(persona["voice"]) == {"casual", "words", "lower", "us"}, name
        assert set(persona["forms"]) == {"do", "want", "know", "ask", "say", "short"}, name
        assert isinstance(persona["formal"], bool), name
        assert all(0 <= persona[share] <= 1 for share in shares), name
        assert all(0 <= rate <= 1 for rate in persona["voice"].values()), name


def test_formal_people_write_whole_words_and_sentences() -> None:
    for name, persona in PERSONAS.items():
        if persona["formal"]:
            assert persona["abbreviations"] == persona["run_on"] == persona["exclaim"] == 0, name


def test_short_forms_and_rewrites() -> None:
    for phrase, short in ENGLISH["abbreviations"].items():
        assert short and all(isinstance(form, str) and not re.search(r"\d", form) for form in short), phrase
    for rewrite in ENGLISH["non_native"]:
        assert set(rewrite) == {"from", "to"} and rewrite["from"] != rewrite["to"], rewrite


def test_no_rule_is_left_unsaid() -> None:
    """Every shared rule is spoken by an act, or by another rule or phrase."""
    code = "\n".join(path.read_text(encoding="utf-8") for path in TEACHERS.glob("*.py"))
    sources = [*TEACHERS.glob("*.yaml"), *(Path(__file__).parent.parent / "schemas").glob("*/phrases.yaml")]
    data = [path.read_text(encoding="utf-8") for path in sources]
    named = set(re.findall(r"[\"'](\w+)[\"']", code)) | set(re.findall(r"\[([a-z_]\w*)\]", "\n".join(data)))
    assert [name for name in RULES if name not in named and name.removesuffix("_formal") not in named] == []
