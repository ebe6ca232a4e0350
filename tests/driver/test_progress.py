"""The progress of a launch: its counts after any sequence of messages, and its estimates of the time left."""

import time
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ablate.driver.progress import LaunchProgress
from ablate.events import (
    Activity,
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
from ablate.testing.plans import plan_of
from ablate.trial import Config, Trial


def trial(seed: int) -> Trial:
    return Trial(Config("invariant", "1", {}, "digits", "1", {}, seed), {}, "small", {"method.epsilon": 0.4})


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
    assert launch.waiting == {one.key for one in PLANNED} - {PLANNED[1].key}


def test_a_proposal_is_counted_once() -> None:
    launch = LaunchProgress(plan_of([], proposals=4))
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


def test_seconds_left_are_extrapolated_from_the_progress_of_this_launch(clock: list[float]) -> None:
    launch = LaunchProgress(plan_of(PLANNED, finished=5))
    launch.update(READY)
    assert launch.seconds_left is None
    launch.update(progress(PLANNED[0], share=0.0))
    clock[0] += 10
    launch.update(progress(PLANNED[0], share=0.5))
    assert launch.seconds_left == pytest.approx(10 / 0.5 * 3.5)
    assert launch.running[PLANNED[0].key].seconds_left == pytest.approx(10)
    clock[0] += 10
    launch.update(ended(PLANNED[0]))
    assert launch.seconds_left == pytest.approx(20 * 3)
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


def test_the_estimate_counts_time_from_when_ray_was_first_ready(clock: list[float]) -> None:
    launch = LaunchProgress(plan_of(PLANNED))
    clock[0] += 50  # for Ray to start
    launch.update(READY)
    clock[0] += 10
    launch.update(ended(PLANNED[0]))
    launch.update(ExecutorLost())
    clock[0] += 10
    launch.update(READY)
    assert launch.seconds_left == pytest.approx(20 * 3)


def test_a_trial_without_a_name_is_shown_by_its_key() -> None:
    launch = LaunchProgress(plan_of([]))
    unknown = replace(PLANNED[0], study="other")
    launch.update(progress(unknown))
    assert launch.running[unknown.key].name == unknown.key
