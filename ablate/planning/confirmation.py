"""The confirmation of a search: its winner and runner-up run again with seeds that the search has not used.

The best of many means is biased upwards, since it was chosen for its value; the mean over fresh seeds is not.  Nothing
is stored: who is confirmed follows from the outcomes of the proposals, so a launch that is continued confirms the same.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace

from ablate.events import State
from ablate.launch_config import Outcome
from ablate.planning.design import FINALISTS
from ablate.planning.means import mean_of
from ablate.planning.outcomes import needed_metrics
from ablate.planning.resolve import count_proposals
from ablate.study.model import Study
from ablate.trial import Trial


def fresh_seeds(study: Study) -> tuple[int, ...]:
    """The seeds of the confirmation: the first whole numbers that are no seeds of the search."""
    wanted = study.search.confirm if study.search is not None and study.search.confirm else 0
    free = (seed for seed in itertools.count() if seed not in study.first_seeds)
    return tuple(itertools.islice(free, wanted))


def confirmation_of(
    study: Study, searched: Sequence[Trial], outcomes: Mapping[str, Outcome]
) -> tuple[Trial, ...] | None:
    """The trials that confirm a search, seed by seed; None while proposals are to be made or have not ended.

    `searched` holds the trials of all proposals, in order, and `outcomes` those of the trials that ended, by key.
    """
    variants = by_variant(searched)
    if len(variants) < count_proposals(study) or any(trial.key not in outcomes for trial in searched):
        return None
    chosen = finalists(study, variants, outcomes)
    return tuple(replace(one, config=one.config.seeded(seed)) for seed in fresh_seeds(study) for one in chosen)


def by_variant(trials: Sequence[Trial]) -> dict[str, list[Trial]]:
    """Key of the variant → its trials, in the given order."""
    found: dict[str, list[Trial]] = {}
    for trial in trials:
        found.setdefault(trial.variant, []).append(trial)
    return found


def finalists(
    study: Study, variants: Mapping[str, Sequence[Trial]], outcomes: Mapping[str, Outcome]
) -> tuple[Trial, ...]:
    """A trial of the winner and of the runner-up, by the mean of the compared metric over all seeds of the search.

    What was stopped early, lacks a value or breaks a constraint takes no part.
    """
    assert study.search is not None
    sign = -1 if study.search.objectives[study.compared_metric] == "maximize" else 1
    ranked: list[tuple[float, Trial]] = []
    for trials in variants.values():
        seeds = [outcomes[trial.key] for trial in trials]
        means = {name: mean_of(seeds, name) for name in needed_metrics(study)}
        stopped = any(seed.state is State.PRUNED for seed in seeds)
        compared = means[study.compared_metric]
        if compared is None or None in means.values() or stopped or not study.search.allows(means):
            continue
        ranked.append((sign * compared, trials[0]))
    return tuple(trial for _, trial in sorted(ranked, key=lambda pair: pair[0])[:FINALISTS])
