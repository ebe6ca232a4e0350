"""The skewness of values, and whether it is larger than that of as many normally distributed ones."""

import math
from collections.abc import Sequence

from ablate.stats.paired import is_constant

LEAST_SKEWED = 6  # values from which their skewness says something


def skewness_of(values: Sequence[float]) -> float:
    """The third central moment over the second one's power of 1.5, both with n in the denominator."""
    mean = math.fsum(values) / len(values)
    second, third = (math.fsum((value - mean) ** power for value in values) / len(values) for power in (2, 3))
    return third / (second * math.sqrt(second))


def is_skewed(values: Sequence[float]) -> bool:
    """Whether the skewness exceeds two of its standard errors under normality (Cramér 1946).

    False for fewer than LEAST_SKEWED values.
    """
    n = len(values)
    if n < LEAST_SKEWED or is_constant(values):
        return False
    return abs(skewness_of(values)) > 2 * math.sqrt(6 * n * (n - 1) / ((n - 2) * (n + 1) * (n + 3)))
