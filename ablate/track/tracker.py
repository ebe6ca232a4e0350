"""What training tells about itself, and to whom."""

from pathlib import Path
from typing import Literal, Protocol

from ablate.trial import Trial

Status = Literal["FINISHED", "FAILED", "KILLED"]


class Tracker(Protocol):
    """Keeps what a trial says; every call names its job, none waits for a server."""

    def start(self, trial: Trial) -> None:
        """Open the trial's record, or go on with the one that is there."""

    def record(self, trial: Trial, epoch: int, values: dict[str, float]) -> None:
        """Keep metrics by full name (`train/loss`, `linear/accuracy`); a repeated name and epoch is ignored."""

    def attach(self, trial: Trial, file: Path, folder: str = "") -> None:
        """Keep a file of the trial's folder as an artifact; attached again, it replaces what was kept."""

    def finish(self, trial: Trial, status: Status, reason: str = "") -> None:
        """Close the record."""
