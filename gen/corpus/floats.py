"""JSON text whose numbers every reader takes back exactly.

``datasets`` decodes Json columns with the ujson of pandas, which makes a fraction by a multiplication: it reads ``0.3`` as
``0.30000000000000004``, and a chat template prints that as the training target. The same number spelled ``0.30`` is read
rightly by everyone. This module knows how that decoder computes and finds a spelling that survives it. It does not import
pandas or datasets; a test holds the two against each other.

The writer of shards uses it; nothing else needs to know.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from decimal import Decimal
from functools import lru_cache
from json.encoder import encode_basestring

import orjson

from gen.canonical import exact_json
from gen.conversation import Json

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1

# The decoder drops decimals after the fifteenth, and multiplies by these very constants (not by powers computed at run time).
_MAX_DECIMALS = 15
_TENTHS = tuple(float(f"1e-{n}") for n in range(_MAX_DECIMALS + 1))


class NotExact(ValueError):
    """A number that no spelling carries through every reader; ``path`` is its place, as ``.amounts[2]``."""

    def __init__(self, value: float, path: str) -> None:
        super().__init__(f"{value!r} at {path or 'the top'}")
        self.value = value
        self.path = path


def ujson_value(text: str) -> float:
    """What the ujson of pandas reads for the text of a JSON number with a fraction or an exponent.

    Raises OverflowError where the exponent is beyond what a float holds.
    """
    mantissa, _, exponent = text.removeprefix("-").partition("e")
    whole, _, fraction = mantissa.partition(".")
    fraction = fraction[:_MAX_DECIMALS]
    # Fifteen digits are below 2**53, so that the decoder's digit-by-digit accumulation is exact, as int() is.
    value = float(int(whole)) + float(int(fraction or "0")) * _TENTHS[len(fraction)]
    if exponent:
        value *= math.pow(10.0, int(exponent))
    return -value if text.startswith("-") else value


def ujson_exact(value: float) -> bool:
    """Whether a stock ``load_dataset`` reads ``value`` back exactly from its shortest spelling, ``repr(value)``."""
    return _survives(repr(value), value)


def exact_text(value: float) -> str | None:
    """The plainest JSON spelling of a float that json and ujson both read back as ``value``; None where none was found.

    The shortest one, else with zeros added (``0.30``), else with an exponent (``16.4e-1``, of which 1.64 is in need).
    """
    return _exact_text(repr(value)) if math.isfinite(value) else None


@lru_cache(maxsize=65536)
def _exact_text(shortest: str) -> str | None:  # by text, because 0.0 == -0.0
    value = float(shortest)
    return next((text for text in _spellings(shortest) if _survives(text, value)), None)


def stock_json(value: Json) -> bytes:
    """The JSON text of ``value`` in UTF-8, without spaces, its numbers spelled so that every reader takes them back exactly.

    Raises NotExact for a number that cannot be carried exactly (an integer beyond 64 bits, a rare 17-digit float), and
    ValueError for NaN, infinities and unpaired surrogates, which JSON cannot hold at all.
    """
    return plain_json(value) if _all_plain(value) else _respelled(value, "").encode()


def plain_json(value: Json) -> bytes:
    """The same, of a value without floats and large integers: nothing in it needs looking at."""
    try:
        return orjson.dumps(value)
    except TypeError as error:  # what orjson says of unpaired surrogates
        raise ValueError(str(error)) from error


def _survives(text: str, value: float) -> bool:
    try:
        return ujson_value(text) == value == float(text)
    except OverflowError:
        return False


def _spellings(shortest: str) -> Iterator[str]:
    yield shortest
    plain = format(Decimal(shortest), "f")
    whole, _, fraction = plain.partition(".")
    for decimals in range(max(len(fraction), 1), _MAX_DECIMALS + 1):
        yield f"{whole}.{fraction.ljust(decimals, '0')}"
    for shift in (1, -1, 2, -2, 3, -3, 4, -4, 5, -5, 6, -6):
        mantissa = format(Decimal(shortest).scaleb(-shift), "f")
        for zeros in ("", "0", "00", "000"):
            yield f"{mantissa}{zeros if '.' in mantissa else ''}e{shift}"


def _all_plain(value: Json) -> bool:
    """Whether every number survives as json writes it. On the path of every message written, so it builds nothing."""
    kind = type(value)
    if kind is str or value is None or kind is bool:
        return True
    if kind is float:
        text = repr(value)
        return exact_text(value) == text and "e" not in text  # orjson spells exponents otherwise
    if kind is int:
        return bool(INT64_MIN <= value <= INT64_MAX)
    for child in value.values() if kind is dict else value:  # noqa: SIM110 - all() is slower
        if type(child) is not str and not _all_plain(child):
            return False
    return True


def _respelled(value: Json, path: str) -> str:
    """``exact_json`` with the surviving spelling of each float."""
    if isinstance(value, dict):
        return "{" + ",".join([f"{encode_basestring(key)}:{_respelled(child, f'{path}.{key}')}" for key, child in value.items()]) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join([_respelled(child, f"{path}[{i}]") for i, child in enumerate(value)]) + "]"
    if isinstance(value, float) and math.isfinite(value):
        text = exact_text(value)
        if text is None:
            raise NotExact(value, path)
        return text
    if isinstance(value, int) and not INT64_MIN <= value <= INT64_MAX:
        raise NotExact(value, path)
    return exact_json(value)
