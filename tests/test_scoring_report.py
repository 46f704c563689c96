"""The page of scores: stands alone, escapes what strangers wrote, shows what was counted, and stays readable with many tools."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from gen.conversation import Conversation, Message, ToolCall
from gen.scoring.examples import Example, worst
from gen.scoring.intervals import Rate
from gen.scoring.metrics import METRICS, NO_CALL, compare, score, wrong
from gen.scoring.outcomes import judge
from gen.scoring.played import Played, PlayedTurn, as_played
from gen.scoring.plots import dots, heat_map, percent, rate_cell
from gen.scoring.report import Report, page

WIRES = json.loads((Path(__file__).parent / "checks_examples.json").read_text(encoding="utf-8"))["conversations"]
ROWS = [Conversation.from_wire(wire) for wire in WIRES]
VOID = {"meta", "br", "line", "circle"}


class _Page(HTMLParser):
    """What a page holds: its texts, its tags with their attributes, and whether all that was opened was closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(self.texts)


def silent(row: Conversation, words: str = "I cannot do that.") -> Played:
    """A model that never calls."""
    turns = sum(message.role == "user" for message in row.messages)
    return Played(row.id, tuple(PlayedTurn((Message("assistant", words),)) for _ in range(turns)))


def examples(bad: Sequence[int], words: str = "I cannot do that.") -> list[Example]:
    played = [silent(row, words) if index in bad else as_played(row) for index, row in enumerate(ROWS)]
    return [Example(row, one, judge(row, one)) for row, one in zip(ROWS, played, strict=True)]


def parsed(report: Report) -> _Page:
    found = _Page("".join(page(report)))
    assert found.open == []
    return found


def test_a_page_shows_both_models_and_what_changed() -> None:
    before, after = examples(range(len(ROWS))), examples([0])
    one, other = [example.outcome for example in before], [example.outcome for example in after]
    report = Report(
        "tuned", "payments", score(other), worst(after, 5), compared="base", before=score(one), changes=compare(one, other),
        facts=["template gemma"], left_out=["BFCL_v4_multi_turn_base.json"],
    )  # fmt: skip
    found = parsed(report)
    for shown in ("tuned on payments", "compared with base", "template gemma", "Not scored: BFCL_v4_multi_turn_base.json", "better,"):
        assert shown in found.text
    rates = report.scores.overall.rates
    assert all(METRICS[name].title in found.text for name in rates)
    assert f"{rates['call_accuracy'].count} of {rates['call_accuracy'].of}" in found.text
    assert all(scenario in found.text for scenario in report.scores.by_scenario)
    assert all(tool in found.text for tool in report.scores.by_tool)
    assert ROWS[0].id in found.text and "I cannot do that." in found.text


def test_a_page_without_a_before_says_nothing_of_one() -> None:
    found = parsed(Report("tuned", "payments", score([example.outcome for example in examples([])])))
    assert "compared" not in found.text and "McNemar" not in found.text and "Worst" not in found.text
    assert not [attributes for _, attributes in found.tags if attributes.get("class") == "before"]


def test_a_page_loads_and_runs_nothing() -> None:
    found = parsed(Report("tuned", "payments", score([example.outcome for example in examples([0])]), worst(examples([0]), 3)))
    assert not {"script", "link", "img", "iframe", "a"} & {tag for tag, _ in found.tags}
    assert not [name for _, attributes in found.tags for name in attributes if name in ("src", "href") or name.startswith("on")]
    policy = next(attributes for tag, attributes in found.tags if attributes.get("http-equiv") == "Content-Security-Policy")
    assert policy["content"] == "default-src 'none'; style-src 'unsafe-inline'"


@given(
    st.text(st.characters(exclude_categories=[]), min_size=1), st.sampled_from(["<script>alert(1)</script>", '"><b onclick=x>', "</pre>"])
)
def test_what_a_model_says_is_text(words: str, hostile: str) -> None:
    said = hostile + words
    row = ROWS[0]
    call = ToolCall("abcdefghi", said, {said: said})
    turn = PlayedTurn((Message("assistant", said, tool_calls=(call,)), Message("tool", said, tool_call_id=call.id)), said, said)
    played = Played(row.id, (turn,))
    outcome = judge(row, played)
    found = parsed(Report(said, said, score([outcome]), [Example(row, played, outcome)], facts=[said]))
    assert not {"script", "b"} & {tag for tag, attributes in found.tags if attributes}
    assert found.text.count(hostile[:4]) >= 5
    "".join(page(Report(said, said, score([outcome]), [Example(row, played, outcome)]))).encode()


