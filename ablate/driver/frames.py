"""The results of a study as pandas frames: a row per trial, or a row per trial and epoch."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from ablate.driver.status import records_of
from ablate.driver.summary import all_trials
from ablate.events import State
from ablate.paths import Store
from ablate.record import TrialRecord
from ablate.stats.bands import Curve, Curves
from ablate.study.model import Study
from ablate.track.mlflow_store import MlflowStore
from ablate.track.store import TrackingStore
from ablate.track.ui import reading_address
from ablate.trial import Trial

Records = Mapping[str, TrialRecord]  # by key


def trials_frame(study: Study, store: Store) -> pd.DataFrame:
    """A row for each trial of the study, including those that have not run; metrics are the latest values."""
    records = records_of(store, study.name)
    return frame_of_trials(all_trials(study, store.study(study.name), records), records)


def epochs_frame(study: Study, store: Store) -> pd.DataFrame:
    """A row for each trial and epoch that has a value; metrics without a value in an epoch are NaN."""
    records = records_of(store, study.name)
    trials = all_trials(study, store.study(study.name), records)
    curves = curves_of(MlflowStore(reading_address(store)), trials, records) if records else {}
    return frame_of_epochs(trials, curves)


def frame_of_trials(trials: Sequence[Trial], records: Records) -> pd.DataFrame:
    """A row for each trial, in order: what identifies it, state, reason, MLflow's run, and the latest metrics."""
    rows: list[dict[str, Any]] = []
    for trial in trials:
        record = records.get(trial.key)
        state, reason, run = (record.state, record.reason, record.run_id) if record else (State.WAITING, "", "")
        metrics = dict(record.metrics) if record else {}
        rows.append({**_columns(trial), "state": str(state), "reason": reason, "run_id": run, **metrics})
    return pd.DataFrame(rows)


def frame_of_epochs(trials: Sequence[Trial], curves: Curves) -> pd.DataFrame:
    """A row for each trial and epoch that has a value in one of the curves."""
    columns = dict.fromkeys(name for trial in trials for name in _columns(trial))
    parts: dict[str, list[Any]] = {name: [] for name in (*columns, "epoch", *curves)}
    for trial in trials:
        of_trial = {name: held[trial.key] for name, held in curves.items() if trial.key in held}
        epochs = epochs_of(of_trial.values())
        about = {**dict.fromkeys(columns), **_columns(trial)}
        for name, value in about.items():
            parts[name] += [value] * len(epochs)
        parts["epoch"] += epochs
        for name in curves:
            parts[name] += values_at(epochs, of_trial.get(name, ()))
    return pd.DataFrame({name: column for name, column in parts.items() if column or not parts["epoch"]})


def epochs_of(curves: Iterable[Curve]) -> list[int]:
    """The epochs, ascending, in which one of the curves has a value."""
    lists = {tuple(epoch for epoch, _ in curve) for curve in curves}  # most curves of a trial have the same
    return sorted({epoch for epochs in lists for epoch in epochs})


def values_at(epochs: Sequence[int], curve: Curve) -> list[float | None]:
    """The curve's values in these epochs, which hold all of its own; None where it has none."""
    if len(curve) == len(epochs):
        return [value for _, value in curve]
    values = dict(curve)
    return [values.get(epoch) for epoch in epochs]


def curves_of(tracking: TrackingStore, trials: Sequence[Trial], records: Records) -> Curves:
    """Metric → key → curve of all recorded trials."""
    found = {trial.key: records[trial.key] for trial in trials if trial.key in records}
    keys = {record.run_id: key for key, record in found.items()}
    curves = tracking.all_curves({record.run_id: record.metrics for record in found.values()})
    return {name: {keys[run_id]: curve for run_id, curve in held.items()} for name, held in curves.items()}


def _columns(trial: Trial) -> dict[str, Any]:
    """The columns that identify a trial; an axis `method` or `dataset` does not add a second column of that name."""
    config = trial.config
    about = {"key": trial.key, "name": trial.name, "method": config.method, "dataset": config.dataset}
    return {**about, "seed": config.seed, **{axis: level for axis, level in trial.levels.items() if axis not in about}}
