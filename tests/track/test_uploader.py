"""Spools are uploaded to a real MLflow server with every record exactly once, whatever fails meanwhile."""

import math
import os
import random
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests

from ablate.events import State
from ablate.launch_config import RunRef
from ablate.paths import Store, StudyPaths
from ablate.track.client import connect, search
from ablate.track.sent import Sent
from ablate.track.server import ensure_server
from ablate.track.server_info import ServerInfo, embedded_artifacts
from ablate.track.spool import SpoolTracker
from ablate.track.trial_lock import lock_trial
from ablate.track.uploader import Uploader, upload
from ablate.trial import Trial

pytestmark = pytest.mark.cluster

MakeTrial = Callable[..., Trial]
Runs = Callable[..., list[Any]]
Points = Callable[[str, str], list[tuple[int, float]]]

LOSSES = [(1, 1.0), (2, 0.5), (3, 0.25)]


def train(tracker: SpoolTracker, trial: Trial) -> None:
    """Record a trial as far as its training goes."""
    tracker.start(trial)
    for epoch, loss in LOSSES:
        tracker.record(trial, epoch, {"train/loss": loss, "train/acc@1": loss / 2})


def score(tracker: SpoolTracker, trial: Trial, accuracy: float = 0.9) -> None:
    """Record the rest of the trial."""
    tracker.record(trial, 3, {"linear/accuracy": accuracy})
    curve = tracker.paths.trial(trial.key).folder / "curve.csv"
    curve.write_text("1,2\n")
    tracker.attach(trial, curve, "tables")
    tracker.finish(trial, State.FINISHED)


def train_and_score(paths: StudyPaths, trial: Trial, run_ref: RunRef | None = None) -> None:
    with SpoolTracker(paths, {"device": "cpu"}, {trial.key: run_ref or RunRef(probes={"linear": "d1"})}) as tracker:
        train(tracker, trial)
        score(tracker, trial)


@pytest.fixture
def check_run(runs: Runs, points: Points, mlflow_uri: str) -> Callable[[], None]:
    def check() -> None:
        (run,) = runs()
        assert run.info.status == "FINISHED"
        assert points(run.info.run_id, "train/loss") == LOSSES
        assert points(run.info.run_id, "linear/accuracy") == [(3, 0.9)]
        assert run.data.tags["ablate.state"] == "finished"
        assert run.data.tags["ablate.probe.linear"] == "d1"
        assert run.data.params["method.epsilon"] == "1.0"
        answer = requests.get(f"{mlflow_uri}/api/2.0/mlflow/runs/get", {"run_id": run.info.run_id}, timeout=60)
        (used,) = answer.json()["run"]["inputs"]["dataset_inputs"]
        assert used["dataset"]["name"] == "digits"

    return check


def test_a_trial_is_uploaded_and_its_folder_removed(
    mlflow_uri: str, paths: StudyPaths, make_trial: MakeTrial, runs: Runs, check_run: Callable[[], None]
) -> None:
    trial = make_trial(seed=7)
    train_and_score(paths, trial)
    assert upload(mlflow_uri, paths, patience=30) == set()
    check_run()
    (run,) = runs()
    assert run.info.run_name == "epsilon=1.0 · seed 7"
    assert run.data.params == {
        "method.epsilon": "1.0",
        "method": "invariant",
        "dataset": "digits",
        "seed": "7",
        "training.epochs": "3",
        "training.batch_size": "32",
        "method.study": paths.folder.name,
    }
    assert run.data.tags["ablate.key"] == trial.key
    assert run.data.tags["ablate.variant"] == trial.variant
    assert run.data.tags["ablate.device"] == "cpu"
    client = connect(mlflow_uri)
    assert [file.path for file in client.list_artifacts(run.info.run_id, "tables")] == ["tables/curve.csv"]
    assert list(paths.trials.iterdir()) == []


def test_a_metric_name_that_mlflow_refuses_is_replaced_and_kept_in_a_tag(
    mlflow_uri: str, paths: StudyPaths, make_trial: MakeTrial, runs: Runs
) -> None:
    trial = make_trial()
    with SpoolTracker(paths) as tracker:
        tracker.start(trial)
        values = {
            "acc@1": 1.0,
            "acc_1": 2.0,
            "acc#1": 3.0,
            "../x": 4.0,
            "/": 5.0,
            "a" * 300: 6.0,
            "loss(λ=0.1)": math.nan,
        }
        tracker.record(trial, 1, values)
        tracker.finish(trial, State.FINISHED)
    assert upload(mlflow_uri, paths, patience=30) == set()
    (run,) = runs()
    names = {name.removeprefix("ablate.name."): tag for name, tag in run.data.tags.items() if "ablate.name." in name}
    held = {names.get(name, name): value for name, value in run.data.metrics.items()}
    assert math.isnan(held.pop("loss(λ=0.1)"))
    assert held == {name: value for name, value in values.items() if "λ" not in name}


