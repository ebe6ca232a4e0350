"""The number of seeds with which a test would probably decide."""

import math
from collections.abc import Callable
from dataclasses import dataclass

POWER = 0.8
LEAST_SEEDS = 3  # below which nothing is decided
MOST = 10_000  # seeds; more are reported as none
LARGEST_SHIFT = 1e6  # standard errors; scipy's distribution is not defined far beyond
QUANTILES = 1000  # of a standard deviation over seeds, over which a power is averaged


@dataclass(frozen=True)
class SeedsNeeded:
    """How many seeds would probably decide a comparison, and what they would show."""

    count: int
    equivalence: bool  # that the difference is smaller than the margin; else that it exists


def seeds_needed(effect: float, std: float | None, *, alpha: float = 0.05, one_sided: bool = False) -> int | None:
    """The seeds with which a t-test finds an effect with power 0.8, for differences of this standard deviation.

    At least LEAST_SEEDS.  None where the deviation is unknown, the effect is 0, or more than MOST would be needed.
    """
    if std is None or effect == 0 or not math.isfinite(effect):
        return None
    if std == 0:
        return LEAST_SEEDS
    size = abs(effect) / std
    return fewest_seeds(lambda n: t_test_power(size, n, alpha if one_sided else alpha / 2))


def t_test_power(size: float, n: int, alpha: float) -> float:
    """The power of a one-sided t-test for an effect of so many standard deviations: P(T > t) of the noncentral t.

    Also that of a two-sided test, with half of its α, without the rejections on the side where the effect is not.
    """
    from scipy.stats import nct, t

    return float(nct.sf(t.isf(alpha, n - 1), n - 1, min(size * math.sqrt(n), LARGEST_SHIFT)))


def seeds_for_equivalence(mean: float, margin: float, std: float | None, alpha: float = 0.05) -> int | None:
    """The seeds with which two one-sided tests show a mean difference to lie within ± margin with power 0.8.

    At least LEAST_SEEDS.  None where the deviation is unknown, the mean is not within the margin, or more than MOST
    would be needed.
    """
    if std is None or not abs(mean) < margin:
        return None
    if std == 0:
        return LEAST_SEEDS
    return fewest_seeds(lambda n: equivalence_power(abs(mean) / std, margin / std, n, alpha))


def equivalence_power(size: float, margin: float, n: int, alpha: float) -> float:
    """The power of the two one-sided t-tests (Schuirmann 1987) for a mean and a margin in standard deviations.

    The probability that mean ± t · s / √n lies within the margin, averaged over QUANTILES of the sample deviation s.
    """
    import numpy as np
    from scipy.special import gammaincinv, ndtr, stdtrit

    probabilities = (np.arange(QUANTILES) + 0.5) / QUANTILES
    deviations = np.sqrt(2 / (n - 1) * gammaincinv((n - 1) / 2, probabilities))
    room = margin * math.sqrt(n) - stdtrit(n - 1, 1 - alpha) * deviations  # of the mean, in standard errors
    shift = size * math.sqrt(n)
    return float(np.where(room > 0, ndtr(room - shift) - ndtr(-room - shift), 0.0).mean())


def fewest_seeds(power: Callable[[int], float]) -> int | None:
    """The least n, from LEAST_SEEDS to MOST, of which the power, which grows with n, is at least POWER."""
    low, high = LEAST_SEEDS - 1, LEAST_SEEDS  # power(low) < POWER ≤ power(high), once the search has doubled enough
    while power(high) < POWER:
        if high == MOST:
            return None
        low, high = high, min(2 * high, MOST)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power(middle) >= POWER else (middle, high)
    return high
