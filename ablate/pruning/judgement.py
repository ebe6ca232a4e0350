"""Which variants go on past a rung: successive halving, its brackets, and the median rule; on plain numbers."""

import math
from collections.abc import Sequence
from statistics import median

from ablate.study.pruner import Pruner
from ablate.trial import digest


def best_share(values: Sequence[float], share: int) -> float:
    """The value that separates the best ⌊n / share⌋ of n values, at least one, from the others; higher is better."""
    return sorted(values, reverse=True)[max(1, len(values) // share) - 1]


def survives_halving(value: float, others: Sequence[float], factor: int) -> bool:
    """Whether a value is among the best 1 / factor of itself and the others; the best one is, and so are its equals."""
    return value >= best_share([*others, value], factor)


def promotable(reached: int, factor: int, *, last: bool) -> int:
    """How many of the best variants that have reached a rung may be promoted: ⌊n / η⌋ (Li et al. 2020, algorithm 2).

    Once no variant will come any more (`last`) it is one at least, so that a search ends with a variant that was
    trained to its end.
    """
    return max(1, reached // factor) if last else reached // factor


def survives_median(best: float, others: Sequence[float], least: int) -> bool:
    """Whether a variant's best value so far is no worse than the median of the others' at this epoch."""
    return len(others) < least or best >= median(others)


def brackets(pruner: Pruner, epochs: int) -> int:
    """The number of brackets: of hyperband, as many as there are rungs below `epochs`, and one without any."""
    if pruner.kind != "hyperband":
        return 1
    count = 0
    while pruner.min_epochs * pruner.reduction_factor**count < epochs:
        count += 1
    return count + 1


def bracket_of(pruner: Pruner, epochs: int, variant: str) -> int:
    """The bracket of a variant, drawn by its key in proportion to the variants that Hyperband starts in each.

    With s + 1 brackets these are ⌈(s + 1) · ηᵏ / (k + 1)⌉ where k halvings follow (Li et al. 2018, JMLR 18, algorithm
    1); the bracket's number is how many of the first rungs it leaves out, s − k.
    """
    count = brackets(pruner, epochs)
    weights = [
        math.ceil(count * pruner.reduction_factor ** (count - 1 - skipped) / (count - skipped))
        for skipped in range(count)
    ]
    drawn = int(digest(["bracket", variant]), 16) % sum(weights)
    for number, weight in enumerate(weights):
        if drawn < weight:
            return number
        drawn -= weight
    raise AssertionError("the draw is below the sum of the weights")
