"""BFCL's data as it is published: a folder of ``BFCL_v4_<category>.json`` and ``possible_answer/`` with the same names.

What is judged by calls alone is read (``bfcl.CATEGORIES``). Multi-turn, agentic and other languages' files need other machinery:
they are named in ``left_out``, and asking for one by its category is an error.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from gen.conversation import Conversation, Json, JsonObject, Message, ToolCall
from gen.corpus.foreign.tools import tools_from
from gen.corpus.json_rows import json_values
from gen.errors import BadInput, unknown_name
from gen.scoring.bfcl import CATEGORIES, OMITTED, Answer

_FILE = re.compile(r"BFCL_v\d+_(?P<category>\w+)\.json")
_NO_ANSWERS = ("irrelevance", "relevance")


DOMAIN = "bfcl"
"""What stands for the domain of all cases."""


@dataclass(frozen=True, slots=True)
class Case:
    """One question of BFCL.

    Attributes:
        messages: what is said before the model answers.
        functions: the functions as BFCL documents them, which is what a verdict is made by.
        tools: the same in wire form, with the names that JSON Schema has for types, which is what a template renders.
        answers: the expected calls; empty where none, or any, is expected.
    """

    id: str
    category: str
    messages: tuple[Message, ...]
    functions: tuple[JsonObject, ...]
    tools: tuple[JsonObject, ...]
    answers: tuple[Answer, ...] = ()


@dataclass(frozen=True, slots=True)
class Benchmark:
    """The cases of a folder in the order of its files, and the files that cannot be scored."""

    cases: tuple[Case, ...]
    left_out: tuple[str, ...]


def load_bfcl(folder: Path, categories: Collection[str] = ()) -> Benchmark:
    """Read the cases of these categories; of all that can be scored where none is named.

    Raises BadInput where the folder holds nothing to score, a category is not there or cannot be scored, or a file is broken.
    """
    files = {match["category"]: path for path in sorted(folder.glob("BFCL_v*.json")) if (match := _FILE.fullmatch(path.name))}
    if not files:
        raise BadInput(
            "there are no files of BFCL here", where=str(folder), allowed="BFCL_v4_<category>.json, and possible_answer/ beside them"
        )
    wanted = {category: _scorable(category, files) for category in categories} or {c: path for c, path in files.items() if c in CATEGORIES}
    left_out = tuple(path.name for category, path in files.items() if category not in CATEGORIES)
    if not wanted:
        raise BadInput(
            f"none of these files can be scored by calls alone: {', '.join(left_out)}",
            where=str(folder),
            allowed=", ".join(sorted(CATEGORIES)),
        )
    return Benchmark(tuple(case for category, path in wanted.items() for case in _cases(category, path)), left_out)


def _scorable(category: str, files: Mapping[str, Path]) -> Path:
    if category not in files:
        raise unknown_name("BFCL category", category, files)
    if category not in CATEGORIES:
        raise BadInput(
            f"the BFCL category {category!r} cannot be scored by calls alone: it takes several turns, a state or another language",
            where=str(files[category]),
            allowed=", ".join(sorted(files.keys() & CATEGORIES.keys())),
        )
    return files[category]


def _cases(category: str, path: Path) -> Iterator[Case]:
    answers: dict[str, tuple[Answer, ...]] = {}
    if CATEGORIES[category] not in _NO_ANSWERS:
        answers = {
            _text(row, "id", where): tuple(_answers(row, where)) for row, where in _rows(path.parent / "possible_answer" / path.name)
        }
    for row, where in _rows(path):
        identity = _text(row, "id", where)
        if CATEGORIES[category] not in _NO_ANSWERS and identity not in answers:
            raise BadInput(f"{identity!r} has no possible answer", where=where, hint=f"look into possible_answer/{path.name}")
        functions = row.get("function")
        if not isinstance(functions, list) or not all(isinstance(function, dict) for function in functions):
            raise BadInput(f"{identity!r} offers no functions", where=where, allowed='"function": [{"name", "description", "parameters"}]')
        tools = tools_from(functions, where)
        yield Case(identity, category, tuple(_messages(row, where)), tuple(functions), tools, answers.get(identity, ()))


def _rows(path: Path) -> Iterator[tuple[JsonObject, str]]:
    for value, where in json_values(path):
        if isinstance(value, BadInput):
            raise value
        if not isinstance(value, dict):
            raise BadInput("this is no row of BFCL", where=where, allowed='{"id": …, "question": …}')
        yield value, where


def _text(row: JsonObject, key: str, where: str) -> str:
    value = row.get(key)
    if not isinstance(value, str):
        raise BadInput(f"{key!r} is {value!r}", where=where, allowed="a text")
    return value


def _messages(row: JsonObject, where: str) -> Iterator[Message]:
    turns = row.get("question")
    if not isinstance(turns, list) or len(turns) != 1:
        raise BadInput("a question of one turn was expected", where=where, allowed='"question": [[{"role", "content"}, …]]')
    for message in turns[0]:
        if message.get("role") not in ("system", "user", "assistant"):
            raise BadInput(f"a message of the role {message.get('role')!r}", where=where, allowed="system, user, assistant")
        yield Message(message["role"], _text(message, "content", where))


def _answers(row: JsonObject, where: str) -> Iterator[Answer]:
    expected = row.get("ground_truth")
    for answer in expected if isinstance(expected, list) else [None]:
        if not isinstance(answer, dict) or len(answer) != 1 or not all(isinstance(accepted, dict) for accepted in answer.values()):
            raise BadInput(f"no possible answer: {answer!r}", where=where, allowed='{"function": {"parameter": [accepted values]}}')
        yield answer


def as_row(case: Case) -> Conversation:
    """The case as a row of a corpus: what is said, and the reference calls in the assistant's place. Its category is the scenario."""
    made = reference_calls(case)
    answer = (Message("assistant", "", tool_calls=made),) if made else ()
    return Conversation(case.id, (*case.messages, *answer), case.tools, domain=DOMAIN, scenario=case.category, split="test")


def undotted(case: Case) -> Case:
    """The case with ``_`` for the dots in functions' names, as BFCL offers them to models and servers that know no dots."""
    return replace(
        case,
        functions=tuple(function | {"name": _undotted(function["name"])} for function in case.functions),
        tools=tuple(tool | {"function": tool["function"] | {"name": _undotted(tool["function"]["name"])}} for tool in case.tools),
        answers=tuple({_undotted(name): accepted for name, accepted in answer.items()} for answer in case.answers),
    )


def _undotted(name: str) -> str:
    return name.replace(".", "_")


def reference_calls(case: Case) -> tuple[ToolCall, ...]:
    """The expected calls with the first accepted value of each parameter; left out is what may be left out first of all."""
    schemas = {function["name"]: function["parameters"].get("properties", {}) for function in case.functions}
    return tuple(
        ToolCall(f"call{number:05}", name, _first_values(accepted, schemas.get(name, {})))
        for number, answer in enumerate(case.answers)
        for name, accepted in answer.items()
    )


def _first_values(accepted: Mapping[str, Json], schemas: Mapping[str, JsonObject]) -> JsonObject:
    return {name: _first(values[0], schemas.get(name, {})) for name, values in accepted.items() if values and values[0] != OMITTED}


def _first(value: Json, schema: JsonObject) -> Json:
    """A value of an answer as a model would write it: the keys of an object list accepted values themselves."""
    if isinstance(value, dict) and schema.get("type") == "dict":
        return _first_values(value, {})
    if isinstance(value, list) and schema.get("items", {}).get("type") == "dict":
        return [_first_values(item, {}) if isinstance(item, dict) else item for item in value]
    return value
