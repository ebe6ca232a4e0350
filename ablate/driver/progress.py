"""How far a launch is, from its plan and the messages of its executor: what the live view shows."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ablate.events import (
    Activity,
    Ended,
    EpochValues,
    ExecutorLost,
    Message,
    Progress,
    Proposed,
    Ready,
    State,
)
from ablate.trial import Trial

if TYPE_CHECKING:
    from ablate.planning.plan import Plan


@dataclass
class RunningTrial:
    """A trial that trains or is scored."""

    name: str
    since: float  # when it was first reported, by the monotonic clock
    share_then: float  # of its training that was done at that time
    epoch: int = 0
    share: float = 0.0
    values: Mapping[str, float] = field(default_factory=dict)  # of its last epoch
    activity: Activity = Activity.TRAINING

    @property
    def seconds_left(self) -> float | None:
        """Seconds until it is trained, at the pace so far; None before there is one."""
        done = self.share - self.share_then
        return (time.monotonic() - self.since) * (1 - self.share) / done if done > 0 else None


class LaunchProgress:
    """The trials of a launch by state, kept up to date by its messages."""

    def __init__(self, plan: "Plan") -> None:
        self.plan = plan
        self.names = {planned.key: planned.trial.name for planned in plan.trials}
        self.waiting = {planned.key for planned in plan.left}
        self.running: dict[str, RunningTrial] = {}
        self.ends: dict[str, State] = {}  # key → state, of trials that ended in this launch
        self.to_propose = plan.proposals
        self.metric = plan.study.metric
        self.slots = 0
        self.began = time.monotonic()

    @property
    def finished(self) -> int:
        return self._count(State.FINISHED)

    @property
    def failed(self) -> int:
        return self._count(State.FAILED, State.OUT_OF_MEMORY)

    @property
    def total(self) -> int:
        before = len(self.plan.trials) - len(self.plan.left)
        return before + len(self.ends) + len(self.running) + len(self.waiting) + self.to_propose

    @property
    def seconds_left(self) -> float | None:
        """Seconds for the whole study at the pace of this launch; None while hardly anything is done."""
        done = len(self.ends) + sum(one.share - one.share_then for one in self.running.values())
        to_do = len(self.waiting) + self.to_propose + sum(1 - one.share for one in self.running.values())
        return (time.monotonic() - self.began) * to_do / done if done > 0.05 else None

    def update(self, message: Message) -> None:
        """Apply one message."""
        match message:
            case Ready(slots=slots):
                self.began = self.began if self.slots else time.monotonic()  # not where Ray was started again
                self.slots = slots
            case Proposed(trials=trials):
                self._add(trials)
            case Progress():
                self._move(message)
            case EpochValues(trial=key, epoch=epoch, values=values):
                if key not in self.ends:
                    running = self._started(key, 0.0)
                    running.epoch, running.values = epoch, values
            case Ended(trial=key, state=state):
                self.running.pop(key, None)
                self.waiting.discard(key)
                self.ends[key] = state
            case ExecutorLost():
                self.waiting.update(self.running)
                self.running.clear()

    def _count(self, *states: State) -> int:
        return self.plan.count(*states) + sum(state in states for state in self.ends.values())

    def _add(self, trials: Iterable[Trial]) -> None:
        for trial in trials:
            if trial.key not in self.names:  # else it was proposed before Ray died
                self.names[trial.key] = trial.name
                self.waiting.add(trial.key)
                self.to_propose = max(0, self.to_propose - 1)

    def _move(self, message: Progress) -> None:
        for key in message.trials:
            if key not in self.ends:
                running = self._started(key, message.share)
                running.epoch = message.epoch or running.epoch
                running.share, running.activity = message.share, message.activity

    def _started(self, key: str, share: float) -> RunningTrial:
        """The running trial of a key, added at its first message."""
        if key not in self.running:
            self.waiting.discard(key)
            self.running[key] = RunningTrial(self.names.get(key, key), time.monotonic(), share)
        return self.running[key]


Listener = Callable[[LaunchProgress, Message], None]  # called with every message, after the progress is updated
