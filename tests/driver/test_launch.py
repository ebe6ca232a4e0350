"""Launches with Ray and MLflow by the command line: what runs, what is recorded, and how they are interrupted."""

import json
import signal

import pytest

from ablate.process import alive, identify
from ablate.record import TrialRecord

from .conftest import EPOCHS, SMALL, WorkingDirectory, parsed

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

ONE_WORKER = "resources: {cpu: 2}\n"  # so that its imports are done once
FRUGAL = SMALL.replace("EPOCHS", "2") + ONE_WORKER


def times(directory: WorkingDirectory, record: TrialRecord) -> list[int]:
    """The times at which the points of a trial's loss were logged, in milliseconds."""
    points = directory.mlflow_store.client.get_metric_history(record.run_id, "train/loss")
    return [point.timestamp for point in points]


def test_launching_a_finished_study_runs_nothing_and_starts_no_server(uninterrupted: WorkingDirectory) -> None:
    before = uninterrupted.histories("small")
    again = uninterrupted.run("launch", "small", "--json")
    assert again.code == 0
    assert json.loads(again.text[again.text.index("{") :])["ran"] == 0
    assert not (uninterrupted.store.mlflow / "server.json").exists()
    assert uninterrupted.histories("small") == before


def test_runs_are_named_have_their_variants_as_parents_and_hold_every_epoch(uninterrupted: WorkingDirectory) -> None:
    records = uninterrupted.records("small")
    names = sorted(record.trial.name for record in records.values() if record.trial)
    assert names == [f"epsilon={level} · seed {seed}" for level in (0.4, 0.8) for seed in (0, 1)]
    assert len({record.parent for record in records.values()}) == 2
    for curves in uninterrupted.histories("small").values():
        assert [step for step, _ in curves["train/loss"]] == list(range(1, EPOCHS + 1))
        assert [step for step, _ in curves["linear/accuracy"]] == [EPOCHS]


def test_a_plan_names_the_missing_trials(uninterrupted: WorkingDirectory) -> None:
    plan = parsed(uninterrupted.run("plan", "small", "--json", "--set", "axes.method.epsilon=[0.4, 0.8, 1.6]"))
    assert plan["finished"] == 4
    assert plan["to_run"] == ["epsilon=1.6 · seed 0", "epsilon=1.6 · seed 1"]
    assert plan["seconds"] > 0


def test_status_logs_and_report_show_a_finished_study(uninterrupted: WorkingDirectory) -> None:
    (status,) = parsed(uninterrupted.run("status", "small", "--json"))
    assert status["counts"] == {"finished": 4}
    logs = uninterrupted.run("logs", "epsilon=0.4 · seed 1")
    assert f"epoch {EPOCHS}" in logs.text
    report = parsed(uninterrupted.run("report", "small", "--json"))
    assert report["metric"] == "linear/accuracy"


def test_new_levels_seeds_and_probes_run_alone_and_failed_trials_on_retry(served_directory: WorkingDirectory) -> None:
    whole = FRUGAL.replace("method.epsilon: [0.4, 0.8]", "training.learning_rate: [1.0e-3, 1.0e+30]")
    served_directory.write("growing", whole.replace("seeds: 2", "seeds: 1").replace("[1.0e-3, 1.0e+30]", "[1.0e-3]"))
    assert served_directory.run("launch", "growing").code == 0
    (before,) = served_directory.records("growing").values()
    (first,) = served_directory.histories("growing").values()
    logged = times(served_directory, before)

    served_directory.write("growing", whole.replace("probes: [linear]", "probes: [linear, knn]"))
    more = served_directory.run("launch", "growing")
    assert more.code == 1
    assert "2 of 4 trials finished" in more.text
    assert "loss is not finite at step" in more.text
    records = served_directory.records("growing")
    assert sorted(record.state.name for record in records.values()) == ["FAILED", "FAILED", "FINISHED", "FINISHED"]
    after = records[before.key]
    assert after.trial is not None
    assert (after.run_id, after.metrics["linear/accuracy"]) == (before.run_id, before.metrics["linear/accuracy"])
    assert {name.partition("/")[0] for name in set(after.metrics) - set(before.metrics)} == {"knn"}
    curves = served_directory.histories("growing")[after.trial.name]
    assert {name: curve for name, curve in curves.items() if name in first} == first
    assert times(served_directory, after) == logged  # scored, and not trained again

    assert parsed(served_directory.run("plan", "growing", "--json"))["to_run"] == []
    again = served_directory.run("launch", "growing")
    assert (again.code, "in this launch" in again.text) == (1, False)
    retried = served_directory.run("retry", "growing", "--json")
    assert (retried.code, '"ran": 2' in retried.text) == (1, True)
    assert len(served_directory.records("growing")) == 4


def test_a_second_interrupt_stops_at_once(served_directory: WorkingDirectory) -> None:
    served_directory.write("endless", SMALL.replace("EPOCHS", "2000") + ONE_WORKER)
    command = served_directory.start("launch", "endless")
    command.until_printed("1 running")
    workers = [identify(process.pid) for process in command.descendants("ray::")]
    command.process.send_signal(signal.SIGINT)
    command.until_printed("stopping")
    command.process.send_signal(signal.SIGINT)
    assert command.code == 130
    assert workers
    assert not [process for process in workers if alive(process)]
