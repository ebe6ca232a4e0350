"""How far a launch is, from its plan and the messages of its executor: what the live view shows."""

import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from statistics import fmean
from typing import TYPE_CHECKING

from ablate.driver.time_left import Durations, Kind, kind_of
from ablate.events import (
    Activity,
    BudgetLeft,
    Ended,
    EpochValues,
    ExecutorLost,
    Message,
    NodesChanged,
    Paused,
    Progress,
    Proposed,
    Ready,
    Stage,
    StageBegan,
    State,
)
from ablate.planning.cost import mean_trial, seconds_of, time_until_done
from ablate.study.words import NO_WORDS
from ablate.trial import Trial

if TYPE_CHECKING:
    from ablate.planning.plan import Plan
    from ablate.stats.running import RunningDifference


@dataclass
class RunningTrial:
    """A trial that trains or is scored."""

    name: str
    since: float  # when it was first reported, by the monotonic clock
    share_then: float  # of its training that was done at that time
    epoch: int = 0
    share: float = 0.0
    moved: float = 0.0  # when that share was reported
    values: Mapping[str, float] = field(default_factory=dict)  # of its last epoch
    activity: Activity = Activity.TRAINING
    scored_since: float | None = None

    @property
    def seconds_left(self) -> float | None:
        """Seconds until it is trained, at the pace so far; None before there is one."""
        done = self.share - self.share_then
        if done <= 0:
            return None
        return max(0.0, (self.moved - self.since) * (1 - self.share) / done - (time.monotonic() - self.moved))


