"""The status of studies: the states of their trials, the process that launches them, and what is not uploaded yet."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ablate.driver.claiming import launched_by
from ablate.driver.saved_plan import SavedPlan, load_plan
from ablate.errors import StudyError
from ablate.events import State
from ablate.paths import Store, StudyPaths
from ablate.planning.packs import PRETRAINING
from ablate.record import TrialRecord
from ablate.registry import suggest
from ablate.stats.running import RunningDifference, running_differences
from ablate.study.model import Study
from ablate.study.read import read_study, study_file
from ablate.track.mlflow_store import MlflowStore
from ablate.track.sent import has_unsent, open_trials
from ablate.track.store import Snapshot
from ablate.track.ui import reading_address
from ablate.training_faults import COLLAPSED, DIVERGED, warnings_of


@dataclass(frozen=True)
class TrialStatus:
    """The status of one trial."""

    key: str
    name: str
    state: State
    reason: str
    metrics: Mapping[str, float]
    failed_probes: Mapping[str, str] = field(default_factory=dict)  # name → reason, of a finished trial
    warnings: tuple[str, ...] = ()  # that its embeddings have collapsed, or that its training has diverged


@dataclass(frozen=True)
class BatchJob:
    """The batch job with which a study was submitted (`ablate submit`)."""

    target: str
    job_id: str
    state: str
    code: int | None = None  # its exit code, once it has ended; None where the cluster does not tell it


@dataclass(frozen=True)
class Status:
    """The status of one study."""

    study: str
    counts: Mapping[State, int]  # trials by state
    launched_by: str = ""  # empty while no launch runs
    unsent: int = 0  # trials with records that MLflow does not have
    trials: tuple[TrialStatus, ...] = ()
    failed_probes: int = 0  # finished trials that lack the scores of a probe, because it failed
    collapsed: int = 0  # trials whose embeddings have collapsed
    diverged: int = 0  # trials whose training has diverged
    job: BatchJob | None = None  # None where it was launched only
    metric: str = ""  # that the comparison is of
    comparison: tuple[RunningDifference, ...] = ()  # with the baseline, as far as the trials have finished
    budget: float | None = None  # device-hours that the study may take; None where it has no budget
    earlier: int = 0  # unfinished trials of settings that the study does not have any more; not counted by state
    budget_left: float | None = None  # device-hours; below 0 where running trials have exceeded it


def records_of(store: Store, study: str) -> Mapping[str, TrialRecord]:
    """What MLflow has of a study's trials, by key; nothing where there is no MLflow yet."""
    return snapshot_of(store, study).records


def snapshot_of(store: Store, study: str) -> Snapshot:
    """All that MLflow has of a study; empty where there is no MLflow yet."""
    tracking = tracking_of(store)
    return tracking.snapshot(study) if tracking is not None else Snapshot(study)


def tracking_of(store: Store) -> MlflowStore | None:
    """MLflow's records, for reading; None where there is no MLflow yet."""
    address = reading_address(store)
    return MlflowStore(address) if address else None


def states_of(snapshot: Snapshot, launch: str) -> dict[str, State]:
    """Key → state of the recorded trials: one that MLflow has as running is killed where there is no `launch`."""
    states = {key: record.state for key, record in snapshot.records.items()}
    if launch:
        return states
    return {key: State.KILLED if state is State.RUNNING else state for key, state in states.items()}


def statuses(store: Store, study: str | None) -> tuple[Status, ...]:
    """The status of one study with its trials, or of all studies of the store."""
    if study is None:
        return tuple(status_of(store, name) for name in launched_studies(store))
    check_launched(store, study)
    return (status_of(store, study, with_trials=True),)


def check_launched(store: Store, study: str) -> None:
    """Raise StudyError for a study that was not launched with this store."""
    studies = launched_studies(store)
    if study not in studies:
        remedy = suggest(study, studies) if studies else ""
        raise StudyError(f"no study '{study}' was ever launched here", remedy, str(store.studies))


def launched_studies(store: Store) -> list[str]:
    """The studies that were launched with this store."""
    return sorted(path.name for path in store.studies.iterdir() if path.is_dir()) if store.studies.is_dir() else []


