"""Results of trials, as their records state them."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from ablate.events import State
from ablate.stats.results import Result, results_of

MakeResult = Callable[..., Result]
METRIC = "linear/accuracy"


@dataclass(frozen=True)
class Record:
    """The recorded run of a trial."""

    state: State
    metrics: dict[str, float] = field(default_factory=dict)
    reason: str = ""
    unscored: dict[str, str] = field(default_factory=dict)
    device_seconds: float | None = None
    started: float = 0.0
    ended: float | None = None
    environment: dict[str, str] = field(default_factory=dict)
    parent: str = ""
    run_id: str = ""


def test_every_planned_trial_has_a_result_in_the_plans_order(make_result: MakeResult) -> None:
    trials = [make_result({"method.k": k}, 0, None).trial for k in (100, 50)]
    finished = Record(State.FINISHED, {METRIC: 0.5})
    results = results_of(trials, {trials[1].key: finished, "another": Record(State.FINISHED, {METRIC: 0.9})})
    assert [result.levels for result in results] == [{"method.k": 100}, {"method.k": 50}]
    assert [result.state for result in results] == [State.WAITING, State.FINISHED]
    assert [result.score(METRIC) for result in results] == [None, 0.5]


def test_only_a_finished_trial_with_a_finite_value_has_a_score(make_result: MakeResult) -> None:
    assert make_result({}, 0, 0.5).score(METRIC) == 0.5
    assert make_result({}, 0, 0.5, state=State.RUNNING).score(METRIC) is None
    assert make_result({}, 0, math.inf).score(METRIC) is None
    assert make_result({}, 0, None).score(METRIC) is None


@pytest.mark.parametrize("state", [State.FAILED, State.OUT_OF_MEMORY])
def test_the_failure_of_a_failed_trial_is_its_recorded_reason(make_result: MakeResult, state: State) -> None:
    assert make_result({}, 0, None, state=state, reason="loss is nan").failure(METRIC) == "loss is nan"
    assert make_result({}, 0, None, state=state).failure(METRIC) == "no reason was recorded"


def test_a_finished_trial_without_a_finite_value_has_no_value_and_is_no_failure(make_result: MakeResult) -> None:
    assert make_result({}, 0, math.nan).no_value(METRIC) == "linear/accuracy is nan"
    assert make_result({}, 0, None).no_value(METRIC) == "linear/accuracy was not measured"
    assert make_result({}, 0, 0.5).no_value(METRIC) is None
    assert make_result({}, 0, None, state=State.FAILED).no_value(METRIC) is None
    assert [make_result({}, 0, score).failure(METRIC) for score in (math.nan, None, 0.5)] == [None] * 3


def test_a_finished_trial_whose_probe_failed_has_the_failure_of_that_probe_only(make_result: MakeResult) -> None:
    trial = make_result({}, 0, None).trial
    record = Record(State.FINISHED, {"knn/accuracy": 0.5}, unscored={"linear": "no weights"})
    (result,) = results_of([trial], {trial.key: record})
    assert (result.failure(METRIC), result.no_value(METRIC)) == ("the probe linear: no weights", None)
    assert (result.failure("knn/accuracy"), result.score("knn/accuracy")) == (None, 0.5)


@pytest.mark.parametrize("state", [State.WAITING, State.RUNNING, State.KILLED, State.STOPPED])
def test_a_trial_that_has_not_ended_has_no_failure(make_result: MakeResult, state: State) -> None:
    assert make_result({}, 0, None, state=state).failure(METRIC) is None
