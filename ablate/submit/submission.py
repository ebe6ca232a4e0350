"""Submitting a study as a batch job."""

from datetime import UTC, datetime
from pathlib import Path

from ablate.errors import StudyError
from ablate.lock import locked
from ablate.paths import Store
from ablate.permissions import store_permissions
from ablate.planning.resources import slots
from ablate.planning.valid_study import validate
from ablate.study.model import Study
from ablate.study.write import to_yaml
from ablate.submit.jobs import Submitted, job_of
from ablate.submit.note import JobNote
from ablate.submit.options import read_options
from ablate.submit.target import Job, Target, TargetOptions, targets

PATIENCE = 120.0  # seconds in which another process that submits the study has to end


def make_job(
    study: Study, store: Store, target: str, file: Path | None, *, yes: bool = False, pack: bool = False
) -> tuple[Target, Job]:
    """The target with its options, and the job, with `pack` on one node.

    Raises StudyError for everything that `check` refuses, and for what a job with these options could not run.
    """
    kind = targets()[target]
    read = read_options(target, kind.Options, file)
    options = read.packed() if pack else read
    validate(study, yes)
    require_fit(study, target, options)
    return kind(options), Job(study.name, to_yaml(study), store.study(study.name).folder, store.root)


def require_fit(study: Study, target: str, options: TargetOptions) -> None:
    """Raise StudyError where a job with these options could not run the study, which it would find out in the queue."""
    if nodes := options.kinds_of_nodes():
        slots(nodes, study)
    if options.lacks_server():
        problem = "a job of several nodes needs an MLflow server that all of them reach, and none is named"
        remedy = "set MLFLOW_TRACKING_URI in 'variables', or where the options name secrets"
        raise StudyError(problem, remedy, f"options of '{target}'")


def submit(
    study: Study, store: Store, target: str, file: Path | None, *, yes: bool = False, pack: bool = False
) -> Submitted:
    """Send a study to a target, with `pack` as a job of one node.

    Raises StudyError while an earlier job of the study waits or runs, and ServiceError while another process submits
    it.
    """
    made, job = make_job(study, store, target, file, yes=yes, pack=pack)
    store.require_writable()
    with store_permissions(store), locked(job.folder / "job.lock", PATIENCE, "another process submits this study"):
        refuse_second_job(store, study.name)
        job_id = made.submit(job)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        JobNote(target, job_id, now, made.options.model_dump(mode="json")).save(job.folder)
    return Submitted(study.name, target, job_id, made.state(job_id))


def refuse_second_job(store: Store, study: str) -> None:
    """Raise StudyError while a job that was submitted from this store waits or runs."""
    earlier = job_of(store, study)
    if earlier is not None and earlier.state.active:
        problem = f"'{study}' is {earlier.state.value} as job {earlier.job_id} of {earlier.target}"
        raise StudyError(problem, f"follow it with 'ablate status {study}', or stop it first")
