"""What holds for every template: it reads itself back, its chat template renders the same, content never forges a token."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from talk import (
    LITERALS,
    byte_tokenizer,
    call,
    calling,
    conversations,
    corpus_rows,
    orderly,
    result,
    said,
    same,
    talk,
    trained_tokenizer,
    user,
    wire,
    without_words,
)

from gen.canonical import exact_json
from gen.conversation import Conversation
from gen.rendering.losses import AMBIGUOUS, KINDS, NO_FORM, SEVERAL_CALLS
from gen.rendering.parse import parse_spans, parse_text
from gen.rendering.spans import text_of, trained_segments
from gen.rendering.template import Template
from gen.rendering.templates import TEMPLATES, render, rendered
from gen.rendering.tokens import UNTRAINED, Encoder

ROWS = 1000
SOME_ROWS = 100
each_template = pytest.mark.parametrize("template", TEMPLATES.values(), ids=TEMPLATES)


def say(conversation: Conversation, template: Template) -> tuple[Any, Conversation] | None:
    """The spans, and what the format can say; None where it refuses, for a reason that is the format's own."""
    row = rendered(conversation, template)
    if row.refused:
        allowed = {NO_FORM}
        allowed |= set() if template.says.parallel_calls else {SEVERAL_CALLS}
        allowed |= {AMBIGUOUS} if template.marks else set()
        assert row.refused.code in allowed, row.refused
        return None
    return row.spans, template.express(conversation)


# -- reading back


@each_template
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_spans_read_back_to_what_the_format_can_say(template: Template, data: st.DataObject) -> None:
    calls = 3 if template.says.parallel_calls else 1
    told = say(data.draw(conversations(calls) | orderly(calls)), template)
    if told is not None:
        assert same(parse_spans(told[0], template), told[1])
        assert render(told[1], template) == told[0]


@each_template
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_an_orderly_conversation_is_refused_for_its_words_only(template: Template, data: st.DataObject) -> None:
    """The turns themselves every format can say: with harmless words the same conversation is rendered."""
    row = data.draw(orderly(3 if template.says.parallel_calls else 1))
    assert rendered(without_words(row), template).refused is None


@each_template
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_control_tokens_never_come_from_content(template: Template, data: st.DataObject) -> None:
    """Blank every string of the conversation: the same control tokens must come out, in the same order."""
    told = say(data.draw(orderly(3 if template.says.parallel_calls else 1)), template)
    if told is not None:
        blank = template.express(without_words(told[1]))
        assert structure(told[0]) == structure(render(blank, template))


def structure(spans: Any) -> list[str]:
    """The control tokens, without those that belong to a value (the quotes around each string of an argument)."""
    return [span.text for span in spans if span.control and span.text not in QUOTES]


QUOTES = ("<escape>", '<|"|>')


@each_template
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_nothing_is_lost_without_a_finding(template: Template, data: st.DataObject) -> None:
    """Where no finding says so, what the format can say is what was given, but for ids and where system text stands."""
    row = data.draw(orderly(3 if template.says.parallel_calls else 1))
    outcome = rendered(row, template)
    if outcome.refused is None and not any(finding.severity == "warning" for finding in outcome.findings):
        told = template.express(row)
        given_words = [
            (m.role, m.content if m.role != "tool" else None, m.reasoning_content or None) for m in row.messages if m.role != "system"
        ]
        told_words = [(m.role, m.content if m.role != "tool" else None, m.reasoning_content) for m in told.messages if m.role != "system"]
        if template.says.system == "own role" or row.messages[0].role != "system":
            assert given_words == told_words
        assert [c.arguments for m in row.messages for c in m.tool_calls] == [c.arguments for m in told.messages for c in m.tool_calls]


@each_template
def test_every_finding_has_a_code_that_is_explained(template: Template) -> None:
    row = talk(user("U"), calling(call("a"), content="C", thought="T"), result("1", "a"), said("Done."))
    for finding in rendered(row, template).findings:
        assert KINDS[finding.code].severity == finding.severity


