"""The batch job of a study that was submitted: its state, its output, and stopping it.

Commands look for a job at every call, so this imports a target only where a study was submitted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ablate.paths import Store
from ablate.submit.note import read_note

if TYPE_CHECKING:
    from ablate.submit.target import JobState


@dataclass(frozen=True)
class Submitted:
    """A job and where it stands."""

    study: str
    target: str
    job_id: str
    state: JobState
    code: int | None = None  # the exit code of a job that has ended, where the cluster tells it


def job_of(store: Store, study: str) -> Submitted | None:
    """The last job of a study; None where it was not submitted from this store."""
    note = read_note(store.study(study).folder)
    if note is None:
        return None
    target = note.find_target()
    state = target.state(note.job_id)
    return Submitted(study, note.target, note.job_id, state, target.exit_code(note.job_id) if state.ended else None)


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
