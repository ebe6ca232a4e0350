"""A resumed trial equals one that never stopped, and a packed one equals one alone, bit for bit."""

import pytest

from ablate.events import Ended, State
from ablate.testing.pack_runs import (
    PRUNE,
    STEPS,
    STOP,
    After,
    MakeContext,
    assert_same,
    curves,
    invariant_trial,
    records,
    run,
    slope_trial,
)
from ablate.track.spool_records import SpoolFinish


def test_a_member_that_is_pruned_ends_with_its_reason_and_leaves_the_others_unchanged(
    make_context: MakeContext,
) -> None:
    trio = [invariant_trial(seed, epsilon=0.4 + seed / 10) for seed in range(3)]
    alone, together = make_context("alone"), make_context("together", stop=After(STEPS + 2, PRUNE, trio[1].key))
    first, second, third = run(trio, together)
    assert second == Ended(trio[1].key, State.PRUNED, PRUNE.reason)
    assert [first, third] == [*run([trio[0]], alone), *run([trio[2]], alone)]
    assert_same(trio[0], together, alone)
    assert_same(trio[2], together, alone)
    assert [epoch for epoch, _ in curves(trio[1], together)["train/loss"]] == [1]
    (end,) = records(trio[1], together, SpoolFinish)
    assert (end.state, end.reason) == (State.PRUNED, PRUNE.reason)


def test_a_member_that_is_stopped_alone_goes_on_bit_for_bit(make_context: MakeContext) -> None:
    pair, whole = [invariant_trial(0), invariant_trial(1)], make_context("whole")
    expected = run(pair, whole)
    stopped = run(pair, make_context("stopped", stop=After(3, STOP, pair[0].key)))
    assert stopped == [Ended(pair[0].key, State.STOPPED, STOP.reason), expected[1]]
    assert run(pair[:1], make_context("stopped")) == expected[:1]
    assert_same(pair[0], make_context("stopped"), whole)


@pytest.mark.slow
@pytest.mark.parametrize("step", [1, STEPS, STEPS + 2, 2 * STEPS, 2 * STEPS + 1])
def test_a_stopped_trial_goes_on_bit_for_bit(make_context: MakeContext, step: int) -> None:
    trial, whole = invariant_trial(), make_context("whole")
    (expected,) = run([trial], whole)
    stopped = make_context("stopped", stop=After(step))
    (ended,) = run([trial], stopped)
    assert ended == Ended(trial.key, State.STOPPED, STOP.reason)
    assert records(trial, stopped, SpoolFinish) == []
    resumed = make_context("stopped")
    assert run([trial], resumed) == [expected]
    assert_same(trial, resumed, whole)


def test_a_trial_that_is_stopped_at_every_step_is_trained_to_the_end(make_context: MakeContext) -> None:
    trial, whole = slope_trial(), make_context("whole")
    (expected,) = run([trial], whole)
    states = []
    for _ in range(2 * STEPS + 2):
        (ended,) = run([trial], make_context("stuttering", stop=After(1)))
        states.append(ended.state)
    assert set(states) == {State.STOPPED}
    assert run([trial], make_context("stuttering")) == [expected]
    assert_same(trial, make_context("stuttering"), whole)


@pytest.mark.slow
def test_packed_trials_equal_trials_alone(make_context: MakeContext) -> None:
    pair = [invariant_trial(0, epsilon=0.4), invariant_trial(1, epsilon=0.8)]
    together, alone = make_context("together"), make_context("alone")
    assert run(pair, together) == [ended for trial in pair for ended in run([trial], alone)]
    for trial in pair:
        assert_same(trial, together, alone)


def test_trials_of_a_pack_at_different_steps_are_all_trained_to_the_end(make_context: MakeContext) -> None:
    first, second = slope_trial(0), slope_trial(1)
    alone, context = make_context("alone"), make_context()
    run([first], make_context(stop=After(3)))
    assert run([first, second], context) == [*run([first], alone), *run([second], alone)]
    assert_same(first, context, alone)
