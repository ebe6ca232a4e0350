"""The interface through which a running pack records its trials."""

from pathlib import Path
from typing import Protocol

from ablate.events import State
from ablate.trial import Trial


class Tracker(Protocol):
    """Records metrics, files and the end of trials; no call waits for a server."""

    def start(self, trial: Trial) -> None:
        """Open the trial's record, or continue the one that exists."""

    def record(self, trial: Trial, epoch: int, values: dict[str, float]) -> None:
        """Record metrics by full name (`train/loss`, `linear/accuracy`); a repeated name and epoch is ignored."""

    def attach(self, trial: Trial, file: Path, folder: str = "") -> None:
        """Record a file of the trial's folder as an artifact; attached again, it replaces the earlier one."""

    def finish(self, trial: Trial, state: State, reason: str = "") -> None:
        """Close the record."""
