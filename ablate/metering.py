"""Counts the device's time that the trials of a pack take, and records it with what their process uses."""

import time
from collections.abc import Sequence
from typing import Self

from ablate.record import DEVICE_SECONDS
from ablate.track.tracker import Tracker
from ablate.track.usage import UsageSampler
from ablate.trial import Trial


class Meter:
    """The device's time of a pack's trials, which share it while they run; to be entered while the pack runs."""

    def __init__(self, trials: Sequence[Trial], tracker: Tracker, gpu: bool) -> None:
        """The records of the trials are open."""
        self.tracker, self.sampler = tracker, UsageSampler(gpu)
        self.left = {trial.key: trial for trial in trials}
        self.seconds = dict.fromkeys(self.left, 0.0)
        self.counted_at = time.monotonic()

    def __enter__(self) -> Self:
        self.sampler.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.sampler.__exit__()

    def advance(self) -> None:
        """Count the time up to now, and record the samples that were taken since the last call."""
        now = time.monotonic()
        share = (now - self.counted_at) / max(1, len(self.left))
        self.counted_at = now
        for key in self.left:
            self.seconds[key] += share
        for sample in self.sampler.take():
            for key, trial in self.left.items():
                self.tracker.record_usage(trial, {**sample, DEVICE_SECONDS: self.seconds[key]})

    def end(self, key: str) -> None:
        """Record the usage of a trial that ends, or that this process leaves."""
        self.advance()
        trial = self.left.pop(key)
        self.tracker.record_usage(trial, {**self.sampler.process_usage(), DEVICE_SECONDS: self.seconds[key]})
