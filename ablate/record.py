"""What a tracking store holds of a trial."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ablate.events import ProbeFailure, State
from ablate.options import Value
from ablate.trial import Trial


@dataclass(frozen=True)
class TrialRecord:
    """A trial as the tracking store has it; metrics are the latest values by their full names."""

    run_id: str
    key: str
    variant: str  # key of the variant
    seed: int
    state: State
    probes: Mapping[str, str]  # name → digest of revision and settings, of the probes whose scores are in
    metrics: Mapping[str, float]
    levels: Mapping[str, Value]
    params: Mapping[str, str]
    trial: Trial | None  # None where it cannot be read: another version of ablate wrote it
    reason: str
    started: float  # seconds since the epoch
    ended: float | None
    parent: str  # run id of the variant
    failed_probes: Mapping[str, ProbeFailure] = field(default_factory=dict)  # by name, of a finished trial
    environment: Mapping[str, str] = field(default_factory=dict)  # commit, versions, device, host and size of the pack

    @property
    def device_seconds(self) -> float | None:
        """Seconds from start to end, which the trials of a pack share; None while the trial has not ended."""
        if self.ended is None:
            return None
        pack = self.environment.get("pack", "1")
        return (self.ended - self.started) / (int(pack) if pack.isdigit() and int(pack) else 1)

    @property
    def unscored(self) -> dict[str, str]:
        """Probe → why it failed, of those that have not scored the trial since with the same settings."""
        failed = self.failed_probes.items()
        return {name: failure.reason for name, failure in failed if self.probes.get(name) != failure.digest}
