"""Encoders that this study or another one has trained, fetched from the tracking store to be used again."""

import tempfile
from pathlib import Path

from ablate.events import State
from ablate.paths import StudyPaths
from ablate.planning.packs import pretraining_keys
from ablate.planning.plan import Plan, Work
from ablate.record import TrialRecord
from ablate.track.spool import SpoolTracker
from ablate.track.store import TrackingStore
from ablate.track.trial_lock import lock_trial
from ablate.trial import Trial

PATIENCE = 10.0  # seconds to wait for the lock of a trial that another process works on


def reuse_encoders(plan: Plan, tracking: TrackingStore, paths: StudyPaths) -> None:
    """Fetch encoders into the folders of trials that are to be scored only, or that another study has trained."""
    trained = {
        one.key: one.record for one in plan.trials if one.record is not None and one.record.state is State.FINISHED
    }
    for planned in plan.left:
        if planned.work is Work.SCORE:
            tracking.fetch(trained[planned.key].run_id, "encoder.pt", paths.trial(planned.key).folder)
    new = [planned.trial for planned in plan.left if planned.work is Work.TRAIN]
    elsewhere = tracking.find_finished([trial.key for trial in new]) if new else {}
    for trial in new:
        if trial.key in elsewhere and not paths.trial(trial.key).folder.exists():
            copy_trained(trial, elsewhere[trial.key], tracking, paths)
            trained[trial.key] = elsewhere[trial.key]
    needed = pretraining_keys([planned.trial for planned in plan.left])
    for key in needed & trained.keys():
        fetch_pretrained(key, trained[key].run_id, tracking, paths)


def fetch_pretrained(key: str, run_id: str, tracking: TrackingStore, paths: StudyPaths) -> None:
    """Fetch the encoder of a finished pretraining trial for the trials that start from it."""
    if not paths.pretrained(key).exists():
        paths.pretrained_folder.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=paths.pretrained_folder) as folder:
            fetched = tracking.fetch(run_id, "encoder.pt", Path(folder))
            if fetched is not None:
                fetched.replace(paths.pretrained(key))


def copy_trained(trial: Trial, other: TrialRecord, tracking: TrackingStore, paths: StudyPaths) -> None:
    """Copy a trial that another study has trained: its curves into the spool, its encoder into the trial's folder."""
    files = paths.trial(trial.key)
    with lock_trial(files, PATIENCE), SpoolTracker(paths) as tracker:
        curves = tracking.curves(other.run_id, [name for name in other.metrics if name.startswith("train/")])
        if tracking.fetch(other.run_id, "encoder.pt", files.folder) is None:
            return  # the artifact was deleted: the trial is trained again
        tracker.start(trial)
        by_epoch: dict[int, dict[str, float]] = {}
        for name, curve in curves.items():
            for epoch, value in curve:
                by_epoch.setdefault(epoch, {})[name] = value
        for epoch in sorted(by_epoch):
            tracker.record(trial, epoch, by_epoch[epoch])
        study = other.trial.study if other.trial else "another study"
        files.log.write_text(f"trained by '{study}', in run {other.run_id}\n", encoding="utf-8")
