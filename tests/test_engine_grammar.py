"""A completion that is held to a schema is whole and fits, whatever is drawn and however few tokens there are."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tiny_models import build_model

from gen.errors import BadInput
from gen.teachers.bounded import FORMATS, longest_match
from gen.teachers.engines.grammar import SLACK, Constraint, Grammars, Place, characters
from gen.teachers.engines.room import Room
from gen.teachers.envelope import LONGEST_TEXT, LONGEST_THOUGHT, assistant_schema, user_schema
from gen.teachers.tighten import tighten
from gen.tools.schema import read_tools
from gen.tools.validation import Validator

pytest.importorskip("torch")
pytest.importorskip("llguidance")

TOOLS = list(read_tools(Path(__file__).resolve().parents[1] / "schemas" / "payments" / "tools.json").values())

NODE = {
    "type": "object",
    "properties": {"label": {"type": "string", "minLength": 3}, "children": {"type": "array", "items": {"$ref": "#/$defs/node"}}},
    "required": ["label"],
}
STRANGE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "when": {"type": "string", "format": "date-time"},
        "mail": {"type": "string", "format": "email"},
        "code": {"type": "string", "pattern": '^"[^a]{2,}\\\\$'},
        "tags": {"type": "object", "additionalProperties": {"type": "number"}, "minProperties": 1},
        "tree": {"$ref": "#/$defs/node"},
        "either": {"anyOf": [{"type": "integer", "minimum": 10**6}, {"enum": ["ÿ", "日本", None]}]},
        "essay": {"type": "string", "minLength": 10, "maxLength": 3000},
        "pairs": {"type": "array", "minItems": 2, "prefixItems": [{"type": "boolean"}, {"const": {"a": [1, "\\"]}}]},
    },
    "required": ["when", "mail", "code", "tags", "tree", "either", "pairs"],
    "$defs": {"node": NODE},
}
LONG: dict[str, Any] = {
    "type": "object",
    "properties": {"ÿ": {"type": "string", "maxLength": 260}, "n": {"type": "integer"}, "last": {"type": "string", "maxLength": 300}},
    "required": ["ÿ", "n", "last"],
}
SCHEMAS = {"assistant": assistant_schema(TOOLS[:7]), "user": user_schema(), "strange": STRANGE, "long": LONG, "one": {"type": "integer"}}


@pytest.fixture(scope="module", params=["gemma2", "llama"])
def grammars(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Grammars:
    """The grammars of a tokenizer with bytes, and of one on bytes; the model has a few tokens more than its tokenizer."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(build_model(tmp_path_factory.mktemp("models") / request.param, request.param))
    return Grammars(tokenizer, len(tokenizer) + 10, [1, 5])


def spoken(constraint: Constraint, seed: int, most: int) -> str:
    """What comes of drawing among the allowed tokens by chance."""
    chance = random.Random(seed)
    for _ in range(most):
        if constraint.done:
            return constraint.text
        bits = constraint.matcher.compute_bitmask()
        constraint.take(chance.choice([token for token in range(8 * len(bits)) if bits[token >> 3] >> (token & 7) & 1]))
    assert constraint.done, constraint.text[-200:]
    return constraint.text


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_every_budget_ends_with_a_whole_text(name: str, grammars: Grammars) -> None:
    schema = SCHEMAS[name]
    validator, room = Validator(schema), grammars.compiled(schema).room
    for seed in range(24):
        most = room + 1 + seed * seed
        value = json.loads(spoken(grammars.constraint(schema, most), seed, most))
        assert validator.is_valid(value), (value, validator.errors(value))


def test_free_texts_stop_at_their_bound(grammars: Grammars) -> None:
    schema = assistant_schema(TOOLS[:2])
    constraint = grammars.constraint(schema, 5000)
    letters = [token for token, piece in enumerate(grammars.pieces) if piece.isalpha() and piece.isascii()]
    chance = random.Random(0)
    while not constraint.done:
        draws = [token for token in chance.sample(letters, 9) if constraint.matcher.validate_tokens([token]) == 1]
        constraint.take(draws[0] if draws else grammars.shortest(constraint.matcher))
    turn = json.loads(constraint.text)
    assert LONGEST_THOUGHT - 3 * SLACK <= len(turn["thought"]) <= LONGEST_THOUGHT
    assert LONGEST_TEXT - 3 * SLACK <= len(turn["text"]) <= LONGEST_TEXT
    assert not constraint.cut


def test_a_short_budget_says_that_it_was_cut(grammars: Grammars) -> None:
    schema = user_schema()
    constraint = grammars.constraint(schema, 60)
    letter = grammars.single[b"a"]
    while not constraint.done:
        constraint.take(letter if constraint.matcher.validate_tokens([letter]) == 1 else grammars.shortest(constraint.matcher))
    assert constraint.cut
    assert json.loads(constraint.text)["text"].startswith("aaa")


