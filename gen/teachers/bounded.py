"""Strings of bounded length: patterns without open ends, and patterns that stand for formats.

Part of tightening a schema (tighten.py). Whatever matches what comes from here, matches what it came from; not the other way round.
"""

from __future__ import annotations

import re

MOST_REPEATS = 16
"""How often a part of a pattern is repeated that may be repeated without end."""

_YEAR = r"(19|20)[0-9]{2}"
_LEAP_YEAR = r"(20([02468][048]|[13579][26])|19(0[48]|[2468][048]|[13579][26]))"
_DATE = (
    rf"({_YEAR}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))|{_LEAP_YEAR}-02-29)"
)
_TIME = r"([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](Z|[+-](0[0-9]|1[0-4]):(00|30|45))"
_LABEL = r"[a-z][a-z0-9]{0,15}"
_HOST = rf"{_LABEL}(\.{_LABEL}){{1,2}}"
_URI = rf"https?://{_HOST}(/[A-Za-z0-9_-]{{1,16}}){{0,4}}"
_OCTET = r"(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"

FORMATS = {
    "date": _DATE,
    "time": _TIME,
    "date-time": rf"{_DATE}T{_TIME}",
    "duration": r"P([1-9][0-9]{0,2}[WD]|T[1-9][0-9]{0,2}[HMS]|[1-9][0-9]{0,1}DT[1-9][0-9]{0,1}H)",
    "email": rf"[a-z0-9][a-z0-9_+-]{{0,15}}(\.[a-z0-9]{{1,12}})?@{_HOST}",
    "hostname": _HOST,
    "ipv4": rf"{_OCTET}(\.{_OCTET}){{3}}",
    "ipv6": r"([1-9a-f][0-9a-f]{0,3}:){7}[1-9a-f][0-9a-f]{0,3}",
    "uri": _URI,
    "uuid": r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    "json-pointer": r"(/[a-z0-9_]{1,16}){0,4}",
    "relative-json-pointer": r"(0|[1-9])(/[a-z0-9_]{1,16}){0,4}",
    "regex": r"[a-z0-9]{1,32}",
}
FORMATS |= {
    "idn-email": FORMATS["email"],
    "idn-hostname": _HOST,
    "iri": _URI,
    "uri-reference": _URI,
    "iri-reference": _URI,
    "uri-template": _URI,
}
"""A pattern of bounded length for each format that validators assert; the years of dates are of this century or the last."""

_CLASSES = {"d": "0-9", "w": "A-Za-z0-9_", "s": " "}
"""What ECMA 262 means by these, or a part of it; engines differ, and some take every script's digits."""

_TOKEN = re.compile(r"\\.|\[|\]|\(\?[^:)]?|\{\d+(?:,\d*)?\}|.", re.DOTALL)
_OPEN_COUNT = re.compile(r"\{(\d+),\}")
_COUNT = re.compile(r"\{(?:\d+,)?\d+\}")


def bounded_pattern(pattern: str) -> str | None:
    """The same pattern with an end to every repetition and the letters of ECMA 262; None where it looks around or back."""
    parts: list[str] = []
    inside = False
    for token in _TOKEN.findall(pattern):
        if token[0] == "\\" and (token[1:].isdigit() or token[1:] in ("k", "b", "B")) and not (inside and token[1:] == "b"):
            return None
        if token.startswith("(?") and token != "(?" and not inside:
            return None
        if inside:
            parts.append(_CLASSES.get(token[1:], token) if token[0] == "\\" else token)
            inside = token != "]"
            continue
        inside = token == "["
        parts.append(_bounded_token(token))
    return "".join(parts)


def _bounded_token(token: str) -> str:
    if token == "*":
        return f"{{0,{MOST_REPEATS}}}"
    if token == "+":
        return f"{{1,{MOST_REPEATS}}}"
    if token[0] == "\\" and token[1:] in _CLASSES:
        return f"[{_CLASSES[token[1:]]}]"
    count = _OPEN_COUNT.fullmatch(token)
    if count:
        return f"{{{count[1]},{int(count[1]) + MOST_REPEATS}}}"
    return token


def has_both_ends(pattern: str) -> bool:
    """Whether a pattern, bounded as above, says the whole string: ``^...$`` without an alternative at the top."""
    if not (pattern.startswith("^") and pattern.endswith("$")) or pattern.endswith("\\$"):
        return False
    depth, inside = 0, False
    for token in _TOKEN.findall(pattern):
        if inside:
            inside = token != "]"
            continue
        inside = token == "["
        depth += token.startswith("(") - (token == ")")
        if token == "|" and depth == 0:
            return False
    return True


def bounded_key(pattern: str) -> str | None:
    """A pattern for keys of bounded length that ``pattern`` matches too; None where it cannot be bounded."""
    bounded = bounded_pattern(pattern)
    if bounded is None:
        return None
    if has_both_ends(bounded):
        return bounded
    if any(token in "^$|" for token in _TOKEN.findall(bounded.removeprefix("^"))):
        return None
    start = "" if bounded.startswith("^") else "^"
    return f"{start}{bounded}[a-z0-9_]{{0,{MOST_REPEATS}}}$"


def longest_repeat(pattern: str) -> int:
    """At least how long a string may have to be to match: the sum of all counts in the pattern."""
    return sum(int(count) for count in re.findall(r"\{(\d+)", pattern))


def longest_match(pattern: str) -> int:
    """How many characters a match of a bounded pattern has at most."""
    return _alternatives(_TOKEN.findall(pattern)[::-1])


def _alternatives(left: list[str]) -> int:
    """The longest of the alternatives up to the end of the group; ``left`` holds what is still to be read, the last one first."""
    longest, here = 0, 0
    while left and left[-1] != ")":
        token = left.pop()
        if token == "|":
            longest, here = max(longest, here), 0
        else:
            here += _atom(token, left) * _most(left)
    return max(longest, here)


def _atom(token: str, left: list[str]) -> int:
    if token in ("^", "$"):
        return 0
    if token == "[":
        while left and left.pop() != "]":
            pass
    if not token.startswith("("):
        return 1
    if token == "(?" and left and left[-1] == ":":
        left.pop()
    inner = _alternatives(left)
    if left:
        left.pop()
    return inner


def _most(left: list[str]) -> int:
    """How often what was just read stands at most; takes the quantifier."""
    if not left or (left[-1] not in ("?", "*", "+") and not _COUNT.fullmatch(left[-1])):
        return 1
    quantifier = left.pop()
    if left and left[-1] == "?":
        left.pop()
    if quantifier in ("*", "+"):
        return MOST_REPEATS
    return 1 if quantifier == "?" else int(quantifier.strip("{}").rpartition(",")[2])
