"""Which packs have a worker, and for how long fewer workers train than could."""

import time
from collections.abc import Callable, Collection

STOP_GRACE = 1.0  # seconds in which a worker that has just started is seen
REPLACEMENT = 20.0  # seconds in which Tune may replace a worker that died


class BusyWorkers:
    """Counts the workers of a round of Tune; `running` are always the ids of the packs that are assigned to slots.

    Tune gives a waiting pack to whichever worker is free first and then withdraws its request for a new worker, so
    where packs take less time than a worker's start, a lost worker is never replaced.  What counts is which packs have
    a worker: of a worker that dies between two packs, or after its last trial has ended, nothing else tells.
    """

    def __init__(self) -> None:
        self.start_round()

    def start_round(self) -> None:
        """Forget the workers of the last round."""
        self.begun: set[str] = set()  # ids of packs for which a worker has started
        self.most = 0  # largest number of workers that trained at one time
        self.fewer_since: float | None = None  # since when fewer train, while as many packs could start
        self.idle_since: float | None = None  # since when the study is to stop while no pack has a worker

    def training(self, running: Collection[str]) -> int:
        """The number of packs that have a worker."""
        return len(self.begun.intersection(running))

    def count(self, running: Collection[str], slots: int, ready: Callable[[], int]) -> None:
        """Note how many train in these slots; `ready` returns how many packs could start."""
        busy = self.training(running)
        self.most = min(max(self.most, busy), slots)
        if busy >= self.most or ready() < self.most:
            self.fewer_since = None
        elif self.fewer_since is None:
            self.fewer_since = time.monotonic()

    @property
    def are_missing(self) -> bool:
        """Whether fewer train than did before in this round, for longer than a replacement takes to start."""
        return self.fewer_since is not None and time.monotonic() - self.fewer_since >= REPLACEMENT

    def stay_idle(self, running: Collection[str], *, stopped: bool) -> bool:
        """Whether the study is to stop while no pack has a worker; none need start then."""
        if not stopped or self.training(running):
            self.idle_since = None
        elif self.idle_since is None:
            self.idle_since = time.monotonic()
        return self.idle_since is not None and time.monotonic() - self.idle_since >= STOP_GRACE
