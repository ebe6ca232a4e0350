"""Boundaries of a test that looks at its data several times while seeds are added.

A level is spent over the looks (Lan and DeMets 1983, Biometrika 70, 659-663): of α, α t³ may be used up when a share t
of the most seeds is there (Kim and DeMets 1987, Biometrika 74, 149-154).  That is close to O'Brien and Fleming's shape,
with somewhat more for early looks, where large differences are found.

Scores have an unknown spread and may be skewed, and at few seeds neither the normal nor Student's distribution gives
their error rates.  So the statistic is Student's t after Hall's transformation, which removes its skewness (Hall 1992,
JRSS B 54, 221-228), and its boundaries are those that no more than α t³ of simulated studies without a difference have
crossed: at each look the highest of four simulations, with normal, with skewed (exponential: skewness 2), with
heavy-tailed (Laplace: kurtosis 6) and with long-tailed differences (log-normal of σ = 1: skewness 6.2).  Of the last
kind a few seeds may all lie on one side of their mean, as those of a large normal difference do: the boundaries of
early looks are therefore high, and what is found there is far larger than the spread.
"""

import math
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from ablate.deferred import np
from ablate.study.seeds import least_deciding

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

GROWTH = 1.25  # of the number of seeds from one look to the next
SPENT = 0.95  # of the level; the rest covers the error of the simulation
LEAST_SPENT = 2e-4  # nothing is decided before so much may be used: the simulation does not reach so far
LEAST_PATHS, MOST_PATHS = 100_000, 400_000
CROSSINGS = 500  # simulated studies that are to cross a boundary, as far as MOST_PATHS allows

Draw = Callable[[Any, int], "Array"]
FAMILIES: Mapping[str, Draw] = {  # of differences with mean 0
    "normal": lambda generator, count: generator.standard_normal(count),
    "skewed": lambda generator, count: generator.standard_exponential(count) - 1,
    "heavy-tailed": lambda generator, count: generator.laplace(size=count),
    "long-tailed": lambda generator, count: np.exp(generator.standard_normal(count)) - math.exp(0.5),
}


def looks_of(at_least: int, at_most: int) -> tuple[int, ...]:
    """The numbers of seeds at which the data are looked at: 3, 4, 5, 6, 7, 8, 10, 12, 15, 18, 20."""
    looks = [at_least]
    while looks[-1] < at_most:
        looks.append(min(at_most, max(looks[-1] + 1, math.floor(looks[-1] * GROWTH))))
    return tuple(looks)


@cache
def boundaries_of(at_least: int, at_most: int, alpha: float) -> tuple[float, ...]:
    """The boundary of |g(T)| at each look, for a two-sided level; infinite at looks that cannot decide.

    A look cannot decide either where differences of one sign on all seeds are likelier than the level.
    """
    looks, level = looks_of(at_least, at_most), SPENT * alpha
    budgets = [spent(n / at_most, level) for n in looks]
    deciding = [
        n >= least_deciding(alpha) and (budget >= LEAST_SPENT or n == at_most)
        for n, budget in zip(looks, budgets, strict=True)
    ]
    if not any(deciding):
        return (math.inf,) * len(looks)
    paths = int(min(MOST_PATHS, max(LEAST_PATHS, CROSSINGS / level)))
    found = [math.inf] * len(looks)
    for draw in FAMILIES.values():
        for index, boundary in enumerate(crossed_by(draw, looks, budgets, deciding, paths)):
            found[index] = boundary if found[index] == math.inf else max(found[index], boundary)
    return tuple(found)


def crossed_by(
    draw: Draw, looks: tuple[int, ...], budgets: list[float], deciding: list[bool], paths: int
) -> list[float]:
    """The boundaries for one family: at each deciding look, so many more studies cross that its budget is used up."""
    generator = np.random.default_rng(0)
    sums = np.zeros((3, paths))  # Σx, Σx², Σx³ of each study that has not crossed
    found, crossed, seeds = [], 0, 0
    for n, budget, decides in zip(looks, budgets, deciding, strict=True):
        for _ in range(n - seeds):
            values = draw(generator, sums.shape[1])
            squares = values * values
            for power, total in zip((values, squares, squares * values), sums, strict=True):
                total += power
        seeds = n
        if not decides:
            found.append(math.inf)
            continue
        statistic = np.abs(transformed(*moments(sums, n), n))
        may_cross = int(budget * paths) - crossed
        place = statistic.size - 1 - max(0, may_cross)
        boundary = float(np.partition(statistic, place)[place])
        sums = sums[:, statistic <= boundary]
        crossed = paths - sums.shape[1]
        found.append(boundary)
    return found


def spent(share: float, level: float) -> float:
    """The part of a level that may be used up at a share of the seeds."""
    return level * share**3


def moments(sums: "Array", n: int) -> "tuple[Array, Array]":
    """Student's t and the skewness of n values, from their sums of first, second and third powers (3, ...)."""
    mean = sums[0] / n
    variance = np.maximum(sums[1] / n - mean**2, np.finfo(float).tiny)  # with n in the denominator
    third = sums[2] / n - 3 * mean * sums[1] / n + 2 * mean**3
    return mean * np.sqrt((n - 1) / variance), third / (variance * np.sqrt(variance))


def transformed(t: "Array", skewness: "Array", n: int) -> "Array":
    """Hall's monotone transformation of Student's t, for a statistic without skewness: g(T) of Hall 1992."""
    bend = skewness / (3 * math.sqrt(n)) * t
    return t * (1 + bend * (1 + bend / 3)) + skewness / (6 * math.sqrt(n))


def back_transformed(g: float, skewness: float, n: int) -> float:
    """The t that Hall's transformation maps to g."""
    if abs(skewness) < 1e-9:
        return g
    cube = 1 + skewness * (g - skewness / (6 * math.sqrt(n))) / math.sqrt(n)
    return 3 * math.sqrt(n) / skewness * (math.copysign(abs(cube) ** (1 / 3), cube) - 1)
