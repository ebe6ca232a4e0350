"""A variant whose seeds a pruner judges together: their values at its rungs, and how far they may train."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import fmean

from ablate.events import State


@dataclass
class StoppableVariant:
    """The seeds of a variant; `values` are signed so that higher is better."""

    key: str
    rungs: tuple[int, ...]  # epochs, ascending
    bracket: int
    exempt: bool  # never stopped, as the baseline
    seeds: set[str] = field(default_factory=set)  # keys of its trials
    states: dict[str, State] = field(default_factory=dict)  # key → state, of trials that ended
    values: list[dict[str, float]] = field(default_factory=list)  # per rung: key → value
    last: dict[str, int] = field(default_factory=dict)  # key → the last epoch of which a value is known
    passed: int = 0  # rungs past which it may train

    def __post_init__(self) -> None:
        self.values = [{} for _ in self.rungs]

    @property
    def pruned(self) -> bool:
        return State.PRUNED in self.states.values()

    @property
    def free(self) -> bool:
        """Whether no decision can stop it any more: it is exempt, or one of its seeds was trained to the end."""
        return self.exempt or State.FINISHED in self.states.values()

    @property
    def undecided(self) -> bool:
        """Whether a decision on it is open, at the rung `passed`."""
        return not self.free and not self.pruned and self.passed < len(self.rungs)

    @property
    def missing(self) -> set[str]:
        """The seeds that have not ended and have not reached the rung at which it is judged next."""
        reached = self.values[self.passed].keys() if self.passed < len(self.rungs) else self.seeds
        return self.seeds - self.states.keys() - reached

    def record(self, key: str, epoch: int, value: float) -> bool:
        """Record a value; whether it is a seed's first at a rung: its first at the epoch of the rung or later."""
        self.last[key] = max(epoch, self.last.get(key, 0))
        new = [found for rung, found in zip(self.rungs, self.values, strict=True) if rung <= epoch and key not in found]
        for found in new:
            found[key] = value
        return bool(new)

    def record_curve(self, key: str, curve: Mapping[int, float]) -> None:
        for epoch, value in sorted(curve.items()):
            self.record(key, epoch, value)

    def complete(self, rung: int) -> bool:
        """Whether every seed that has not ended has a value at a rung, and one has."""
        return bool(self.values[rung]) and self.seeds - self.states.keys() <= self.values[rung].keys()

    def mean(self, rung: int) -> float:
        """The mean over the seeds that have reached a rung."""
        return fmean(self.values[rung].values())

    def waits(self, key: str) -> bool:
        """Whether a seed has reached a rung past which its variant may not train yet."""
        return self.undecided and key in self.values[self.passed]

    def went_past(self, rung: int) -> bool:
        """Whether a seed was trained beyond a rung that all have reached: an earlier launch has let it go on."""
        return self.complete(rung) and any(epoch > self.rungs[rung] for epoch in self.last.values())
