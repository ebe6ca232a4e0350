"""The results of a study as pandas frames: a row per trial, or a row per trial and epoch."""

from typing import Any

import pandas as pd

from ablate.driver.status import records_of
from ablate.driver.summary import trials_of
from ablate.events import State
from ablate.paths import Store
from ablate.planning.required_data import on_recorded_data
from ablate.study.model import Study
from ablate.track.mlflow_store import MlflowStore
from ablate.track.store import by_epoch
from ablate.track.ui import reading_address
from ablate.trial import Trial


def trials_frame(study: Study, store: Store) -> pd.DataFrame:
    """A row for each trial of the study, including those that have not run; metrics are the latest values."""
    records = records_of(store, study.name)
    rows: list[dict[str, Any]] = []
    for trial in on_recorded_data(trials_of(study, store.study(study.name)), records):
        record = records.get(trial.key)
        state, reason = (record.state, record.reason) if record else (State.WAITING, "")
        metrics = dict(record.metrics) if record else {}
        rows.append({**_columns(trial), "state": str(state), "reason": reason, **metrics})
    return pd.DataFrame(rows)


def epochs_frame(study: Study, store: Store) -> pd.DataFrame:
    """A row for each trial and epoch that has a value; metrics without a value in an epoch are NaN."""
    records = records_of(store, study.name)
    rows: list[dict[str, Any]] = []
    tracking = MlflowStore(reading_address(store)) if records else None
    for trial in on_recorded_data(trials_of(study, store.study(study.name)), records):
        record = records.get(trial.key)
        if record is None or tracking is None:
            continue
        values = by_epoch(tracking.curves(record.run_id, record.metrics))
        rows += [{**_columns(trial), "epoch": epoch, **of_epoch} for epoch, of_epoch in values.items()]
    return pd.DataFrame(rows)


def _columns(trial: Trial) -> dict[str, Any]:
    """The columns that identify a trial; an axis `method` or `dataset` does not add a second column of that name."""
    config = trial.config
    about = {"key": trial.key, "name": trial.name, "method": config.method, "dataset": config.dataset}
    return {**about, "seed": config.seed, **{axis: level for axis, level in trial.levels.items() if axis not in about}}