def test_a_trial_takes_five_requests_and_those_of_its_files(
    proxy: Any,
    mlflow_uri: str,
    paths: StudyPaths,
    make_trial: MakeTrial,
    check_run: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "300")  # else a request that takes long is repeated, and counted
    trial = make_trial()
    connect(mlflow_uri).create_experiment(trial.study)  # as a launch does before it trains
    train_and_score(paths, trial, RunRef(may_exist=False, probes={"linear": "d1"}))
    assert upload(proxy.uri, paths, patience=30) == set()
    check_run()
    made = [request.rpartition("/")[2] for request in proxy.requests if "artifacts" not in request]
    experiment = ["get-by-name"]  # once a process
    tags = ["log-batch"]  # the scores count when the files are in
    assert made == [*experiment, "create", "log-inputs", "log-batch", *tags, "update"]


@pytest.mark.parametrize("fatal", range(9))
def test_an_uploader_killed_after_any_request_leaves_no_duplicate(
    fatal: int,
    proxy: Any,
    mlflow_uri: str,
    paths: StudyPaths,
    make_trial: MakeTrial,
    check_run: Callable[[], None],
    in_child: Callable[..., int],
) -> None:
    """MLflow has carried out the request, and the uploader is killed before the answer arrives."""
    train_and_score(paths, make_trial())
    reached = threading.Event()

    def mode(_: str) -> str:
        if len(proxy.requests) <= fatal:
            return "pass"
        reached.set()
        return "lose"

    proxy.mode = mode
    child = in_child(lambda: upload(proxy.uri, paths, patience=60))
    assert reached.wait(60)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert upload(mlflow_uri, paths, patience=30) == set()
    check_run()


@pytest.mark.parametrize("remains", ["", "{", '{"run_id": "x"}'])
def test_a_lost_or_damaged_acknowledgement_leaves_no_duplicate(
    remains: str,
    mlflow_uri: str,
    paths: StudyPaths,
    make_trial: MakeTrial,
    check_run: Callable[[], None],
) -> None:
    trial = make_trial()
    tracker = SpoolTracker(paths, {}, {trial.key: RunRef(probes={"linear": "d1"})})
    train(tracker, trial)
    assert upload(mlflow_uri, paths, patience=30) == set()
    if remains:
        paths.trial(trial.key).sent.write_text(remains)
    else:
        paths.trial(trial.key).sent.unlink()
    score(tracker, trial)
    assert upload(mlflow_uri, paths, patience=30) == set()
    check_run()


def test_a_trial_resumed_in_another_folder_continues_its_run(
    mlflow_uri: str, paths: StudyPaths, tmp_path: Path, make_trial: MakeTrial, runs: Runs, check_run: Callable[[], None]
) -> None:
    """Without its former spool it records all epochs again, at other times."""
    trial = make_trial()
    with SpoolTracker(paths) as tracker:
        train(tracker, trial)
    assert upload(mlflow_uri, paths, patience=30) == set()
    (run,) = runs()
    connect(mlflow_uri).set_terminated(run.info.run_id, "KILLED")
    elsewhere = StudyPaths(tmp_path / "elsewhere")
    train_and_score(elsewhere, trial)
    assert upload(mlflow_uri, elsewhere, patience=30) == set()
    check_run()


def test_the_reason_of_a_failed_trial_is_removed_when_it_succeeds(
    mlflow_uri: str, paths: StudyPaths, make_trial: MakeTrial, runs: Runs, check_run: Callable[[], None]
) -> None:
    trial = make_trial()
    with SpoolTracker(paths, {}, {trial.key: RunRef(probes={"linear": "d1"})}) as tracker:
        train(tracker, trial)
        tracker.finish(trial, State.OUT_OF_MEMORY, "out of memory")
        assert upload(mlflow_uri, paths, patience=30) == set()
        (run,) = runs()
        assert (run.info.status, run.data.tags["ablate.reason"]) == ("FAILED", "out of memory")
        assert run.data.tags["ablate.state"] == "out of memory"
        assert "ablate.probe.linear" not in run.data.tags
        tracker.start(trial)
        assert upload(mlflow_uri, paths, patience=30) == set()
        assert (runs()[0].info.status, runs()[0].data.tags["ablate.state"]) == ("RUNNING", "running")
        score(tracker, trial)
    assert upload(mlflow_uri, paths, patience=30) == set()
    check_run()
    assert runs()[0].data.tags["ablate.reason"] == ""


