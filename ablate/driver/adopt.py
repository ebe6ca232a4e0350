"""Trials that need no training: MLflow has their encoder, from this study or from another one."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from ablate.driver.agenda import Item
from ablate.paths import StudyPaths
from ablate.spec.trial import Job
from ablate.track.artifacts import fetch
from ablate.track.hold import hold
from ablate.track.ledger import Known, Ledger
from ablate.track.spool import SpoolTracker

PATIENCE = 10.0  # seconds for whoever still works on a trial


def adopt(items: Sequence[Item], ledger: Ledger, paths: StudyPaths) -> None:
    """Put encoders where the workers find them, so that these score and do not train."""
    trained = {item.job.key: item.known for item in items if item.known is not None and item.known.status == "FINISHED"}
    for item in items:
        if item.standing == "rescore":
            fetch(ledger.uri, trained[item.job.key].run_id, "encoder.pt", paths.trial(item.job.key).folder)
    fresh = [item.job for item in items if item.standing == "new"]
    for job, other in zip(fresh, ledger.find_keys([job.key for job in fresh]), strict=True):
        if other is not None and not paths.trial(job.key).folder.exists():
            take_over(job, other, ledger, paths)
            trained[job.key] = other
    firsts = {item.job.trial.first.key for item in items if item.run and item.job.trial.first is not None}
    for key in firsts & trained.keys():
        keep_first(key, trained[key].run_id, ledger.uri, paths)


def keep_first(key: str, run_id: str, uri: str, paths: StudyPaths) -> None:
    """Have the encoder of a finished trial at hand for those that start from it."""
    if not paths.first(key).exists():
        paths.firsts.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=paths.firsts) as folder:
            fetched = fetch(uri, run_id, "encoder.pt", Path(folder))
            if fetched is not None:
                fetched.replace(paths.first(key))


def take_over(job: Job, other: Known, ledger: Ledger, paths: StudyPaths) -> None:
    """Copy a trial that another study has trained: its curves into the spool, its encoder beside it."""
    trial = paths.trial(job.key)
    with hold(trial, PATIENCE), SpoolTracker(paths) as tracker:
        curves = {name: ledger.history([other.run_id], name)[other.run_id] for name in said_in_training(other)}
        if fetch(ledger.uri, other.run_id, "encoder.pt", trial.folder) is None:
            return  # removed by somebody: train it again
        tracker.start(job)
        for epoch in sorted({epoch for curve in curves.values() for epoch, _ in curve}):
            tracker.record(job, epoch, {name: dict(curve)[epoch] for name, curve in curves.items()})
        study = other.job.study if other.job else "another study"
        trial.log.write_text(f"trained by '{study}', in run {other.run_id}\n")


def said_in_training(known: Known) -> Sequence[str]:
    return [name for name in known.metrics if name.startswith("train/")]
