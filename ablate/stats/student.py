"""Student's t-distribution for whole degrees of freedom, without the seconds that importing scipy takes.

`ablate status` and the live view show intervals, and are to start at once; tests compare with scipy.
"""

import math
from functools import cache

WIDEST = 1e9  # no quantile that is asked for lies beyond
STEPS = 200  # of bisection, which then has reached the precision of floating-point numbers


def probability_within(t: float, freedom: int) -> float:
    """P(−t < T < t), by the finite series of Abramowitz & Stegun (1964), equations 26.7.3 and 26.7.4."""
    angle = math.atan2(abs(t), math.sqrt(freedom))
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = freedom % 2 == 1
    term = total = (cosine if freedom > 1 else 0.0) if odd else 1.0
    for number in range(2 if odd else 1, freedom - 1, 2):
        term *= number / (number + 1) * cosine * cosine
        total += term
    return 2 / math.pi * (angle + sine * total) if odd else sine * total


@cache
def quantile(freedom: int, confidence: float) -> float:
    """The t for which P(−t < T < t) is the confidence."""
    low, high = 0.0, WIDEST
    for _ in range(STEPS):
        middle = (low + high) / 2
        if probability_within(middle, freedom) < confidence:
            low = middle
        else:
            high = middle
    return (low + high) / 2
