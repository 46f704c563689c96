"""What a domain's SQL may call: harmless functions of SQLite, and fcgen's own on dates and ids."""

from __future__ import annotations

import datetime
import sqlite3
from collections.abc import Callable

from gen.errors import BadInput

FUNCTIONS = frozenset(
    "abs avg coalesce count group_concat ifnull iif instr json json_array json_array_length json_each json_extract json_group_array "
    "json_group_object json_object json_type json_valid length like lower max min nullif printf format replace round substr "
    "substring sum total trim ltrim rtrim upper -> ->>".split()
)
"""SQL functions that a tool may use: none reads the clock, draws at random or touches a file."""

OWN_FUNCTIONS = frozenset(("add_days", "add_months", "days_between", "weekday", "fresh"))

FILLING_FUNCTIONS = (
    FUNCTIONS | OWN_FUNCTIONS - {"fresh"} | frozenset("row_number rank dense_rank ntile lag lead first_value last_value sign".split())
)
"""Functions that columns may be computed with while tables are filled: window functions too."""


def register(database: sqlite3.Connection, fresh: Callable[[str, int], str]) -> None:
    """Give a connection fcgen's functions; ``fresh(prefix, digits)`` is the engine's."""
    database.create_function("add_days", 2, _add_days, deterministic=True)
    database.create_function("add_months", 2, _add_months, deterministic=True)
    database.create_function("days_between", 2, _days_between, deterministic=True)
    database.create_function("weekday", 1, _weekday, deterministic=True)
    database.create_function("fresh", 2, fresh)
    for table in ("json_each", "json_tree"):
        database.execute(f"SELECT * FROM {table}('[]')").fetchall()  # set up now: the authorizer would refuse it later


def _add_days(day: str | None, n: int) -> str | None:
    return None if day is None else (datetime.date.fromisoformat(day) + datetime.timedelta(days=int(n))).isoformat()


def _add_months(day: str | None, n: int) -> str | None:
    """The same day ``n`` months on, or the month's last day where it is shorter."""
    if day is None:
        return None
    date = datetime.date.fromisoformat(day)
    years, month = divmod(date.year * 12 + date.month - 1 + int(n), 12)
    first_of_next = datetime.date(years + (month == 11), (month + 1) % 12 + 1, 1)
    last = (first_of_next - datetime.timedelta(days=1)).day
    return datetime.date(years, month + 1, min(date.day, last)).isoformat()


def _days_between(start: str | None, end: str | None) -> int | None:
    if start is None or end is None:
        return None
    return (datetime.date.fromisoformat(end) - datetime.date.fromisoformat(start)).days


def _weekday(day: str | None) -> int | None:
    return None if day is None else datetime.date.fromisoformat(day).weekday()


def sql_error(error: sqlite3.Error, where: str) -> BadInput:
    """What SQLite says of a domain's SQL, with its place; where it refused a function, with those that it allows."""
    reason = str(error)
    hint = (
        "allowed functions: " + ", ".join(sorted(FUNCTIONS | OWN_FUNCTIONS)) if "not authorized" in reason or "prohibited" in reason else ""
    )
    return BadInput(f"SQL: {reason}", where=where, hint=hint)
