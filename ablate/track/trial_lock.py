"""The lock that lets one process at a time work on a trial."""

from contextlib import AbstractContextManager

from ablate.lock import locked
from ablate.paths import TrialPaths


def lock_trial(paths: TrialPaths, patience: float = 0.0) -> AbstractContextManager[None]:
    """Hold the trial's lock.  Raises ServiceError if another process still has it after `patience` seconds."""
    return locked(paths.lock, patience, "another process works on this trial")
