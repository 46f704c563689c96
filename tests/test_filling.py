"""Tables filled by the recipe's seed: the same bytes for the same seed, values that look real, keep their order in time, and are safe."""

from __future__ import annotations

import datetime
import itertools
import re
import sqlite3
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from own_domains import LIBRARY, TODAY, library

from gen.dice import dice
from gen.environments.declaration import declare
from gen.environments.filling import GENERATORS, MAIL_DOMAINS, check_column, draw_faker, draw_time, fill, name_pool
from gen.environments.functions import register
from gen.errors import BadInput
from gen.tools.catalogue import find_domain
from gen.yaml_file import YamlFile, parse_yaml

Rows = list[dict[str, Any]]


def filled(source: YamlFile, *, seed: int = 7, today: datetime.date = TODAY, domain: str = "x") -> dict[str, Rows]:
    database = sqlite3.connect(":memory:")
    database.row_factory = sqlite3.Row
    register(database, lambda prefix, digits: "")
    fill(database, source, seed=seed, domain=domain, today=today)
    return {name: [dict(row) for row in database.execute(f"SELECT * FROM {name} ORDER BY rowid")] for name in source.data["tables"]}


def table(columns: str, rows: str = "300") -> YamlFile:
    return parse_yaml(
        f"tables:\n  things:\n    rows: {rows}\n    columns:\n" + "".join(f"      {line}\n" for line in columns.splitlines()),
        Path("environment.yaml"),
    )


def column(spec: str, rows: str = "300") -> list[Any]:
    return [row["x"] for row in filled(table(f"x: {spec}", rows))["things"]]


@cache
def ours(name: str) -> dict[str, Rows]:
    return filled(find_domain(name).environment, domain=name)


# -- the same bytes


@pytest.mark.parametrize("name", ["payments", "orders", "travel"])
def test_the_same_seed_fills_the_same_rows_and_another_seed_others(name: str) -> None:
    source = find_domain(name).environment
    once = ours(name)
    assert once == filled(source, domain=name)
    assert once != filled(source, domain=name, seed=8)
    assert sum(len(rows) > 0 for rows in once.values()) >= 5


def test_in_every_world_stand_the_same_people_ids_and_titles() -> None:
    source = library().environment
    here, later = filled(source), filled(source, today=TODAY + datetime.timedelta(days=70))
    for name, rows in here.items():
        dated = {key for key, spec in source.data["tables"][name]["columns"].items() if spec and "date" in spec}
        assert [{k: v for k, v in row.items() if k not in dated} for row in rows] == [
            {k: v for k, v in row.items() if k not in dated} for row in later[name]
        ]
    assert [row["lent_on"] for row in here["loans"]] != [row["lent_on"] for row in later["loans"]]


# -- values


def test_ids_rise_by_drawn_gaps_and_never_repeat() -> None:
    numbers = [int(value[1:]) for value in column('{id: "C{}", start: 2001, step: [1, 9]}')]
    gaps = {b - a for a, b in itertools.pairwise(numbers)}
    assert 2001 <= numbers[0] <= 2009
    assert gaps == set(range(1, 10))


def test_codes_do_not_repeat_and_hold_nothing_that_looks_alike() -> None:
    codes = column("{code: 6}")
    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(r"([A-HJ-NP-Z][2-9]){3}", code) for code in codes)


def test_people_have_names_of_their_own_and_mail_that_reaches_nobody() -> None:
    rows = filled(
        table(
            "name: {person: name}\nfirst: {person: first_name}\nlast: {person: last_name}\nemail: {person: email}\nphone: {person: phone}"
        )
    )["things"]
    assert len({row["name"] for row in rows}) == len(rows)
    for row in rows:
        assert row["name"] == f"{row['first']} {row['last']}"
        user, _, domain = row["email"].partition("@")
        assert domain in MAIL_DOMAINS
        assert re.fullmatch(r"[a-z]+\.[a-z]+", user)
        assert re.fullmatch(r"\+44 7700 900\d{3}", row["phone"])


