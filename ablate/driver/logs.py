"""The log and the traceback of a trial, from its folder while that exists, else from MLflow."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from ablate.driver.launch_lock import owner_of
from ablate.driver.saved_plan import load_plan
from ablate.driver.status import check_launched, launched_studies, records_of
from ablate.errors import StudyError
from ablate.events import State
from ablate.paths import Store, TrialPaths
from ablate.track.artifacts import text

POLL = 0.5  # seconds between two looks at a log that grows
LISTED = 5  # trials that a message names


@dataclass(frozen=True)
class FoundTrial:
    """A trial of a launched study; a waiting one has no run."""

    study: str
    key: str
    name: str
    state: State
    run_id: str = ""


@dataclass(frozen=True)
class TrialLog:
    """What a trial printed."""

    trial: FoundTrial
    log: str
    traceback: str


def find_trial(store: Store, trial: str, study: str | None = None) -> FoundTrial:
    """The trial with this name or this beginning of its key, in any study or in one.

    Raises StudyError where there is none, or more than one.
    """
    if not trial:
        raise StudyError("no trial is named", "name one by its key or its name, as ablate status STUDY lists them")
    if study:
        check_launched(store, study)
    all_trials = [one for name in ([study] if study else launched_studies(store)) for one in known_trials(store, name)]
    named = [one for one in all_trials if trial in (one.name, one.key)]
    found = named or [one for one in all_trials if one.key.startswith(trial)]
    if not found:
        raise StudyError(f"no trial is called '{trial}'", "ablate status STUDY lists keys and names")
    if len(found) > 1:
        listed = ", ".join(f"{one.key} of {one.study}" for one in found[:LISTED])
        raise StudyError(f"{len(found)} trials fit '{trial}'", f"write a whole key, or --study: {listed}")
    return found[0]


def known_trials(store: Store, study: str) -> Iterator[FoundTrial]:
    """The trials that MLflow has of a study, and those of its last launch that have no run yet."""
    plan, records = load_plan(store.study(study)), records_of(store, study)
    names = dict(plan.names) if plan else {}
    for key, record in records.items():
        name = record.trial.name if record.trial else names.get(key, key)
        yield FoundTrial(study, key, name, record.state, record.run_id)
    yield from (FoundTrial(study, key, name, State.WAITING) for key, name in names.items() if key not in records)


def trial_log(store: Store, trial: str, study: str | None = None) -> TrialLog:
    """The log and the traceback of a trial; both are empty while it waits.  Raises StudyError as `find_trial` does."""
    found = find_trial(store, trial, study)
    files = store.study(found.study).trial(found.key)
    if files.log.exists() or files.traceback.exists() or not found.run_id:
        return TrialLog(found, *local_texts(files))
    return TrialLog(found, *(text(store, found.run_id, name) for name in ("log.txt", "traceback.txt")))


def local_texts(files: TrialPaths) -> tuple[str, str]:
    """The log and the traceback in a trial's folder."""
    both = (files.log, files.traceback)
    log, traceback = (file.read_text(encoding="utf-8", errors="replace") if file.exists() else "" for file in both)
    return log, traceback


def follow_log(store: Store, trial: str, study: str | None = None) -> Iterator[str]:
    """What a trial has printed, then what it prints, until it has ended or its study is not being launched."""
    found = find_trial(store, trial, study)
    paths, printed = store.study(found.study), ""
    while owner_of(paths.lock) is not None and paths.trial(found.key).folder.exists():
        log, _ = local_texts(paths.trial(found.key))
        yield log[len(printed) :]
        printed = log or printed
        time.sleep(POLL)
    last = trial_log(store, found.key, found.study)
    yield (last.log + last.traceback)[len(printed) :]
