"""Studies whose trials are recorded in MLflow with given scores, as if they had been launched; nothing is trained."""

from collections.abc import Callable, Mapping

from ablate.events import State
from ablate.launch_config import RunRef
from ablate.paths import Store
from ablate.planning.resolve import resolve
from ablate.study.model import Study
from ablate.study.write import to_yaml
from ablate.track.mlflow_store import MlflowStore
from ablate.track.spool import SpoolTracker
from ablate.track.store import Snapshot
from ablate.trial import Trial

Scores = Callable[[Trial], Mapping[int, Mapping[str, float]] | str]  # epoch → metric → value; or why it failed


def record_study(study: Study, store: Store, uri: str, scores: Scores) -> Snapshot:
    """Record all trials of a study in the MLflow server at `uri`, with its files in the store."""
    tracking, paths, trials = MlflowStore(uri), store.study(study.name), resolve(study)
    paths.folder.mkdir(parents=True, exist_ok=True)
    paths.study.write_text(to_yaml(study), encoding="utf-8")
    tracking.open_study(study.name, study.question, to_yaml(study), tracking.snapshot(study.name))
    parents = tracking.open_variants(trials, tracking.snapshot(study.name))
    refs = {
        trial.key: RunRef(parent=parents[trial.variant], probes=dict.fromkeys(study.probes, "d1")) for trial in trials
    }
    with SpoolTracker(paths, {}, refs) as tracker:
        for trial in trials:
            record_trial(tracker, trial, scores(trial))
    assert tracking.upload(paths) == set()
    settled = tracking.settle(study.name, trials=trials)
    tracking.close_study(study.name, State.FINISHED, settled)
    return settled


def record_trial(tracker: SpoolTracker, trial: Trial, found: Mapping[int, Mapping[str, float]] | str) -> None:
    tracker.start(trial)
    if isinstance(found, str):
        tracker.finish(trial, State.FAILED, found)
        return
    for epoch, values in found.items():
        tracker.record(trial, epoch, values)
    tracker.finish(trial, State.FINISHED)