def test_a_changed_probe_replaces_its_own_score_only(
    mlflow_uri: str, paths: StudyPaths, make_trial: MakeTrial, runs: Runs, points: Points
) -> None:
    trial = make_trial()
    train_and_score(paths, trial)
    assert upload(mlflow_uri, paths, patience=30) == set()
    (run,) = runs()
    run_ref = RunRef(run_id=run.info.run_id, probes={"linear": "d2", "neighbors": "e1"})
    with SpoolTracker(paths, {}, {trial.key: run_ref}) as tracker:
        tracker.start(trial)
        tracker.record(trial, 3, {"train/loss": 7.0, "linear/accuracy": 0.8, "neighbors/accuracy": 0.7})
        assert upload(mlflow_uri, paths, patience=30) == set()
        (scoring,) = runs()
        assert scoring.info.status == "FINISHED"
        assert scoring.data.tags["ablate.probe.linear"] == "d1"
        tracker.finish(trial, State.FINISHED)
    assert upload(mlflow_uri, paths, patience=30) == set()
    (scored,) = runs()
    assert scored.data.metrics["linear/accuracy"] == 0.8
    assert scored.data.metrics["neighbors/accuracy"] == 0.7
    assert scored.data.tags["ablate.probe.linear"] == "d2"
    assert points(run.info.run_id, "train/loss") == LOSSES
    assert scored.info.end_time == run.info.end_time


def test_a_param_that_mlflow_has_with_another_value_is_left_as_it_is(
    mlflow_uri: str, paths: StudyPaths, tmp_path: Path, make_trial: MakeTrial, runs: Runs
) -> None:
    trial = make_trial()
    with SpoolTracker(paths) as tracker:
        train(tracker, trial)
    assert upload(mlflow_uri, paths, patience=30) == set()
    renamed = Trial(trial.config, trial.probes, trial.study, {"method.epsilon": "one", "method.k": 100})
    elsewhere = StudyPaths(tmp_path / "elsewhere")
    train_and_score(elsewhere, renamed)
    assert upload(mlflow_uri, elsewhere, patience=30) == set()
    (run,) = runs()
    assert run.info.status == "FINISHED"
    assert (run.data.params["method.epsilon"], run.data.params["method.k"]) == ("1.0", "100")


def test_a_deleted_run_is_made_again(
    mlflow_uri: str, paths: StudyPaths, make_trial: MakeTrial, runs: Runs, check_run: Callable[[], None]
) -> None:
    trial = make_trial()
    tracker = SpoolTracker(paths, {}, {trial.key: RunRef(probes={"linear": "d1"})})
    train(tracker, trial)
    assert upload(mlflow_uri, paths, patience=30) == set()
    (run,) = runs()
    connect(mlflow_uri).delete_run(run.info.run_id)
    score(tracker, trial)
    assert upload(mlflow_uri, paths, patience=30) == set()
    check_run()
    assert runs()[0].info.run_id != run.info.run_id


def test_a_file_that_the_server_refuses_is_named_in_a_tag_and_kept(
    proxy: Any, paths: StudyPaths, make_trial: MakeTrial, runs: Runs, check_run: Callable[[], None]
) -> None:
    trial = make_trial()
    train_and_score(paths, trial)
    proxy.mode = lambda request: "reject" if request.startswith("PUT") else "pass"
    assert upload(proxy.uri, paths, patience=30) == set()
    check_run()
    assert "413" in runs()[0].data.tags["ablate.rejected.curve.csv"]
    assert (paths.trial(trial.key).folder / "curve.csv").exists()


def test_thousands_of_values_are_uploaded(
    mlflow_uri: str, paths: StudyPaths, make_trial: MakeTrial, runs: Runs, points: Points
) -> None:
    trial = make_trial()
    with SpoolTracker(paths) as tracker:
        tracker.start(trial)
        for epoch in range(1, 701):
            tracker.record(trial, epoch, {f"train/part{part}": epoch / part for part in range(1, 4)})
        tracker.finish(trial, State.FINISHED)
    assert upload(mlflow_uri, paths, patience=60) == set()
    assert points(runs()[0].info.run_id, "train/part2") == [(epoch, epoch / 2) for epoch in range(1, 701)]


