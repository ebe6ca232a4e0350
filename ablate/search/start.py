"""How a search begins: with what was run before, and with the settings that are proposed first."""

from collections.abc import Mapping
from pathlib import Path

import optuna
from optuna.trial import create_trial

from ablate.launch_config import Outcome
from ablate.planning.design import Levels
from ablate.planning.means import mean_of
from ablate.planning.outcomes import needed_metrics
from ablate.planning.resolve import first_settings, resolve_proposal
from ablate.search.journal import earlier_settings, objectives, proposals_in
from ablate.search.space import SearchSpace
from ablate.study.model import Study


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
    partly: list[Levels] = []
    for levels in earlier_settings(study, journal, space):
        known = [outcomes.get(trial.key) for trial in resolve_proposal(study, levels)]
        ended = [outcome for outcome in known if outcome is not None and outcome.metrics]
        means = {name: mean_of(ended, name) for name in needed_metrics(study)}
        values = [mean for mean in means.values() if mean is not None]
        if len(ended) == len(known) and len(values) == len(means):
            add_finished(study, stored, space, levels, means)
        elif values:
            partly.append(levels)
    for levels in (*first_settings(study), *partly):
        if dict(levels) not in queued:
            stored.enqueue_trial(dict(levels))


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
