"""Where the recipes and schemas that come with fcgen lie, and where a user's own come first.

In a wheel they are inside the package (``gen/shipped_data``), in a checkout they stand at its top.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

Kind = Literal["recipes", "schemas"]

_PACKAGE = Path(__file__).resolve().parent


def shipped(kind: Kind) -> Path:
    """The folder of recipes or schemas that came with this installation."""
    inside = _PACKAGE / "shipped_data" / kind
    return inside if inside.is_dir() else _PACKAGE.parent / kind


def places(kind: Kind) -> tuple[Path, ...]:
    """The folders that are searched, first match wins: the working folder's own, then what came with fcgen."""
    own, ours = Path(kind), shipped(kind)
    same = own.is_dir() and own.resolve() == ours.resolve()
    return (own,) if same else (own, ours)
