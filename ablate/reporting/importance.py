"""How much each setting of a search matters, by two measures, and how sure that is.

PED-ANOVA (Watanabe et al. 2023) asks what distinguishes the best tenth of the proposals; fANOVA (Hutter et al. 2014)
divides the variance that a random forest predicts over the whole space.  Both depend on which settings were proposed
and on the noise of their seeds: so each is computed again on resampled proposals, with noise of the size of the
standard error of their means.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ablate.deferred import np
from ablate.reporting.links import NO_LINKS, Links
from ablate.reporting.optuna_study import in_memory, mean_of
from ablate.reporting.proposals import Proposal, ProposalState
from ablate.reporting.report import Measured, Table
from ablate.reporting.tables import table_of
from ablate.stats.estimate import Estimate
from ablate.study.model import Study
from ablate.study.words import Words

if TYPE_CHECKING:
    from optuna.importance import BaseImportanceEvaluator

    from ablate.search.space import SearchSpace

LEAST = 5  # proposals
RESAMPLES: Mapping[str, int] = {"PED-ANOVA": 50, "fANOVA": 12}  # seconds in all: fANOVA takes twenty times as long
TREES = 8  # of fANOVA
ENDS = (2.5, 97.5)  # percentiles
Shares = dict[str, float]  # path of a setting → its share; they add up to 1


@dataclass(frozen=True)
class Importance:
    """The share of one setting by each measure, with the 95 % interval over resampled proposals and seeds."""

    path: str
    shares: Mapping[str, Estimate]  # measure → share; without one that cannot have the setting


def importances_of(study: Study, metric: str, proposals: Sequence[Proposal]) -> tuple[Importance, ...]:
    """The importance of each setting for a metric, the most important first; none with fewer than LEAST proposals."""
    from ablate.search.space import search_space

    space = search_space(study) if study.search is not None else None
    complete = [one for one in proposals if one.state is ProposalState.COMPLETE and space and space.holds(one.levels)]
    if space is None or study.search is None or len(complete) < LEAST:
        return ()
    by_measure = {
        measure: intervals(measure, space, study.search.objectives[metric], metric, complete) for measure in RESAMPLES
    }
    first = by_measure["PED-ANOVA"]
    ranked = sorted(first, key=lambda path: -(first[path].mean or 0.0))
    return tuple(
        Importance(path, {measure: found[path] for measure, found in by_measure.items() if path in found})
        for path in ranked
    )


def intervals(
    measure: str, space: "SearchSpace", direction: str, metric: str, proposals: Sequence[Proposal]
) -> dict[str, Estimate]:
    """Path → its share by a measure, and the percentiles over resampled proposals and seeds."""
    generator = np.random.default_rng(0)
    means = np.array([mean_of(one, metric) for one in proposals])
    errors = standard_errors(metric, proposals)
    paths = [path for path in space.parts if measure == "PED-ANOVA" or all(path in one.levels for one in proposals)]

    def shares(chosen: Sequence[int], values: Sequence[float]) -> Shares | None:
        levels = [{path: proposals[at].levels[path] for path in paths if path in proposals[at].levels} for at in chosen]
        return shares_of(evaluator(measure), space, direction, levels, values)

    everything = shares(range(len(proposals)), [float(mean) for mean in means])
    if everything is None:
        return {}
    samples: list[Shares] = []
    for _ in range(RESAMPLES[measure]):
        chosen = [int(at) for at in generator.integers(len(proposals), size=len(proposals))]
        noise = generator.standard_normal(len(chosen))
        found = shares(chosen, [float(means[at] + errors[at] * one) for at, one in zip(chosen, noise, strict=True)])
        samples += [found] if found is not None else []
    ends = {path: np.percentile([one.get(path, 0.0) for one in samples] or [0.0], ENDS) for path in everything}
    return {
        path: Estimate(len(samples), share, None, float(ends[path][0]), float(ends[path][1]))
        for path, share in everything.items()
    }


def standard_errors(metric: str, proposals: Sequence[Proposal]) -> list[float]:
    """The standard error of each proposal's mean, from the variance over seeds that all proposals share.

    A proposal has two or three seeds, too few for a variance of its own.
    """
    squares = [(one.means[metric].std or 0.0) ** 2 * (one.means[metric].n - 1) for one in proposals]
    freedom = sum(one.means[metric].n - 1 for one in proposals)
    variance = sum(squares) / freedom if freedom else 0.0
    return [float((variance / one.means[metric].n) ** 0.5) for one in proposals]


def evaluator(measure: str) -> "BaseImportanceEvaluator":
    from optuna.importance import FanovaImportanceEvaluator, PedAnovaImportanceEvaluator

    makers: Mapping[str, Callable[[], BaseImportanceEvaluator]] = {
        "PED-ANOVA": PedAnovaImportanceEvaluator,
        "fANOVA": lambda: FanovaImportanceEvaluator(n_trees=TREES, seed=0),
    }
    return makers[measure]()


def shares_of(
    measure: "BaseImportanceEvaluator",
    space: "SearchSpace",
    direction: str,
    levels: Sequence[Mapping[str, object]],
    values: Sequence[float],
) -> Shares | None:
    """Path → share of these settings with these values; None where all values are alike, so that nothing matters."""
    from optuna.importance import get_param_importances
    from optuna.trial import create_trial

    if len(set(values)) < 2:
        return None
    stored = in_memory([direction])
    stored.add_trials(
        create_trial(params=dict(one), distributions={path: space.distributions[path] for path in one}, value=value)
        for one, value in zip(levels, values, strict=True)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of few proposals, which the interval shows
        found = get_param_importances(stored, evaluator=measure)
    return {path: float(share) for path, share in found.items()}


def importance_table(importances: Sequence[Importance], words: Words, links: Links = NO_LINKS) -> Table:
    """A row per setting: its share by each measure, with interval."""
    if not importances:
        return Table()
    names = [words.axis(one.path) for one in importances]
    return table_of(
        [
            (
                "setting",
                [name if names.count(name) == 1 else one.path for name, one in zip(names, importances, strict=True)],
            ),
            *((measure, [share_cell(one, measure, links) for one in importances]) for measure in RESAMPLES),
        ]
    )


def share_cell(one: Importance, measure: str, links: Links) -> Measured | None:
    return Measured(one.shares[measure], link=links.study) if measure in one.shares else None
