"""What MLflow knows is read back as it was said; variants summarize their seeds and never twice."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ablate.errors import ServiceError
from ablate.paths import StudyPaths
from ablate.track.aggregate import across, aggregate, summarize, thinned
from ablate.track.client import connect
from ablate.track.mlflow_store import MlflowStore
from ablate.track.sender import deliver
from ablate.track.spool import RunRef, SpoolTracker
from ablate.trial import Trial

MakeTrial = Callable[..., Trial]
Runs = Callable[..., list[Any]]
Points = Callable[[str, str], list[tuple[int, float]]]
Train = Callable[..., None]

REACH = 4.302652729911275 / 3**0.5  # t(0.975, 2) / √3: half the interval of 1, 2, 3, whose deviation is 1


@pytest.fixture
def mlflow_store(mlflow_uri: str) -> MlflowStore:
    return MlflowStore(mlflow_uri)


@pytest.fixture
def train(mlflow_uri: str, paths: StudyPaths, mlflow_store: MlflowStore) -> Train:
    """Have a trial say `values` at epochs 1, 2, ..., and its last as its accuracy too."""

    def run(trial: Trial, values: list[float], status: str = "FINISHED", probe: str = "d1") -> None:
        run_ref = RunRef(parent=mlflow_store.open_variant(trial), probes={"linear": probe})
        with SpoolTracker(paths, {"device": "cpu"}, {trial.key: run_ref}) as tracker:
            tracker.start(trial)
            for epoch, value in enumerate(values, start=1):
                tracker.record(trial, epoch, {"train/loss": value})
            tracker.record(trial, len(values), {"linear/acc@1": values[-1]})
            if status == "RUNNING":
                assert deliver(mlflow_uri, paths, patience=30) == set()
                return
            tracker.finish(trial, status, "" if status == "FINISHED" else "loss is not finite")  # type: ignore[arg-type]
        assert deliver(mlflow_uri, paths, patience=30) == set()

    return run


def test_the_interval_of_three_seeds_is_students() -> None:
    summary = summarize([1.0, 2.0, 3.0])
    assert (summary.mean, summary.std) == (2.0, 1.0)
    assert summary.low == pytest.approx(2 - REACH)
    assert summary.high == pytest.approx(2 + REACH)


def test_one_seed_has_a_mean_and_nothing_else() -> None:
    assert dict(summarize([0.5]).named("loss")) == {"loss": 0.5}


def test_only_epochs_that_all_seeds_have_are_summarized() -> None:
    assert list(across([[(1, 1.0), (2, 2.0), (3, 3.0)], [(1, 1.0), (2, 4.0)]])) == [1, 2]


def test_scores_of_trials_that_stopped_at_different_epochs_are_summarized_at_the_last() -> None:
    summaries = across([[(10, 1.0)], [(7, 3.0)]])
    assert {epoch: summary.mean for epoch, summary in summaries.items()} == {10: 2.0}


def test_long_curves_are_thinned_evenly_with_both_ends() -> None:
    assert thinned(range(1, 6), most=3) == [1, 3, 5]
    assert thinned(range(3), most=3) == [0, 1, 2]


@pytest.mark.cluster
def test_trials_are_read_back_as_they_were_said(
    mlflow_store: MlflowStore, make_trial: MakeTrial, train: Train, study: str
) -> None:
    trial, failed = make_trial(0), make_trial(1)
    train(trial, [0.5, 0.25])
    train(failed, [0.75], status="FAILED")
    trials = mlflow_store.trials(study)
    assert set(trials) == {trial.key, failed.key}
    known = trials[trial.key]
    assert (known.key, known.variant, known.seed, known.status) == (trial.key, trial.variant, 0, "FINISHED")
    assert known.probes == {"linear": "d1"}
    assert known.metrics == {"train/loss": 0.25, "linear/acc@1": 0.25}
    assert known.levels == {"method.epsilon": 1.0}
    assert known.params["method.epsilon"] == "1.0"
    assert known.trial == trial
    assert known.ended is not None
    assert known.ended >= known.started
    assert known.parent == mlflow_store.open_variant(trial)
    assert (trials[failed.key].status, trials[failed.key].reason) == ("FAILED", "loss is not finite")
    assert trials[failed.key].probes == {}
    assert mlflow_store.history([known.run_id], "train/loss") == {known.run_id: [(1, 0.5), (2, 0.25)]}
    assert mlflow_store.history([known.run_id], "linear/acc@1") == {known.run_id: [(2, 0.25)]}


@pytest.mark.cluster
def test_a_job_too_long_for_one_tag_is_read_back(
    mlflow_uri: str, paths: StudyPaths, mlflow_store: MlflowStore, make_trial: MakeTrial, study: str
) -> None:
    trial = make_trial()
    long = Trial(trial.config, {"linear": {"note": "x" * 20_000}}, study, trial.levels)
    with SpoolTracker(paths) as tracker:
        tracker.start(long)
        tracker.finish(long, "FINISHED")
    assert deliver(mlflow_uri, paths, patience=30) == set()
    assert mlflow_store.trials(study)[trial.key].trial == long


@pytest.mark.cluster
@pytest.mark.parametrize("read", [0, 1000])  # none and all are read in a list
def test_a_finished_trial_is_found_in_any_study(
    mlflow_store: MlflowStore, make_trial: MakeTrial, train: Train, read: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ablate.track.mlflow_store.READ_PER_KEY", read)
    finished, failed = make_trial(0), make_trial(1)
    train(finished, [1.0])
    train(failed, [1.0], status="FAILED")
    (known,) = mlflow_store.find_keys([finished.key])
    assert known is not None
    assert known.trial == finished
    assert mlflow_store.find_keys([failed.key]) == [None]


@pytest.mark.cluster
def test_a_study_has_one_run_that_holds_its_file_and_report(
    mlflow_uri: str, mlflow_store: MlflowStore, study: str, runs: Runs, tmp_path: Path
) -> None:
    run_id = mlflow_store.open_study(study, "How far?", "name: epsilon\n")
    mlflow_store.close_study(study, "FINISHED")
    assert runs("study")[0].info.status == "FINISHED"
    assert MlflowStore(mlflow_uri).open_study(study, "How far now?", "name: epsilon\n") == run_id
    (tmp_path / "report.html").write_text("<p>")
    mlflow_store.attach(study, tmp_path, "report")
    (run,) = runs("study")
    assert (run.info.status, run.data.tags["mlflow.note.content"]) == ("RUNNING", "How far now?")
    client = connect(mlflow_uri)
    assert [file.path for file in client.list_artifacts(run_id)] == ["report", "study.yaml"]


@pytest.mark.cluster
def test_a_deleted_experiment_is_restored(mlflow_uri: str, mlflow_store: MlflowStore, study: str) -> None:
    mlflow_store.open_study(study, "?", "")
    client = connect(mlflow_uri)
    experiment = client.get_experiment_by_name(study)
    assert experiment is not None
    client.delete_experiment(experiment.experiment_id)
    assert MlflowStore(mlflow_uri).trials(study) == {}
    restored = client.get_experiment_by_name(study)
    assert restored is not None
    assert restored.lifecycle_stage == "active"


@pytest.mark.cluster
def test_a_variant_is_opened_once(
    mlflow_uri: str, mlflow_store: MlflowStore, make_trial: MakeTrial, runs: Runs
) -> None:
    opened = {mlflow_store.open_variant(make_trial(0)), mlflow_store.open_variant(make_trial(1))}
    assert opened == {MlflowStore(mlflow_uri).open_variant(make_trial(2))}
    (run,) = runs("variant")
    assert run.info.run_name == "epsilon=1.0"
    assert run.data.params["method.epsilon"] == "1.0"
    assert "seed" not in run.data.params


@pytest.mark.cluster
def test_a_variant_summarizes_its_seeds_once(
    mlflow_store: MlflowStore, make_trial: MakeTrial, train: Train, study: str, runs: Runs, points: Points
) -> None:
    for seed, last in enumerate([1.0, 2.0, 3.0]):
        train(make_trial(seed), [10.0, last])
    aggregate(mlflow_store, study)
    aggregate(mlflow_store, study)
    (run,) = runs("variant")
    assert points(run.info.run_id, "train/loss") == [(1, 10.0), (2, 2.0)]
    assert points(run.info.run_id, "train/loss.std") == [(1, 0.0), (2, 1.0)]
    assert points(run.info.run_id, "train/loss.low")[1][1] == pytest.approx(2 - REACH)
    assert points(run.info.run_id, "train/loss.high")[1][1] == pytest.approx(2 + REACH)
    assert mlflow_store.history([run.info.run_id], "linear/acc@1") == {run.info.run_id: [(2, 2.0)]}
    assert (run.data.tags["ablate.n"], run.data.tags["ablate.seeds"]) == ("3", "0, 1, 2")
    assert run.info.status == "FINISHED"


@pytest.mark.cluster
def test_another_seed_makes_another_summary(
    mlflow_store: MlflowStore, make_trial: MakeTrial, train: Train, study: str, runs: Runs, points: Points
) -> None:
    for seed, last in enumerate([1.0, 3.0]):
        train(make_trial(seed), [last])
    aggregate(mlflow_store, study)
    (before,) = runs("variant")
    train(make_trial(2), [5.0])
    aggregate(mlflow_store, study)
    (after,) = runs("variant")
    assert after.info.run_id != before.info.run_id
    assert points(after.info.run_id, "train/loss") == [(1, 3.0)]
    assert after.data.tags["ablate.n"] == "3"
    assert {run.data.tags["mlflow.parentRunId"] for run in runs()} == {after.info.run_id}
    assert after.info.status == "FINISHED"


@pytest.mark.cluster
def test_a_summary_killed_half_way_is_completed(
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
    aggregate(mlflow_store, study)
    (run,) = runs("variant")
    wanted = run.data.tags["ablate.aggregate"]
    connect(mlflow_uri).set_tag(run.info.run_id, "ablate.aggregate", f"{wanted}:open")
    aggregate(mlflow_store, study)
    (again,) = runs("variant")
    assert again.info.run_id == run.info.run_id
    assert points(run.info.run_id, "train/loss") == [(1, 2.0)]
    assert again.data.tags["ablate.aggregate"] == wanted


@pytest.mark.cluster
def test_only_the_variants_asked_for_are_summarized(
    mlflow_store: MlflowStore, make_trial: MakeTrial, train: Train, study: str, runs: Runs
) -> None:
    wanted, other = make_trial(0, epsilon=1.0), make_trial(0, epsilon=2.0)
    train(wanted, [1.0])
    train(other, [1.0])
    aggregate(mlflow_store, study, variants={wanted.variant})
    summarized = {run.data.tags["ablate.variant"] for run in runs("variant") if "ablate.aggregate" in run.data.tags}
    assert summarized == {wanted.variant}


@pytest.mark.cluster
def test_what_the_dead_left_running_is_called_killed(
    mlflow_store: MlflowStore, make_trial: MakeTrial, train: Train, study: str, runs: Runs
) -> None:
    dead, alive, done = make_trial(0, epsilon=1.0), make_trial(0, epsilon=2.0), make_trial(0, epsilon=3.0)
    train(dead, [1.0], status="RUNNING")
    train(alive, [1.0], status="RUNNING")
    train(done, [1.0])
    mlflow_store.reconcile(study, alive_keys={alive.key})
    statuses = {key: known.status for key, known in mlflow_store.trials(study).items()}
    assert statuses == {dead.key: "KILLED", alive.key: "RUNNING", done.key: "FINISHED"}
    groups = {run.data.tags["ablate.variant"]: run.info.status for run in runs("variant")}
    assert groups == {dead.variant: "KILLED", alive.variant: "RUNNING", done.variant: "FINISHED"}


@pytest.mark.cluster
def test_of_two_runs_of_one_trial_the_finished_one_stays(
    mlflow_uri: str, mlflow_store: MlflowStore, make_trial: MakeTrial, train: Train, study: str, runs: Runs
) -> None:
    """A create_run that MLflow carries out after it seemed lost leaves such a double."""
    trial = make_trial()
    train(trial, [1.0])
    (run,) = runs()
    told = {name: value for name, value in run.data.tags.items() if name.startswith("ablate.")}
    connect(mlflow_uri).create_run(run.info.experiment_id, tags=told)
    assert mlflow_store.trials(study)[trial.key].run_id == run.info.run_id
    mlflow_store.reconcile(study)
    assert [left.info.run_id for left in runs()] == [run.info.run_id]


@pytest.mark.cluster
def test_an_answer_that_fails_once_is_asked_for_again(proxy: Any, study: str) -> None:
    mlflow_store = MlflowStore(proxy.uri)
    proxy.mode = lambda _: "fail" if len(proxy.requests) == 1 else "pass"
    assert mlflow_store.trials(study) == {}


@pytest.mark.cluster
def test_a_server_that_is_away_is_a_service_error_without_secrets(monkeypatch: pytest.MonkeyPatch, study: str) -> None:
    monkeypatch.setattr("ablate.track.mlflow_store.PAUSES", ())
    with pytest.raises(ServiceError, match=r"http://\*\*\*@127.0.0.1:9: MLflow does not answer") as raised:
        MlflowStore("http://me:secret@127.0.0.1:9").trials(study)
    assert "secret" not in str(raised.value)
