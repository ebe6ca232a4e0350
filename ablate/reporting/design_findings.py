"""What the variants of a grid show beside each other: comparisons, trends, interactions and ranks."""

from collections.abc import Sequence
from dataclasses import dataclass

from ablate.probes import PROBES
from ablate.reporting.limits import limits_of
from ablate.stats.across_datasets import DifferenceOverDatasets, Ranking, differences_over_datasets, ranking_of
from ablate.stats.axis_trends import AxisTrend, trends_of
from ablate.stats.comparisons import Comparison, compare_with_baselines, looks_at, with_baselines
from ablate.stats.interactions import Interaction, interactions_of
from ablate.stats.sequential_power import power_sentence
from ablate.stats.variants import Variant
from ablate.study.model import Study


@dataclass(frozen=True)
class DesignFindings:
    """What the variants of a grid show beside each other; a search, whose variants were chosen, has none of it."""

    comparisons: tuple[Comparison, ...] = ()  # with the baseline of each case
    trends: tuple[AxisTrend, ...] = ()  # along the axes whose levels are numbers
    interactions: tuple[Interaction, ...] = ()  # of every two crossed axes
    over_datasets: tuple[DifferenceOverDatasets, ...] = ()
    ranking: Ranking | None = None  # over five data sets or more
    limits: tuple[str, ...] = ()  # sentences on what the numbers contain and cannot show
    power: str = ""  # what the rule that adds seeds finds, by simulation; empty where the seeds are fixed


def design_findings(study: Study, variants: Sequence[Variant], metric: str) -> DesignFindings:
    if study.search is not None:
        return DesignFindings()
    rule, margin = study.seed_rule, study.least_difference
    comparisons = compare_with_baselines(variants, better(metric), margin, rule)
    return DesignFindings(
        comparisons=comparisons,
        trends=trends_of(variants),
        interactions=interactions_of(variants),
        over_datasets=differences_over_datasets(comparisons),
        ranking=ranking_of(variants, better(metric)),
        limits=tuple(limits_of(metric, variants)),
        power=power_sentence(looks_at(with_baselines(variants), rule, margin)) if rule is not None else "",
    )


def better(metric: str) -> int:
    """+1 where higher values of a metric are better, −1 where lower ones are, 0 for metrics that no probe computes."""
    probe, _, name = metric.partition("/")
    direction = PROBES[probe].metrics.get(name) if probe in PROBES else None
    return {"maximize": 1, "minimize": -1}.get(direction or "", 0)
