"""How a search begins: with what was run before, and with the settings that are proposed first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import optuna
from optuna.trial import create_trial

from ablate.launch_config import Outcome
from ablate.planning.design import Levels
from ablate.planning.means import mean_of
from ablate.planning.outcomes import needed_metrics
from ablate.planning.resolve import first_settings, resolve_proposal
from ablate.search.journal import earlier_settings, objectives, proposals_in, read_proposals, readable_copy
from ablate.search.space import SearchSpace, search_space
from ablate.study.model import Study
from ablate.trial import Trial


@dataclass(frozen=True)
class TakenOver:
    """The settings that were run with other ranges, seeds or another objective, and that a search takes over."""

    finished: tuple[tuple[Levels, Mapping[str, float | None]], ...]  # with the means over their seeds, which all have
    partly: tuple[Levels, ...]  # of which some seeds have values

    @property
    def settings(self) -> tuple[Levels, ...]:
        return (*(levels for levels, _ in self.finished), *self.partly)


def begin(
    study: Study, stored: optuna.Study, journal: Path, space: SearchSpace, outcomes: Mapping[str, Outcome]
) -> None:
    """Of a search that begins, take over what was run before with other ranges, and queue what is proposed first.

    A setting whose seeds all have values is added as finished; one of which some have is proposed again, and only
    the others run.  A kill in between leaves a part of this, which the next launch completes.
    """
    if proposals_in(stored, space):
        return
    queued = [frozen.system_attrs.get("fixed_params") for frozen in stored.get_trials(deepcopy=False)]
    taken_over = take_over(study, earlier_settings(study, journal, space), outcomes)
    for levels, means in taken_over.finished:
        add_finished(study, stored, space, levels, means)
    for levels in (*first_settings(study), *taken_over.partly):
        if dict(levels) not in queued:
            stored.enqueue_trial(dict(levels))


def take_over(study: Study, earlier: Sequence[Levels], outcomes: Mapping[str, Outcome]) -> TakenOver:
    """Which of the settings that were proposed earlier a search takes over."""
    finished: list[tuple[Levels, Mapping[str, float | None]]] = []
    partly: list[Levels] = []
    for levels in earlier:
        known = [outcomes.get(trial.key) for trial in resolve_proposal(study, levels)]
        ended = [outcome for outcome in known if outcome is not None and outcome.metrics]
        means = {name: mean_of(ended, name) for name in needed_metrics(study)}
        values = [mean for mean in means.values() if mean is not None]
        if len(ended) == len(known) and len(values) == len(means):
            finished.append((levels, means))
        elif values:
            partly.append(levels)
    return TakenOver(tuple(finished), tuple(partly))


def trials_taken_over(study: Study, journal: Path, outcomes: Mapping[str, Outcome]) -> tuple[Trial, ...]:
    """The trials that a search will take over when it begins; none of one that has begun.  Nothing is changed."""
    if read_proposals(study, journal):
        return ()
    with readable_copy(study, journal) as copy:
        earlier = earlier_settings(study, copy, search_space(study))
    settings = take_over(study, earlier, outcomes).settings
    return tuple(trial for levels in settings for trial in resolve_proposal(study, levels))


def add_finished(
    study: Study, stored: optuna.Study, space: SearchSpace, levels: Levels, means: Mapping[str, float | None]
) -> None:
    """Add a setting whose seeds have all values as a finished proposal."""
    assert study.search is not None
    added = create_trial(
        params=dict(levels),
        distributions={path: space.distributions[path] for path in levels},
        values=[means[name] or 0.0 for name in objectives(study)],
        constraints=study.search.violations(means) or None,
    )
    stored.add_trial(added)
