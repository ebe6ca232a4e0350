"""Correction of p-values for several tests."""

from collections.abc import Sequence


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """The p-values adjusted by the step-down rule of Holm (1979), in their order.

    Rejecting those of at most α keeps the probability of any false rejection at α.  (statsmodels computes the same, and
    takes 60 ms and an import of two seconds for it.)
    """
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return tuple(adjusted)