def status_of(store: Store, study: str, with_trials: bool = False) -> Status:
    """The status of one study; trials of its last launch that have no record count as waiting."""
    paths = store.study(study)
    snapshot = snapshot_of(store, study)
    records, launch = snapshot.records, launched_by(snapshot, paths)
    plan = load_plan(paths)
    names = dict(plan.names) if plan else {}
    states = states_of(snapshot, launch)
    earlier = left_by_earlier_settings(plan, states, paths) if plan else set()
    states = {key: state for key, state in states.items() if key not in earlier}
    states |= {key: State.WAITING for key in names if key not in states}
    counts = Counter(states.values())
    counts[State.WAITING] += to_propose(plan, records) if plan else 0
    unsent = len(set(open_trials(paths)) - earlier)
    trials = tuple(trial_status(key, state, names, records) for key, state in states.items()) if with_trials else ()
    unscored = sum(record.state is State.FINISHED and bool(record.unscored) for record in records.values())
    collapsed, diverged = (
        sum(record.metrics.get(fault) == 1 for record in records.values()) for fault in (COLLAPSED, DIVERGED)
    )
    launched = launched_study(store, study)
    comparison = running_comparison(launched, records) if with_trials and launched is not None else ()
    budget = launched.budget.device_hours if launched is not None and launched.budget is not None else None
    spent = sum(record.device_seconds or 0.0 for record in records.values()) / 3600
    return Status(
        study,
        dict(+counts),
        launch,
        unsent,
        trials,
        unscored,
        collapsed,
        diverged,
        metric=launched.metric if launched is not None else "",
        comparison=comparison,
        budget=budget,
        earlier=len(earlier),
        budget_left=budget - spent if budget is not None else None,
    )


def left_by_earlier_settings(plan: SavedPlan, states: Mapping[str, State], paths: StudyPaths) -> set[str]:
    """Keys of the trials that no launch continues, since the study was changed, and that are in MLflow."""
    begun = {key for key in plan.others if key in states and not states[key].ended}
    return {key for key in begun if not has_unsent(paths.trial(key))}


def to_propose(plan: SavedPlan, records: Mapping[str, TrialRecord]) -> int:
    """How many trials the search has yet to propose, of those that it had when its plan was saved.

    What is recorded since, and is no trial of that plan, was proposed since; encoders that these start from are extra.
    """
    since = [record for key, record in records.items() if key not in plan.names and key not in plan.others]
    return max(0, plan.proposals - sum(record.trial is None or record.trial.case != PRETRAINING for record in since))


def launched_study(store: Store, name: str) -> Study | None:
    """A study as it was launched last, with its profile and overrides; None where its file cannot be read."""
    try:
        return read_study(store.study(name).study)
    except (StudyError, OSError):  # a launch that ended before it wrote the file, or another version's
        return None


def study_or_launched(
    store: Store, name: Path | str, profile: str | None = None, overrides: Sequence[str] = ()
) -> Study:
    """The study of a file or a name, as `read_study` reads it; where there is none, the launched study of that name.

    That one is as it was launched last.
    """
    try:
        file = study_file(name)
    except StudyError:
        if str(name) not in launched_studies(store) or not store.study(str(name)).study.exists():
            raise
        file = store.study(str(name)).study
    return read_study(file, profile, overrides)


def running_comparison(study: Study, records: Mapping[str, TrialRecord]) -> tuple[RunningDifference, ...]:
    """The differences from the baseline that the finished trials show in the study's metric."""
    scores = [
        (record.trial, score)
        for record in records.values()
        if record.trial is not None
        and record.state is State.FINISHED
        and (score := record.metrics.get(study.metric)) is not None
        and math.isfinite(score)
    ]
    return running_differences(study, scores)


def trial_status(key: str, state: State, names: Mapping[str, str], records: Mapping[str, TrialRecord]) -> TrialStatus:
    record = records.get(key)
    if record is None:
        return TrialStatus(key, names.get(key, key), state, "", {})
    name = record.trial.name if record.trial else names.get(key, key)
    unscored = record.unscored if state is State.FINISHED else {}
    return TrialStatus(key, name, state, record.reason, record.metrics, unscored, warnings_of(record.metrics))
