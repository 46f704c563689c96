"""JSON texts and digests that depend on the value alone.

``exact_json`` keeps the order of keys and is what is written and rendered; ``canonical_json`` sorts them and is what
is compared and hashed.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

# Values hold no value that holds itself (then RecursionError), so nobody looks for one: half the time of a small text.
_exact = json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False).encode
_canonical = json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False, sort_keys=True, separators=(",", ":")).encode


def exact_json(value: Any) -> str:
    """JSON with ``", "`` and ``": "``, non-ASCII kept, keys in their own order. Raises ValueError for NaN and infinities."""
    return _exact(value)


def canonical_json(value: Any) -> str:
    """JSON without spaces and with sorted keys: equal for equal values. Raises ValueError for NaN and infinities."""
    return _canonical(value)


def digest(value: Any) -> str:
    """The SHA-256 of a value's canonical JSON, as 64 hexadecimal digits."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()
