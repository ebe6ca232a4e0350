"""Differences between two variants that were run with the same seeds, with tests and intervals of their mean.

A seed fixes the initialization, the order of the data and the noise, so the scores of two variants are compared seed by
seed: what both variants share cancels (Bouthillier et al. 2021, arXiv:2103.03098).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Literal, Self

from ablate.stats.estimate import CONFIDENCE, Estimate

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

EXACT_UP_TO = 14  # differences of which all 2ⁿ signs are enumerated; above, that many are sampled
BOOTSTRAP_FROM = 8  # differences from which a bootstrap interval is computed
RESAMPLES = 9_999
ROUNDING = 1e-12  # differences below this are rounding errors

Alternative = Literal["two-sided", "greater", "less"]


@dataclass(frozen=True)
class PairedDifference:
    """The scores of one variant minus those of another, for the seeds that both have.

    `better` is +1 where higher scores are better, −1 where lower ones are, 0 where neither is.
    """

    seeds: tuple[int, ...]
    first: tuple[float, ...]
    second: tuple[float, ...]
    better: int = 1

    @classmethod
    def of(cls, first: Mapping[int, float], second: Mapping[int, float], better: int = 1) -> Self:
        """The paired difference `first − second` of scores by seed."""
        seeds = tuple(sorted(first.keys() & second.keys()))
        return cls(seeds, tuple(first[seed] for seed in seeds), tuple(second[seed] for seed in seeds), better)

    @cached_property
    def values(self) -> tuple[float, ...]:
        """The differences, by ascending seed."""
        return tuple(one - other for one, other in zip(self.first, self.second, strict=True))

    @cached_property
    def estimate(self) -> Estimate:
        """Mean, standard deviation and 95 % interval of the differences."""
        return Estimate.of(self.values)

    @cached_property
    def p_value(self) -> float | None:
        """Two-sided p of the paired t-test (Student 1908); None for fewer than two seeds."""
        return t_test(self.values)

    @cached_property
    def p_permutation(self) -> float | None:
        """Two-sided p of the sign-flip test of the mean (Fisher 1935); None without seeds."""
        return sign_flip_test(self.values)

    @property
    def least_p_permutation(self) -> float:
        """The least p that the sign-flip test can give with so many seeds: 2 / 2ⁿ."""
        return min(1.0, 2.0 / 2.0 ** len(self.values))

    @cached_property
    def bootstrap(self) -> tuple[float, float] | None:
        """The BCa bootstrap interval of the mean (Efron 1987); None below BOOTSTRAP_FROM seeds."""
        return bca_interval(self.values) if len(self.values) >= BOOTSTRAP_FROM else None

    @property
    def effect_size(self) -> float | None:
        """Mean over standard deviation of the differences (Cohen 1988, d_z); None where that is 0 or unknown."""
        estimate = self.estimate
        return estimate.mean / estimate.std if estimate.std and estimate.mean is not None else None

    @property
    def probability_of_outperforming(self) -> float | None:
        """The share of seeds on which the first variant is the better one, ties counted half; None without a direction.

        An estimate of P(A > B) on pairs (Bouthillier et al. 2021, section 4.2).
        """
        if not self.values or self.better == 0:
            return None
        wins = sum(self.better * value > 0 for value in self.values)
        return (wins + self.values.count(0.0) / 2) / len(self.values)

    @property
    def variance_ratio(self) -> float | None:
        """Variance of the differences over that of unpaired scores, var(A − B) / (var A + var B); 1: no gain."""
        one, other = Estimate.of(self.first).std, Estimate.of(self.second).std
        if self.estimate.std is None or one is None or other is None or one == other == 0:
            return None
        return self.estimate.std**2 / (one**2 + other**2)


def t_test(values: Sequence[float], against: float = 0.0, alternative: Alternative = "two-sided") -> float | None:
    """p of the one-sample t-test that the mean is `against` (Student 1908); None for fewer than two values.

    Equal values have no spread: p is 0 where their mean lies on the side of the alternative, else 1.
    """
    if len(values) < 2:
        return None
    if is_constant(values):
        shift = values[0] - against if abs(values[0] - against) > ROUNDING else 0.0
        on_side = {"two-sided": shift != 0, "greater": shift > 0, "less": shift < 0}[alternative]
        return 0.0 if on_side else 1.0
    from scipy.special import stdtr  # the distribution function; scipy.stats takes a hundred times as long per call

    estimate = Estimate.of(values)
    assert estimate.mean is not None, "there are two values or more"
    assert estimate.std, "the values are not constant"
    statistic = (estimate.mean - against) / (estimate.std / math.sqrt(estimate.n))
    below, above = (float(stdtr(estimate.n - 1, sign * statistic)) for sign in (1, -1))
    return {"less": below, "greater": above, "two-sided": 2 * min(below, above)}[alternative]


def is_constant(values: Sequence[float]) -> bool:
    """Whether values differ by no more than rounding."""
    return max(values) - min(values) <= ROUNDING * max(1.0, *map(abs, values))


def sign_flip_test(values: Sequence[float]) -> float | None:
    """Two-sided p of a mean where every sign is random: exact up to EXACT_UP_TO values, above that from a sample.

    It supposes that differences are symmetric about 0, not that they are normal.  The sample counts the observed signs
    too (Phipson and Smyth 2010).  scipy's `permutation_test` gives the same and takes 20 times as long.
    """
    if not values:
        return None
    if len(values) == 1 or not any(values):
        return 1.0
    import numpy as np

    differences, exact = np.asarray(values, dtype=float), len(values) <= EXACT_UP_TO
    sums, observed = signs(len(values)) @ differences, float(differences.sum())
    slack = ROUNDING * float(np.abs(differences).sum())  # sums of the same values in other orders differ by rounding
    fewest = min(int((sums >= observed - slack).sum()), int((sums <= observed + slack).sum()))
    share = fewest / len(sums) if exact else (fewest + 1) / (len(sums) + 1)
    return min(1.0, 2 * share)


@lru_cache(maxsize=4)
def signs(n: int) -> "NDArray[np.float64]":
    """Rows of n signs: all 2ⁿ up to EXACT_UP_TO of them, above that a sample of rows (R, n)."""
    import numpy as np

    if n <= EXACT_UP_TO:
        flips = np.arange(2**n)[:, np.newaxis] >> np.arange(n) & 1
    else:
        flips = np.random.default_rng(0).integers(0, 2, (2**EXACT_UP_TO, n))
    return (1 - 2 * flips).astype(np.float64)


def bca_interval(values: Sequence[float]) -> tuple[float, float]:
    """The bias-corrected and accelerated bootstrap interval of the mean (Efron 1987); of equal values, their value."""
    if is_constant(values):
        return values[0], values[0]
    import numpy as np
    from scipy.stats import bootstrap

    interval = bootstrap(
        (np.asarray(values, dtype=float),),
        np.mean,
        n_resamples=RESAMPLES,
        confidence_level=CONFIDENCE,
        method="BCa",
        rng=np.random.default_rng(0),
    ).confidence_interval
    return float(interval.low), float(interval.high)
