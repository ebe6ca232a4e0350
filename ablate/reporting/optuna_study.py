"""The proposals of a search as a study of Optuna in memory, for its figures and its measures of importance."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ablate.reporting.proposals import Proposal, ProposalState
from ablate.study.model import Study

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

    from ablate.search.space import SearchSpace


def optuna_study(study: Study, proposals: Sequence[Proposal]) -> "optuna.Study":
    """All proposals that have ended, with the means over their seeds; those outside of the space are left out.

    Means are in the units in which the metrics are shown.

    Reports are made of what MLflow holds, so they need no journal, and a journal that was lost changes none.
    """
    import optuna

    from ablate.search.journal import stored_directions
    from ablate.search.space import search_space

    space = search_space(study)
    found = in_memory(stored_directions(study))
    for one in proposals:
        if one.state is not ProposalState.OPEN and space.holds(one.levels):
            found.add_trial(frozen(study, space, one))
    assert isinstance(found, optuna.Study)
    return found


def in_memory(directions: Sequence[Any]) -> "optuna.Study":
    """An empty study of Optuna, made without a line in the log."""
    import optuna

    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        return optuna.create_study(directions=directions)
    finally:
        optuna.logging.set_verbosity(level)


def frozen(study: Study, space: "SearchSpace", one: Proposal) -> "FrozenTrial":
    """A proposal as Optuna has it."""
    from optuna.trial import TrialState, create_trial

    assert study.search is not None
    states = {ProposalState.COMPLETE: TrialState.COMPLETE, ProposalState.PRUNED: TrialState.PRUNED}
    complete = one.state is ProposalState.COMPLETE
    means = {metric: estimate.mean for metric, estimate in one.means.items()}
    made = create_trial(
        state=states.get(one.state, TrialState.FAIL),
        params=dict(one.levels),
        distributions={path: space.distributions[path] for path in one.levels},
        values=[mean_of(one, metric) * study.words.quantity(metric).factor for metric in study.search.objectives]
        if complete
        else None,
        constraints=study.search.violations(means) if complete and study.search.limits else None,
    )
    made.datetime_start = time_of(one.started)
    made.datetime_complete = time_of(one.ended)
    return made


def mean_of(one: Proposal, metric: str) -> float:
    mean = one.means[metric].mean
    assert mean is not None, "the proposal is complete"
    return mean


def time_of(seconds: float | None) -> datetime:
    """A time in the zone of this machine, as Optuna shows it; 1970 for an unknown one."""
    return datetime.fromtimestamp(seconds or 0.0)
