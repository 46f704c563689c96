"""BFCL's rules for calls, told anew: does what a model called equal one of the accepted answers?

The Berkeley Function Calling Leaderboard compares calls as Python values. Its verdicts are reproduced here with their quirks,
because a number is only comparable where the rules are the same:

- the number of calls must match; parallel calls are paired greedily, in any order; names match exactly
- an answer lists, for each parameter, the accepted values; ``""`` among them means that it may be left out
- required parameters must be there; a parameter that the answer does not list is an error
- ``type(value)`` is the declared type: a bool is no int, and 5.0 no integer; only an int where a float is declared is made one
- strings are compared without spaces and ``,./-_*^``, in lower case, with ``'`` as ``"``; the order of a list counts
- objects are compared key by key, what is nested deeper as it is
- where the accepted value is itself not of the declared type, the value must have that value's type and equal it exactly

Knows calls and answers only; files are in ``bfcl_files.py``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from gen.conversation import Json, JsonObject, ToolCall
from gen.errors import unknown_name

Answer = Mapping[str, Mapping[str, Sequence[Json]]]
"""One expected call: the function's name → parameter → accepted values."""

Kind = Literal["simple", "multiple", "parallel", "irrelevance", "relevance"]

CATEGORIES: dict[str, Kind] = {
    "simple": "simple",
    "simple_python": "simple",
    "live_simple": "simple",
    "multiple": "multiple",
    "live_multiple": "multiple",
    "parallel": "parallel",
    "live_parallel": "parallel",
    "parallel_multiple": "parallel",
    "live_parallel_multiple": "parallel",
    "irrelevance": "irrelevance",
    "live_irrelevance": "irrelevance",
    "live_relevance": "relevance",
}
"""The categories that are judged by calls alone → by which rule."""

OMITTED = ""
"""Among the accepted values: the parameter may be left out."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether calls are right; ``error`` is BFCL's name for what is wrong, ``message`` says it."""

    valid: bool
    error: str = ""
    message: str = ""


RIGHT = Verdict(True)


def ast_verdict(functions: Sequence[JsonObject], calls: Sequence[ToolCall], answers: Sequence[Answer], category: str) -> Verdict:
    """What BFCL says of these calls.

    Args:
        functions: the functions offered, as BFCL documents them (types by their Python names).
        calls: what the model called; empty where it called nothing or nothing readable.
        answers: the expected calls; empty for the categories in which none, or any, is expected.
        category: as in ``CATEGORIES``.

    Raises BadInput for a category that is not judged by calls alone.
    """
    kind = CATEGORIES.get(category)
    if kind is None:
        raise unknown_name("BFCL category", category, CATEGORIES)
    if kind == "irrelevance":
        return RIGHT if not calls else Verdict(False, "irrelevance_error:decoder_success", "something was called, and nothing fits")
    if kind == "relevance":
        return RIGHT if calls else Verdict(False, "relevance_error:decoder_failed", "nothing was called, and something fits")
    if len(calls) != len(answers):
        return Verdict(False, f"{_CHECKERS[kind]}:wrong_count", f"{len(calls)} calls instead of {len(answers)}")
    documents = {document["name"]: document for document in functions}
    if kind == "parallel":
        return _any_order(documents, calls, answers)
    return _call(documents, calls[0], answers[0])


_CHECKERS = {
    "simple": "simple_function_checker",
    "multiple": "multiple_function_checker",
    "parallel": "parallel_function_checker_no_order",
}


def _any_order(documents: Mapping[str, JsonObject], calls: Sequence[ToolCall], answers: Sequence[Answer]) -> Verdict:
    """Each answer takes the first call that fits it and is not taken: greedily, as BFCL does."""
    free = list(calls)
    for answer in answers:
        taken = next((call for call in free if _call(documents, call, answer).valid), None)
        if taken is None:
            return Verdict(False, f"{_CHECKERS['parallel']}:cannot_find_match", f"no call fits {_name(answer)!r} as it is expected")
        free = [call for call in free if call is not taken]
    return RIGHT


def _name(answer: Answer) -> str:
    return next(iter(answer))