def test_the_worst_come_first_few_of_a_kind_in_a_fixed_order() -> None:
    row = ROWS[0]
    many = [replace(row, id=f"row-{index}") for index in range(6)]
    told = [Example(one, silent(one), judge(one, silent(one))) for one in many]
    turn = as_played(row).turns[0]
    lying = Played(row.id, (replace(turn, messages=(*turn.messages[:-1], Message("assistant", "T9999 costs €7.77."))),))
    one_flaw = Example(row, lying, judge(row, lying))
    good = Example(row, as_played(row), judge(row, as_played(row)))
    shown = worst([good, one_flaw, *reversed(told)], 10)
    assert [example.outcome.id for example in shown] == ["row-0", "row-1", row.id]
    assert wrong(good.outcome) == []
    assert worst([good], 10) == [] and len(worst(told, 1)) == 1


def test_a_long_text_says_what_is_left_out() -> None:
    found = parsed(Report("tuned", "payments", score([examples([0])[0].outcome]), examples([0], "word " * 1000)[:1]))
    assert "and 3800 characters more" in found.text


def test_the_page_tells_few_tools_apart_and_says_so() -> None:
    row = ROWS[0]
    assert row.plan is not None
    outcomes = []
    for index in range(60):
        turns = judge(row, as_played(row)).turns
        called = [replace(call, expected=f"tool_{index:02}", made=f"tool_{index:02}") for call in turns[0].calls]
        outcomes.append(replace(judge(row, as_played(row)), id=f"row-{index}", turns=(replace(turns[0], calls=tuple(called)),)))
    found = parsed(Report("tuned", "payments", score(outcomes)))
    assert "tool_23" in found.text and "tool_24" not in found.text
    assert found.text.count("36 more tools, with fewer mistakes, are left out") == 2


# -- figures


def test_dots_stand_where_the_rates_are() -> None:
    found = _Page(dots(Rate(5, 10), Rate(1, 10)))
    circles = [(attributes["class"], attributes["cx"]) for tag, attributes in found.tags if tag == "circle"]
    assert circles == [("before", "10.00%"), ("after", "50.00%")]
    lines = [(attributes["x1"], attributes["x2"]) for tag, attributes in found.tags if tag == "line" and attributes["class"] == "after"]
    assert lines == [("23.66%", "76.34%")]


def test_a_percentage_is_never_rounded_to_all_or_nothing() -> None:
    assert [percent(share) for share in (0, 0.001, 0.126, 0.999, 1)] == ["0 %", "0.1 %", "13 %", "99.9 %", "100 %"]


def test_a_cell_is_the_redder_the_worse() -> None:
    def tint(count: int, *, more_is_better: bool = True) -> int:
        return int(rate_cell(Rate(count, 10), more_is_better=more_is_better).split("var(--bad) ")[1].split("%")[0])

    assert tint(10) == 0 < tint(5) < tint(0)
    assert tint(0, more_is_better=False) == 0 < tint(5, more_is_better=False)
    assert "–" in rate_cell(None)
    assert "was 10" in rate_cell(Rate(5, 10), Rate(1, 10))


def test_what_is_right_is_on_the_diagonal() -> None:
    counts = {("a", "a"): 3, ("a", "b"): 1, ("b", "b"): 2, ("b", NO_CALL): 2, (NO_CALL, NO_CALL): 4, ("a", "other"): 1}
    found = _Page(heat_map(counts, apart=NO_CALL))
    words = [text.strip() for text in found.texts if text.strip()]
    assert words[1:5] == [NO_CALL, "a", "b", "other"]
    assert words[5:] == [NO_CALL, "4", "a", "3", "1", "1", "b", "2", "2"]
