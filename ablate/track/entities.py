"""Runs and experiments as MLflow's server returns them, with the attributes of MLflow's own classes.

Importing those takes seconds of processor time, which `ablate status` need not spend.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Experiment:
    """An experiment, whose runs are those of one study."""

    experiment_id: str
    name: str
    lifecycle_stage: str  # active or deleted
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RunInfo:
    """What MLflow holds of every run."""

    run_id: str
    experiment_id: str
    run_name: str
    status: str
    start_time: int  # milliseconds since 1970
    end_time: int | None
    lifecycle_stage: str  # active or deleted
    artifact_uri: str


@dataclass(frozen=True)
class RunData:
    """What was logged to a run; metrics are the latest values."""

    metrics: Mapping[str, float]
    params: Mapping[str, str]
    tags: Mapping[str, str]


@dataclass(frozen=True)
class Run:
    """A run."""

    info: RunInfo
    data: RunData


@dataclass(frozen=True)
class Metric:
    """A point of a metric's curve."""

    key: str
    value: float
    timestamp: int  # milliseconds since 1970
    step: int


@dataclass(frozen=True)
class FileInfo:
    """An artifact of a run."""

    path: str
    is_dir: bool


@dataclass(frozen=True)
class UsedData:
    """A data set that a run has used: its name, an identifier of its content, and which part was used."""

    name: str
    digest: str  # at most 36 characters
    split: str = "train"
    samples: int = 0  # of the training; 0: all
