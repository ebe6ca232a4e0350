"""What a report takes from the ledger."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from ablate.stats.results import Result, results_of

Make = Callable[..., Result]
METRIC = "linear/accuracy"


@dataclass(frozen=True)
class TrialRecord:
    """A line of a ledger."""

    status: str
    metrics: dict[str, float] = field(default_factory=dict)
    reason: str = ""


def test_every_planned_trial_has_a_result_in_the_plans_order(result: Make) -> None:
    trials = [result({"method.k": k}, 0, None).trial for k in (100, 50)]
    known = {trials[1].key: TrialRecord("FINISHED", {METRIC: 0.5}), "another": TrialRecord("FINISHED", {METRIC: 0.9})}
    results = results_of(trials, known)
    assert [one.levels for one in results] == [{"method.k": 100}, {"method.k": 50}]
    assert [one.status for one in results] == ["NOT RUN", "FINISHED"]
    assert [one.score(METRIC) for one in results] == [None, 0.5]


def test_only_a_finished_trial_with_a_finite_value_has_a_score(result: Make) -> None:
    assert result({}, 0, 0.5).score(METRIC) == 0.5
    assert result({}, 0, 0.5, status="RUNNING").score(METRIC) is None
    assert result({}, 0, math.inf).score(METRIC) is None
    assert result({}, 0, None).score(METRIC) is None


def test_an_ended_trial_without_a_score_says_why(result: Make) -> None:
    assert result({}, 0, 0.5).failure(METRIC) is None
    assert result({}, 0, None, status="KILLED").failure(METRIC) is None
    assert result({}, 0, None, status="FAILED", reason="loss is nan").failure(METRIC) == "loss is nan"
    assert result({}, 0, None, status="FAILED").failure(METRIC) == "no reason was recorded"
    assert result({}, 0, math.nan).failure(METRIC) == "linear/accuracy is nan"
    assert result({}, 0, None).failure(METRIC) == "linear/accuracy was not measured"