def test_a_watched_trial_is_uploaded_while_it_runs_and_removed_when_its_lock_is_free(
    mlflow_uri: str,
    paths: StudyPaths,
    make_trial: MakeTrial,
    runs: Runs,
    check_run: Callable[[], None],
    eventually: Callable[[Callable[[], bool]], None],
) -> None:
    trial = make_trial()
    uploader = Uploader(mlflow_uri, paths, interval=0.05)
    with lock_trial(paths.trial(trial.key)):
        uploader.watch(trial.key)
        tracker = SpoolTracker(paths, {}, {trial.key: RunRef(probes={"linear": "d1"})})
        train(tracker, trial)
        eventually(lambda: bool(runs()) and "train/loss" in runs()[0].data.metrics)
        score(tracker, trial)
        eventually(lambda: runs()[0].info.status == "FINISHED")
        assert paths.trial(trial.key).folder.exists()
    eventually(lambda: not paths.trial(trial.key).folder.exists())
    check_run()
    assert uploader.close(patience=10) == set()


def test_send_soon_uploads_an_ended_trial_before_the_next_round(
    mlflow_uri: str,
    paths: StudyPaths,
    make_trial: MakeTrial,
    runs: Runs,
    check_run: Callable[[], None],
    eventually: Callable[[Callable[[], bool]], None],
) -> None:
    trial = make_trial()
    uploader = Uploader(mlflow_uri, paths, interval=1000.0)
    with SpoolTracker(paths, {}, {trial.key: RunRef(probes={"linear": "d1"})}) as tracker:
        train(tracker, trial)
        uploader.watch(trial.key)
        eventually(lambda: len(runs()) == 1)
        score(tracker, trial)
    uploader.send_soon()
    eventually(lambda: runs()[0].info.status == "FINISHED")
    assert uploader.close(patience=30) == set()
    check_run()


def test_files_for_the_embedded_server_are_written_into_its_folder(
    proxy: Any,
    mlflow_uri: str,
    mlflow_server_store: Store,
    paths: StudyPaths,
    make_trial: MakeTrial,
    runs: Runs,
    check_run: Callable[[], None],
    tmp_path: Path,
) -> None:
    folder = embedded_artifacts(mlflow_server_store, mlflow_uri)
    assert folder == mlflow_server_store.artifacts
    uploader = Uploader(proxy.uri, paths, artifacts=folder)
    trial = make_trial()
    uploader.watch(trial.key)
    train_and_score(paths, trial)
    assert uploader.close(patience=60) == set()
    check_run()
    run_id = runs()[0].info.run_id
    assert [request for request in proxy.requests if "artifacts" in request] == []
    assert [file.path for file in connect(mlflow_uri).list_artifacts(run_id, "tables")] == ["tables/curve.csv"]
    downloaded = connect(mlflow_uri).download_artifacts(run_id, "tables/curve.csv", str(tmp_path))
    assert Path(downloaded).read_text(encoding="utf-8") == "1,2\n"


def test_no_other_server_is_taken_for_the_embedded_one(
    mlflow_uri: str, mlflow_server_store: Store, store: Store
) -> None:
    info = ServerInfo.load(mlflow_server_store.server)
    assert info is not None
    store.mlflow.mkdir(parents=True)
    assert embedded_artifacts(store, mlflow_uri) is None  # this store has none
    assert embedded_artifacts(mlflow_server_store, "http://127.0.0.1:9") is None
    for other in (replace(info, host="elsewhere"), replace(info, created=info.created - 1000)):
        other.save(store.server)
        assert embedded_artifacts(store, mlflow_uri) is None
    store.server.unlink()


@pytest.mark.parametrize("failure", ["fail", "hang", "lose"])
def test_a_failing_server_does_not_disturb_the_trial(
    failure: str,
    proxy: Any,
    mlflow_uri: str,
    paths: StudyPaths,
    make_trial: MakeTrial,
    check_run: Callable[[], None],
    eventually: Callable[[Callable[[], bool]], None],
) -> None:
    proxy.mode = lambda _: failure
    trial = make_trial()
    uploader = Uploader(proxy.uri, paths, interval=0.05)
    uploader.watch(trial.key)
    train_and_score(paths, trial)
    eventually(lambda: len(proxy.requests) > 0)
    began = time.monotonic()
    assert uploader.close(patience=0.5) == {trial.key}
    assert time.monotonic() - began < 5  # a request may hang for 10 seconds, and its server for 60
    proxy.released.set()
    uploader.thread.join(30)
    assert upload(mlflow_uri, paths, patience=30) == set()
    check_run()


