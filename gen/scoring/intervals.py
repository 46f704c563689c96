"""How sure a share is, and whether two of them differ: Wilson's interval, and McNemar's exact test for pairs; scipy computes both."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec

from gen.conversation import JsonObject
from gen.errors import missing_extra


def require_statistics() -> None:
    """Raises BadInput where the package that computes intervals is missing: to be asked before a model is loaded."""
    if find_spec("scipy") is None:
        raise missing_extra("scipy", "score", "scoring")


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


@lru_cache(maxsize=4096)
def wilson(count: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a share: the shares that a sample such as this does not speak against."""
    from scipy.stats import binomtest  # type: ignore[import-untyped]  # its stubs are a package of their own

    if not of:
        return 0.0, 1.0
    low, high = binomtest(count, of).proportion_ci(0.95, method="wilson")
    return float(low), float(high)


def mcnemar(gained: int, lost: int) -> float:
    """The probability of a split at least this uneven among the pairs that changed, were either change as likely (exact, two-sided)."""
    from scipy.stats import binomtest

    return float(binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0
