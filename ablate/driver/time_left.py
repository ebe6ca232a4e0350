"""How long trials took so far, by what they have in common."""

from collections import defaultdict
from statistics import fmean

from ablate.trial import Trial

Kind = tuple[tuple[object, ...], ...]  # descriptions of a trial, from the most to the least precise


def kind_of(trial: Trial, scored_only: bool) -> Kind:
    """What trials that take about as long have in common: the variant, else method, data and epochs, else the work."""
    config = trial.config
    cost = (config.method, config.dataset, config.training.get("epochs"))
    return (scored_only, trial.variant), (scored_only, *cost), (scored_only,), ()


class Durations:
    """Seconds that trials took, by what they have in common."""

    def __init__(self) -> None:
        self._seconds: defaultdict[tuple[object, ...], list[float]] = defaultdict(list)

    def add(self, kind: Kind, seconds: float) -> None:
        for level in kind:
            self._seconds[level].append(seconds)

    def at(self, level: tuple[object, ...]) -> float | None:
        """The mean of the trials that this description fits; None without any."""
        return fmean(self._seconds[level]) if level in self._seconds else None

    def of(self, kind: Kind) -> float | None:
        """The mean of the trials that are most alike, however different; None where none has ended."""
        return next((seconds for seconds in map(self.at, kind) if seconds is not None), None)
