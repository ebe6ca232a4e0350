"""The comparison with the baseline while a study runs: what the scores so far show, before any correction."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ablate.options import Value
from ablate.stats.estimate import Estimate
from ablate.stats.variants import case_of
from ablate.study.model import Study
from ablate.study.words import NO_QUANTITY, Quantity, Words
from ablate.trial import Trial

Score = tuple[Trial, float]  # of a finished trial


@dataclass(frozen=True)
class RunningDifference:
    """A variant's scores minus those of its baseline, for the seeds that both have."""

    label: str
    baseline: str
    mean: float
    half: float | None  # half of the 95 % interval by Student's t; None for one seed
    n: int  # seeds
    quantity: Quantity = NO_QUANTITY  # the metric as it is shown


@dataclass(frozen=True)
class ScoredVariant:
    """A variant's scores by seed."""

    levels: Mapping[str, Value]
    dataset: str
    method: str
    scores: dict[int, float]

    def label(self, words: Words) -> str:
        """`k=50`, or the data set and the method where nothing else varies."""
        return words.assignments(self.levels, self.levels) or f"{self.method} on {self.dataset}"


def running_differences(study: Study, scores: Sequence[Score]) -> tuple[RunningDifference, ...]:
    """The differences of all variants that share a seed with their case's baseline, the largest first."""
    if study.search is not None:
        return ()
    found = [one for case in range(len(study.cases)) for one in differences_of(study, case, scores)]
    return tuple(sorted(found, key=lambda one: -abs(one.mean)))


def differences_of(study: Study, case: int, scores: Sequence[Score]) -> Iterable[RunningDifference]:
    """The differences of one case."""
    variants: dict[str, ScoredVariant] = {}
    for trial, score in scores:
        if case_of(study, trial) == case:
            config = trial.config
            fresh = ScoredVariant(trial.levels, config.dataset, config.method, {})
            variants.setdefault(trial.variant, fresh).scores[config.seed] = score
    baselines = [one for one in variants.values() if study.cases[case].is_baseline(one.levels)]
    for baseline in baselines:
        alone = study.cases[case].baselines == 1  # else each data set has one
        others = [one for one in variants.values() if one is not baseline]
        yield from against(study, baseline, [one for one in others if alone or one.dataset == baseline.dataset])


def against(study: Study, baseline: ScoredVariant, others: Iterable[ScoredVariant]) -> Iterable[RunningDifference]:
    for other in others:
        seeds = sorted(other.scores.keys() & baseline.scores.keys())
        estimate = Estimate.of([other.scores[seed] - baseline.scores[seed] for seed in seeds])
        if estimate.mean is not None:
            labels = other.label(study.words), baseline.label(study.words)
            quantity = study.words.quantity(study.metric)
            yield RunningDifference(*labels, estimate.mean, estimate.half, estimate.n, quantity)
