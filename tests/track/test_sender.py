"""Every record reaches a real MLflow exactly once, whatever breaks on the way."""

import math
import os
import random
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ablate.paths import Store, StudyPaths
from ablate.track.client import connect
from ablate.track.delivery import Sent
from ablate.track.hold import hold
from ablate.track.sender import Sender, deliver
from ablate.track.server import ensure_server
from ablate.track.spool import RunRef, SpoolTracker
from ablate.trial import Trial

pytestmark = pytest.mark.cluster

MakeTrial = Callable[..., Trial]
Runs = Callable[..., list[Any]]
Points = Callable[[str, str], list[tuple[int, float]]]

EPOCHS = (1, 2, 3)
LOSSES = [(1, 1.0), (2, 0.5), (3, 0.25)]


def begin(tracker: SpoolTracker, trial: Trial) -> None:
    """A trial that has been trained and not yet scored."""
    tracker.start(trial)
    for epoch, loss in LOSSES:
        tracker.record(trial, epoch, {"train/loss": loss, "train/acc@1": loss / 2})


def complete(tracker: SpoolTracker, trial: Trial, accuracy: float = 0.9) -> None:
    """The rest of it."""
    tracker.record(trial, 3, {"linear/accuracy": accuracy})
    curve = tracker.paths.trial(trial.key).folder / "curve.csv"
    curve.write_text("1,2\n")
    tracker.attach(trial, curve, "tables")
    tracker.finish(trial, "FINISHED")


def whole(paths: StudyPaths, trial: Trial, run_ref: RunRef | None = None) -> None:
    with SpoolTracker(paths, {"device": "cpu"}, {trial.key: run_ref or RunRef(probes={"linear": "d1"})}) as tracker:
        begin(tracker, trial)
        complete(tracker, trial)


@pytest.fixture
def is_whole(runs: Runs, points: Points) -> Callable[[], None]:
    def check() -> None:
        (run,) = runs()
        assert run.info.status == "FINISHED"
        assert points(run.info.run_id, "train/loss") == LOSSES
        assert points(run.info.run_id, "linear/accuracy") == [(3, 0.9)]
        assert run.data.tags["ablate.probe.linear"] == "d1"
        assert run.data.params["method.epsilon"] == "1.0"

    return check


def test_a_trial_arrives_whole_and_its_folder_goes(
    mlflow_uri: str, paths: StudyPaths, make_trial: MakeTrial, runs: Runs, is_whole: Callable[[], None]
) -> None:
    trial = make_trial(seed=7)
    whole(paths, trial)
    assert deliver(mlflow_uri, paths, patience=30) == set()
    is_whole()
    (run,) = runs()
    assert run.info.run_name == "epsilon=1.0 · seed 7"
    assert run.data.params == {
        "method.epsilon": "1.0",
        "method": "invariant",
        "dataset": "digits",
        "seed": "7",
        "training.epochs": "3",
        "training.batch_size": "32",
    }
    assert run.data.tags["ablate.key"] == trial.key
    assert run.data.tags["ablate.variant"] == trial.variant
    assert run.data.tags["ablate.device"] == "cpu"
    client = connect(mlflow_uri)
    assert [file.path for file in client.list_artifacts(run.info.run_id, "tables")] == ["tables/curve.csv"]
    assert list(paths.trials.iterdir()) == []


