"""How a launch stands while it runs: what the live view shows."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ablate.cluster.messages import Message
from ablate.trial import Trial


@dataclass
class Row:
    """A trial that runs."""

    name: str
    began: float
    began_at: float  # share that was done then
    epoch: int = 0
    share: float = 0.0
    values: Mapping[str, float] = field(default_factory=dict)
    doing: str = "training"

    @property
    def left(self) -> float | None:
        """Seconds to go, at the pace so far."""
        done = self.share - self.began_at
        return (time.monotonic() - self.began) * (1 - self.share) / done if done > 0 else None


class Board:
    """Counts and running trials, kept up to date by the conductor's messages."""

    def __init__(
        self, trials: Iterable[Trial], finished: int, failed: int, proposals: int = 0, metric: str = ""
    ) -> None:
        self.names = {trial.key: trial.name for trial in trials}
        self.waiting = set(self.names)
        self.running: dict[str, Row] = {}
        self.before = {"FINISHED": finished, "FAILED": failed}  # trials that ended in earlier launches
        self.ends: dict[str, str] = {}  # trial that ended in this launch → how
        self.to_propose = proposals  # trials of a search that are not proposed yet
        self.metric = metric  # what the study compares
        self.slots = 0
        self.began = time.monotonic()

    @property
    def finished(self) -> int:
        return self.count("FINISHED")

    @property
    def failed(self) -> int:
        return self.count("FAILED")

    def count(self, status: str) -> int:
        return self.before.get(status, 0) + sum(end == status for end in self.ends.values())

    @property
    def total(self) -> int:
        ended = sum(self.before.values()) + len(self.ends)
        return ended + len(self.running) + len(self.waiting) + self.to_propose

    @property
    def left(self) -> float | None:
        """Seconds to go for the whole study, at the pace of this launch; None while nothing has ended."""
        done = len(self.ends) + sum(row.share - row.began_at for row in self.running.values())
        to_do = len(self.waiting) + self.to_propose + sum(1 - row.share for row in self.running.values())
        return (time.monotonic() - self.began) * to_do / done if done > 0.05 else None

    def hear(self, message: Message) -> None:
        """Take in one message."""
        says = message.description
        if message.kind == "ready":
            self.began = self.began if self.slots else time.monotonic()  # the second time Ray had died
            self.slots = says["slots"]
        elif message.kind == "proposed":
            self.propose(says["jobs"])
        elif message.kind == "progress":
            self.move(says)
        elif message.kind == "outcome":
            self.end(says)
        elif message.kind == "died":
            self.waiting.update(self.running)
            self.running.clear()

    def propose(self, trials: Iterable[Mapping[str, Any]]) -> None:
        for trial in map(Trial.from_json, trials):
            if trial.key not in self.names:  # else it was proposed before Ray died
                self.names[trial.key] = trial.name
                self.waiting.add(trial.key)
                self.to_propose = max(0, self.to_propose - 1)

    def move(self, says: Mapping[str, Any]) -> None:
        for key in says["keys"]:
            if key in self.ends:
                continue
            if key not in self.running:
                self.waiting.discard(key)
                self.running[key] = Row(self.names.get(key, key), time.monotonic(), says["share"])
            row = self.running[key]
            row.epoch, row.share, row.doing = says["epoch"] or row.epoch, says["share"], says["doing"]
            row.values = says["values"] or row.values

    def end(self, says: Mapping[str, Any]) -> None:
        key = says["key"]
        self.running.pop(key, None)
        self.waiting.discard(key)
        self.ends[key] = says["status"]