def test_a_text_may_go_on_to_the_last_tokens(grammars: Grammars) -> None:
    """Calls need room, texts hardly any: what ends in time by itself was not cut."""
    schema = assistant_schema(TOOLS)
    room = grammars.compiled(schema).room
    said = '{"thought": "", "text": "' + "a" * (room + 40) + '", "calls": []}'
    constraint = follow(grammars, grammars.constraint(schema, len(said) + 20), said)
    assert (constraint.text, constraint.cut, constraint.done) == (said, False, True)
    begun = said.replace("[]}", '[{"name": "' + TOOLS[0].name)
    constraint = follow(grammars, grammars.constraint(schema, len(said) + 20), begun)
    assert (constraint.text, constraint.cut, constraint.done) == (said, True, True)


def follow(grammars: Grammars, constraint: Constraint, text: str) -> Constraint:
    """Draw this text byte by byte; where it was left, anything."""
    drawn = text.encode()
    while not constraint.done:
        written = constraint.text.encode()
        wanted = grammars.single[drawn[len(written) :][:1]] if drawn.startswith(written) and written != drawn else None
        constraint.take(grammars.shortest(constraint.matcher) if wanted is None else wanted)
    return constraint


def test_text_is_json_text_with_quotes_and_any_script(grammars: Grammars) -> None:
    said = '{"text": "Say \\"no\\",\\n日本 wörld 🙂 \\\\", "done": true}'
    constraint = grammars.constraint(user_schema(), 400)
    for byte in said.encode():
        token = grammars.single[bytes([byte])]
        assert constraint.take(token) == token
    assert constraint.done
    assert constraint.text == said


def test_a_schema_is_compiled_once(grammars: Grammars) -> None:
    assert grammars.compiled(user_schema()) is grammars.compiled(user_schema())


def test_a_budget_below_the_need_is_refused(grammars: Grammars) -> None:
    schema = assistant_schema(TOOLS)
    with pytest.raises(BadInput, match="max_tokens is 50: a turn that fits this schema may need") as refused:
        grammars.constraint(schema, 50)
    assert "raise max_tokens to" in refused.value.hint
    assert grammars.compiled(schema).room < 384  # half of what a turn has, with every tool of a domain


def test_a_tokenizer_that_is_not_fast_is_refused() -> None:
    with pytest.raises(BadInput, match="fast tokenizer"):
        Grammars("no tokenizer", 10, [1])


# -- what it is made of


@given(st.text(max_size=30), st.text(max_size=30), st.lists(st.integers(1, 9), max_size=9))
@example("\\", '"', [1])
def test_the_place_in_a_text_is_known(thought: str, text: str, cuts: list[int]) -> None:
    """However the text is cut into tokens."""
    place = Place({"text": 1000})
    written = json.dumps({"thought": thought, "text": text, "calls": [{"text": text}], "z": '"'}, ensure_ascii=False).encode()
    end = written.index(b', "calls": [') - 1
    for cut in [*cuts, len(written)]:
        piece, written, end = written[:cut], written[cut:], end - cut
        if end < 0:
            piece, rest = (piece + written)[: end + cut], (piece + written)[end + cut :]
            place.read(piece)
            assert place.in_string and not place.escaped
            place.read(rest)
            assert not place.in_string
            return
        place.read(piece)


def test_characters_are_counted_where_they_begin() -> None:
    text = "wörld 日本 🙂"
    assert sum(characters(bytes([byte])) for byte in text.encode()) == len(text)


@pytest.mark.parametrize(
    ("pattern", "longest"),
    [("^a{2,5}$", 5), ("^(ab|c){1,3}d?$", 7), (r"^[\]x]\.$", 2), ("^(?:a|(b|cde)f)$", 4), ("", 0), ("^a{3}?b$", 4), (r"^\d{4}-x{0,1}$", 6)],
)
def test_the_longest_match_of_a_pattern(pattern: str, longest: int) -> None:
    assert longest_match(pattern) == longest


def test_the_longest_match_of_formats() -> None:
    assert longest_match(FORMATS["date"]) == len("2026-11-22")
    assert longest_match(FORMATS["date-time"]) == len("2026-11-22T10:00:00+01:00")
    assert longest_match(FORMATS["uuid"]) == 36


def test_room_counts_what_is_required_and_one_thing_more() -> None:
    words = Room({}, len)
    flag = {"type": "boolean"}
    assert words.least({"type": "object", "properties": {"a": flag, "b": flag}, "required": ["a"]}) < words.rest(
        {"type": "object", "properties": {"a": flag, "b": {"enum": ["x" * 50]}}, "required": ["a"]}
    )
    assert words.rest(tighten({"type": "string"}).schema) < 20
