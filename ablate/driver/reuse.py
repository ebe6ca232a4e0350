"""Encoders that this study or another one has trained, fetched from the tracking store to be used again."""

import tempfile
from pathlib import Path

from ablate.errors import DamagedFile
from ablate.events import State
from ablate.paths import StudyPaths
from ablate.planning.packs import pretraining_keys
from ablate.planning.plan import Plan, Work, train_again
from ablate.record import TrialRecord
from ablate.set_aside import set_aside
from ablate.track.spool import SpoolTracker
from ablate.track.store import TrackingStore, by_epoch
from ablate.track.trial_lock import lock_trial
from ablate.track.trial_log import log_line
from ablate.trial import Config, Trial

PATIENCE = 10.0  # seconds to wait for the lock of a trial that another process works on


def reuse_encoders(plan: Plan, tracking: TrackingStore, paths: StudyPaths) -> Plan:
    """Fetch encoders into the folders of trials that are to be scored only, or that another study has trained.

    A trial whose encoder is missing or damaged in the tracking store is trained again: one to be scored by its worker,
    which finds no encoder, and a pretraining trial in the plan that is returned.
    """
    trained = {
        one.key: one.record for one in plan.trials if one.record is not None and one.record.state is State.FINISHED
    }
    for planned in plan.left:
        files = paths.trial(planned.key)
        if planned.work is Work.SCORE and not files.encoder.exists():
            problem = fetch_encoder(planned.trial.config, trained[planned.key], tracking, files.encoder)
            if problem:
                log_line(files, f"{problem}; the trial is trained again")
    new = [planned.trial for planned in plan.left if planned.work is Work.TRAIN]
    elsewhere = tracking.find_finished([trial.key for trial in new]) if new else {}
    for trial in new:
        if trial.key in elsewhere and not paths.trial(trial.key).folder.exists():
            copy_trained(trial, elsewhere[trial.key], tracking, paths)
            trained[trial.key] = elsewhere[trial.key]
    needed = pretraining_keys([planned.trial for planned in plan.left]) & trained.keys()
    configs = {planned.key: planned.trial.config for planned in plan.trials}
    lost = {key for key in needed if not has_pretrained(configs[key], trained[key], tracking, paths)}
    return train_again(plan, lost) if lost else plan


def fetch_encoder(config: Config, record: TrialRecord, tracking: TrackingStore, file: Path) -> str:
    """Fetch the encoder of a finished trial and verify it; a sentence about what is wrong with it, empty for nothing.

    It is written anew as one that follows no values: its trial's are in the tracking store.
    """
    from ablate.encoder import load_trained, save_encoders  # imports torch

    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=file.parent) as folder:
        fetched = tracking.fetch(record.run_id, "encoder.pt", Path(folder))
        if fetched is None:
            return f"run {record.run_id} has no encoder"
        try:
            encoders = load_trained(fetched, config.key)
        except DamagedFile as error:
            return f"the encoder of run {record.run_id} cannot be used: {error.problem}"
    save_encoders(file, config, {epoch: encoder.tensors for epoch, encoder in encoders.items()})
    return ""


def has_pretrained(config: Config, record: TrialRecord, tracking: TrackingStore, paths: StudyPaths) -> bool:
    """Whether the encoder of a finished pretraining trial is there for the trials that start from it, or is fetched."""
    from ablate.encoder import load_trained  # imports torch

    file = paths.pretrained(config.key)
    try:
        return bool(load_trained(file, config.key))
    except FileNotFoundError:
        pass
    except DamagedFile:
        set_aside(file)
    return not fetch_encoder(config, record, tracking, file)


def copy_trained(trial: Trial, other: TrialRecord, tracking: TrackingStore, paths: StudyPaths) -> None:
    """Copy a trial that another study has trained: its curves into the spool, its encoder into the trial's folder."""
    files = paths.trial(trial.key)
    with lock_trial(files, PATIENCE), SpoolTracker(paths) as tracker:
        curves = tracking.curves(other.run_id, [name for name in other.metrics if name.startswith("train/")])
        if fetch_encoder(trial.config, other, tracking, files.encoder):
            return  # it was deleted or is damaged: the trial is trained again
        tracker.start(trial)
        for epoch, values in by_epoch(curves).items():
            tracker.record(trial, epoch, values)
        study = other.trial.study if other.trial else "another study"
        log_line(files, f"trained by '{study}', in run {other.run_id}")
