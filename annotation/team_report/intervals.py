"""Shares with their intervals."""

from dataclasses import dataclass
from typing import Final

from scipy.stats import binomtest

CONFIDENCE: Final = 0.95


@dataclass(frozen=True)
class Share:
    """How many of so many, with Wilson's interval of 95 %."""

    held: int
    count: int

    @property
    def value(self) -> float | None:
        """The share; None of nothing."""
        return self.held / self.count if self.count else None

    @property
    def low(self) -> float | None:
        """Lower end of the interval."""
        return self._interval()[0]

    @property
    def high(self) -> float | None:
        """Upper end of the interval."""
        return self._interval()[1]

    def _interval(self) -> tuple[float | None, float | None]:
        if not self.count:
            return None, None
        test = binomtest(self.held, self.count)
        interval = test.proportion_ci(CONFIDENCE, method="wilson")
        return float(interval.low), float(interval.high)
