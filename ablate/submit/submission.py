"""Submitting a study, and what became of the job: its state, its output, and stopping it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ablate.errors import StudyError
from ablate.paths import Store
from ablate.planning.valid_study import validate
from ablate.study.model import Study
from ablate.study.write import to_yaml
from ablate.submit.note import JobNote, read_note
from ablate.submit.options import read_options
from ablate.submit.target import Job, JobState, Target, targets


@dataclass(frozen=True)
class Submitted:
    """A job and where it stands."""

    study: str
    target: str
    job_id: str
    state: JobState


def make_job(study: Study, store: Store, target: str, file: Path | None, *, yes: bool = False) -> tuple[Target, Job]:
    """The target with its options, and the job.  Raises StudyError for everything that `check` refuses."""
    kind = targets()[target]
    options = read_options(target, kind.Options, file)
    validate(study, yes)
    return kind(options), Job(study.name, to_yaml(study), store.study(study.name).folder, store.root)


def submit(study: Study, store: Store, target: str, file: Path | None, *, yes: bool = False) -> Submitted:
    """Send a study to a target.  Raises StudyError while an earlier job of the study waits or runs."""
    made, job = make_job(study, store, target, file, yes=yes)
    earlier = job_of(store, study.name)
    if earlier is not None and earlier.state.active:
        problem = f"'{study.name}' is {earlier.state.value} as job {earlier.job_id} of {earlier.target}"
        raise StudyError(problem, f"follow it with 'ablate status {study.name}', or stop it first")
    store.require_writable()
    job.folder.mkdir(parents=True, exist_ok=True)
    job_id = made.submit(job)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    options = made.options.model_dump(mode="json")  # type: ignore[attr-defined]  # every target keeps its options
    JobNote(target, job_id, now, options).save(job.folder)
    return Submitted(study.name, target, job_id, made.state(job_id))


def job_of(store: Store, study: str) -> Submitted | None:
    """The last job of a study; None where it was not submitted from this store."""
    note = read_note(store.study(study).folder)
    if note is None:
        return None
    return Submitted(study, note.target, note.job_id, note.find_target().state(note.job_id))


def job_logs(store: Store, study: str, follow: bool) -> Iterator[str] | None:
    """What the last job of a study printed; None where it was not submitted from this store."""
    folder = store.study(study).folder
    note = read_note(folder)
    return None if note is None else note.find_target().logs(note.job_id, folder, follow)


def stop_job(store: Store, study: str) -> str | None:
    """Make the job of a study checkpoint and end; the line to print, None where none waits or runs."""
    folder = store.study(study).folder
    note = read_note(folder)
    if note is None or not note.find_target().state(note.job_id).active:
        return None
    note.find_target().stop(note.job_id, folder)
    return f"job {note.job_id} of {note.target} was asked to checkpoint and stop; submit {study} again to go on"
