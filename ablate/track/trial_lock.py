"""The lock that lets one process at a time work on a trial."""

from collections.abc import Iterator
from contextlib import contextmanager

from ablate.lock import locked
from ablate.paths import TrialPaths


@contextmanager
def lock_trial(paths: TrialPaths, patience: float = 0.0) -> Iterator[None]:
    """Hold the trial's lock.  Raises ServiceError if another process still has it after `patience` seconds."""
    with locked(paths.lock, patience, "another process works on this trial"):
        yield