@pytest.mark.parametrize("name", ["payments", "orders", "travel"])
def test_no_two_people_of_a_whole_database_share_a_name_and_all_mail_is_reserved(name: str) -> None:
    source = find_domain(name).environment
    tables = ours(name)
    people = [
        row[key]
        for table_name, rows in tables.items()
        for key, spec in source.data["tables"][table_name]["columns"].items()
        if spec and spec.get("person") == "name"
        for row in rows
        if row[key] is not None
    ]
    assert len(people) > 100
    assert len(set(people)) == len(people)
    for rows in tables.values():
        for row in rows:
            for value in row.values():
                assert not isinstance(value, str) or "@" not in value or value.rpartition("@")[2] in MAIL_DOMAINS


def test_name_pools_are_in_a_fixed_order_and_of_single_words() -> None:
    firsts, lasts = name_pool("de_DE")
    assert list(firsts) == sorted(set(firsts)) and list(lasts) == sorted(set(lasts))
    assert all(name.isalpha() for name in (*firsts, *lasts))


def test_weights_are_kept_to() -> None:
    values = column("{weights: {a: 3, b: 1, c: 0}}")
    assert set(values) == {"a", "b"}
    assert 0.65 < values.count("a") / len(values) < 0.85


def test_amounts_have_two_decimals_keep_their_bounds_and_are_skewed() -> None:
    amounts = column("{money: {median: 38, spread: 1.0, min: 2, max: 2500}}", rows="4000")
    assert all(2 <= amount <= 2500 and round(amount, 2) == amount for amount in amounts)
    assert 33 < median(amounts) < 43
    assert sum(amounts) / len(amounts) > 1.3 * median(amounts)
    assert sum(f"{amount:.2f}".endswith(".99") for amount in amounts) > 0.15 * len(amounts)


def test_times_stand_on_their_grid() -> None:
    die = dice(1, "time")
    times = {draw_time(die, low="07:10", high="08:00", step=25) for _ in range(100)}
    assert times == {"07:10", "07:35", "08:00"}


def test_dates_stand_in_their_window() -> None:
    days = [(datetime.date.fromisoformat(value) - TODAY).days for value in column("{date: {from: -3, to: 4}}")]
    assert set(days) == set(range(-3, 5))


def test_dates_follow_each_other_and_stop_where_declared() -> None:
    rows = filled(
        table(
            "a: {date: {from: -5, to: 0}}\n"
            "b: {date: {after: a, from: 1, to: 9, latest: 0}}\n"
            "c: {date: {after: b, from: 0, to: 3, earliest: 1}}"
        )
    )["things"]
    for row in rows:
        assert row["a"] <= row["b"] <= TODAY.isoformat()
        assert row["c"] > TODAY.isoformat()


def test_a_date_after_nothing_is_nothing() -> None:
    rows = filled(table("a: {date: {from: -5, to: 0}, 'null': 0.5}\nb: {date: {after: a}}"))["things"]
    assert all((row["b"] is None) == (row["a"] is None) for row in rows)
    assert {row["a"] is None for row in rows} == {True, False}


@pytest.mark.parametrize("name", ["payments", "orders", "travel"])
def test_no_declared_date_of_ours_is_later_than_it_may_be(name: str) -> None:
    source = find_domain(name).environment
    for table_name, rows in ours(name).items():
        for key, spec in source.data["tables"][table_name]["columns"].items():
            if spec and "date" in spec and "latest" in spec["date"]:
                last = (TODAY + datetime.timedelta(days=spec["date"]["latest"])).isoformat()
                assert all(row[key] is None or row[key] <= last for row in rows), (table_name, key)


def test_a_column_with_a_condition_is_null_where_it_does_not_hold() -> None:
    rows = filled(table("s: {weights: {Paid: 1, Pending: 1}}\nx: {value: 1, when: {s: [Paid]}}\ny: {value: 1, when: {s: Pending}}"))[
        "things"
    ]
    assert all((row["x"] is not None) == (row["s"] == "Paid") and (row["y"] is not None) == (row["s"] == "Pending") for row in rows)


def test_columns_from_one_table_come_from_the_same_row_of_it() -> None:
    tables = filled(library().environment)
    authors = {row["title"]: row["author"] for row in tables["books"]}
    assert len(authors) == len(tables["books"])  # composed titles differ
    assert all(authors[row["title"]] == row["author"] for row in tables["loans"])


def test_rows_for_each_row_of_a_parent_carry_its_values() -> None:
    tables = filled(library().environment)
    members = [row["member_id"] for row in tables["members"]]
    counts = [sum(row["member_id"] == member for row in tables["loans"]) for member in members]
    assert set(counts) == {4, 5, 6, 7}


