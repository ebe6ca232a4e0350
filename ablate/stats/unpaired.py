"""The difference between the means of two independent samples of scores, as where two studies share no seed."""

import math
from collections.abc import Sequence

from ablate.stats.estimate import Estimate, t_quantile


def unpaired_difference(first: Sequence[float], second: Sequence[float]) -> tuple[Estimate, float | None]:
    """The mean of the first minus that of the second, with its 95 % interval, and the two-sided p of Welch's t-test.

    Variances may differ (Welch 1947); degrees of freedom are Satterthwaite's.  `n` is the size of the smaller sample;
    interval and p are None where a sample has fewer than two values, and p where neither varies.
    """
    one, other = Estimate.of(first), Estimate.of(second)
    n = min(one.n, other.n)
    if one.mean is None or other.mean is None:
        return Estimate(0), None
    mean = one.mean - other.mean
    if one.std is None or other.std is None:
        return Estimate(n, mean), None
    parts = (one.std**2 / one.n, other.std**2 / other.n)
    error = math.sqrt(sum(parts))
    if error == 0:
        return Estimate(n, mean, 0.0, mean, mean), None
    freedom = sum(parts) ** 2 / sum(part**2 / (size - 1) for part, size in zip(parts, (one.n, other.n), strict=True))
    from scipy.special import stdtr

    half = t_quantile(freedom) * error
    p = 2 * float(stdtr(freedom, -abs(mean) / error))
    return Estimate(n, mean, error * math.sqrt(n), mean - half, mean + half), p