def _call(documents: Mapping[str, JsonObject], call: ToolCall, answer: Answer) -> Verdict:
    expected = _name(answer)
    if call.name != expected:
        return Verdict(False, "simple_function_checker:wrong_func_name", f"{call.name!r} instead of {expected!r}")
    arguments: Json = call.arguments  # of a model: whatever it wrote
    if not isinstance(arguments, dict):
        return Verdict(False, "ast_decoder:decoder_wrong_output_format", f"the arguments are {arguments!r}")
    parameters = documents[expected]["parameters"]
    accepted = answer[expected]
    for name in parameters.get("required", ()):
        if name not in arguments:
            return Verdict(False, "simple_function_checker:missing_required", f"the required {name!r} is missing")
    for name, value in arguments.items():
        if name not in parameters.get("properties", {}) or name not in accepted:
            return Verdict(False, "simple_function_checker:unexpected_param", f"{name!r} is not expected")
        problem = _value(value, accepted[name], parameters["properties"][name])
        if problem:
            return Verdict(False, problem, f"{name}={value!r}; accepted: {list(accepted[name])!r}")
    for name, values in accepted.items():
        if name not in arguments and OMITTED not in values:
            return Verdict(False, "simple_function_checker:missing_optional", f"{name!r} is missing, and was asked for")
    return RIGHT


_PYTHON: dict[str, type] = {
    "string": str, "integer": int, "float": float, "boolean": bool, "array": list, "tuple": list, "dict": dict, "any": str,
}  # fmt: skip


def _value(value: Json, accepted: Sequence[Json], schema: JsonObject) -> str:
    """What is wrong with the value of a parameter, by BFCL's name; "" where nothing is."""
    declared = _PYTHON.get(schema.get("type", "any"), str)
    inner = _PYTHON.get(schema.get("items", {}).get("type", "")) if declared is list else None
    if declared is float and type(value) is int:
        value = float(value)
    kind, usual = type(value), _type_of(accepted)
    if kind is not declared:
        if kind is not usual:
            return "type_error:simple"
    elif inner is not None and not any(_items_fit(value, alternative, inner) for alternative in accepted):
        return "type_error:nested"
    if usual in (None, declared):
        if declared is dict:
            return _object(value, accepted)
        if declared is list and inner is dict:
            return _objects(value, accepted)
        if declared is str:
            return "" if plain_text(value) in map(plain_text, accepted) else "value_error:string"
        if declared is list:
            plain = [plain_text(item) for item in value]
            return "" if any(plain == [plain_text(item) for item in _as_list(answer)] for answer in accepted) else "value_error:list/tuple"
    return "" if value in accepted else "value_error:others"


def _type_of(accepted: Sequence[Json]) -> type | None:
    """The type of the first accepted value; None where the parameter may only be left out."""
    return next((type(value) for value in accepted if value != OMITTED), None)


def _items_fit(items: Sequence[Json], alternative: Json, inner: type) -> bool:
    """Whether every item is of the declared type, or of that of the accepted items. Next to ``""`` BFCL looks at none."""
    if not isinstance(alternative, list):
        return True
    usual = _type_of(alternative)
    return all(type(item) is inner or type(item) is usual for item in items)


def _as_list(alternative: Json) -> list[Json]:
    """``""`` counts as an empty list among lists."""
    return alternative if isinstance(alternative, list) else []


def _object(value: JsonObject, accepted: Sequence[Json]) -> str:
    """What is wrong with an object: it must fit one of the accepted ones, which list the accepted values of each key."""
    problem = "value_error:dict_value"
    for alternative in accepted:
        if not isinstance(alternative, dict):
            continue  # it may be left out, or be of another type
        problem = _keys(value, alternative)
        if not problem:
            return ""
    return problem


def _keys(value: JsonObject, alternative: Mapping[str, Sequence[Json]]) -> str:
    for key, item in value.items():
        if key not in alternative:
            return "value_error:dict_key"
        if plain_text(item) not in map(plain_text, alternative[key]):
            return "value_error:dict_value"
    return "value_error:dict_key" if any(key not in value and OMITTED not in values for key, values in alternative.items()) else ""


def _objects(values: Sequence[JsonObject], accepted: Sequence[Json]) -> str:
    """What is wrong with a list of objects: each must fit its place in one of the accepted lists."""
    problem = "value_error:list_dict_count"
    for alternative in map(_as_list, accepted):
        if len(alternative) != len(values):
            problem = "value_error:list_dict_count"
            continue
        problem = next(filter(None, (_object(one, [other]) for one, other in zip(values, alternative, strict=True))), "")
        if not problem:
            return ""
    return problem


_IGNORED = re.compile(r"[ ,./\-_*^]")


def plain_text(value: Any) -> Any:
    """A text as it is compared; anything else as it is."""
    return _IGNORED.sub("", value).lower().replace("'", '"') if isinstance(value, str) else value
