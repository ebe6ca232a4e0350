"""What a plan costs, by hand: from finished trials of the same shape, in packs, side by side."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from ablate.planning.cost import (
    LAUNCH_SECONDS,
    TRIAL_SECONDS,
    Costs,
    ShapeCost,
    recorded_costs,
    time_until_done,
    unknown_shapes,
)
from ablate.planning.plan import Plan, make_plan
from ablate.planning.resolve import example_trials, resolve
from ablate.record import TrialRecord
from ablate.study.read import read_study
from ablate.testing.plans import record_of
from ablate.trial import Trial

from .small_study import NODES, STUDY

SEARCH = """\
method: invariant
dataset: digits
design: search
fixed: {training.epochs: 10}
search: {trials: 4, objectives: {linear/accuracy: maximize}, space: {method.k: {low: 10, high: 20}}}
seeds: 2
probes: [linear]
metric: linear/accuracy
"""


def plan_of(
    folder: Path, text: str = STUDY, records: Mapping[str, TrialRecord] | None = None, costs: Costs | None = None
) -> Plan:
    file = folder / "small.yaml"
    file.write_text(text, encoding="utf-8")
    study = read_study(file)
    return make_plan(study, resolve(study), records or {}, NODES, costs=costs)


def finished(trial: Trial, **usage: float) -> TrialRecord:
    """A finished trial, of which this was recorded; from start to end it took ten seconds."""
    return replace(record_of(trial), usage=usage)


def test_the_shape_of_a_trial_is_all_but_its_seed_epochs_and_float_settings(tmp_path: Path) -> None:
    first, *others = resolve(plan_of(tmp_path).study)
    longer = resolve(plan_of(tmp_path, STUDY.replace("epochs: 3", "epochs: 4")).study)
    assert {trial.shape for trial in (*others, *longer)} == {first.shape}
    for changed in ("batch_size: 32", "samples: 512"):
        (other, *_) = resolve(plan_of(tmp_path, STUDY.replace("epochs: 3", f"epochs: 3, training.{changed}")).study)
        assert other.shape != first.shape
    (other, *_) = resolve(plan_of(tmp_path, STUDY.replace("[linear]", "[linear, knn]")).study)
    assert other.shape != first.shape


def test_the_cost_of_a_shape_is_the_median_of_its_finished_trials(tmp_path: Path) -> None:
    trials = resolve(plan_of(tmp_path).study)
    parts = [(2.0, 8.0, 9.0), (4.0, 13.0, 3.0), (3.0, 100.0, 5.0)]  # seconds of an epoch and in all, megabytes
    records = [
        finished(trial, epoch_seconds=epoch, device_seconds=total, scoring_seconds=0.5, artifact_megabytes=size)
        for trial, (epoch, total, size) in zip(trials, parts, strict=False)
    ]
    # three epochs each: 8 − 6 = 2, 13 − 12 = 1 and 100 − 9 = 91 seconds for the rest
    assert recorded_costs(records) == {trials[0].shape: ShapeCost(3.0, 2.0, 5.0)}


def test_trials_that_recorded_no_usage_count_as_training_from_start_to_end(tmp_path: Path) -> None:
    (trial, *_) = resolve(plan_of(tmp_path).study)
    assert recorded_costs([record_of(trial)]) == {trial.shape: ShapeCost(10 / 3, 0.0)}


def test_packs_take_the_slots_one_after_the_other(tmp_path: Path) -> None:
    (trial, *_) = resolve(plan_of(tmp_path).study)
    plan = plan_of(tmp_path, costs={trial.shape: ShapeCost(2.0, 4.0, 6.0, measured=True)})
    estimate = plan.estimate
    assert estimate is not None
    assert estimate.device_seconds == 4 * (3 * 2.0 + 4.0)
    assert estimate.seconds == pytest.approx(2 * (10.0 + TRIAL_SECONDS) + LAUNCH_SECONDS)
    assert (estimate.megabytes, estimate.recorded, estimate.measured) == (24.0, 0, 1)


def test_what_was_recorded_precedes_what_was_measured(tmp_path: Path) -> None:
    trials = resolve(plan_of(tmp_path).study)
    records = {trials[0].key: finished(trials[0], epoch_seconds=1.0, device_seconds=5.0)}
    plan = plan_of(tmp_path, records=records, costs={trials[0].shape: ShapeCost(70.0, 0.0, measured=True)})
    assert plan.estimate is not None
    assert plan.estimate.device_seconds == 3 * 5.0 + 2.0  # the finished one has no scores yet


def test_a_plan_with_a_shape_that_nothing_is_known_of_has_no_estimate(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, STUDY.replace("method.epsilon: [0.4, 0.8]", "method.k: [5, 10]"))
    known = {plan.trials[0].trial.shape: ShapeCost(1.0, 1.0)}
    some = replace(plan, costs=known)
    assert some.estimate is None
    assert [trial.levels["method.k"] for trial in unknown_shapes(some)] == [10]


def test_the_proposals_of_a_search_cost_as_much_as_the_ends_of_its_space_on_average(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, SEARCH)
    low, high = example_trials(plan.study)
    assert (low.config.settings["k"], high.config.settings["k"]) == (10, 20)
    assert replace(plan, examples=(low, high)).estimate is None
    costs = {low.shape: ShapeCost(1.0, 0.0, 2.0), high.shape: ShapeCost(3.0, 0.0, 4.0)}
    estimate = replace(plan, examples=(low, high), costs=costs).estimate
    assert estimate is not None
    assert estimate.device_seconds == 8 * (10.0 + 30.0) / 2  # four proposals with two seeds each
    assert estimate.megabytes == 8 * 3.0


def test_what_is_left_of_a_budget_is_what_the_trials_of_all_launches_have_not_used(tmp_path: Path) -> None:
    text = STUDY + "budget: {device_hours: 0.01}\n"  # 36 seconds
    trials = resolve(plan_of(tmp_path, text).study)
    records = {one.key: finished(one, device_seconds=15.0) for one in trials[:2]}
    assert plan_of(tmp_path, text, records=records).budget_left == pytest.approx(6.0)
    records[trials[2].key] = finished(trials[2], device_seconds=7.0)
    assert plan_of(tmp_path, text, records=records).budget_is_spent
    assert plan_of(tmp_path).budget_left is None
    assert not plan_of(tmp_path).budget_is_spent


def test_each_free_lane_takes_the_next_waiting_one() -> None:
    assert time_until_done([4.0], [3.0, 5.0, 1.0], lanes=2) == 8.0
    assert time_until_done([], [3.0, 5.0, 1.0], lanes=1) == 9.0
