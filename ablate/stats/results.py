"""How a trial ended, as far as a report asks."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, Self

from ablate.options import Value
from ablate.trial import Trial

NOT_RUN = "NOT RUN"  # beside the tracker's own words


class Kept(Protocol):
    """What the ledger knows of a trial."""

    @property
    def status(self) -> str: ...
    @property
    def metrics(self) -> Mapping[str, float]: ...
    @property
    def reason(self) -> str: ...


@dataclass(frozen=True)
class Result:
    """A trial of the study and what came of it."""

    trial: Trial
    status: str = NOT_RUN  # FINISHED, FAILED, or a word for a trial that has not ended
    metrics: Mapping[str, float] = field(default_factory=dict)
    reason: str = ""  # why it failed

    @classmethod
    def of(cls, trial: Trial, kept: Kept) -> Self:
        """What the ledger knows of a job; it may have been run under other levels."""
        return cls(trial, kept.status, dict(kept.metrics), kept.reason)

    @property
    def key(self) -> str:
        return self.trial.key

    @property
    def variant(self) -> str:
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
        """The metric of a finished trial; None where there is no finite one."""
        value = self.metrics.get(metric) if self.status == "FINISHED" else None
        return value if value is not None and math.isfinite(value) else None

    def failure(self, metric: str) -> str | None:
        """Why an ended trial has no score; None where it has one, or has not ended."""
        if self.status == "FAILED":
            return self.reason or "no reason was recorded"
        if self.status != "FINISHED" or self.score(metric) is not None:
            return None
        return f"{metric} is {self.metrics[metric]}" if metric in self.metrics else f"{metric} was not measured"


def results_of(trials: Iterable[Trial], known: Mapping[str, Kept]) -> tuple[Result, ...]:
    """One result for every planned or proposed trial, in their order; `known` is the ledger's, by key."""
    return tuple(Result.of(trial, known[trial.key]) if trial.key in known else Result(trial) for trial in trials)
