"""A test on the mean rank correlation of few levels, whose distribution is far from normal."""

import math
from collections.abc import Sequence
from functools import cache

DRAWS = 20_000  # means under the null hypothesis
ROUNDING = 1e-9


def p_above(correlations: Sequence[float], levels: int, bound: float) -> float:
    """One-sided p that the mean rank correlation over seeds is at most `bound`, whose rejection says it is above.

    The share of means that are as large, of as many independent Spearman correlations of so many levels drawn from the
    bivariate normal distribution with the mean correlation `bound`, the observed one counted too.
    """
    import numpy as np

    means = null_means(len(correlations), levels, bound)
    observed = sum(correlations) / len(correlations)
    return (1 + int((np.asarray(means) >= observed - ROUNDING).sum())) / (1 + DRAWS)


@cache
def null_means(seeds: int, levels: int, bound: float) -> tuple[float, ...]:
    """Means of rank correlations of so many seeds, each with the mean `bound`."""
    import numpy as np

    generator, slope = np.random.default_rng(0), normal_correlation(levels, bound)
    first = generator.standard_normal((DRAWS, seeds, levels))
    second = slope * first + math.sqrt(1 - slope * slope) * generator.standard_normal(first.shape)
    ranks = (np.argsort(np.argsort(scores, axis=-1), axis=-1) for scores in (first, second))
    squares = np.square(np.subtract(*ranks)).sum(axis=-1)
    return tuple((1 - 6 * squares / (levels * (levels**2 - 1))).mean(axis=-1).tolist())


def normal_correlation(levels: int, mean: float) -> float:
    """The correlation r of normal variables whose Spearman correlation over so many levels has this mean.

    The mean is 6 / (π (n + 1)) · (arcsin r + (n − 2) arcsin (r / 2)) (Moran 1948); found by bisection.
    """
    low, high = -1.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        found = 6 / (math.pi * (levels + 1)) * (math.asin(middle) + (levels - 2) * math.asin(middle / 2))
        low, high = (middle, high) if found < mean else (low, middle)
    return low
