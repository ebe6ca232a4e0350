"""Counts of a launch add up, whatever the conductor says in whatever order."""

import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ablate.cluster.messages import Message
from ablate.driver.board import Board
from ablate.trial import Config, Trial


def trial(seed: int) -> Trial:
    return Trial(Config("invariant", "1", {}, "digits", "1", {}, seed), {}, "small", {"method.epsilon": 0.4})


PLANNED = [trial(seed) for seed in range(4)]
PROPOSED = [trial(seed) for seed in range(10, 14)]


def ready(slots: int = 2) -> Message:
    return Message("ready", {"slots": slots, "nodes": 1})


def progress(*trials: Trial, share: float = 0.5, epoch: int = 1, doing: str = "training") -> Message:
    keys = [one.key for one in trials]
    return Message("progress", {"keys": keys, "epoch": epoch, "share": share, "values": {}, "doing": doing})


def outcome(one: Trial, status: str = "FINISHED") -> Message:
    return Message("outcome", {"key": one.key, "status": status, "reason": "", "metrics": {}})


def proposal(*trials: Trial) -> Message:
    return Message("proposed", {"jobs": [one.to_json() for one in trials]})


a_job = st.sampled_from([*PLANNED, *PROPOSED])
messages = st.one_of(
    st.just(ready()),
    st.just(Message("alive")),
    st.just(Message("stopping")),
    st.just(Message("died")),
    st.builds(lambda trials: progress(*trials), st.lists(a_job, min_size=1, max_size=3)),
    st.builds(outcome, a_job, st.sampled_from(["FINISHED", "FAILED", "STOPPED"])),
    st.builds(lambda trials: proposal(*trials), st.lists(st.sampled_from(PROPOSED), max_size=3)),
)


@given(st.lists(messages, max_size=30))
def test_every_trial_is_counted_once_at_any_time(said: list[Message]) -> None:
    board = Board(PLANNED, finished=3, failed=1, proposals=len(PROPOSED))
    board.hear(proposal(*PROPOSED))
    for message in said:
        board.hear(message)
        assert board.total == 3 + 1 + len(PLANNED) + len(PROPOSED)
        groups = [set(board.waiting), set(board.running), set(board.ends)]
        assert sum(map(len, groups)) == len(set.union(*groups)) == len(PLANNED) + len(PROPOSED)
        assert board.finished + board.failed + board.count("STOPPED") == 4 + len(board.ends)


def test_a_trial_waits_then_runs_then_ends() -> None:
    board = Board(PLANNED, finished=3, failed=1)
    board.hear(ready())
    assert (board.slots, len(board.waiting), board.total) == (2, 4, 8)
    board.hear(progress(PLANNED[0], PLANNED[1], share=0.25, epoch=2))
    row = board.running[PLANNED[0].key]
    assert (row.name, row.epoch, row.share, row.doing) == ("epsilon=0.4 · seed 0", 2, 0.25, "training")
    board.hear(progress(PLANNED[0], share=1.0, epoch=0, doing="scoring"))
    assert (row.epoch, row.doing) == (2, "scoring")
    board.hear(outcome(PLANNED[0]))
    board.hear(outcome(PLANNED[1], "FAILED"))
    assert (board.finished, board.failed, len(board.running), len(board.waiting)) == (4, 2, 0, 2)


def test_what_runs_waits_again_when_ray_dies() -> None:
    board = Board(PLANNED, finished=0, failed=0)
    board.hear(progress(PLANNED[0]))
    board.hear(outcome(PLANNED[1]))
    board.hear(Message("died"))
    assert board.running == {}
    assert board.waiting == {one.key for one in PLANNED} - {PLANNED[1].key}


def test_a_proposal_takes_the_place_of_one_to_come_once() -> None:
    board = Board([], finished=0, failed=0, proposals=4)
    board.hear(proposal(*PROPOSED[:2]))
    assert (len(board.waiting), board.to_propose) == (2, 2)
    board.hear(Message("died"))
    board.hear(proposal(*PROPOSED[:2]))  # the next conductor finds it open
    assert (len(board.waiting), board.to_propose) == (2, 2)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, in its only place."""
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_time_left_follows_the_pace_of_this_launch(clock: list[float]) -> None:
    board = Board(PLANNED, finished=5, failed=0)
    board.hear(ready())
    assert board.left is None
    board.hear(progress(PLANNED[0], share=0.0))
    clock[0] += 10
    board.hear(progress(PLANNED[0], share=0.5))
    assert board.left == pytest.approx(10 / 0.5 * 3.5)
    assert board.running[PLANNED[0].key].left == pytest.approx(10)
    clock[0] += 10
    board.hear(outcome(PLANNED[0]))
    assert board.left == pytest.approx(20 * 3)
    for one in PLANNED[1:]:
        board.hear(outcome(one))
    assert board.left == 0


def test_what_a_resumed_trial_had_done_before_is_no_pace_of_this_launch(clock: list[float]) -> None:
    board = Board(PLANNED[:1], finished=0, failed=0)
    board.hear(ready())
    board.hear(progress(PLANNED[0], share=0.8))
    assert board.running[PLANNED[0].key].left is None
    clock[0] += 10
    board.hear(progress(PLANNED[0], share=0.9))
    assert board.running[PLANNED[0].key].left == pytest.approx(10)
    assert board.left == pytest.approx(10)


def test_the_pace_counts_from_the_first_time_that_ray_was_ready(clock: list[float]) -> None:
    board = Board(PLANNED, finished=0, failed=0)
    clock[0] += 50  # for Ray to start
    board.hear(ready())
    clock[0] += 10
    board.hear(outcome(PLANNED[0]))
    board.hear(Message("died"))
    clock[0] += 10
    board.hear(ready())
    assert board.left == pytest.approx(20 * 3)


def test_a_trial_without_a_name_is_shown_by_its_key() -> None:
    board = Board([], finished=0, failed=0)
    stranger = replace(PLANNED[0], study="other")
    board.hear(progress(stranger))
    assert board.running[stranger.key].name == stranger.key
