"""A domain with something of the wrong kind in it is refused with file and line; nothing in it makes fcgen fall over."""

from __future__ import annotations

import copy
import random
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from own_domains import LIBRARY

from gen.errors import BadInput, FcgenError
from gen.synthesis.opening import open_domain
from gen.yaml_file import parse_yaml

WRONG: tuple[Any, ...] = (None, 3, -1, True, "text", [], {}, ["a"], {"a": 1}, [{}], [[1]], 2.5)
FILES = ("environment.yaml", "phrases.yaml")


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every path of keys in parsed YAML."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield (*path, key)
        yield from places(child, (*path, key))


def spoilt(folder: Path, file: str, path: tuple[Any, ...], value: Any) -> Path:
    """The library domain with another value at this place."""
    shutil.copytree(LIBRARY, folder)
    data = copy.deepcopy(parse_yaml((folder / file).read_text(), folder / file).data)
    here = data
    for key in path[:-1]:
        here = here[key]
    here[path[-1]] = value
    (folder / file).write_text(yaml.safe_dump(data, sort_keys=False))
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("file", FILES)
def test_whatever_stands_in_a_domain_it_opens_or_is_refused(file: str, tmp_path: Path) -> None:
    chance = random.Random(file)
    everywhere = list(places(parse_yaml((LIBRARY / file).read_text(), LIBRARY / file).data))
    for n in range(120):
        domain = spoilt(tmp_path / str(n) / "library", file, chance.choice(everywhere), chance.choice(WRONG))
        with suppress(FcgenError):  # anything else is a bug of ours
            open_domain(f"{domain}/")


@pytest.mark.parametrize(
    ("file", "path", "value"),
    [
        ("environment.yaml", ("entities",), [1]),
        ("environment.yaml", ("goals",), "text"),
        ("phrases.yaml", ("values",), 3),
        ("phrases.yaml", ("decline",), []),
        ("phrases.yaml", ("goals",), {"a": 1}),
    ],
)
def test_a_value_of_the_wrong_kind_is_named_with_its_line(file: str, path: tuple[Any, ...], value: Any, tmp_path: Path) -> None:
    domain = spoilt(tmp_path / "library", file, path, value)
    with pytest.raises(BadInput) as caught:
        open_domain(f"{domain}/")
    assert re.fullmatch(rf".*/{file}:\d+", caught.value.where)


def test_a_condition_that_is_no_sql_is_named_before_any_row_is_made(tmp_path: Path) -> None:
    goal = next(iter(parse_yaml((LIBRARY / "environment.yaml").read_text(), LIBRARY).data["goals"]))
    domain = spoilt(tmp_path / "library", "environment.yaml", ("goals", goal, "where"), "no_such_column = 1")
    with pytest.raises(BadInput, match="no_such_column") as caught:
        open_domain(f"{domain}/")
    assert "environment.yaml:" in caught.value.where