def test_a_server_that_fails_often_gets_every_record_once(
    proxy: Any, paths: StudyPaths, make_trial: MakeTrial, check_run: Callable[[], None]
) -> None:
    """Some of the requests without an answer were carried out."""
    generator = random.Random(0)
    proxy.mode = lambda _: generator.choice(["pass", "pass", "pass", "fail", "lose"])
    trial = make_trial()
    uploader = Uploader(proxy.uri, paths, interval=0.01)
    uploader.watch(trial.key)
    train_and_score(paths, trial)
    assert uploader.close(patience=60) == set()
    check_run()


@pytest.mark.slow
def test_a_killed_server_gets_the_records_when_it_is_restarted(
    store: Store, paths: StudyPaths, make_trial: MakeTrial
) -> None:
    server = ensure_server(store)
    trial = make_trial()
    uploader = Uploader(server.uri, paths, interval=0.05)
    uploader.watch(trial.key)
    with SpoolTracker(paths) as tracker:
        train(tracker, trial)
        assert server.process is not None
        os.killpg(server.process[0], signal.SIGKILL)
        score(tracker, trial)
    restarted = ensure_server(store)
    assert restarted.uri == server.uri
    assert uploader.close(patience=60) == set()
    client = connect(restarted.uri)
    experiment = client.get_experiment_by_name(trial.study)
    assert experiment is not None
    (run,) = search(client, [experiment.experiment_id], {})
    assert run.info.status == "FINISHED"
    assert (
        sorted((point.step, point.value) for point in client.get_metric_history(run.info.run_id, "train/loss"))
        == LOSSES
    )
    restarted.stop()


def test_two_processes_upload_different_trials_at_once(
    mlflow_uri: str, paths: StudyPaths, make_trial: MakeTrial, runs: Runs, points: Points, in_child: Callable[..., int]
) -> None:
    trials = [make_trial(seed) for seed in range(6)]

    def work(share: list[Trial]) -> None:
        uploader = Uploader(mlflow_uri, paths, interval=0.01)
        for trial in share:
            with lock_trial(paths.trial(trial.key), patience=5):
                uploader.watch(trial.key)
                train_and_score(paths, trial)
        assert uploader.close(patience=60) == set()

    children = [in_child(lambda: work(trials[:3])), in_child(lambda: work(trials[3:]))]
    for child in children:
        os.waitpid(child, 0)
    assert upload(mlflow_uri, paths, patience=30) == set()
    assert sorted(run.data.tags["ablate.seed"] for run in runs()) == ["0", "1", "2", "3", "4", "5"]
    assert all(points(run.info.run_id, "train/loss") == LOSSES for run in runs())


def test_trials_that_another_process_holds_are_not_uploaded(
    mlflow_uri: str, paths: StudyPaths, make_trial: MakeTrial, runs: Runs
) -> None:
    trial = make_trial()
    train_and_score(paths, trial)
    with lock_trial(paths.trial(trial.key)):
        assert upload(mlflow_uri, paths, patience=10) == set()
        assert runs() == []
    assert upload(mlflow_uri, paths, patience=10) == set()
    assert len(runs()) == 1


def test_without_a_server_upload_returns_the_keys_of_unsent_trials(paths: StudyPaths, make_trial: MakeTrial) -> None:
    trial = make_trial()
    train_and_score(paths, trial)
    assert upload("http://127.0.0.1:9", paths, patience=0) == {trial.key}
    assert Sent.load(paths.trial(trial.key).sent) is None


def test_an_upload_tries_again_until_its_patience_is_spent_which_a_stop_may_shorten(
    paths: StudyPaths, make_trial: MakeTrial
) -> None:
    trial = make_trial()
    train_and_score(paths, trial)
    left = iter([300.0, 300.0, 0.0])
    assert upload("http://127.0.0.1:9", paths, lambda: next(left)) == {trial.key}
    assert next(left, None) is None


def test_an_upload_that_is_refused_is_not_waited_for_as_long_as_a_server_that_is_away(
    proxy: Any, paths: StudyPaths, make_trial: MakeTrial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ablate.track.uploader.SHORT", 0.0)
    trial = make_trial()
    train_and_score(paths, trial)
    proxy.mode = lambda request: "deny"
    assert upload(proxy.uri, paths, patience=300) == {trial.key}
