"""How sure a share is, and whether two of them differ: Wilson's interval, and McNemar's exact test for pairs.

Both are a line of school mathematics over the standard library, so that no one needs scipy (35 MB to fetch) to score against a
server; the tests hold them against values computed with scipy.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb, sqrt
from statistics import NormalDist

from gen.conversation import JsonObject

_Z = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True, slots=True)
class Rate:
    """How many of how many."""

    count: int
    of: int

    @property
    def share(self) -> float:
        """0 where there were none."""
        return self.count / self.of if self.of else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval; from 0 to 1 where there were none."""
        return wilson(self.count, self.of)

    def to_json(self) -> JsonObject:
        low, high = self.interval
        return {"count": self.count, "of": self.of, "share": round(self.share, 6), "low": round(low, 6), "high": round(high, 6)}


def wilson(count: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a share: the shares that a sample such as this does not speak against."""
    if not of:
        return 0.0, 1.0
    share, squared = count / of, _Z * _Z
    middle = (share + squared / (2 * of)) / (1 + squared / of)
    half = _Z / (1 + squared / of) * sqrt(share * (1 - share) / of + squared / (4 * of * of))
    return (0.0 if count == 0 else max(0.0, middle - half)), (1.0 if count == of else min(1.0, middle + half))


def mcnemar(gained: int, lost: int) -> float:
    """The probability of a split at least this uneven among the pairs that changed, were either change as likely (exact, two-sided)."""
    changed = gained + lost
    tail = sum(comb(changed, k) for k in range(min(gained, lost) + 1))
    return float(min(1.0, 2 * tail / 2**changed))
