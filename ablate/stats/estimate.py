"""A mean over seeds and its confidence interval by Student's t."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Self

from ablate.stats.student import quantile

CONFIDENCE = 0.95
MOST_TERMS = 1000  # of the series for whole degrees of freedom


@dataclass(frozen=True)
class Estimate:
    """Mean of n values, their sample standard deviation, and the ends of the 95 % interval of the mean.

    The interval is mean ± t(0.975, n − 1) · std / √n (Student 1908).  `mean` is None for no value; `std`, `low` and
    `high` are None for fewer than two.  Values that are not finite make the results NaN or infinite.
    """

    n: int
    mean: float | None = None
    std: float | None = None  # with n − 1 in the denominator
    low: float | None = None
    high: float | None = None

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        n = len(values)
        if n == 0:
            return cls(0)
        mean = sum(values) / n  # `statistics.stdev` raises for infinite values
        if n == 1:
            return cls(1, mean)
        std = math.sqrt(sum((value - mean) * (value - mean) for value in values) / (n - 1))
        half = t_quantile(n - 1) * std / math.sqrt(n)
        return cls(n, mean, std, mean - half, mean + half)

    @property
    def symmetric(self) -> bool:
        """Whether the mean is the middle of the interval."""
        if self.mean is None or self.low is None or self.high is None:
            return True
        return math.isclose(self.high - self.mean, self.mean - self.low, rel_tol=1e-6, abs_tol=1e-12)

    @property
    def half(self) -> float | None:
        """Half the width of the interval."""
        return None if self.high is None or self.mean is None else self.high - self.mean

    def times(self, factor: float) -> Self:
        """The estimate of the values times a positive factor."""

        def scaled(value: float | None) -> float | None:
            return None if value is None else value * factor

        return type(self)(self.n, *map(scaled, (self.mean, self.std, self.low, self.high)))

    @property
    def excludes_zero(self) -> bool:
        """Whether 0 is outside of the interval; False without one."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


@cache
def t_quantile(freedom: float) -> float:
    """The 0.975 quantile of Student's t: the half width of a 95 % interval in standard errors."""
    if float(freedom).is_integer() and freedom <= MOST_TERMS:
        return quantile(int(freedom), CONFIDENCE)
    from scipy.special import stdtrit

    return float(stdtrit(freedom, (1 + CONFIDENCE) / 2))
