"""The interface through which a running pack records its trials."""

from pathlib import Path
from typing import Protocol

from ablate.events import State
from ablate.trial import Trial


class Tracker(Protocol):
    """Records metrics, files and the end of trials; no call waits for a server."""

    def start(self, trial: Trial) -> None:
        """Open the trial's record, or continue the one that exists."""

    def record(self, trial: Trial, epoch: int, values: dict[str, float], probe: str = "", digest: str = "") -> None:
        """Record metrics by full name (`train/loss`, `linear/accuracy`); a repeated name and epoch is ignored.

        Scores name their probe and the digest of its revision and settings: those of another digest are no repetition.
        """

    def record_usage(self, trial: Trial, values: dict[str, float]) -> None:
        """Record what the trial or its process has used, by the names in `ablate.record` and `ablate.track.usage`."""

    def sync(self, trial: Trial) -> int:
        """Have all records so far on the disk; the number of values among them, which files that follow them name."""

    def attach(self, trial: Trial, file: Path, folder: str = "") -> None:
        """Record a file of the trial's folder as an artifact; attached again, it replaces the earlier one."""

    def finish(self, trial: Trial, state: State, reason: str = "", failed_probes: dict[str, str] | None = None) -> None:
        """Close the record; `failed_probes` (name → reason) are those without scores of a finished trial."""
