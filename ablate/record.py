"""What a tracking store holds of a trial, and the names of the metrics of what its process used."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ablate.events import ProbeFailure, State
from ablate.options import Value
from ablate.trial import Trial

USAGE = "system/"  # before the names of the metrics of usage: MLflow shows such metrics on a page of their own
# Names of usage; `ablate.track.usage` has those of processor, memory and accelerator.
DEVICE_SECONDS = "device_seconds"  # since the trial first began, while it ran; a pack's trials share them
EPOCH_SECONDS = "epoch_seconds"  # of a trial's share of the device; of a fit in closed form, the whole
SCORING_SECONDS = "scoring_seconds"
ARTIFACT_MEGABYTES = "artifact_megabytes"  # of the trial's files in MLflow


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
    usage: Mapping[str, float] = field(default_factory=dict)  # the latest values, by name without `system/`

    @property
    def device_seconds(self) -> float | None:
        """Seconds of the device, which the trials of a pack share, over all launches; None where nothing tells them.

        Trials of earlier versions of ablate have none recorded: theirs are those from start to end.
        """
        if DEVICE_SECONDS in self.usage:
            return self.usage[DEVICE_SECONDS]
        if self.ended is None:
            return None
        pack = self.environment.get("pack", "1")
        return (self.ended - self.started) / (int(pack) if pack.isdigit() and int(pack) else 1)

    @property
    def unscored(self) -> dict[str, str]:
        """Probe → why it failed, of those that have not scored the trial since with the same settings."""
        failed = self.failed_probes.items()
        return {name: failure.reason for name, failure in failed if self.probes.get(name) != failure.digest}