class LaunchProgress:
    """The trials of a launch by state, kept up to date by its messages; without a plan, before there is one."""

    def __init__(self, plan: "Plan | None" = None) -> None:
        self.plan: Plan | None = None
        self.words = NO_WORDS  # of the study
        self.names: dict[str, str] = {}  # key → trial's name in these words
        self.kinds: dict[str, Kind] = {}  # key → what says how long the trial takes
        self.waiting: dict[str, None] = {}  # keys, in the order in which the trials run
        self.running: dict[str, RunningTrial] = {}
        self.ends: dict[str, State] = {}  # key → state, of trials that ended in this launch
        self.expected: dict[str, float] = {}  # key → seconds from start to end, as the plan estimates them
        self.expected_proposal: float | None = None  # of a trial that is yet to be proposed
        self.taken, self.expected_of_taken = 0.0, 0.0  # seconds of the trials that ended, and what was expected of them
        self.budget_left: float | None = None  # device-seconds, of a study with a budget
        self.to_propose = 0
        self.metric = ""
        self.scores: dict[str, tuple[Trial, float]] = {}  # key → finished trial and its score
        self.compared = -1  # scores of the last comparison
        self.comparison: tuple[RunningDifference, ...] = ()
        self.trials: dict[str, Trial] = {}  # by key
        self.slots = 0
        self.stage: Stage | None = None  # what is done while no trial runs
        self.began = self.stage_began = time.monotonic()
        self.durations, self.scorings = Durations(), Durations()  # from a trial's start, or its last epoch, to its end
        self.gaps = deque[float](maxlen=50)  # seconds between the end of a trial and the start of the next
        self.free_since: deque[float] = deque()  # when the lanes that are free now became so
        self.lanes = 0  # the most trials that ran at once
        if plan is not None:
            self.follow(plan)

    def follow(self, plan: "Plan") -> None:
        """Count the trials of the plan from now on."""
        from ablate.planning.plan import Work

        self.plan, self.metric = plan, plan.study.metric
        self.to_propose = plan.proposals if plan.study.search else 0  # seeds need not be added
        self.words = plan.study.words
        self.names = {planned.key: self.words.trial(planned.trial) for planned in plan.trials}
        self.kinds = {one.key: kind_of(one.trial, one.work is Work.SCORE) for one in plan.left}
        self.waiting = {planned.key: None for planned in plan.left}
        self.trials = {planned.key: planned.trial for planned in plan.trials}
        self._expect(plan)
        for planned in plan.trials:
            if planned.record is not None and planned.record.state is State.FINISHED:
                self._score(planned.key, planned.record.metrics)

    def _expect(self, plan: "Plan") -> None:
        """Take over what the plan expects of its trials; a trial takes as long as the pack that it trains in."""
        known = {one.key: found for one in plan.left if (found := seconds_of(one, plan.costs)) is not None}
        sizes = {trial.key: len(pack) for pack in plan.packs for trial in pack}
        self.expected = {key: found * sizes.get(key, 1) for key, found in known.items()}
        self.expected_proposal = mean_trial(plan, list(known.values()))
        self.slots = self.slots or plan.slots
        self.budget_left = plan.budget_left

    def compare(self) -> "tuple[RunningDifference, ...]":
        """The differences from the baseline that the finished trials show so far."""
        if self.plan is not None and self.compared != len(self.scores):
            from ablate.stats.running import running_differences

            self.compared = len(self.scores)
            self.comparison = running_differences(self.plan.study, list(self.scores.values()))
        return self.comparison

    def _score(self, key: str, metrics: Mapping[str, float]) -> None:
        score = metrics.get(self.metric)
        if score is not None and math.isfinite(score) and key in self.trials:
            self.scores[key] = (self.trials[key], score)

    @property
    def elapsed(self) -> float:
        """Seconds since the launch began."""
        return time.monotonic() - self.began

    @property
    def finished(self) -> int:
        return self._count(State.FINISHED)

    @property
    def failed(self) -> int:
        return self._count(State.FAILED, State.OUT_OF_MEMORY)

    @property
    def total(self) -> int:
        before = len(self.plan.trials) - len(self.plan.left) if self.plan else 0
        return before + len(self.ends) + len(self.running) + len(self.waiting) + self.to_propose

    @property
    def seconds_left(self) -> float | None:
        """Seconds for the whole study, each trial taking as long as those that are most like it have taken.

        Before there are any, as long as the plan estimates, or as the pace of the running ones says; None before that.
        """
        running = dict(self.running)
        guessed = Durations()  # from the running trials, for kinds of which none has ended
        for key, row in running.items():
            if row.seconds_left is not None and key in self.kinds:
                guessed.add(self.kinds[key], (time.monotonic() - row.since) + row.seconds_left)
        left = [self._rest_of(key, row) for key, row in running.items()]
        gap = fmean(self.gaps) if self.gaps else 0.0
        waiting = [self._waiting(key, self.kinds.get(key, ((),)), guessed) for key in tuple(self.waiting)]
        waiting += [self._waiting("", ((False,), ()), guessed)] * self.to_propose
        known = [seconds + gap for seconds in waiting if seconds is not None]
        if len(known) < len(waiting) or None in left:
            return None
        lanes = max(self.lanes, min(self.slots, len(left) + len(known)), 1)
        return time_until_done((one for one in left if one is not None), known, lanes)

    def _duration(self, kind: Kind, guessed: Durations) -> float | None:
        """The seconds that a trial takes from its start to its end."""
        found = (seconds.at(level) for level in kind for seconds in (self.durations, guessed))
        return next((seconds for seconds in found if seconds is not None), None)

    def _waiting(self, key: str, kind: Kind, guessed: Durations) -> float | None:
        """The seconds that a waiting trial takes: as those of its variant, as was expected, else as any others."""
        measured = self.durations.at(kind[0])
        if measured is not None and key:
            return measured
        expected = self._expected(key)
        return expected if expected is not None else self._duration(kind, guessed)

    def _expected(self, key: str) -> float | None:
        """What the plan expects of a trial, or of a proposal (without key), corrected by what others have taken."""
        expected = self.expected.get(key, self.expected_proposal)
        ratio = self.taken / self.expected_of_taken if self.expected_of_taken else 1.0
        return expected * ratio if expected is not None else None

    def _rest_of(self, key: str, row: RunningTrial) -> float | None:
        """The seconds that a running trial still takes: at its own pace, and then for scoring as others like it.

        Before it has a pace, as long as the plan expects.
        """
        kind, now = self.kinds.get(key, ((),)), time.monotonic()
        expected, scoring = self.durations.of(kind), self.scorings.of(kind)
        if scoring is not None and row.scored_since is not None:
            return max(0.0, scoring - (now - row.scored_since))
        if scoring is not None and row.seconds_left is not None:
            return row.seconds_left + scoring
        if expected is not None and not row.share_then:
            return max(expected - (now - row.since), row.seconds_left or 0.0)
        planned = self._expected(key) if not row.share_then and row.scored_since is None else None
        if planned is not None:
            return max(planned - (now - row.since), row.seconds_left or 0.0)
        return row.seconds_left

    def update(self, message: Message) -> None:
        """Apply one message."""
        match message:
            case Ready(slots=slots):
                self.slots, self.stage, self.stage_began = slots, None, time.monotonic()
            case NodesChanged(slots=slots):
                self.slots = slots
            case StageBegan(stage=stage):
                self.stage, self.stage_began = stage, time.monotonic()
            case Proposed(trials=trials):
                self._add(trials)
            case Progress():
                self._move(message)
            case EpochValues(trial=key, epoch=epoch, values=values):
                if key not in self.ends:
                    running = self._started(key, 0.0)
                    running.epoch, running.values = epoch, values
            case Ended(trial=key, state=state):
                if state is State.FINISHED:
                    self._score(key, message.metrics)
                self._measure(key, state)
                self.running.pop(key, None)
                self.waiting.pop(key, None)
                self.ends[key] = state
            case Paused(trial=key):
                if self.running.pop(key, None) is not None:
                    self.waiting[key] = None
                    self.free_since.append(time.monotonic())
            case BudgetLeft(device_seconds=seconds):
                self.budget_left = seconds
            case ExecutorLost():
                self.waiting.update(dict.fromkeys(self.running))
                self.running.clear()
                self.free_since.clear()
                self.stage, self.stage_began = Stage.STARTING_RAY, time.monotonic()

    def _count(self, *states: State) -> int:
        before = self.plan.count(*states) if self.plan else 0
        return before + sum(state in states for state in tuple(self.ends.values()))

    def _measure(self, key: str, state: State) -> None:
        """Learn from a trial that ends how long others like it take."""
        row = self.running.get(key)
        if row is None:
            return
        self.free_since.append(time.monotonic())
        if state is State.FINISHED and not row.share_then and key in self.kinds:
            now, kind = time.monotonic(), self.kinds[key]
            self.durations.add(kind, now - row.since)
            self.scorings.add(kind, now - (row.scored_since or now))
            if key in self.expected:
                self.taken += now - row.since
                self.expected_of_taken += self.expected[key]

    def _add(self, trials: Iterable[Trial]) -> None:
        for trial in trials:
            if trial.key not in self.names:  # else it was proposed before Ray died
                self.names[trial.key] = self.words.trial(trial)
                self.kinds[trial.key] = kind_of(trial, scored_only=False)
                self.waiting[trial.key] = None
                self.to_propose = max(0, self.to_propose - 1)

    def _move(self, message: Progress) -> None:
        for key in message.trials:
            if key not in self.ends:
                running = self._started(key, message.share)
                running.epoch = message.epoch or running.epoch
                running.moved = time.monotonic() if message.share != running.share else running.moved
                running.share, running.activity = message.share, message.activity
                if message.activity is Activity.SCORING and running.scored_since is None:
                    running.scored_since = time.monotonic()

    def _started(self, key: str, share: float) -> RunningTrial:
        """The running trial of a key, added at its first message."""
        if key not in self.running:
            self.waiting.pop(key, None)
            self.running[key] = RunningTrial(self.names.get(key, key), time.monotonic(), share)
            self.lanes = max(self.lanes, len(self.running))
            if self.free_since:
                self.gaps.append(time.monotonic() - self.free_since.popleft())
        return self.running[key]


Listener = Callable[[LaunchProgress, Message], None]  # called with every message, after the progress is updated