def test_other_generators_do_what_they_say() -> None:
    rows = filled(
        table(
            'a: {pick: [x, y]}\nb: {map: {of: a, to: {x: 1, y: 2}}}\nc: {text: "{a}-{b}"}\nd: {flag: 0.5}\ne: {value: 9}\n'
            'f: {integer: {min: 3, max: 5}}\ng:\nh: {faker: city}\ni: {sql: f * 2}\nj: {time: {from: "08:00", to: "09:00"}}'
        )
    )["things"]
    for row in rows:
        assert row["b"] == {"x": 1, "y": 2}[row["a"]]
        assert row["c"] == f"{row['a']}-{row['b']}"
        assert row["d"] in (0, 1) and row["e"] == 9 and row["f"] in (3, 4, 5) and row["g"] is None and row["h"]
        assert row["i"] == row["f"] * 2
        assert row["j"] in ("08:00", "08:15", "08:30", "08:45", "09:00")


def test_faker_values_follow_from_the_seed() -> None:
    assert draw_faker("city", 5, seed=3, where="") == draw_faker("city", 5, seed=3, where="")
    assert draw_faker("city", 5, seed=3, where="") != draw_faker("city", 5, seed=4, where="")


# -- errors


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("x: {faker: citty}", 5, "Faker has no provider 'citty'"),
        ("x: {compose: [[a], [b]]}", 5, "the lists are too short"),
        ("x: {sql: missing + 1}", 5, "SQL: no such column: missing"),
        ("y: {value: 1}\nx: {sql: SELECT}", 6, "SQL:"),
        ("x: {id: C}", 2, "SQL: UNIQUE constraint failed"),
        ("x: {weights: {a: 0}}", 5, "the column 'x' cannot be filled as"),
        ("x: {weights: [a, b]}", 5, "the column 'x' cannot be filled as"),
        ("x: {person: nmae}", 5, "the column 'x' cannot be filled as"),
        ("x: {parent: customer_id}", 5, "the column 'x' cannot be filled as"),
        ("x: {from: nothing.name}", 5, "the column 'x' cannot be filled as"),
        ("x: {date: {after: y}}", 5, "the column 'x' cannot be filled as"),
        ("x: {integer: {min: 1}}", 5, "the column 'x' cannot be filled as"),
        ("x: {pick: []}", 5, "the column 'x' cannot be filled as"),
    ],
)
def test_what_cannot_be_filled_has_its_line(text: str, line: int, what: str) -> None:
    with pytest.raises(BadInput) as caught:
        filled(table(text))
    assert caught.value.where == f"environment.yaml:{line}"
    assert caught.value.what.startswith(what)


def test_a_table_is_filled_after_the_one_it_hangs_on() -> None:
    source = parse_yaml(
        "tables:\n  a:\n    per: b\n    rows: 1\n    columns: {x: {value: 1}}\n  b:\n    rows: 1\n    columns: {x: {value: 1}}\n",
        Path("e.yaml"),
    )
    with pytest.raises(BadInput, match="'b' is not filled before 'a'") as caught:
        filled(source)
    assert caught.value.where == "e.yaml:3"


@pytest.mark.parametrize(
    ("spec", "what", "hint"),
    [
        ("{wieghts: {a: 1}}", "needs exactly one generator, it has none", "did you mean 'weights'?"),
        ("{pick: [a], value: b}", "needs exactly one generator, it has ['pick', 'value']", ""),
        ("text", "is declared as 'text'", ""),
        ("[a, b]", "is declared as ['a', 'b']", ""),
    ],
)
def test_a_column_without_exactly_one_generator_is_refused(spec: str, what: str, hint: str) -> None:
    source = table(f"x: {spec}")
    keys = ("tables", "things", "columns", "x")
    with pytest.raises(BadInput) as caught:
        check_column(source, keys, source.data["tables"]["things"]["columns"]["x"])
    assert caught.value.where == "environment.yaml:5"
    assert what in caught.value.what
    assert hint in caught.value.hint


def test_every_generator_is_tested_here() -> None:
    text = Path(__file__).read_text(encoding="utf-8") + (LIBRARY / "environment.yaml").read_text(encoding="utf-8")
    assert [name for name in GENERATORS if f"{name}:" not in text] == []


def test_the_library_is_declared_without_an_error() -> None:
    assert declare(library()).person == ("members", "member_id")
