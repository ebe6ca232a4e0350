"""Interactions of two axes: whether the effect of one axis depends on the level of the other."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from itertools import combinations

from ablate.options import Value
from ablate.stats.estimate import Estimate
from ablate.stats.holm import holm
from ablate.stats.paired import t_test
from ablate.stats.seeds_needed import LEAST_SEEDS
from ablate.stats.statements import LEVEL
from ablate.stats.variants import Variant

Levels = Mapping[str, Value]


@dataclass(frozen=True)
class Interaction:
    """The difference that a level of one axis makes, at a level of another axis minus at that axis's baseline.

    For each seed the difference of differences (y₁₁ − y₀₁) − (y₁₀ − y₀₀), where the first index is the level of the
    first axis, the second that of the second one, 0 the baseline; all other axes are at their baseline.
    """

    baseline: Variant
    variant: Variant  # that has the levels of both axes
    levels: Levels  # of the two axes
    values: tuple[float, ...]  # by ascending seed, of those that all four variants have
    p_adjusted: float | None = None  # of the two-sided t-test, by Holm's rule over the study's interactions

    @cached_property
    def estimate(self) -> Estimate:
        """Mean with its 95 % interval."""
        return Estimate.of(self.values)

    @cached_property
    def p_value(self) -> float | None:
        """Two-sided p of the t-test that the mean is 0; None for fewer than three seeds."""
        return t_test(self.values) if len(self.values) >= LEAST_SEEDS else None

    @property
    def shown(self) -> bool:
        """Whether the interaction exists at 5 %, after Holm's correction."""
        return self.p_adjusted is not None and self.p_adjusted <= LEVEL

    @property
    def excludes_zero_unshown(self) -> bool:
        """Whether the interval, which is of this one alone, excludes 0 while Holm's correction shows nothing."""
        return self.p_value is not None and not self.shown and self.estimate.excludes_zero

    def numbers(self) -> dict[str, float | bool | None]:
        """Mean, interval and tests, by the names that they have in files."""
        return {**asdict(self.estimate), "p": self.p_value, "p_holm": self.p_adjusted, "shown": self.shown}


def interactions_of(variants: Sequence[Variant]) -> tuple[Interaction, ...]:
    """The interactions of every two axes of each case whose design crosses them, for levels other than the baseline.

    Data sets are no such axis: each has interactions of its own.
    """
    found = [one for variant in variants if variant.baseline for one in of_case(variant, variants)]
    tested = [one for one in found if one.p_value is not None]
    adjusted = dict(zip(map(id, tested), holm([one.p_value or 0.0 for one in tested]), strict=True))
    return tuple(replace(one, p_adjusted=adjusted.get(id(one))) for one in found)


def of_case(baseline: Variant, variants: Sequence[Variant]) -> Iterator[Interaction]:
    """The interactions of one case, without correction."""
    by_levels = {key(one.levels): one for one in variants if one.case == baseline.case}
    for first, second in combinations([axis for axis in baseline.levels if axis != "dataset"], 2):
        for variant in by_levels.values():
            if changed(variant, baseline) != {first, second}:
                continue
            alone = [{**baseline.levels, axis: variant.levels[axis]} for axis in (first, second)]
            if not all(key(levels) in by_levels for levels in alone):
                continue
            one, other = (by_levels[key(levels)] for levels in alone)
            values = difference_of_differences(variant, one, other, baseline)
            if values:
                yield Interaction(baseline, variant, {axis: variant.levels[axis] for axis in (first, second)}, values)


def difference_of_differences(both: Variant, one: Variant, other: Variant, neither: Variant) -> tuple[float, ...]:
    """both − one − other + neither, for each seed that all have, ascending."""
    members = (both, one, other, neither)
    seeds = sorted(set.intersection(*(set(member.scores) for member in members)))
    return tuple(
        sum(sign * member.scores[seed] for sign, member in zip((1, -1, -1, 1), members, strict=True)) for seed in seeds
    )


def changed(variant: Variant, baseline: Variant) -> set[str]:
    """The axes on which a variant differs from the baseline."""
    return {axis for axis, level in variant.levels.items() if level != baseline.levels.get(axis)}


def key(levels: Levels) -> tuple[tuple[str, str], ...]:
    """Levels as a key; 1 and true differ."""
    return tuple((axis, repr(level)) for axis, level in sorted(levels.items()))