def test_a_metric_that_mlflow_would_refuse_is_renamed_and_remembered(
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
        tracker.finish(trial, "FINISHED")
    assert deliver(mlflow_uri, paths, patience=30) == set()
    (run,) = runs()
    names = {name.removeprefix("ablate.name."): tag for name, tag in run.data.tags.items() if "ablate.name." in name}
    held = {names.get(name, name): value for name, value in run.data.metrics.items()}
    assert math.isnan(held.pop("loss(λ=0.1)"))
    assert held == {name: value for name, value in values.items() if "λ" not in name}


def test_a_trial_costs_five_requests_and_its_files(
    proxy: Any, paths: StudyPaths, make_trial: MakeTrial, is_whole: Callable[[], None]
) -> None:
    whole(paths, make_trial(), RunRef(known=False, probes={"linear": "d1"}))
    assert deliver(proxy.uri, paths, patience=30) == set()
    is_whole()
    made = [request.rpartition("/")[2] for request in proxy.requests if "artifacts" not in request]
    experiment = ["get-by-name", "create"]  # once a process
    upload = ["get"]  # where do the run's files go?
    tags = ["log-batch"]  # the scores count when the files are in
    assert made == [*experiment, "create", "log-batch", *upload, *tags, "update"]


@pytest.mark.parametrize("fatal", range(8))
def test_a_sender_killed_after_any_request_leaves_nothing_double(
    fatal: int,
    proxy: Any,
    mlflow_uri: str,
    paths: StudyPaths,
    make_trial: MakeTrial,
    is_whole: Callable[[], None],
    in_child: Callable[..., int],
) -> None:
    """MLflow has taken the request, and the sender dies before it learns so."""
    whole(paths, make_trial())
    reached = threading.Event()

    def mode(_: str) -> str:
        if len(proxy.requests) <= fatal:
            return "pass"
        reached.set()
        return "lose"

    proxy.mode = mode
    child = in_child(lambda: deliver(proxy.uri, paths, patience=60))
    assert reached.wait(60)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert deliver(mlflow_uri, paths, patience=30) == set()
    is_whole()


@pytest.mark.parametrize("remains", ["", "{", '{"run_id": "x"}'])
def test_a_lost_or_torn_acknowledgement_doubles_nothing(
    remains: str,
    mlflow_uri: str,
    paths: StudyPaths,
    make_trial: MakeTrial,
    is_whole: Callable[[], None],
) -> None:
    trial = make_trial()
    tracker = SpoolTracker(paths, {}, {trial.key: RunRef(probes={"linear": "d1"})})
    begin(tracker, trial)
    assert deliver(mlflow_uri, paths, patience=30) == set()
    if remains:
        paths.trial(trial.key).sent.write_text(remains)
    else:
        paths.trial(trial.key).sent.unlink()
    complete(tracker, trial)
    assert deliver(mlflow_uri, paths, patience=30) == set()
    is_whole()


def test_a_trial_resumed_elsewhere_goes_on_in_its_run(
    mlflow_uri: str, paths: StudyPaths, tmp_path: Path, make_trial: MakeTrial, runs: Runs, is_whole: Callable[[], None]
) -> None:
    """Without its old spool it says all epochs again, at other times."""
    trial = make_trial()
    with SpoolTracker(paths) as tracker:
        begin(tracker, trial)
    assert deliver(mlflow_uri, paths, patience=30) == set()
    (run,) = runs()
    connect(mlflow_uri).set_terminated(run.info.run_id, "KILLED")
    elsewhere = StudyPaths(tmp_path / "elsewhere")
    whole(elsewhere, trial)
    assert deliver(mlflow_uri, elsewhere, patience=30) == set()
    is_whole()


def test_a_failed_trial_that_succeeds_later_has_no_reason_left(
    mlflow_uri: str, paths: StudyPaths, make_trial: MakeTrial, runs: Runs, is_whole: Callable[[], None]
) -> None:
    trial = make_trial()
    with SpoolTracker(paths, {}, {trial.key: RunRef(probes={"linear": "d1"})}) as tracker:
        begin(tracker, trial)
        tracker.finish(trial, "FAILED", "out of memory")
        assert deliver(mlflow_uri, paths, patience=30) == set()
        (run,) = runs()
        assert (run.info.status, run.data.tags["ablate.reason"]) == ("FAILED", "out of memory")
        assert "ablate.probe.linear" not in run.data.tags
        tracker.start(trial)
        assert deliver(mlflow_uri, paths, patience=30) == set()
        assert runs()[0].info.status == "RUNNING"
        complete(tracker, trial)
    assert deliver(mlflow_uri, paths, patience=30) == set()
    is_whole()
    assert runs()[0].data.tags["ablate.reason"] == ""


def test_a_changed_probe_replaces_its_score_and_no_other(
    mlflow_uri: str, paths: StudyPaths, make_trial: MakeTrial, runs: Runs, points: Points
) -> None:
    trial = make_trial()
    whole(paths, trial)
    assert deliver(mlflow_uri, paths, patience=30) == set()
    (run,) = runs()
    run_ref = RunRef(run_id=run.info.run_id, probes={"linear": "d2", "neighbors": "e1"})
    with SpoolTracker(paths, {}, {trial.key: run_ref}) as tracker:
        tracker.start(trial)
        tracker.record(trial, 3, {"train/loss": 7.0, "linear/accuracy": 0.8, "neighbors/accuracy": 0.7})
        assert deliver(mlflow_uri, paths, patience=30) == set()
        (scoring,) = runs()
        assert scoring.info.status == "FINISHED"
        assert scoring.data.tags["ablate.probe.linear"] == "d1"
        tracker.finish(trial, "FINISHED")
    assert deliver(mlflow_uri, paths, patience=30) == set()
    (scored,) = runs()
    assert scored.data.metrics["linear/accuracy"] == 0.8
    assert scored.data.metrics["neighbors/accuracy"] == 0.7
    assert scored.data.tags["ablate.probe.linear"] == "d2"
    assert points(run.info.run_id, "train/loss") == LOSSES
    assert scored.info.end_time == run.info.end_time


def test_a_param_that_mlflow_has_with_another_value_stops_nothing(
    mlflow_uri: str, paths: StudyPaths, tmp_path: Path, make_trial: MakeTrial, runs: Runs
) -> None:
    trial = make_trial()
    with SpoolTracker(paths) as tracker:
        begin(tracker, trial)
    assert deliver(mlflow_uri, paths, patience=30) == set()
    renamed = Trial(trial.config, trial.probes, trial.study, {"method.epsilon": "one", "method.k": 100})
    elsewhere = StudyPaths(tmp_path / "elsewhere")
    whole(elsewhere, renamed)
    assert deliver(mlflow_uri, elsewhere, patience=30) == set()
    (run,) = runs()
    assert run.info.status == "FINISHED"
    assert (run.data.params["method.epsilon"], run.data.params["method.k"]) == ("1.0", "100")


def test_a_run_that_somebody_deleted_is_made_again(
    mlflow_uri: str, paths: StudyPaths, make_trial: MakeTrial, runs: Runs, is_whole: Callable[[], None]
) -> None:
    trial = make_trial()
    tracker = SpoolTracker(paths, {}, {trial.key: RunRef(probes={"linear": "d1"})})
    begin(tracker, trial)
    assert deliver(mlflow_uri, paths, patience=30) == set()
    (run,) = runs()
    connect(mlflow_uri).delete_run(run.info.run_id)
    complete(tracker, trial)
    assert deliver(mlflow_uri, paths, patience=30) == set()
    is_whole()
    assert runs()[0].info.run_id != run.info.run_id


def test_a_file_that_the_server_will_not_take_is_named_and_kept(
    proxy: Any, paths: StudyPaths, make_trial: MakeTrial, runs: Runs, is_whole: Callable[[], None]
) -> None:
    trial = make_trial()
    whole(paths, trial)
    proxy.mode = lambda request: "reject" if request.startswith("PUT") else "pass"
    assert deliver(proxy.uri, paths, patience=30) == set()
    is_whole()
    assert "413" in runs()[0].data.tags["ablate.rejected.curve.csv"]
    assert (paths.trial(trial.key).folder / "curve.csv").exists()


def test_thousands_of_values_arrive(
    mlflow_uri: str, paths: StudyPaths, make_trial: MakeTrial, runs: Runs, points: Points
) -> None:
    trial = make_trial()
    with SpoolTracker(paths) as tracker:
        tracker.start(trial)
        for epoch in range(1, 701):
            tracker.record(trial, epoch, {f"train/part{part}": epoch / part for part in range(1, 4)})
        tracker.finish(trial, "FINISHED")
    assert deliver(mlflow_uri, paths, patience=60) == set()
    assert points(runs()[0].info.run_id, "train/part2") == [(epoch, epoch / 2) for epoch in range(1, 701)]


def test_a_sender_follows_a_trial_and_removes_its_folder_once_it_is_let_go(
    mlflow_uri: str,
    paths: StudyPaths,
    make_trial: MakeTrial,
    runs: Runs,
    is_whole: Callable[[], None],
    eventually: Callable[[Callable[[], bool]], None],
) -> None:
    trial = make_trial()
    sender = Sender(mlflow_uri, paths, interval=0.05)
    with hold(paths.trial(trial.key)):
        sender.watch(trial.key)
        tracker = SpoolTracker(paths, {}, {trial.key: RunRef(probes={"linear": "d1"})})
        begin(tracker, trial)
        eventually(lambda: bool(runs()) and "train/loss" in runs()[0].data.metrics)
        complete(tracker, trial)
        eventually(lambda: runs()[0].info.status == "FINISHED")
        assert paths.trial(trial.key).folder.exists()
    eventually(lambda: not paths.trial(trial.key).folder.exists())
    is_whole()
    assert sender.close(patience=10) == set()


def test_a_trial_that_has_ended_need_not_wait_for_the_next_round(
    mlflow_uri: str,
    paths: StudyPaths,
    make_trial: MakeTrial,
    runs: Runs,
    is_whole: Callable[[], None],
    eventually: Callable[[Callable[[], bool]], None],
) -> None:
    trial = make_trial()
    sender = Sender(mlflow_uri, paths, interval=1000.0)
    with SpoolTracker(paths, {}, {trial.key: RunRef(probes={"linear": "d1"})}) as tracker:
        begin(tracker, trial)
        sender.watch(trial.key)
        eventually(lambda: len(runs()) == 1)
        complete(tracker, trial)
    sender.nudge()
    eventually(lambda: runs()[0].info.status == "FINISHED")
    assert sender.close(patience=30) == set()
    is_whole()


@pytest.mark.parametrize("trouble", ["fail", "hang", "lose"])
def test_a_server_in_trouble_never_reaches_the_trial(
    trouble: str,
    proxy: Any,
    mlflow_uri: str,
    paths: StudyPaths,
    make_trial: MakeTrial,
    is_whole: Callable[[], None],
    eventually: Callable[[Callable[[], bool]], None],
) -> None:
    proxy.mode = lambda _: trouble
    trial = make_trial()
    sender = Sender(proxy.uri, paths, interval=0.05)
    sender.watch(trial.key)
    whole(paths, trial)
    eventually(lambda: len(proxy.requests) > 0)
    began = time.monotonic()
    assert sender.close(patience=0.5) == {trial.key}
    assert time.monotonic() - began < 5  # a request may hang for 10 seconds, and its server for 60
    proxy.released.set()
    sender.thread.join(30)
    assert deliver(mlflow_uri, paths, patience=30) == set()
    is_whole()


def test_a_server_that_often_fails_gets_everything_once(
    proxy: Any, paths: StudyPaths, make_trial: MakeTrial, is_whole: Callable[[], None]
) -> None:
    """Of the requests without an answer, some were carried out."""
    luck = random.Random(0)
    proxy.mode = lambda _: luck.choice(["pass", "pass", "pass", "fail", "lose"])
    trial = make_trial()
    sender = Sender(proxy.uri, paths, interval=0.01)
    sender.watch(trial.key)
    whole(paths, trial)
    assert sender.close(patience=60) == set()
    is_whole()


@pytest.mark.slow
def test_a_killed_server_gets_its_records_when_it_is_back(
    store: Store, paths: StudyPaths, make_trial: MakeTrial
) -> None:
    server = ensure_server(store)
    trial = make_trial()
    sender = Sender(server.uri, paths, interval=0.05)
    sender.watch(trial.key)
    with SpoolTracker(paths) as tracker:
        begin(tracker, trial)
        assert server.process is not None
        os.killpg(server.process[0], signal.SIGKILL)
        complete(tracker, trial)
    again = ensure_server(store)
    assert again.uri == server.uri
    assert sender.close(patience=60) == set()
    client = connect(again.uri)
    experiment = client.get_experiment_by_name(trial.study)
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.status == "FINISHED"
    assert (
        sorted((point.step, point.value) for point in client.get_metric_history(run.info.run_id, "train/loss"))
        == LOSSES
    )
    again.stop()


def test_two_processes_send_different_trials_at_once(
    mlflow_uri: str, paths: StudyPaths, make_trial: MakeTrial, runs: Runs, points: Points, in_child: Callable[..., int]
) -> None:
    trials = [make_trial(seed) for seed in range(6)]

    def work(share: list[Trial]) -> None:
        sender = Sender(mlflow_uri, paths, interval=0.01)
        for trial in share:
            with hold(paths.trial(trial.key), patience=5):
                sender.watch(trial.key)
                whole(paths, trial)
        assert sender.close(patience=60) == set()

    children = [in_child(lambda: work(trials[:3])), in_child(lambda: work(trials[3:]))]
    for child in children:
        os.waitpid(child, 0)
    assert deliver(mlflow_uri, paths, patience=30) == set()
    assert sorted(run.data.tags["ablate.seed"] for run in runs()) == ["0", "1", "2", "3", "4", "5"]
    assert all(points(run.info.run_id, "train/loss") == LOSSES for run in runs())


def test_delivering_leaves_trials_at_work_to_their_process(
    mlflow_uri: str, paths: StudyPaths, make_trial: MakeTrial, runs: Runs
) -> None:
    trial = make_trial()
    whole(paths, trial)
    with hold(paths.trial(trial.key)):
        assert deliver(mlflow_uri, paths, patience=10) == set()
        assert runs() == []
    assert deliver(mlflow_uri, paths, patience=10) == set()
    assert len(runs()) == 1


def test_without_a_server_delivering_says_what_waits(paths: StudyPaths, make_trial: MakeTrial) -> None:
    trial = make_trial()
    whole(paths, trial)
    assert deliver("http://127.0.0.1:9", paths, patience=0) == {trial.key}
    assert Sent.load(paths.trial(trial.key).sent) is None
