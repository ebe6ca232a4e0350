"""The result of a trial: its state, its metrics, and why it has none."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, Self

from ablate.events import State
from ablate.options import Value
from ablate.trial import Trial


class Record(Protocol):
    """What a result needs of a trial's recorded run."""

    @property
    def state(self) -> State: ...
    @property
    def metrics(self) -> Mapping[str, float]: ...
    @property
    def reason(self) -> str: ...
    @property
    def unscored(self) -> Mapping[str, str]: ...
    @property
    def device_seconds(self) -> float | None: ...
    @property
    def environment(self) -> Mapping[str, str]: ...
    @property
    def parent(self) -> str: ...
    @property
    def run_id(self) -> str: ...
    @property
    def started(self) -> float: ...
    @property
    def ended(self) -> float | None: ...


@dataclass(frozen=True)
class Result:
    """A trial of the study with its state and its metrics."""

    trial: Trial
    state: State = State.WAITING
    metrics: Mapping[str, float] = field(default_factory=dict)
    reason: str = ""  # why it failed
    failed_probes: Mapping[str, str] = field(default_factory=dict)  # name → reason, of a finished trial
    seconds: float | None = None  # on a device; a trial of a pack has its share; None while it has not ended
    environment: Mapping[str, str] = field(default_factory=dict)  # commit, versions, device and host
    parent: str = ""  # MLflow's run of the variant
    started: float | None = None  # seconds since the epoch
    ended: float | None = None
    run: str = ""  # its run in MLflow

    @classmethod
    def of(cls, trial: Trial, record: Record) -> Self:
        """The recorded result of the trial's config; levels are the trial's, since another study may have run it."""
        return cls(
            trial,
            record.state,
            dict(record.metrics),
            record.reason,
            dict(record.unscored),
            record.device_seconds,
            record.environment,
            record.parent,
            record.started,
            record.ended,
            record.run_id,
        )

    @property
    def key(self) -> str:
        return self.trial.key

    @property
    def variant(self) -> str:
        """The key of the variant."""
        return self.trial.variant

    @property
    def levels(self) -> Mapping[str, Value]:
        return self.trial.levels

    @property
    def method(self) -> str:
        return self.trial.config.method

    @property
    def dataset(self) -> str:
        return self.trial.config.dataset

    @property
    def seed(self) -> int:
        return self.trial.config.seed

    def score(self, metric: str) -> float | None:
        """The metric of a finished trial; None for other states and for values that are missing or not finite."""
        value = self.metrics.get(metric) if self.state is State.FINISHED else None
        return value if value is not None and math.isfinite(value) else None

    def failure(self, metric: str) -> str | None:
        """Why a trial that failed, or whose probe did, has no score; None for all others."""
        probe = metric.partition("/")[0]
        if self.state.failed:
            return self.reason or "no reason was recorded"
        if self.state is State.FINISHED and probe in self.failed_probes and self.score(metric) is None:
            return f"the probe {probe}: {self.failed_probes[probe]}"
        return None

    def no_value(self, metric: str) -> str | None:
        """Why a finished trial without a failure has no score: nothing was measured, or what was is not finite."""
        if self.state is not State.FINISHED or self.score(metric) is not None or self.failure(metric) is not None:
            return None
        return f"{metric} is {self.metrics[metric]}" if metric in self.metrics else f"{metric} was not measured"


def results_of(trials: Iterable[Trial], records: Mapping[str, Record]) -> tuple[Result, ...]:
    """One result for each planned or proposed trial, in their order; `records` are by key, WAITING without one."""
    return tuple(Result.of(trial, records[trial.key]) if trial.key in records else Result(trial) for trial in trials)
