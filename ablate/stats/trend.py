"""Trend of a metric along an ordered axis, by paired slopes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from statistics import fmean

from ablate.options import Value, is_number
from ablate.stats.estimate import Estimate
from ablate.stats.paired import t_test
from ablate.stats.scores import Scores, common_seeds


@dataclass(frozen=True)
class Trend:
    """The slopes of a metric along an axis, one for each seed that every level has.

    A slope is that of the least-squares line over the positions of the levels: their logarithms to the base 2 where the
    levels are geometric (`doubling`), else their ranks.
    """

    levels: tuple[Value, ...]
    doubling: bool
    slopes: tuple[float, ...]
    means: tuple[float, ...] = ()  # of each level, over the same seeds

    @property
    def monotone(self) -> bool:
        """Whether the means never fall, or never rise, from level to level."""
        steps = [after - before for before, after in pairwise(self.means)]
        return all(step >= 0 for step in steps) or all(step <= 0 for step in steps)

    @property
    def extremes(self) -> tuple[Value, Value]:
        """The levels with the lowest and the highest mean."""
        ascending = sorted(zip(self.means, self.levels, strict=True), key=lambda pair: pair[0])
        return ascending[0][1], ascending[-1][1]

    @cached_property
    def estimate(self) -> Estimate:
        """Mean slope with its 95 % interval: the change per doubling of the level, or per level."""
        return Estimate.of(self.slopes)

    @cached_property
    def p_value(self) -> float | None:
        """Two-sided p of the t-test that the mean slope is 0; None for fewer than two seeds."""
        return t_test(self.slopes)


def trend_of(scores: Scores) -> Trend | None:
    """The trend over levels that are numbers, in ascending order; None for fewer than three levels or other levels."""
    levels = sorted(level for level in scores if is_number(level))
    if len(levels) < max(3, len(scores)):
        return None
    seeds = sorted(common_seeds(scores, levels))
    geometric = is_geometric(levels)
    positions = [math.log2(level) for level in levels] if geometric else [float(rank) for rank in range(len(levels))]
    slopes = tuple(slope(positions, [scores[level][seed] for level in levels]) for seed in seeds)
    means = tuple(fmean([scores[level][seed] for seed in seeds]) for level in levels) if seeds else ()
    return Trend(tuple(levels), geometric, slopes, means)


def is_geometric(levels: Sequence[float]) -> bool:
    """Whether ascending levels are positive and grow by factors that vary less than their differences do.

    0.1, 0.3, 1 and 1, 2, 4 are geometric; 1, 2, 3 and 10, 20, 30 are not.
    """
    if len(levels) < 3 or levels[0] <= 0:
        return False
    factors = [math.log(after / before) for before, after in pairwise(levels)]
    steps = [after - before for before, after in pairwise(levels)]
    return max(factors) / min(factors) < max(steps) / min(steps)


def slope(positions: Sequence[float], values: Sequence[float]) -> float:
    """The slope of the least-squares line."""
    centre, mean = sum(positions) / len(positions), sum(values) / len(values)
    covariance = sum((x - centre) * (y - mean) for x, y in zip(positions, values, strict=True))
    return covariance / sum((x - centre) ** 2 for x in positions)
