"""JSON texts and digests that depend on the value alone.

``exact_json`` keeps the order of keys and is what is written and rendered; ``canonical_json`` sorts them and is what
is compared and hashed. ``STRICT_JSON`` reads what others wrote, and takes nothing that two readers could read differently.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable
from typing import Any, NoReturn


def _encoder(*, sort_keys: bool, separators: tuple[str, str]) -> Callable[[Any], str]:
    """What writes JSON in this form."""
    # Values hold no value that holds itself (then RecursionError), so nobody looks for one: half the time of a small text.
    return json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False, sort_keys=sort_keys, separators=separators).encode


_exact = _encoder(sort_keys=False, separators=(", ", ": "))
_canonical = _encoder(sort_keys=True, separators=(",", ":"))


def exact_json(value: Any) -> str:
    """JSON with ``", "`` and ``": "``, non-ASCII kept, keys in their own order. Raises ValueError for NaN and infinities."""
    return _exact(value)


def canonical_json(value: Any) -> str:
    """JSON without spaces and with sorted keys: equal for equal values. Raises ValueError for NaN and infinities."""
    return _canonical(value)


def digest(value: Any) -> str:
    """The SHA-256 of a value's canonical JSON, as 64 hexadecimal digits."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("an object has the same key twice")
    return value


def _finite(literal: str) -> float:
    value = float(literal)
    if not math.isfinite(value):
        raise ValueError(f"the number {literal} is too large")
    return value


def _no_constant(literal: str) -> NoReturn:
    raise ValueError(f"{literal} is not JSON")


STRICT_JSON = json.JSONDecoder(object_pairs_hook=_object, parse_float=_finite, parse_constant=_no_constant)
"""Reads JSON. Raises ValueError for duplicate keys, NaN, infinities and numbers too large for a float as well."""