@each_template
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_every_trained_assistant_message_ends_in_a_trained_stop(template: Template, data: st.DataObject) -> None:
    told = say(data.draw(conversations(3 if template.says.parallel_calls else 1)), template)
    if told is not None:
        learned = sum(message.role == "assistant" for message in told[1].messages) - len(told[1].untrained)
        segments = trained_segments(told[0])
        assert len(segments) == learned
        ends = [any(segment.endswith(token) for token in template.control_tokens) for segment in segments]
        assert all(ends) if template.name not in MIDWAY_END else all(ends[k] or midway(told[0], template)[k] for k in range(len(ends)))


MIDWAY_END = {"harmony": "<|end|>"}
"""A format in whose prompts an earlier answer ends in a token that stops no sampling: only its text is learned, never that token."""


def midway(spans: Any, template: Template) -> list[bool]:
    """For each trained segment, whether that token follows it, untrained."""
    after = [following for span, following in pairwise(spans) if span.trained and not following.trained]
    found = [span.control and span.text == MIDWAY_END[template.name] for span in after]
    return found + [False] * (len(trained_segments(spans)) - len(found))


# -- the chat template that is saved with a tokenizer


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["bytes", "pieces"])
@each_template
def test_the_chat_template_gives_the_same_text_ids_and_mask(template: Template, kind: str) -> None:
    tokenizer = trained_tokenizer(template.control_tokens, kind)
    encoder = Encoder(tokenizer, template)
    count = ROWS if kind == "bytes" else SOME_ROWS  # both kinds say the same, and rendering jinja takes its time
    rows = [row for row in corpus_rows(count) if rendered(row, template).refused is None]
    assert len(rows) >= count * (0.95 if template.says.parallel_calls else 0.5)
    for number, row in enumerate(rows):
        spans = render(row, template)
        encoded = encoder.encode(spans)
        by_jinja = tokenizer.apply_chat_template(
            **as_arguments(row), chat_template=template.jinja, return_assistant_tokens_mask=True, return_dict=True
        )
        if number < SOME_ROWS:  # equal ids are an equal text; this shows where they are not
            text = tokenizer.apply_chat_template(**as_arguments(row), chat_template=template.jinja, tokenize=False)
            assert text == text_of(spans), row.id
        assert by_jinja["input_ids"] == encoded.input_ids, row.id
        trained = [label for label in encoded.labels if label != UNTRAINED]
        assert trained, row.id
        learned = "".join(trained_segments(spans))
        # a tokenizer of pieces decodes this sign to a space, in DeepSeek's tokens too
        assert tokenizer.decode(trained) == (learned if kind == "bytes" else learned.replace("▁", " ")), row.id
        if not row.untrained:
            assert by_jinja["assistant_masks"] == [int(label != UNTRAINED) for label in encoded.labels], row.id


@each_template
def test_the_prompt_of_the_chat_template_begins_the_row(template: Template) -> None:
    """What a model gets at inference is what it saw in training: the prompt before each answer is a prefix of the row."""
    tokenizer = trained_tokenizer(template.control_tokens)
    checked = 0
    for row in corpus_rows(40):
        last = len(row.messages) - 1
        if row.messages[last].role != "assistant" or rendered(row, template).refused:
            continue
        before = replace(row, messages=row.messages[:last])
        # who wants thoughts says so, even where none stands in the prompt yet
        asked = {"enable_thinking": True} if any(message.reasoning_content for message in row.messages) else {}
        prompt = tokenizer.apply_chat_template(
            **as_arguments(before), **asked, chat_template=template.jinja, tokenize=False, add_generation_prompt=True
        )
        assert text_of(render(row, template)).startswith(prompt), row.id
        checked += 1
    assert checked > 10


def as_arguments(row: Conversation) -> dict[str, Any]:
    told = wire(row)
    return {"conversation": told["messages"], "tools": told["tools"] or None}


