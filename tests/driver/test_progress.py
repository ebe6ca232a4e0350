"""The progress of a launch: its counts after any sequence of messages, and its estimates of the time left."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ablate.driver.progress import LaunchProgress
from ablate.events import (
    Activity,
    BudgetLeft,
    Ended,
    EpochValues,
    ExecutorLost,
    Heartbeat,
    Message,
    Progress,
    Proposed,
    Ready,
    State,
    Stopping,
)
from ablate.planning.cost import ShapeCost
from ablate.study.model import Study
from ablate.testing.plans import plan_of
from ablate.trial import Config, Trial


def trial(seed: int, level: float = 0.4) -> Trial:
    config = Config("invariant", "1", {"epsilon": level}, "digits", "1", {}, seed)
    return Trial(config, {}, "small", {"method.epsilon": level})


PLANNED = [trial(seed) for seed in range(4)]
PROPOSED = [trial(seed) for seed in range(10, 14)]
READY = Ready(slots=2, nodes=1)


def progress(*trials: Trial, share: float = 0.5, epoch: int = 1, activity: Activity = Activity.TRAINING) -> Progress:
    return Progress(tuple(one.key for one in trials), epoch, share, activity)


def ended(one: Trial, state: State = State.FINISHED) -> Ended:
    return Ended(one.key, state)


any_trial = st.sampled_from([*PLANNED, *PROPOSED])
messages = st.one_of(
    st.sampled_from([READY, Heartbeat(), Stopping(), ExecutorLost()]),
    st.builds(lambda trials: progress(*trials), st.lists(any_trial, min_size=1, max_size=3)),
    st.builds(lambda one: EpochValues(one.key, 1, {}), any_trial),
    st.builds(ended, any_trial, st.sampled_from([State.FINISHED, State.FAILED, State.STOPPED, State.PRUNED])),
    st.builds(lambda trials: Proposed(tuple(trials)), st.lists(st.sampled_from(PROPOSED), max_size=3)),
)


@given(st.lists(messages, max_size=30))
def test_every_trial_is_counted_once_at_any_time(sent: Sequence[Message]) -> None:
    launch = LaunchProgress(plan_of(PLANNED, finished=3, failed=1, proposals=len(PROPOSED)))
    launch.update(Proposed(tuple(PROPOSED)))
    for message in sent:
        launch.update(message)
        assert launch.total == 3 + 1 + len(PLANNED) + len(PROPOSED)
        groups = [set(launch.waiting), set(launch.running), set(launch.ends)]
        assert sum(map(len, groups)) == len(set.union(*groups)) == len(PLANNED) + len(PROPOSED)
        ends = [state for state in launch.ends.values() if state in (State.FINISHED, State.FAILED)]
        assert launch.finished + launch.failed == 4 + len(ends)


def test_a_trial_waits_then_runs_then_ends() -> None:
    launch = LaunchProgress(plan_of(PLANNED, finished=3, failed=1))
    launch.update(READY)
    assert (launch.slots, len(launch.waiting), launch.total) == (2, 4, 8)
    launch.update(progress(PLANNED[0], PLANNED[1], share=0.25, epoch=2))
    row = launch.running[PLANNED[0].key]
    assert (row.name, row.epoch, row.share, row.activity) == ("epsilon=0.4 · seed 0", 2, 0.25, Activity.TRAINING)
    launch.update(progress(PLANNED[0], share=1.0, epoch=0, activity=Activity.SCORING))
    assert (row.epoch, row.activity) == (2, Activity.SCORING)
    launch.update(ended(PLANNED[0]))
    launch.update(ended(PLANNED[1], State.OUT_OF_MEMORY))
    assert (launch.finished, launch.failed, len(launch.running), len(launch.waiting)) == (4, 2, 0, 2)


def test_every_trial_of_a_pack_has_its_own_values() -> None:
    launch = LaunchProgress(plan_of(PLANNED))
    launch.update(progress(PLANNED[0], PLANNED[1]))
    launch.update(EpochValues(PLANNED[0].key, 3, {"train/loss": 1.0}))
    launch.update(EpochValues(PLANNED[1].key, 3, {"train/loss": 2.0}))
    rows = [launch.running[one.key] for one in PLANNED[:2]]
    assert [(row.epoch, row.values) for row in rows] == [(3, {"train/loss": 1.0}), (3, {"train/loss": 2.0})]


def test_running_trials_wait_again_when_ray_dies() -> None:
    launch = LaunchProgress(plan_of(PLANNED))
    launch.update(progress(PLANNED[0]))
    launch.update(ended(PLANNED[1]))
    launch.update(ExecutorLost())
    assert launch.running == {}
    assert set(launch.waiting) == {one.key for one in PLANNED} - {PLANNED[1].key}


def test_a_proposal_is_counted_once(search_study: Callable[..., Study]) -> None:
    launch = LaunchProgress(replace(plan_of([], proposals=4), study=search_study()))
    launch.update(Proposed(tuple(PROPOSED[:2])))
    assert (len(launch.waiting), launch.to_propose) == (2, 2)
    launch.update(ExecutorLost())
    launch.update(Proposed(tuple(PROPOSED[:2])))  # the next conductor finds it open
    assert (len(launch.waiting), launch.to_propose) == (2, 2)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The monotonic clock, as a list of one number that a test may change."""
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_seconds_left_assign_the_waiting_trials_to_the_slots(clock: list[float]) -> None:
    launch = LaunchProgress(plan_of(PLANNED, finished=5))
    launch.update(READY)
    assert launch.seconds_left is None
    launch.update(progress(PLANNED[0], share=0.0))
    clock[0] += 10
    launch.update(progress(PLANNED[0], share=0.5))
    assert launch.running[PLANNED[0].key].seconds_left == pytest.approx(10)
    # a trial takes 20 s: the free slot runs two of the others, the busy one goes on for 10 s and runs one
    assert launch.seconds_left == pytest.approx(40)
    clock[0] += 10
    launch.update(ended(PLANNED[0]))
    assert launch.seconds_left == pytest.approx(40)  # two of three trials in a row
    for one in PLANNED[1:]:
        launch.update(ended(one))
    assert launch.seconds_left == 0


