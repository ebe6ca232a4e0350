"""Findings in a form that can be tested: each check lists the statements about paired scores that it consists of.

`ablations.yaml` defines the checks. Scores are those of one metric on one data set, by level and seed, the levels in
the order of the axis; `better` is +1 where higher scores are better and −1 where lower ones are.  `amount` writes a
difference of scores in the text of a statement.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, permutations
from typing import Any, Literal, final

from ablate.options import Value, is_number
from ablate.stats.correlations import p_above
from ablate.stats.scores import Scores, common_seeds
from ablate.stats.statements import Statement

Amount = Callable[[float], str]


def as_stored(difference: float) -> str:
    return f"{difference:g}"


class LevelMissing(LookupError):
    """A check needs a level that was not measured."""


class FindingCheck(ABC):
    """A finding about the levels of one axis."""

    @abstractmethod
    def statements(self, scores: Scores, better: int, amount: Amount = as_stored) -> Iterator[Statement]:
        """What the finding states of these scores.  Raises LevelMissing for a level that was not measured."""

    def levels(self, axis: Sequence[Value]) -> list[Value]:
        """The levels of the axis that the finding states something of."""
        return list(axis)

    def count(self, axis: Sequence[Value]) -> int:
        """The number of its statements where all levels of the axis are measured."""
        levels = dict.fromkeys([*axis, *self.levels(axis)])
        return len(list(self.statements({level: {} for level in levels}, 1)))


@final
@dataclass(frozen=True)
class Flat(FindingCheck):
    """No two levels differ by more than a tolerance."""

    tolerance: float

    def statements(self, scores: Scores, better: int, amount: Amount = as_stored) -> Iterator[Statement]:
        if len(scores) < 2:
            raise LevelMissing("a second level")
        for level, other in permutations(scores, 2):
            text = f"{level} is at most {amount(self.tolerance)} above {other}"
            yield Statement(text, contrast(scores, {level: 1, other: -1}), self.tolerance, at_most=True)


@final
@dataclass(frozen=True)
class Monotone(FindingCheck):
    """The metric rises or falls from the first level to the last; a single step may go back by the slack."""

    direction: Literal["increasing", "decreasing"]
    slack: float
    from_value: float | None = None  # lower levels are left out

    def levels(self, axis: Sequence[Value]) -> list[Value]:
        return [level for level in axis if self.from_value is None or number(level) >= self.from_value]

    def statements(self, scores: Scores, better: int, amount: Amount = as_stored) -> Iterator[Statement]:
        levels = self.levels(list(scores))
        if len(levels) < 2:
            raise LevelMissing("a second level")
        sign = 1 if self.direction == "increasing" else -1
        comparative = "above" if sign > 0 else "below"
        for level, following in pairwise(levels):
            allowed = f", or off by less than {amount(self.slack)}" if self.slack else ""
            text = f"{following} is {comparative} {level}{allowed}"
            yield Statement(text, contrast(scores, {following: sign, level: -sign}), -self.slack)
        if len(levels) > 2:
            values = contrast(scores, {levels[-1]: sign, levels[0]: -sign})
            yield Statement(f"{levels[-1]} is {comparative} {levels[0]}", values, 0.0)


@final
@dataclass(frozen=True)
class BestAt(FindingCheck):
    """A level is at most the slack worse than every other one."""

    value: Value
    slack: float

    def statements(self, scores: Scores, better: int, amount: Amount = as_stored) -> Iterator[Statement]:
        for other in others(scores, self.value):
            yield at_least_as_good(scores, self.value, other, self.slack, better, amount)


@final
@dataclass(frozen=True)
class WorstAt(FindingCheck):
    """A level is at most the slack better than every other one."""

    value: Value
    slack: float

    def statements(self, scores: Scores, better: int, amount: Amount = as_stored) -> Iterator[Statement]:
        for other in others(scores, self.value):
            yield at_least_as_good(scores, other, self.value, self.slack, better, amount)


@final
@dataclass(frozen=True)
class Order(FindingCheck):
    """Each level is at most the slack worse than the next one."""

    order: tuple[Value, ...]
    slack: float

    def levels(self, axis: Sequence[Value]) -> list[Value]:
        return list(self.order)

    def statements(self, scores: Scores, better: int, amount: Amount = as_stored) -> Iterator[Statement]:
        for level, following in pairwise(self.order):
            yield at_least_as_good(scores, level, following, self.slack, better, amount)


@final
@dataclass(frozen=True)
class Gap(FindingCheck):
    """One level beats another one by at least `min_gap`, and by at most `max_gap` where that is given."""

    better: Value
    worse: Value
    min_gap: float
    max_gap: float | None = None

    def levels(self, axis: Sequence[Value]) -> list[Value]:
        return [self.better, self.worse]

    def statements(self, scores: Scores, better: int, amount: Amount = as_stored) -> Iterator[Statement]:
        values = contrast(scores, {self.better: better, self.worse: -better})
        if self.min_gap > 0:
            text = f"{self.better} is better than {self.worse} by {amount(self.min_gap)} or more"
            yield Statement(text, values, self.min_gap)
        else:
            yield at_least_as_good(scores, self.better, self.worse, -self.min_gap, better, amount)
        if self.max_gap is not None:
            text = f"{self.better} is better than {self.worse} by {amount(self.max_gap)} or less"
            yield Statement(text, values, self.max_gap, at_most=True)


@final
@dataclass(frozen=True)
class PlateauThenDrop(FindingCheck):
    """Levels up to `plateau_max` do not differ; those from `drop_from` on are worse than their mean by `min_drop`."""

    plateau_max: float
    plateau_tolerance: float
    drop_from: float
    min_drop: float

    def levels(self, axis: Sequence[Value]) -> list[Value]:
        return [level for level in axis if not self.plateau_max < number(level) < self.drop_from]

    def statements(self, scores: Scores, better: int, amount: Amount = as_stored) -> Iterator[Statement]:
        plateau = [level for level in scores if number(level) <= self.plateau_max]
        dropped = [level for level in scores if number(level) >= self.drop_from]
        yield from plateau_and_drops(scores, plateau, dropped, self.plateau_tolerance, self.min_drop, better, amount)


@final
@dataclass(frozen=True)
class DropThenPlateau(FindingCheck):
    """Levels from `plateau_min` on do not differ; lower ones are worse than their mean by `min_drop`."""

    plateau_min: float
    plateau_tolerance: float
    min_drop: float

    def statements(self, scores: Scores, better: int, amount: Amount = as_stored) -> Iterator[Statement]:
        plateau = [level for level in scores if number(level) >= self.plateau_min]
        dropped = [level for level in scores if number(level) < self.plateau_min]
        yield from plateau_and_drops(scores, plateau, dropped, self.plateau_tolerance, self.min_drop, better, amount)


def plateau_and_drops(
    scores: Scores,
    plateau: Sequence[Value],
    dropped: Sequence[Value],
    tolerance: float,
    drop: float,
    better: int,
    amount: Amount,
) -> Iterator[Statement]:
    if not plateau or not dropped:
        raise LevelMissing("a level on the plateau" if not plateau else "a level beside the plateau")
    if len(plateau) > 1:
        yield from Flat(tolerance).statements({level: scores[level] for level in plateau}, better, amount)
    for level in dropped:
        values = contrast(scores, {**dict.fromkeys(plateau, better / len(plateau)), level: -better})
        yield Statement(f"{level} is worse than the plateau by {amount(drop)} or more", values, drop)


def uncorrelated(first: Scores, second: Scores, most: float) -> Iterator[Statement]:
    """That two metrics' rank correlation over the levels (Spearman's ρ, of each seed) is at most `most` in size.

    Correlations of few levels are skewed and often equal, so that the t-test alone would refute too often.
    """
    levels = [level for level in first if level in second]
    if len(levels) < 3:
        raise LevelMissing("three levels")
    from scipy.stats import rankdata

    seeds = common_seeds(first, levels) & common_seeds(second, levels)
    ranks = [
        [rankdata([scores[level][seed] for level in levels]) for scores in (first, second)] for seed in sorted(seeds)
    ]
    values = tuple(correlation(*pair) for pair in ranks)
    above, below = (
        p_above(signed, len(levels), most) if values else 1.0 for signed in (values, [-value for value in values])
    )
    yield Statement(f"the rank correlation is at most {most:g}", values, most, at_most=True, least_p_refuted=above)
    yield Statement(f"the rank correlation is at least {-most:g}", values, -most, least_p_refuted=below)


def correlation(first: Sequence[float], second: Sequence[float]) -> float:
    """Pearson's correlation; 0 where one of the two is constant."""
    import numpy as np

    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return 0.0
    return float(np.corrcoef(first, second)[0, 1])


