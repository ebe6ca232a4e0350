"""The dispatcher of a study, with its proposals and the files of its stop requests and records; without Ray."""

from collections.abc import Callable

from ablate.added_seeds import AddedSeeds
from ablate.cluster.dispatch import Dispatcher, FurtherTrials
from ablate.events import Message, State
from ablate.launch_config import LaunchConfig
from ablate.paths import StudyPaths
from ablate.patience import SHORT
from ablate.stopping import request_stop
from ablate.study.model import Resources, Study
from ablate.track.spool import SpoolTracker
from ablate.track.trial_lock import lock_trial
from ablate.trial import Trial

Report = Callable[[str, int, float], None]


def study_dispatcher(
    config: LaunchConfig, study: Study, resources: Resources, paths: StudyPaths, send: Callable[[Message], None]
) -> Dispatcher:
    """The queue of a launch's packs, with what a pack asks for here; `send` passes messages to the driver."""
    tracker = SpoolTracker(paths, {}, config.run_refs)

    def record_end(trial: Trial, state: State, reason: str) -> None:
        with lock_trial(paths.trial(trial.key), SHORT):
            tracker.start(trial)
            if (log := paths.trial(trial.key).log).exists():
                tracker.attach(trial, log)
            tracker.finish(trial, state, reason)

    proposals: FurtherTrials | None = None
    report: Report | None = None
    if study.search is not None:
        from ablate.search.background import BackgroundProposals  # with Optuna, which only a search needs here
        from ablate.search.proposals import Proposals

        searched = BackgroundProposals(Proposals(study, paths.search, config.outcomes, paths.stop.exists))
        proposals, report = searched, searched.report
    elif study.seed_rule is not None:
        queued = [trial.key for pack in config.packs for trial in pack]
        scores = {key: outcome.metrics.get(study.metric) for key, outcome in config.outcomes.items()}
        proposals = AddedSeeds(study, config.first, scores, queued)
    early_stopping = None
    if study.early_stopping is not None:
        from ablate.pruning.early_stopping import EarlyStopping

        early_stopping = EarlyStopping(study, config.outcomes, report)
    return Dispatcher(
        config,
        resources,
        proposals,
        send,
        paths.stop.exists,
        record_end,
        lambda key, request: request_stop(paths, key, request),
        early_stopping,
    )
