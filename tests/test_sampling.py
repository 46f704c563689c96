"""The offered tools: the needed ones always, stand-ins never, distractors near and far in the asked shares, in any order."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from own_domains import tool

from gen.dice import Dice, dice
from gen.tools.catalogue import find_domain
from gen.tools.sampling import Distractors, ToolSampler, likeness
from gen.tools.schema import ToolSchema, tool_schema

TOOLS = find_domain("payments").tools
FAR = list(find_domain("travel").tools.values())
STAND_INS = {"get_payment_details": ["retrieve_payment_status", "retrieve_payment_date"]}
SAMPLER = ToolSampler(TOOLS, FAR, STAND_INS)

NUMBERS = st.builds(
    lambda least, extra, near, far: Distractors(least, least + extra, near, far),
    st.integers(1, 6),
    st.integers(0, 6),
    st.floats(0, 1),
    st.floats(0, 1),
)
NEEDED = st.lists(st.sampled_from(sorted(TOOLS)), min_size=0, max_size=4)


def names(tools: list[ToolSchema]) -> list[str]:
    return [offered.name for offered in tools]


@given(st.integers(0, 2**32), NUMBERS, NEEDED)
def test_the_needed_ones_are_there_once_and_the_number_is_in_bounds(seed: int, numbers: Distractors, needed: list[str]) -> None:
    offered = names(SAMPLER.offer(needed, numbers, Dice(seed)))
    assert set(needed) <= set(offered)
    assert len(offered) == len(set(offered))
    assert max(numbers.least, len(set(needed))) <= len(offered) <= max(numbers.most, len(set(needed)))


@given(st.integers(0, 2**32), NUMBERS)
def test_what_could_stand_in_for_a_needed_tool_is_never_offered(seed: int, numbers: Distractors) -> None:
    assert "get_payment_details" not in names(SAMPLER.offer(["retrieve_payment_status"], numbers, Dice(seed)))


@given(st.integers(0, 2**32), NUMBERS)
def test_a_missing_tool_and_what_could_stand_in_for_it_are_never_offered(seed: int, numbers: Distractors) -> None:
    offered = names(SAMPLER.offer(["refund_payment"], numbers, Dice(seed), without={"retrieve_payment_date"}))
    assert not {"retrieve_payment_date", "get_payment_details"} & set(offered)


@given(st.integers(0, 2**32), NUMBERS, NEEDED)
def test_the_same_die_offers_the_same_tools(seed: int, numbers: Distractors, needed: list[str]) -> None:
    assert names(SAMPLER.offer(needed, numbers, Dice(seed))) == names(SAMPLER.offer(needed, numbers, Dice(seed)))


def test_a_tool_that_stands_in_may_itself_be_needed() -> None:
    offered = names(SAMPLER.offer(["get_payment_details"], Distractors(3, 3, 1.0, 0.0), dice(1)))
    assert "get_payment_details" in offered


def test_the_needed_tool_stands_anywhere() -> None:
    places = Counter(
        names(SAMPLER.offer(["refund_payment"], Distractors(5, 5, 0.6, 0.1), dice(1, i))).index("refund_payment") for i in range(500)
    )
    assert set(places) == set(range(5))
    assert min(places.values()) > 60


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_far_distractors_come_in_the_asked_share(share: float) -> None:
    far = {offered.name for offered in FAR}
    offered = [name for i in range(300) for name in names(SAMPLER.offer(["refund_payment"], Distractors(6, 6, 0.5, share), dice(2, i)))]
    found = sum(name in far for name in offered) / (300 * 5)
    assert found == share if share in (0.0, 1.0) else abs(found - share) < 0.05


def test_near_distractors_are_more_alike_than_others() -> None:
    alike = likeness(list(TOOLS.values()))["retrieve_payment_status"]

    def mean(near: float) -> float:
        drawn = [n for i in range(200) for n in names(SAMPLER.offer(["retrieve_payment_status"], Distractors(4, 4, near, 0.0), dice(3, i)))]
        values = [alike[name] for name in drawn if name != "retrieve_payment_status"]
        return sum(values) / len(values)

    assert mean(1.0) > mean(0.5) > mean(0.0)
    assert mean(1.0) > 1.5 * mean(0.0)


def test_distractors_of_a_missing_tool_are_near_to_it() -> None:
    alike = likeness(list(TOOLS.values()))["retrieve_payment_status"]
    near = [
        n
        for i in range(200)
        for n in names(SAMPLER.offer([], Distractors(4, 4, 1.0, 0.0), dice(4, i), without={"retrieve_payment_status"}))
    ]
    other = [
        n
        for i in range(200)
        for n in names(SAMPLER.offer([], Distractors(4, 4, 0.0, 0.0), dice(4, i), without={"retrieve_payment_status"}))
    ]
    assert sum(alike[n] for n in near) > 1.3 * sum(alike[n] for n in other)


def test_a_small_domain_offers_what_it_has() -> None:
    small = {name: tool_schema(tool(name)) for name in ("one_tool", "two_tool")}
    assert sorted(names(ToolSampler(small, []).offer(["one_tool"], Distractors(5, 8, 0.5, 0.5), dice(1)))) == ["one_tool", "two_tool"]


def test_another_domains_tool_of_the_same_name_is_left_out() -> None:
    own = {"one_tool": tool_schema(tool("one_tool"))}
    sampler = ToolSampler(own, [tool_schema(tool("one_tool", {"other": {"type": "string"}}))])
    assert sampler.offer(["one_tool"], Distractors(2, 2, 0.0, 1.0), dice(1)) == [own["one_tool"]]


def test_likeness_is_symmetric_between_nought_and_one_and_highest_for_twins() -> None:
    table = likeness([tool_schema(tool(name)) for name in ("pay_bill", "pay_rent", "book_train")])
    for one, others in table.items():
        for other, value in others.items():
            assert 0 <= value <= 1 + 1e-9
            assert value == pytest.approx(table[other][one])
    assert table["pay_bill"]["pay_rent"] > table["pay_bill"]["book_train"]
