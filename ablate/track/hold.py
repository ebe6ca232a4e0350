"""One process at a time works on a trial."""

from collections.abc import Iterator
from contextlib import contextmanager

from ablate.lock import locked
from ablate.paths import TrialPaths


@contextmanager
def hold(paths: TrialPaths, patience: float = 0.0) -> Iterator[None]:
    """Be the one that works on a trial; ServiceError if after `patience` seconds somebody else still is."""
    with locked(paths.lock, patience, "another process works on this trial"):
        yield
