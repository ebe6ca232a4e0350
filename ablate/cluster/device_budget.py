"""The device's time that a launch may still use, of a study with a budget."""

import time
from collections.abc import Callable


class DeviceBudget:
    """What is left of a budget while packs run: from the start of a pack's worker to its end, its time is used up."""

    def __init__(self, seconds: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        """`seconds` of devices are left when the launch begins; None: without bound."""
        self.seconds, self.clock = seconds, clock
        self.began: dict[str, float] = {}  # id of a running pack → when its worker started

    def begin(self, pack_id: str) -> None:
        self.began.setdefault(pack_id, self.clock())

    def end(self, pack_id: str) -> None:
        """Take the time of a pack from what is left; of one whose worker never started, nothing."""
        taken = self.clock() - self.began.pop(pack_id, self.clock())
        if self.seconds is not None:
            self.seconds -= taken

    @property
    def left(self) -> float | None:
        """Seconds that are left, without those of running packs up to now; None without bound."""
        if self.seconds is None:
            return None
        now = self.clock()
        return self.seconds - sum(now - began for began in self.began.values())

    @property
    def spent(self) -> bool:
        left = self.left
        return left is not None and left <= 0
