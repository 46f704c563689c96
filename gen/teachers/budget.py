"""What a run has used of a model, and how much it may: tokens, money, hours.

    usage = Usage()
    usage.count(completion, role="user", model="my-model")      # paid for now; reused=True where the store had it
    budget.spent(usage, seconds=elapsed)                        # "" until a limit is reached; then which one, in words

Tokens of a budget are those of prompts and completions together, as a server counts them; what the store had costs nothing again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from gen.conversation import JsonObject
from gen.errors import BadInput
from gen.teachers.request import Completion

_UNITS = {"": 1, "k": 1_000, "m": 1_000_000, "b": 1_000_000_000}
_tokens = re.compile(r"(\d[\d_,]*)(\.\d+)?\s*([kmb]?)", re.IGNORECASE).fullmatch


@dataclass(frozen=True, slots=True)
class Used:
    """Requests and what they took; ``tokens_cached`` of ``tokens_in`` were computed before, ``seconds`` are summed over requests."""

    requests: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0
    seconds: float = 0.0

    @property
    def tokens(self) -> int:
        """Of prompts and completions."""
        return self.tokens_in + self.tokens_out

    def __add__(self, other: Used) -> Used:
        return Used(
            self.requests + other.requests,
            self.tokens_in + other.tokens_in,
            self.tokens_out + other.tokens_out,
            self.tokens_cached + other.tokens_cached,
            self.seconds + other.seconds,
        )


@dataclass
class Usage:
    """What requests took, by role and model: those that were paid for, and those that the store answered."""

    paid: dict[tuple[str, str], Used] = field(default_factory=dict)
    reused: dict[tuple[str, str], Used] = field(default_factory=dict)

    def count(self, completion: Completion, *, role: str, model: str, reused: bool = False) -> None:
        """Count a completion."""
        one = Used(1, completion.tokens_in, completion.tokens_out, completion.tokens_cached, completion.seconds)
        _add(self.reused if reused else self.paid, (role, model), one)

    def add(self, other: Usage) -> None:
        """Count what another part of the run has used."""
        for mine, theirs in ((self.paid, other.paid), (self.reused, other.reused)):
            for who, used in theirs.items():
                _add(mine, who, used)

    @property
    def total(self) -> Used:
        """All that was paid for."""
        return sum(self.paid.values(), Used())

    def by_role(self) -> dict[str, Used]:
        """What was paid for, by role."""
        return _summed(self.paid, 0)

    def by_model(self) -> dict[str, Used]:
        """What was paid for, by model."""
        return _summed(self.paid, 1)

    def to_json(self) -> JsonObject:
        """For the ledger: lists of what each role and model took, in their order."""
        return {"paid": _listed(self.paid), "reused": _listed(self.reused)}

    @classmethod
    def from_json(cls, wire: JsonObject) -> Usage:
        """What ``to_json`` told."""
        return cls(_unlisted(wire["paid"]), _unlisted(wire["reused"]))


@dataclass(frozen=True, slots=True)
class Price:
    """What a million tokens of prompts and of completions cost, in whatever money the recipe thinks in."""

    tokens_in: float
    tokens_out: float

    def of(self, used: Used) -> float:
        """What this costs. Tokens that a server had cached are counted as others: what they cost differs from one to the next."""
        return (used.tokens_in * self.tokens_in + used.tokens_out * self.tokens_out) / 1_000_000


@dataclass(frozen=True, slots=True)
class Budget:
    """How much a run may use; None: without limit. Raises BadInput for a limit of cost without prices."""

    tokens: int | None = None
    cost: float | None = None
    hours: float | None = None
    price: Price | None = None

    def __post_init__(self) -> None:
        if self.cost is not None and self.price is None:
            raise BadInput(
                "a limit of cost needs prices, and the recipe has none",
                where="--max-cost",
                allowed="teacher.price.input and teacher.price.output in the recipe: what a million tokens cost",
                hint="--set teacher.price.input=0.5 --set teacher.price.output=1.5; or --token-budget, which needs no prices",
            )

    def spent(self, usage: Usage, *, seconds: float = 0.0) -> str:
        """Which limit is reached, in words; "" where none is.

        Args:
            usage: what was paid for so far.
            seconds: how long the run has been going on, by a clock that only goes forward.
        """
        used = usage.total
        if self.tokens is not None and used.tokens >= self.tokens:
            return f"the token budget of {tokens_text(self.tokens)} is used up: {used.tokens:,} tokens"
        if self.cost is not None and self.price is not None and self.price.of(used) >= self.cost:
            return f"the cost limit of {self.cost:,.2f} is reached: {self.price.of(used):,.2f}"
        if self.hours is not None and seconds >= self.hours * 3600:
            return f"the time limit of {self.hours:g} hours is reached: {seconds / 3600:,.2f} hours"
        return ""

    def share(self, usage: Usage, *, seconds: float = 0.0) -> float:
        """How much of it is used, from 0 on: of the limit that is nearest."""
        used = usage.total
        shares = [0.0]
        if self.tokens is not None:
            shares.append(used.tokens / self.tokens)
        if self.cost is not None and self.price is not None:
            shares.append(self.price.of(used) / self.cost)
        if self.hours is not None:
            shares.append(seconds / (self.hours * 3600))
        return max(shares)


def parse_tokens(text: str, *, where: str = "--token-budget") -> int:
    """``"50M"``, ``"1.5M"``, ``"200k"``, ``"2B"`` or a plain number, as a number of tokens. Raises BadInput for what is none."""
    match = _tokens(text.strip())
    if match is not None:
        whole, fraction, unit = match[1].replace(",", "").replace("_", ""), match[2] or "", match[3].lower()
        digits = fraction.removeprefix(".").rstrip("0")
        scale = int("1" + "0" * len(digits))
        count, rest = divmod(int(whole + digits) * _UNITS[unit], scale)
        if count and not rest:
            return count
    raise BadInput(f"{text!r} is no number of tokens", where=where, allowed="a number above 0 such as 200k, 1.5M, 50M, 2B or 50000000")


def tokens_text(count: int) -> str:
    """A number of tokens as short as it can be said exactly: ``50M``; ``50,012,345``."""
    for unit in ("b", "m", "k"):
        tenths, rest = divmod(count * 10, _UNITS[unit])
        if 10 <= tenths < 100_000 and not rest:
            whole, tenth = divmod(tenths, 10)
            return f"{whole}{f'.{tenth}' if tenth else ''}{'k' if unit == 'k' else unit.upper()}"
    return f"{count:,}"


def short_count(count: int) -> str:
    """A number as people say it while it grows: ``950``, ``12k``, ``1.25M``."""
    for unit, size in (("B", 1_000_000_000), ("M", 1_000_000), ("k", 1_000)):
        if count >= size:
            return f"{count / size:.3g}{unit}"
    return str(count)


def _add(counts: dict[tuple[str, str], Used], who: tuple[str, str], used: Used) -> None:
    counts[who] = counts.get(who, Used()) + used


def _summed(counts: Mapping[tuple[str, str], Used], part: int) -> dict[str, Used]:
    summed: dict[str, Used] = {}
    for who, used in sorted(counts.items()):
        summed[who[part]] = summed.get(who[part], Used()) + used
    return summed


def _listed(counts: Mapping[tuple[str, str], Used]) -> list[JsonObject]:
    return [
        {"role": role, "model": model, **asdict(used), "seconds": round(used.seconds, 3)} for (role, model), used in sorted(counts.items())
    ]


def _unlisted(wire: list[JsonObject]) -> dict[tuple[str, str], Used]:
    counts = {}
    for entry in wire:
        numbers = {key: value for key, value in entry.items() if key not in ("role", "model")}
        counts[entry["role"], entry["model"]] = Used(**numbers)
    return counts
