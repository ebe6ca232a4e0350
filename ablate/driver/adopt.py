"""Trials that need no training: MLflow has their encoder, from this study or from another one."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from ablate.driver.agenda import Item
from ablate.paths import StudyPaths
from ablate.track.artifacts import fetch
from ablate.track.hold import hold
from ablate.track.mlflow_store import MlflowStore, TrialRecord
from ablate.track.spool import SpoolTracker
from ablate.trial import Trial

PATIENCE = 10.0  # seconds for whoever still works on a trial


def adopt(items: Sequence[Item], mlflow_store: MlflowStore, paths: StudyPaths) -> None:
    """Put encoders where the workers find them, so that these score and do not train."""
    trained = {
        item.trial.key: item.known for item in items if item.known is not None and item.known.status == "FINISHED"
    }
    for item in items:
        if item.standing == "rescore":
            fetch(mlflow_store.uri, trained[item.trial.key].run_id, "encoder.pt", paths.trial(item.trial.key).folder)
    fresh = [item.trial for item in items if item.standing == "new"]
    for trial, other in zip(fresh, mlflow_store.find_keys([trial.key for trial in fresh]), strict=True):
        if other is not None and not paths.trial(trial.key).folder.exists():
            take_over(trial, other, mlflow_store, paths)
            trained[trial.key] = other
    firsts = {item.trial.config.first.key for item in items if item.run and item.trial.config.first is not None}
    for key in firsts & trained.keys():
        keep_first(key, trained[key].run_id, mlflow_store.uri, paths)


def keep_first(key: str, run_id: str, uri: str, paths: StudyPaths) -> None:
    """Have the encoder of a finished trial at hand for those that start from it."""
    if not paths.first(key).exists():
        paths.firsts.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=paths.firsts) as folder:
            fetched = fetch(uri, run_id, "encoder.pt", Path(folder))
            if fetched is not None:
                fetched.replace(paths.first(key))


def take_over(trial: Trial, other: TrialRecord, mlflow_store: MlflowStore, paths: StudyPaths) -> None:
    """Copy a trial that another study has trained: its curves into the spool, its encoder beside it."""
    files = paths.trial(trial.key)
    with hold(files, PATIENCE), SpoolTracker(paths) as tracker:
        curves = {name: mlflow_store.history([other.run_id], name)[other.run_id] for name in said_in_training(other)}
        if fetch(mlflow_store.uri, other.run_id, "encoder.pt", files.folder) is None:
            return  # removed by somebody: train it again
        tracker.start(trial)
        for epoch in sorted({epoch for curve in curves.values() for epoch, _ in curve}):
            tracker.record(trial, epoch, {name: dict(curve)[epoch] for name, curve in curves.items()})
        study = other.trial.study if other.trial else "another study"
        files.log.write_text(f"trained by '{study}', in run {other.run_id}\n")


def said_in_training(known: TrialRecord) -> Sequence[str]:
    return [name for name in known.metrics if name.startswith("train/")]
