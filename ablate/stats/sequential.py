"""Comparisons while seeds are added: which are decided, at which look, and how many seeds the others are to have.

Each comparison of a study has its part of the level, 5 % over their number (Bonferroni), so one is decided by its own
scores alone, and a family of true hypotheses leads to a false decision in at most 5 % of studies.  The interval is the
repeated confidence interval (Jennison and Turnbull 1989, JRSS B 51, 305-361): the intervals of all looks and of all
comparisons hold together with a probability of at least 95 %.  A difference is shown where the interval excludes 0; it
is smaller than the margin where the interval lies within ± margin.
"""

import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from ablate.stats.boundaries import back_transformed, boundaries_of, looks_of
from ablate.stats.conclusion import Conclusion
from ablate.stats.estimate import Estimate
from ablate.stats.paired import is_constant
from ablate.stats.skewness import skewness_of
from ablate.study.seeds import LEVEL

Ended = Mapping[int, float | None]  # seed → score of a trial that has ended; None where it has none


@dataclass(frozen=True)
class Looks:
    """When the comparisons of a study are looked at, and what decides them."""

    at_least: int
    at_most: int
    comparisons: int
    margin: float | None = None

    @property
    def seeds(self) -> tuple[int, ...]:
        """The number of seeds at each look."""
        return looks_of(self.at_least, self.at_most)

    @cached_property
    def boundaries(self) -> tuple[float, ...]:
        """The boundary of the statistic at each look; infinite at looks that cannot decide."""
        return boundaries_of(self.at_least, self.at_most, LEVEL / max(1, self.comparisons))

    @property
    def deciding(self) -> tuple[int, ...]:
        """The numbers of seeds at the looks that can decide."""
        return tuple(n for n, boundary in zip(self.seeds, self.boundaries, strict=True) if boundary < math.inf)

    def boundary(self, pairs: int) -> float:
        """The boundary for so many pairs of scores: of the last look with at most as many, which is the stricter one.

        There are fewer pairs than seeds where trials have failed.
        """
        place = bisect_right(self.seeds, pairs)
        return self.boundaries[place - 1] if place else math.inf


@dataclass(frozen=True)
class LookResult:
    """What a comparison shows at its last look."""

    look: int  # from 1; 0: none was taken yet
    schedule: tuple[int, ...]  # the numbers of seeds at the looks that can decide
    estimate: Estimate  # of the seeds of the look, with the repeated interval
    boundary: float  # of the statistic
    conclusion: Conclusion
    wanted: int  # seeds that both variants are to have

    @property
    def open(self) -> bool:
        """Whether more seeds may decide."""
        return self.conclusion is Conclusion.UNDECIDED and self.look < len(self.schedule)


def take_looks(first: Ended, second: Ended, looks: Looks) -> LookResult:
    """The result of the looks that can be taken at the difference `first − second`, up to the one that decides.

    A look is taken once its seeds, from 0, have ended for both variants; looks that cannot decide are not waited for.
    """
    schedule = looks.deciding or looks.seeds[-1:]
    result = LookResult(0, schedule, Estimate(0), math.inf, Conclusion.UNDECIDED, schedule[0])
    for number, seeds in enumerate(schedule, start=1):
        if any(seed not in first or seed not in second for seed in range(seeds)):
            return replace(result, wanted=seeds)
        pairs = [(first[seed], second[seed]) for seed in range(seeds)]
        values = [one - other for one, other in pairs if one is not None and other is not None]
        boundary = looks.boundary(len(values))
        estimate = repeated_interval(values, boundary)
        conclusion = conclusion_of(estimate, looks.margin)
        result = LookResult(number, schedule, estimate, boundary, conclusion, seeds)
        if conclusion is not Conclusion.UNDECIDED:
            break
    return result


def repeated_interval(values: list[float], boundary: float) -> Estimate:
    """The mean of differences, with the interval of the means that a boundary of Hall's statistic does not reject."""
    plain = Estimate.of(values)
    if plain.mean is None or plain.std is None or boundary == math.inf:
        return Estimate(plain.n, plain.mean, plain.std)
    if is_constant(values):
        return Estimate(plain.n, plain.mean, 0.0, plain.mean, plain.mean)
    skewness = skewness_of(values)
    error = plain.std / math.sqrt(plain.n)
    above, below = (back_transformed(sign * boundary, skewness, plain.n) for sign in (1, -1))
    return Estimate(plain.n, plain.mean, plain.std, plain.mean - error * above, plain.mean - error * below)


def conclusion_of(estimate: Estimate, margin: float | None) -> Conclusion:
    """What an interval shows."""
    if estimate.low is None or estimate.high is None:
        return Conclusion.UNDECIDED
    if estimate.low > 0 or estimate.high < 0:
        return Conclusion.HIGHER if estimate.low > 0 else Conclusion.LOWER
    equivalent = margin is not None and -margin < estimate.low and estimate.high < margin
    return Conclusion.EQUIVALENT if equivalent else Conclusion.UNDECIDED
