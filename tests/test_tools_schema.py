"""A tools.json is plain tool JSON; what is wrong with it is named with the line of the tool."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from own_domains import LIBRARY, tool

from gen.errors import BadInput
from gen.tools.catalogue import Domain, domains, find_domain, tools_json
from gen.tools.schema import read_tools, tool_schema

TEXT = {"type": "string"}


def file_of(folder: Path, *tools: Any) -> Path:
    path = folder / "tools.json"
    path.write_text(json.dumps(list(tools), indent=1), encoding="utf-8")
    return path


def refused(path: Path) -> BadInput:
    with pytest.raises(BadInput) as caught:
        read_tools(path)
    return caught.value


def line_of(path: Path, text: str) -> int:
    return next(i for i, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1) if text in line)


def test_what_models_are_offered_has_no_returns() -> None:
    read = tool_schema(tool("get_it", {"id": TEXT}, returns={"type": "object"}))
    assert read.returns == {"type": "object"}
    assert set(read.wire["function"]) == {"name", "description", "parameters"}
    assert read.wire == tool("get_it", {"id": TEXT})


def test_a_tool_knows_what_it_requires_and_its_defaults() -> None:
    read = tool_schema(
        tool(
            "get_it",
            {"id": TEXT, "limit": {"type": "integer", "default": 5}, "all": {"type": "boolean", "default": False}},
            required=["id"],
        )
    )
    assert read.required == ("id",)
    assert read.defaults == {"limit": 5, "all": False}
    assert read.property("limit")["default"] == 5
    with pytest.raises(KeyError):
        read.property("nothing")


def test_a_tool_without_parameters_takes_none() -> None:
    read = tool_schema({"type": "function", "function": {"name": "ping_it"}})
    assert read.parameters == {"type": "object", "properties": {}}


def test_tools_are_read_in_the_order_of_the_file(tmp_path: Path) -> None:
    assert list(read_tools(file_of(tmp_path, tool("b_tool"), tool("a_tool")))) == ["b_tool", "a_tool"]


def test_json_that_is_none_has_its_line(tmp_path: Path) -> None:
    path = tmp_path / "tools.json"
    path.write_text('[\n  {"type": "function",}\n]', encoding="utf-8")
    error = refused(path)
    assert error.where == f"{path}:2" and error.what.startswith("not valid JSON")


@pytest.mark.parametrize("text", ["{}", "[]", '"tools"'])
def test_a_file_that_is_no_list_of_tools_says_what_one_is(tmp_path: Path, text: str) -> None:
    path = tmp_path / "tools.json"
    path.write_text(text, encoding="utf-8")
    assert refused(path).what == "a tools.json is a list of tools"


@pytest.mark.parametrize(
    "wire", [{}, {"function": {}}, "tool", {"function": "tool"}, {"function": {"name": "get_it", "parameters": "none"}}, None]
)
def test_an_item_that_is_no_tool_is_named_by_its_place(tmp_path: Path, wire: Any) -> None:
    path = file_of(tmp_path, tool("good_one"), wire)
    error = refused(path)
    assert error.what == "tool 1 is not a tool"
    assert int(error.where.removeprefix(f"{path}:")) > line_of(path, "good_one")
    assert '"name"' in error.allowed


@pytest.mark.parametrize(
    ("wire", "what"),
    [
        (tool("get_it", {"id": {"type": "strnig"}}), "get_it.parameters is not a valid JSON Schema"),
        (tool("get_it", {"id": {"type": "integer", "minimum": "1"}}), "get_it.parameters is not a valid JSON Schema"),
        (tool("get_it", {"id": {"type": "string", "pattern": "("}}), "get_it.parameters is not a valid JSON Schema"),
        (tool("get_it", returns={"type": 3}), "get_it.returns is not a valid JSON Schema"),
        (tool("get_it", {"id": TEXT}, required=["id", "other"]), "get_it requires 'other', which is no property of it"),
        (
            {"type": "function", "function": {"name": "get_it", "parameters": {"type": "array"}}},
            "the parameters of get_it are not of type object",
        ),
        (tool("get_it", {"name": {"type": 7}}), "get_it.parameters is not a valid JSON Schema"),
        (tool("GetIt"), "'GetIt' is no name for a tool"),
        (tool("get-it"), "'get-it' is no name for a tool"),
        (tool("x"), "'x' is no name for a tool"),
        (tool("get_it" * 20), f"'{'get_it' * 20}' is no name for a tool"),
    ],
)
def test_a_wrong_tool_has_its_line(tmp_path: Path, wire: dict[str, Any], what: str) -> None:
    path = file_of(tmp_path, tool("good_one"), wire, tool("last_one"))
    error = refused(path)
    assert error.what.startswith(what)
    assert error.where == f"{path}:{line_of(path, wire['function']['name'])}"


def test_a_tool_that_stands_twice_has_the_line_of_the_second(tmp_path: Path) -> None:
    path = file_of(tmp_path, tool("get_it"), tool("get_it"))
    error = refused(path)
    assert error.what == "the tool 'get_it' stands twice"
    assert (
        error.where == f"{path}:{max(i for i, line in enumerate(path.read_text().splitlines(), 1) if 'get_it' in line and 'name' in line)}"
    )


def test_a_missing_or_unreadable_file_is_named(tmp_path: Path) -> None:
    assert str(tmp_path / "tools.json") in str(refused(tmp_path / "tools.json"))
    (tmp_path / "tools.json").write_bytes(b"[\xff]")
    assert "not UTF-8" in refused(tmp_path / "tools.json").what


# -- domains


@pytest.mark.parametrize("name", ["payments", "orders", "travel"])
def test_our_domains_have_twelve_tools_or_more_each_described_and_closed(name: str) -> None:
    tools = find_domain(name).tools
    assert len(tools) >= 12
    for read in tools.values():
        assert len(read.description) > 20
        assert read.parameters["additionalProperties"] is False
        assert read.returns is not None
        assert "multipleOf" not in json.dumps(read.parameters)
        for parameter, schema in read.parameters["properties"].items():
            assert len(schema["description"]) > 3, parameter
            assert parameter not in read.required or "default" not in schema


def test_payments_has_the_two_reference_tools() -> None:
    assert {"retrieve_payment_status", "retrieve_payment_date"} <= set(find_domain("payments").tools)


def test_the_tools_of_a_domain_as_json_are_what_models_are_offered() -> None:
    library = Domain("library", LIBRARY)
    assert json.loads(tools_json(library)) == [read.wire for read in library.tools.values()]


def test_a_path_names_a_domain_too() -> None:
    assert find_domain(str(LIBRARY)).name == "library"
    with pytest.raises(BadInput, match=r"holds no tools\.json"):
        find_domain(str(LIBRARY.parent))


def test_an_unknown_domain_has_the_nearest() -> None:
    with pytest.raises(BadInput) as caught:
        find_domain("payment", where="mine.yaml:2")
    assert (caught.value.where, caught.value.hint) == ("mine.yaml:2", "did you mean 'payments'?")


def test_the_working_folders_own_domains_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "schemas" / "payments"
    own.mkdir(parents=True)
    file_of(own, tool("own_tool"))
    monkeypatch.chdir(tmp_path)
    assert list(find_domain("payments").tools) == ["own_tool"]
    assert {"payments", "orders", "travel"} <= set(domains())


def test_a_domain_file_that_holds_no_mapping_is_refused(tmp_path: Path) -> None:
    file_of(tmp_path, tool("own_tool"))
    (tmp_path / "environment.yaml").write_text("- a\n", encoding="utf-8")
    domain = find_domain(str(tmp_path))
    assert domain.has("environment.yaml") and not domain.has("phrases.yaml")
    with pytest.raises(BadInput, match="holds no mapping"):
        _ = domain.environment
    with pytest.raises(BadInput, match="No such file"):
        _ = domain.phrases
