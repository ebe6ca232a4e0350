"""The runs of variants: mean, deviation and interval over finished seeds."""

from collections.abc import Callable
from typing import Any

import pytest

from ablate.events import State
from ablate.launch_config import RunRef
from ablate.paths import StudyPaths
from ablate.stats.estimate import Estimate
from ablate.track.aggregate import estimates_by_epoch, metrics_of, thinned
from ablate.track.client import connect
from ablate.track.mlflow_store import MlflowStore
from ablate.track.rest_client import connect_by_rest
from ablate.track.spool import SpoolTracker
from ablate.track.tags import metric_name
from ablate.trial import Trial

MakeTrial = Callable[..., Trial]
Runs = Callable[..., list[Any]]
Points = Callable[[str, str], list[tuple[int, float]]]
Train = Callable[[Trial, list[float]], None]

REACH = 4.302652729911275 / 3**0.5  # t(0.975, 2) / √3: half the interval of 1, 2, 3, whose deviation is 1


@pytest.fixture
def mlflow_store(mlflow_uri: str) -> MlflowStore:
    return MlflowStore(mlflow_uri)


@pytest.fixture
def train(paths: StudyPaths, mlflow_store: MlflowStore, study: str) -> Train:
    """Upload a trial with `values` at epochs 1, 2, ..., the last of them its accuracy too."""

    def run(trial: Trial, values: list[float]) -> None:
        parents = mlflow_store.open_variants([trial], mlflow_store.snapshot(study))
        run_ref = RunRef(parent=parents[trial.variant], probes={"linear": "d1"})
        with SpoolTracker(paths, {"device": "cpu"}, {trial.key: run_ref}) as tracker:
            tracker.start(trial)
            for epoch, value in enumerate(values, start=1):
                tracker.record(trial, epoch, {"train/loss": value})
            tracker.record(trial, len(values), {"linear/acc@1": values[-1]})
            tracker.finish(trial, State.FINISHED)
        assert mlflow_store.upload(paths) == set()

    return run


def test_an_estimate_is_logged_under_the_metrics_name_and_three_suffixes() -> None:
    metrics = dict(metrics_of("loss", Estimate.of([1.0, 2.0, 3.0])))
    assert metrics == pytest.approx({"loss": 2.0, "loss.std": 1.0, "loss.low": 2 - REACH, "loss.high": 2 + REACH})


def test_the_mean_of_one_seed_is_logged_alone() -> None:
    assert dict(metrics_of("loss", Estimate.of([0.5]))) == {"loss": 0.5}


def test_only_epochs_that_all_seeds_have_are_summarized() -> None:
    assert list(estimates_by_epoch([[(1, 1.0), (2, 2.0), (3, 3.0)], [(1, 1.0), (2, 4.0)]])) == [1, 2]


def test_scores_of_trials_that_stopped_at_different_epochs_are_summarized_at_the_last() -> None:
    estimates = estimates_by_epoch([[(10, 1.0)], [(7, 3.0)]])
    assert {epoch: summary.mean for epoch, summary in estimates.items()} == {10: 2.0}


def test_long_curves_are_thinned_evenly_with_both_ends() -> None:
    assert thinned(range(1, 6), most=3) == [1, 3, 5]
    assert thinned(range(3), most=3) == [0, 1, 2]


@pytest.mark.cluster
def test_a_variant_is_summarized_over_its_seeds_once(
    mlflow_store: MlflowStore, make_trial: MakeTrial, train: Train, study: str, runs: Runs, points: Points
) -> None:
    for seed, last in enumerate([1.0, 2.0, 3.0]):
        train(make_trial(seed), [10.0, last])
    mlflow_store.settle(study)
    mlflow_store.settle(study)
    (run,) = runs("variant")
    assert points(run.info.run_id, "train/loss") == [(1, 10.0), (2, 2.0)]
    assert points(run.info.run_id, "train/loss.std") == [(1, 0.0), (2, 1.0)]
    assert points(run.info.run_id, "train/loss.low")[1][1] == pytest.approx(2 - REACH)
    assert points(run.info.run_id, "train/loss.high")[1][1] == pytest.approx(2 + REACH)
    assert mlflow_store.curves(run.info.run_id, ["linear/acc@1"]) == {"linear/acc@1": [(2, 2.0)]}
    score = metric_name("linear/acc@1")
    assert sorted(run.data.metrics) == sorted([score, *(f"train/loss{part}" for part in ("", ".std", ".low", ".high"))])
    assert run.data.tags[f"ablate.interval.{score}"] == f"{2 - REACH:.6g} to {2 + REACH:.6g}, std 1"
    assert (run.data.tags["ablate.n"], run.data.tags["ablate.seeds"]) == ("3", "0, 1, 2")
    assert run.info.status == "FINISHED"
    logged = connect_by_rest(mlflow_store.uri).rest.get("runs/get", run_id=runs("trial")[0].info.run_id)["run"]
    (used,) = logged["inputs"]["dataset_inputs"]
    assert used["dataset"]["name"] == "digits"
    assert used["tags"] == [{"key": "mlflow.data.context", "value": "train"}]


@pytest.mark.cluster
def test_another_seed_replaces_the_summary_by_another_run(
    mlflow_store: MlflowStore, make_trial: MakeTrial, train: Train, study: str, runs: Runs, points: Points
) -> None:
    for seed, last in enumerate([1.0, 3.0]):
        train(make_trial(seed), [last])
    mlflow_store.settle(study)
    (before,) = runs("variant")
    train(make_trial(2), [5.0])
    mlflow_store.settle(study)
    (after,) = runs("variant")
    assert after.info.run_id != before.info.run_id
    assert points(after.info.run_id, "train/loss") == [(1, 3.0)]
    assert after.data.tags["ablate.n"] == "3"
    assert {run.data.tags["mlflow.parentRunId"] for run in runs()} == {after.info.run_id}
    assert after.info.status == "FINISHED"


@pytest.mark.cluster
def test_a_summary_that_a_killed_process_left_incomplete_is_completed(
    mlflow_uri: str,
    mlflow_store: MlflowStore,
    make_trial: MakeTrial,
    train: Train,
    study: str,
    runs: Runs,
    points: Points,
) -> None:
    for seed, last in enumerate([1.0, 3.0]):
        train(make_trial(seed), [last])
    mlflow_store.settle(study)
    (run,) = runs("variant")
    wanted = run.data.tags["ablate.aggregate"]
    connect(mlflow_uri).set_tag(run.info.run_id, "ablate.aggregate", f"{wanted}:open")
    mlflow_store.settle(study)
    (again,) = runs("variant")
    assert again.info.run_id == run.info.run_id
    assert points(run.info.run_id, "train/loss") == [(1, 2.0)]
    assert again.data.tags["ablate.aggregate"] == wanted
