"""Trials that need no training: MLflow has their encoder, from this study or from another one."""

from collections.abc import Sequence

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
    needed = {item.job.trial.first.key for item in items if item.run and item.job.trial.first is not None}
    for item in items:
        if item.known is not None and (item.standing == "rescore" or item.job.key in needed):
            fetch(ledger.uri, item.known.run_id, "encoder.pt", paths.trial(item.job.key).folder)
    fresh = [item.job for item in items if item.standing == "new"]
    for job, other in zip(fresh, ledger.find_keys([job.key for job in fresh]), strict=True):
        if other is not None and not paths.trial(job.key).folder.exists():
            take_over(job, other, ledger, paths)


def take_over(job: Job, other: Known, ledger: Ledger, paths: StudyPaths) -> None:
    """Copy a trial that another study has trained: its curves into the spool, its encoder beside it."""
    trial = paths.trial(job.key)
    with hold(trial, PATIENCE), SpoolTracker(paths) as tracker:
        curves = {name: ledger.history([other.run_id], name)[other.run_id] for name in trained(other)}
        if fetch(ledger.uri, other.run_id, "encoder.pt", trial.folder) is None:
            return  # removed by somebody: train it again
        tracker.start(job)
        for epoch in sorted({epoch for curve in curves.values() for epoch, _ in curve}):
            tracker.record(job, epoch, {name: dict(curve)[epoch] for name, curve in curves.items()})
        study = other.job.study if other.job else "another study"
        trial.log.write_text(f"trained by '{study}', in run {other.run_id}\n")


def trained(known: Known) -> Sequence[str]:
    return [name for name in known.metrics if name.startswith("train/")]