@each_template
def test_the_response_template_reads_what_a_model_answers(template: Template) -> None:
    if template.response is None:
        pytest.skip("transformers' response template cannot express this format")
    tokenizer = trained_tokenizer(template.control_tokens)
    tokenizer.response_template = template.response
    checked = 0
    for row in corpus_rows(60):
        if rendered(row, template).refused:
            continue
        for index, message in enumerate(row.messages):
            if message.role != "assistant":
                continue
            so_far = replace(row, messages=row.messages[: index + 1], untrained=())
            if rendered(so_far, template).refused:
                continue
            arguments = as_arguments(replace(row, messages=row.messages[:index]))
            prompt = tokenizer.apply_chat_template(**arguments, chat_template=template.jinja, tokenize=False, add_generation_prompt=True)
            answer = trained_segments(render(so_far, template))[-1]
            read = tokenizer.parse_response(answer, prefix=prompt, tools=arguments["tools"])
            expected = template.express(so_far).messages[-1]
            assert (read.get("content") or "") == expected.content, row.id
            found = [(one["function"]["name"], one["function"]["arguments"]) for one in read.get("tool_calls") or ()]
            assert found == [(one.name, one.arguments) for one in expected.tool_calls], row.id
            checked += 1
    assert checked > 40


# -- token ids


@each_template
@settings(max_examples=250, deadline=None)
@given(data=st.data())
@pytest.mark.slow
def test_no_content_becomes_a_control_id(template: Template, data: st.DataObject) -> None:
    tokenizer = byte_tokenizer_of(template)
    told = say(data.draw(orderly(3 if template.says.parallel_calls else 1)), template)
    if told is None:
        return
    encoded = Encoder(tokenizer, template).encode(told[0])
    control = {tokenizer.convert_tokens_to_ids(token) for token in template.control_tokens}
    found = [tokenizer.convert_ids_to_tokens(number) for number in encoded.input_ids if number in control]
    assert found == [span.text for span in told[0] if span.control]
    assert tokenizer.decode(encoded.input_ids) == text_of(told[0])


def byte_tokenizer_of(template: Template) -> Any:
    """Knows the control tokens of the template, and those of all the others as well."""
    if template.name not in _tokenizers:
        _tokenizers[template.name] = byte_tokenizer(dict.fromkeys([*template.control_tokens, *(t for t in LITERALS if t.strip() == t)]))
    return _tokenizers[template.name]


_tokenizers: dict[str, Any] = {}


def test_text_of_a_corpus_row_reads_back() -> None:
    for template in TEMPLATES.values():
        for row in corpus_rows(30):
            if rendered(row, template).refused is None:
                read = parse_text(text_of(render(row, template)), template)
                assert same(read, replace(template.express(row), untrained=())), (template.name, row.id)


# -- goldens that a person can read: tests/golden/rendering/<case>/sample.json and, for each template, its text

GOLDEN = Path(__file__).parent / "golden" / "rendering"


@each_template
@pytest.mark.parametrize("folder", sorted(path.parent for path in GOLDEN.glob("*/sample.json")), ids=lambda folder: folder.name)
def test_golden(folder: Path, template: Template) -> None:
    """Written by scripts/build_goldens.py; a person reads what changed."""
    import json

    sample = Conversation.from_wire({"id": folder.name, **json.loads((folder / "sample.json").read_text(encoding="utf-8"))})
    row = rendered(sample, template)
    said_of_it = "".join(f"{finding.code} {finding.where} {finding.message}\n" for finding in row.findings)
    assert text_of(row.spans) == (folder / f"{template.name}.txt").read_text(encoding="utf-8")
    recorded = json.loads((folder / f"{template.name}.json").read_text(encoding="utf-8"))
    assert recorded == {"trained": trained_segments(row.spans), "findings": said_of_it.splitlines()}
    assert exact_json(recorded)
