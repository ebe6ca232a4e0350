"""Comparisons over several data sets: mean differences with the variance between data sets, and ranks.

Seeds are nested in data sets: more seeds make the mean on each data set surer, and tell nothing of other data.  So what
varies is the mean of a data set, and the number of data sets is the sample's size (Demšar 2006, JMLR 7, section 3).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean

from ablate.deferred import np
from ablate.stats.comparisons import Comparison
from ablate.stats.estimate import Estimate
from ablate.stats.paired import t_test
from ablate.stats.statements import LEVEL
from ablate.stats.variants import Variant
from ablate.study.words import NO_QUANTITY, Quantity

LEAST_FOR_MEANS, LEAST_FOR_RANKS = 3, 5  # data sets


@dataclass(frozen=True)
class DifferenceOverDatasets:
    """A variant's differences from the baseline on several data sets."""

    label: str  # of the variant, without its data set
    by_dataset: Mapping[str, tuple[float, ...]]  # the differences of the seeds
    quantity: Quantity = NO_QUANTITY  # the metric of the differences

    @cached_property
    def estimate(self) -> Estimate:
        """The mean of the data sets' means, with an interval that contains the variance between them and over seeds."""
        return Estimate.of([fmean(values) for values in self.by_dataset.values()])

    @cached_property
    def p_value(self) -> float | None:
        """Two-sided p of the t-test over the data sets' means."""
        return t_test([fmean(values) for values in self.by_dataset.values()])

    @cached_property
    def between(self) -> float | None:
        """The share of the variance of the data sets' means that seeds do not explain, from 0 to 1; None if unknown.

        The variance over seeds adds the mean of σ²/n to it, which is subtracted (a one-way model of random effects).
        """
        total = self.estimate.std
        errors = [Estimate.of(values).std for values in self.by_dataset.values()]
        if not total or None in errors:
            return None
        counts = [len(values) for values in self.by_dataset.values()]
        within = fmean((error or 0.0) ** 2 / n for error, n in zip(errors, counts, strict=True))
        return max(0.0, 1 - within / total**2)


def differences_over_datasets(comparisons: Sequence[Comparison]) -> tuple[DifferenceOverDatasets, ...]:
    """The differences of each variant that is compared with its baseline on three data sets or more."""
    groups: dict[str, dict[str, tuple[float, ...]]] = {}
    for one in comparisons:
        if one.variant.config.dataset == one.baseline.config.dataset and one.difference.values:
            groups.setdefault(label_of(one.variant), {})[one.variant.config.dataset] = one.difference.values
    return tuple(
        DifferenceOverDatasets(label, values, comparisons[0].baseline.quantity)
        for label, values in groups.items()
        if len(values) >= LEAST_FOR_MEANS
    )


def label_of(variant: Variant) -> str:
    """`k=100, epsilon=2`: the levels of a variant apart from its data set; its method where nothing varies."""
    axes = [axis for axis in variant.levels if axis != "dataset"]
    return variant.words.assignments(variant.every_level, axes or ["method"])


@dataclass(frozen=True)
class Ranking:
    """Ranks of variants on data sets, 1 for the best mean; equal means share their ranks.

    Friedman's test asks whether all ranks are alike.  Two variants differ where their mean ranks do by more than the
    critical difference of Nemenyi's test, q √(k (k + 1) / 6 N) for k variants and N data sets (Demšar 2006).
    """

    labels: tuple[str, ...]  # the best mean rank first
    datasets: tuple[str, ...]
    ranks: tuple[tuple[float, ...], ...]  # of each variant on each data set
    keys: tuple[tuple[str, ...], ...] = ()  # of each variant on each data set

    @property
    def mean_ranks(self) -> tuple[float, ...]:
        return tuple(fmean(ranks) for ranks in self.ranks)

    @cached_property
    def p_value(self) -> float:
        """p of Friedman's test, or of Wilcoxon's signed-rank test for two variants, in which ranks are signs."""
        from scipy.stats import binomtest, friedmanchisquare

        if len(set(self.ranks)) == 1:
            return 1.0
        if len(self.labels) == 2:
            wins = [one < other for one, other in zip(*self.ranks, strict=True) if one != other]
            return float(binomtest(sum(wins), len(wins)).pvalue)
        return float(friedmanchisquare(*self.ranks).pvalue)

    @cached_property
    def critical_difference(self) -> float:
        """Of mean ranks, at 5 %."""
        from scipy.stats import studentized_range

        k, n = len(self.labels), len(self.datasets)
        q = float(studentized_range.ppf(1 - LEVEL, k, math.inf)) / math.sqrt(2)
        return q * math.sqrt(k * (k + 1) / (6 * n))

    @cached_property
    def alike(self) -> tuple[tuple[int, int], ...]:
        """The largest runs of variants (first and last position) whose mean ranks do not differ."""
        runs: list[tuple[int, int]] = []
        for first, rank in enumerate(self.mean_ranks):
            last = max(at for at, other in enumerate(self.mean_ranks) if other - rank <= self.critical_difference)
            if last > first and (not runs or last > runs[-1][1]):
                runs.append((first, last))
        return tuple(runs)


def ranking_of(variants: Sequence[Variant], better: int) -> Ranking | None:
    """The ranking of the variants that all data sets have; None for fewer than five data sets or two variants.

    None too where no direction is better, and where a data set has two variants of the same levels.
    """
    means: dict[str, dict[str, float]] = {}
    keys = {(ranked_label(variant, variants), variant.config.dataset): variant.key for variant in variants}
    for variant in variants:
        mean, label = variant.estimate.mean, ranked_label(variant, variants)
        if mean is None:
            continue
        if variant.config.dataset in means.setdefault(label, {}):
            return None
        means[label][variant.config.dataset] = mean
    datasets = tuple(dict.fromkeys(variant.config.dataset for variant in variants))
    whole = {label: row for label, row in means.items() if len(row) == len(datasets)}
    if better == 0 or len(datasets) < LEAST_FOR_RANKS or len(whole) < 2:
        return None
    from scipy.stats import rankdata

    scores = np.array([[row[dataset] for dataset in datasets] for row in whole.values()])
    ranks = rankdata(-better * scores, axis=0)
    order = sorted(range(len(whole)), key=lambda at: float(ranks[at].mean()))
    labels = [list(whole)[at] for at in order]
    return Ranking(
        tuple(labels),
        datasets,
        tuple(tuple(map(float, ranks[at])) for at in order),
        tuple(tuple(keys[label, dataset] for dataset in datasets) for label in labels),
    )


def ranked_label(variant: Variant, variants: Sequence[Variant]) -> str:
    """The label of a variant, with its method where several occur that are no level."""
    methods = len({other.config.method for other in variants}) > 1 and "method" not in variant.levels
    label, method = label_of(variant), variant.words.level("method", variant.config.method)
    return f"{method}, {label}" if methods and label != method else label