def test_training_of_an_earlier_launch_does_not_count_in_the_estimate(clock: list[float]) -> None:
    launch = LaunchProgress(plan_of(PLANNED[:1]))
    launch.update(READY)
    launch.update(progress(PLANNED[0], share=0.8))
    assert launch.running[PLANNED[0].key].seconds_left is None
    clock[0] += 10
    launch.update(progress(PLANNED[0], share=0.9))
    assert launch.running[PLANNED[0].key].seconds_left == pytest.approx(10)
    assert launch.seconds_left == pytest.approx(10)


Run = tuple[float, float, Trial]  # start, end, trial


def schedule(trials: Sequence[Trial], seconds: Sequence[float], slots: int, gap: float) -> list[Run]:
    """When the trials run, each on the slot that is free first, `gap` seconds after the one before."""
    free = [5.0] * slots
    runs = []
    for trial, took in zip(trials, seconds, strict=True):
        slot = free.index(min(free))
        start = free[slot] + gap
        free[slot] = start + took
        runs.append((start, free[slot], trial))
    return runs


def messages_of(runs: Sequence[Run], scoring: float) -> list[tuple[float, Message]]:
    """The messages of the trials, each of which is scored for this share of its time."""
    sent: list[tuple[float, Message]] = []
    for start, end, trial in runs:
        trained = start + (end - start) * (1 - scoring)
        for tenth in range(11):
            share = tenth / 10
            sent.append((start + (trained - start) * share, progress(trial, share=share, epoch=tenth)))
        sent.append((trained, progress(trial, share=1.0, epoch=0, activity=Activity.SCORING)))
        sent.append((end, ended(trial)))
    return sorted(sent, key=lambda pair: pair[0])


@pytest.mark.parametrize("slots", [1, 2, 5])
@pytest.mark.parametrize("scoring", [0.0, 0.3, 0.7])
@pytest.mark.parametrize("slowest", [1.2, 2.0])
@pytest.mark.parametrize("gap", [0.1, 2.0])
def test_the_time_left_is_within_a_factor_of_two_from_the_third_trial_on(
    clock: list[float], slots: int, scoring: float, slowest: float, gap: float
) -> None:
    levels = [0.4, 0.8, 1.6]  # trials take longer at the last one
    trials = [trial(seed, level) for seed in range(6) for level in levels]
    noise = [1.0, 1.15, 0.9, 1.05, 0.85]
    seconds = [
        10 * (slowest if one.levels["method.epsilon"] == 1.6 else 1.0) * noise[index % 5]
        for index, one in enumerate(trials)
    ]
    runs = schedule(trials, seconds, slots, gap)
    over = 100.0 + max(end for _, end, _ in runs)
    launch = LaunchProgress(plan_of(trials))
    launch.update(Ready(slots=slots, nodes=1))
    wrong = []
    for at, message in messages_of(runs, scoring):
        clock[0] = 100.0 + at
        launch.update(message)
        truly, estimated = over - clock[0], launch.seconds_left
        if len(launch.ends) >= 3 and truly > 2:  # the last two seconds are shown as such
            assert estimated is not None
            if not truly / 2 <= estimated <= truly * 2:
                wrong.append((len(launch.ends), truly, estimated))
    assert wrong == []


def test_the_time_that_ray_takes_to_start_does_not_count_in_the_estimate(clock: list[float]) -> None:
    launch = LaunchProgress(plan_of(PLANNED))
    clock[0] += 50
    launch.update(Ready(slots=1, nodes=1))
    launch.update(progress(PLANNED[0], share=0.0))
    clock[0] += 10
    launch.update(ended(PLANNED[0]))
    assert launch.seconds_left == pytest.approx(30)


def test_a_trial_without_a_name_is_shown_by_its_key() -> None:
    launch = LaunchProgress(plan_of([]))
    unknown = replace(PLANNED[0], study="other")
    launch.update(progress(unknown))
    assert launch.running[unknown.key].name == unknown.key


def test_the_time_left_starts_from_the_plan_and_is_corrected_by_the_trials_that_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    costs = {PLANNED[0].shape: ShapeCost(epoch_seconds=5.0, fixed_seconds=5.0)}  # a trial takes 10 s: it has one epoch
    launch = LaunchProgress(plan_of(PLANNED, costs=costs))
    assert launch.seconds_left == 20.0  # four trials, two side by side
    launch.update(READY)
    launch.update(progress(PLANNED[0], PLANNED[1], share=0.0))
    now[0] = 4.0
    assert launch.seconds_left == 16.0
    now[0] = 20.0
    for one in PLANNED[:2]:
        launch.update(ended(one))
    assert launch.seconds_left == 20.0  # the two that are left take twice as long as the plan said, too


def test_a_launch_without_budget_shows_none_and_with_one_what_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    launch = LaunchProgress(plan_of(PLANNED))
    assert launch.budget_left is None
    launch.update(BudgetLeft(3600.0, 4))
    assert launch.budget_left == 3600.0