def at_least_as_good(
    scores: Scores, level: Value, other: Value, slack: float, better: int, amount: Amount
) -> Statement:
    worse = f"{level} is at most {amount(slack)} worse than {other}"
    text = worse if slack else f"{level} is at least as good as {other}"
    return Statement(text, contrast(scores, {level: better, other: -better}), -slack)


def contrast(scores: Scores, weights: Mapping[Value, float]) -> tuple[float, ...]:
    """Σ weight · score over the levels, for each seed that all of them have, ascending."""
    for level in weights:
        if level not in scores:
            raise LevelMissing(str(level))
    seeds = sorted(common_seeds(scores, weights))
    return tuple(sum(weight * scores[level][seed] for level, weight in weights.items()) for seed in seeds)


def others(scores: Scores, level: Value) -> list[Value]:
    if level not in scores:
        raise LevelMissing(str(level))
    if len(scores) < 2:
        raise LevelMissing(f"a level beside {level}")
    return [other for other in scores if other != level]


def number(level: Value) -> float:
    """The level as a number.  Raises LevelMissing for one that is none."""
    if not is_number(level):
        raise LevelMissing(f"a number instead of '{level}'")
    return float(level)


CHECKS: Mapping[str, type[FindingCheck]] = {
    "flat": Flat,
    "monotone": Monotone,
    "best_at": BestAt,
    "worst_at": WorstAt,
    "order": Order,
    "gap": Gap,
    "plateau_then_drop": PlateauThenDrop,
    "drop_then_plateau": DropThenPlateau,
}


def check_from(content: Mapping[str, Any]) -> FindingCheck:
    """The check that an entry of ablations.yaml describes; its restrictions to data sets and metrics are not read."""
    kind = CHECKS[content["type"]]
    fields = getattr(kind, "__dataclass_fields__", {})
    given = {name: tuple(value) if isinstance(value, list) else value for name, value in content.items()}
    return kind(**{name: value for name, value in given.items() if name in fields})
