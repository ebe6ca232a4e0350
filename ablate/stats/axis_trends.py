"""Trends of a metric along every ordered axis of a study, with the other axes at their baseline."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace

from ablate.options import is_number
from ablate.stats.estimate import Estimate
from ablate.stats.holm import holm
from ablate.stats.seeds_needed import LEAST_SEEDS
from ablate.stats.statements import LEVEL
from ablate.stats.trend import Trend, trend_of
from ablate.stats.variants import Variant


@dataclass(frozen=True)
class AxisTrend:
    """The trend of a metric along one axis of a case, on one data set."""

    baseline: Variant
    axis: str
    trend: Trend
    p_adjusted: float | None = None  # of the t-test that the mean slope is 0, by Holm's rule over the study's trends

    @property
    def estimate(self) -> Estimate:
        return self.trend.estimate

    @property
    def p_value(self) -> float | None:
        return self.trend.p_value

    @property
    def shown(self) -> bool:
        """Whether the slope differs from 0 at 5 %, after Holm's correction."""
        return self.p_adjusted is not None and self.p_adjusted <= LEVEL

    @property
    def step(self) -> str:
        """What the slope is per: `doubling` or `level`."""
        return "doubling" if self.trend.doubling else "level"

    def numbers(self) -> dict[str, float | str | bool | None]:
        """Mean slope, interval and tests, by the names that they have in files."""
        tests = {"p": self.p_value, "p_holm": self.p_adjusted, "shown": self.shown}
        return {"per": self.step, **asdict(self.estimate), **tests}


def trends_of(variants: Sequence[Variant]) -> tuple[AxisTrend, ...]:
    """The trends along the axes of each case and data set that have three levels or more which are numbers.

    Levels that are none, and variants without scores, are left out.  Trends over fewer than three seeds are left out.
    """
    found = [one for variant in variants if variant.baseline for one in from_baseline(variant, variants)]
    adjusted = holm([one.p_value or 0.0 for one in found])
    return tuple(replace(one, p_adjusted=p) for one, p in zip(found, adjusted, strict=True))


def from_baseline(baseline: Variant, variants: Sequence[Variant]) -> Iterator[AxisTrend]:
    """The trends of the baseline's case and data set."""
    for axis in (axis for axis in baseline.levels if axis != "dataset"):
        members = [one for one in variants if differs_only_in(axis, one, baseline)]
        scores = {one.levels[axis]: one.scores for one in members if one.scores and is_number(one.levels[axis])}
        trend = trend_of(scores)
        if trend is not None and trend.estimate.n >= LEAST_SEEDS:
            yield AxisTrend(baseline, axis, trend)


def differs_only_in(axis: str, variant: Variant, baseline: Variant) -> bool:
    """Whether a variant of the same case and data set has the baseline's level on every other axis."""
    if variant.case != baseline.case or variant.config.dataset != baseline.config.dataset or variant.stopped:
        return False
    return {**variant.levels, axis: None} == {**baseline.levels, axis: None}
