"""Groups the results of a study into variants: the scores, failures and missing seeds of each."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from ablate.events import State
from ablate.options import Value
from ablate.stats.estimate import Estimate
from ablate.stats.results import Result
from ablate.study.model import Case, Study
from ablate.study.words import NO_QUANTITY, NO_WORDS, Quantity, Words
from ablate.trial import Config, Trial

CASE_AXES = ("dataset", "method")  # may vary between the cases of a study as well as on its axes
NO_LEVEL = object()  # not None, which is a level


@dataclass(frozen=True)
class Variant:
    """One level of every axis, with the scores of its seeds."""

    case: int  # index of the study's case
    config: Config  # of any one of its seeds
    levels: Mapping[str, Value]
    baseline: bool
    scores: Mapping[int, float]  # by seed, ascending
    failed: Mapping[int, str]  # seed → reason, of trials that failed and of those whose probe did
    missing: tuple[int, ...]  # seeds of the study whose trials have not ended
    no_value: Mapping[int, str] = field(default_factory=dict)  # seed → reason, of finished trials without the metric
    stopped: Mapping[int, str] = field(default_factory=dict)  # seed → reason, of trials that a pruner stopped early
    ended: Mapping[int, float | None] = field(default_factory=dict)  # seed → score, of trials that are over
    words: Words = field(default=NO_WORDS, repr=False)  # of its study
    quantity: Quantity = field(default=NO_QUANTITY, repr=False)  # the metric of the scores

    @property
    def key(self) -> str:
        return self.config.variant_key

    @cached_property
    def estimate(self) -> Estimate:
        return Estimate.of(list(self.scores.values()))

    def has(self, axis: str) -> bool:
        """Whether the variant has a level of the axis; every variant has a method and a data set."""
        return axis in self.levels or axis in CASE_AXES

    def level(self, axis: str) -> Value:
        """The level of an axis, or the variant's `method` or `dataset`; KeyError for an axis that it does not have."""
        return self.every_level[axis]

    @property
    def every_level(self) -> Mapping[str, Value]:
        """Its levels, with its method and its data set."""
        return {"method": self.config.method, "dataset": self.config.dataset, **self.levels}


def variants_of(study: Study, results: Iterable[Result], metric: str) -> tuple[Variant, ...]:
    """The variants that have results: in the order of the study's levels; those of a search in their given order."""
    groups: dict[tuple[int, str], list[Result]] = {}
    for result in results:
        case = case_of(study, result.trial)
        if case is not None:
            groups.setdefault((case, result.variant), []).append(result)
    variants = [variant_of(study, case, group, metric) for (case, _), group in groups.items()]
    return tuple(sorted(variants, key=lambda variant: rank(study.cases[variant.case], variant)))


def variant_of(study: Study, case: int, results: Sequence[Result], metric: str) -> Variant:
    """The variant whose seeds these results are."""
    by_seed = sorted(results, key=lambda result: result.seed)
    scores = {result.seed: score for result in by_seed if (score := result.score(metric)) is not None}
    failed = {result.seed: reason for result in by_seed if (reason := result.failure(metric)) is not None}
    no_value = {result.seed: reason for result in by_seed if (reason := result.no_value(metric)) is not None}
    stopped = {result.seed: result.reason for result in by_seed if result.state is State.PRUNED}
    seeds = {*study.first_seeds, *(result.seed for result in results)}
    levels = results[0].levels
    return Variant(
        case=case,
        config=results[0].trial.config,
        levels=levels,
        baseline=study.cases[case].is_baseline(levels),
        scores=scores,
        failed=failed,
        missing=tuple(sorted(seeds - scores.keys() - failed.keys() - no_value.keys() - stopped.keys())),
        no_value=no_value,
        ended={result.seed: result.score(metric) for result in by_seed if result.state.ended},
        stopped=stopped,
        words=study.words,
        quantity=study.words.quantity(metric),
    )


def case_of(study: Study, trial: Trial) -> int | None:
    """The index of the case that a trial belongs to; None where an earlier version of the study file had it.

    Of several that fit, it is the one whose label the trial has; of those, the one that fixes the most settings.
    """
    fitting = [index for index, case in enumerate(study.cases) if belongs_to(case, trial)]
    likeness = {index: (study.case_label(index) == trial.case, len(study.cases[index].fixed)) for index in fitting}
    return max(fitting, key=likeness.__getitem__, default=None)


def belongs_to(case: Case, trial: Trial) -> bool:
    """Whether a trial has the case's method, data set and fixed settings, and one of the case's levels on each axis."""
    return (
        ("method" in case.axes or case.method == trial.config.method)
        and ("dataset" in case.axes or case.dataset == trial.config.dataset)
        and all(trial.levels.get(axis, NO_LEVEL) in levels for axis, levels in case.axes.items())
        and all(setting_of(trial.config, path) in (value, NO_LEVEL) for path, value in case.fixed.items())
    )


def setting_of(config: Config, path: str) -> object:
    """The value of `method.k` or `training.epochs` in a config; NO_LEVEL for a path that the config does not have."""
    part, _, name = path.partition(".")
    return {"method": config.settings, "training": config.training}.get(part, {}).get(name, NO_LEVEL)


def rank(case: Case, variant: Variant) -> tuple[int, ...]:
    """Sort key: the case, then the index of the variant's level on each of the case's axes."""
    return (variant.case, *(levels.index(variant.levels[axis]) for axis, levels in case.axes.items()))
