"""One row for every variant: its mean over seeds, how sure that is, and what is missing."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from statistics import fmean, stdev
from typing import Any, Self, TypeGuard

import pandas as pd

from ablate.options import Value
from ablate.stats.results import Result
from ablate.study.model import Case, Study
from ablate.trial import Config, Trial

CONFIDENCE = 0.95
OF_CASES = ("dataset", "method")  # vary between cases as well as on axes
NOWHERE = object()  # a missing level; None is a level


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds with its 95 % t-interval; None is what too few seeds cannot say."""

    n: int
    mean: float | None = None
    std: float | None = None  # of the sample, n − 1
    low: float | None = None
    high: float | None = None

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        if not values:
            return cls(0)
        if len(values) == 1:
            return cls(1, values[0])
        mean, std = fmean(values), stdev(values)
        half = t_quantile(len(values) - 1) * std / math.sqrt(len(values))
        return cls(len(values), mean, std, mean - half, mean + half)

    @property
    def half(self) -> float | None:
        """Half the width of the interval."""
        return None if self.high is None or self.mean is None else self.high - self.mean


@dataclass(frozen=True)
class Variant:
    """A setting on one data set and what its seeds scored."""

    case: int  # which of the study's cases
    config: Config  # of any one of its seeds
    levels: Mapping[str, Value]
    baseline: bool
    scores: Mapping[int, float]  # by seed
    failed: Mapping[int, str]  # by seed, with the reason
    missing: tuple[int, ...]  # seeds of the study that have not ended

    @cached_property
    def estimate(self) -> Estimate:
        return Estimate.of([self.scores[seed] for seed in sorted(self.scores)])

    def level(self, axis: str) -> Value:
        """The level of an axis, of `method` or of `dataset`."""
        return {"method": self.config.method, "dataset": self.config.dataset, **self.levels}[axis]


def variants(study: Study, results: Iterable[Result], metric: str) -> tuple[Variant, ...]:
    """All variants that results speak of: in the order of the study's levels, or as they were proposed."""
    groups: dict[tuple[int, str], list[Result]] = {}
    for result in results:
        case = case_of(study, result)
        if case is not None:
            groups.setdefault((case, result.variant), []).append(result)
    found = [variant(study, case, group, metric) for (case, _), group in groups.items()]
    return tuple(sorted(found, key=lambda one: place(study.cases[one.case], one)))


def variant(study: Study, case: int, results: Sequence[Result], metric: str) -> Variant:
    """The variant that these results are the seeds of."""
    scored = {result.seed: result.score(metric) for result in results}
    failed = {result.seed: result.failure(metric) for result in results}
    scores = {seed: score for seed, score in sorted(scored.items()) if score is not None}
    failures = {seed: reason for seed, reason in sorted(failed.items()) if reason is not None}
    asked = {*study.seeds, *scored}
    levels, baseline = results[0].levels, study.cases[case].baseline
    return Variant(
        case=case,
        config=results[0].trial.config,
        levels=levels,
        baseline=bool(levels) and all(level == baseline.get(axis, NOWHERE) for axis, level in levels.items()),
        scores=scores,
        failed=failures,
        missing=tuple(sorted(asked - set(scores) - set(failures))),
    )


def case_of(study: Study, result: Result) -> int | None:
    """The first case that a result can come from; None for one of an earlier form of the study."""
    return next((position for position, case in enumerate(study.cases) if holds(case, result.trial)), None)


def holds(case: Case, trial: Trial) -> bool:
    """Whether a trial has the case's method, data set and fixed settings, and a level of each axis."""
    return (
        ("method" in case.axes or case.method == trial.config.method)
        and ("dataset" in case.axes or case.dataset == trial.config.dataset)
        and all(trial.levels.get(axis, NOWHERE) in levels for axis, levels in case.axes.items())
        and all(setting_of(trial.config, path) in (value, NOWHERE) for path, value in case.fixed.items())
    )


def setting_of(config: Config, path: str) -> object:
    """What `method.k` or `training.epochs` was; NOWHERE for a path of neither."""
    part, _, name = path.partition(".")
    return {"method": config.settings, "training": config.training}.get(part, {}).get(name, NOWHERE)


def place(case: Case, one: Variant) -> tuple[int, ...]:
    """Where a variant stands in the order of its case's levels."""
    return (one.case, *(levels.index(one.levels[axis]) for axis, levels in case.axes.items()))


def is_number(level: object) -> TypeGuard[int | float]:
    return isinstance(level, int | float) and not isinstance(level, bool)


def t_quantile(freedom: int) -> float:
    """How many standard errors the 95 % interval of a mean reaches to each side."""
    from scipy.stats import t

    return float(t.ppf((1 + CONFIDENCE) / 2, freedom))


def frame(found: Iterable[Variant]) -> pd.DataFrame:
    """The variants as a table: data set, method, a column for each axis, then what `Estimate` says, and counts."""
    found = tuple(found)
    axes = dict.fromkeys(axis for one in found for axis in one.levels)
    rows: list[dict[str, Any]] = [
        {
            "dataset": one.config.dataset,
            "method": one.config.method,
            **one.levels,
            **asdict(one.estimate),
            "baseline": one.baseline,
            "failed": len(one.failed),
            "missing": len(one.missing),
        }
        for one in found
    ]
    names = ["n", "mean", "low", "high", "std", "baseline", "failed", "missing"]
    columns = list(dict.fromkeys(["dataset", "method", *axes, *names]))
    return pd.DataFrame(rows, columns=columns)
