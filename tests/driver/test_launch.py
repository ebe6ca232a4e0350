"""What a launch promises, seen from the command line of a real one."""

import json
import signal

import pytest

from ablate.process import alive, identify
from ablate.track.mlflow_store import TrialRecord

from .conftest import EPOCHS, SMALL, Field, answer

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

FRUGAL = SMALL.replace("EPOCHS", "2") + "resources: {cpu: 2}\n"  # one worker's imports are enough


def times(field: Field, record: TrialRecord) -> list[int]:
    """When MLflow was told of each point of a trial's loss, in milliseconds."""
    points = field.mlflow_store.client.get_metric_history(record.run_id, "train/loss")
    return [point.timestamp for point in points]


def test_a_finished_study_is_launched_at_no_cost(undisturbed: Field) -> None:
    before = undisturbed.histories("small")
    again = undisturbed.run("launch", "small", "--json")
    assert again.code == 0
    assert json.loads(again.text[again.text.index("{") :])["ran"] == 0
    assert not (undisturbed.store.mlflow / "server.json").exists()
    assert undisturbed.histories("small") == before


def test_runs_are_named_nested_and_complete(undisturbed: Field) -> None:
    known = undisturbed.known("small")
    names = sorted(record.trial.name for record in known.values() if record.trial)
    assert names == [f"epsilon={level} · seed {seed}" for level in (0.4, 0.8) for seed in (0, 1)]
    assert len({record.parent for record in known.values()}) == 2
    for curves in undisturbed.histories("small").values():
        assert [step for step, _ in curves["train/loss"]] == list(range(1, EPOCHS + 1))
        assert [step for step, _ in curves["linear/accuracy"]] == [EPOCHS]


def test_a_plan_names_what_is_missing(undisturbed: Field) -> None:
    plan = answer(undisturbed.run("plan", "small", "--json", "--set", "axes.method.epsilon=[0.4, 0.8, 1.6]"))
    assert plan["finished"] == 4
    assert plan["to_run"] == ["epsilon=1.6 · seed 0", "epsilon=1.6 · seed 1"]
    assert plan["seconds"] > 0


def test_status_logs_and_report_answer(undisturbed: Field) -> None:
    (status,) = answer(undisturbed.run("status", "small", "--json"))
    assert status["counts"] == {"FINISHED": 4}
    assert status["waiting"] == 0
    logs = undisturbed.run("logs", "epsilon=0.4 · seed 1")
    assert f"epoch {EPOCHS}" in logs.text
    report = answer(undisturbed.run("report", "small", "--json"))
    assert report["metric"] == "linear/accuracy"


def test_a_study_that_grows_runs_only_what_is_new_and_a_failure_on_demand(served_field: Field) -> None:
    whole = FRUGAL.replace("method.epsilon: [0.4, 0.8]", "training.learning_rate: [1.0e-3, 1.0e+30]")
    served_field.write("growing", whole.replace("seeds: 2", "seeds: 1").replace("[1.0e-3, 1.0e+30]", "[1.0e-3]"))
    assert served_field.run("launch", "growing").code == 0
    (before,) = served_field.known("growing").values()
    (first,) = served_field.histories("growing").values()
    logged = times(served_field, before)

    served_field.write("growing", whole.replace("probes: [linear]", "probes: [linear, knn]"))
    more = served_field.run("launch", "growing")
    assert more.code == 1
    assert "2 of 4 trials finished" in more.text
    assert "loss is not finite at step" in more.text
    known = served_field.known("growing")
    assert sorted(record.status for record in known.values()) == ["FAILED", "FAILED", "FINISHED", "FINISHED"]
    after = known[before.key]
    assert after.trial is not None
    assert (after.run_id, after.metrics["linear/accuracy"]) == (before.run_id, before.metrics["linear/accuracy"])
    assert {name.partition("/")[0] for name in set(after.metrics) - set(before.metrics)} == {"knn"}
    curves = served_field.histories("growing")[after.trial.name]
    assert {name: curve for name, curve in curves.items() if name in first} == first
    assert times(served_field, after) == logged  # scored, and not trained again

    assert answer(served_field.run("plan", "growing", "--json"))["to_run"] == []
    again = served_field.run("launch", "growing")
    assert (again.code, "0 of them in this launch" in again.text) == (1, True)
    retried = served_field.run("retry", "growing")
    assert (retried.code, "2 of them in this launch" in retried.text) == (1, True)
    assert len(served_field.known("growing")) == 4


def test_a_second_interrupt_stops_at_once(served_field: Field) -> None:
    served_field.write("endless", SMALL.replace("EPOCHS", "2000"))
    command = served_field.start("launch", "endless")
    command.until_says("2 running")
    workers = [identify(process.pid) for process in command.family("ray::")]
    command.process.send_signal(signal.SIGINT)
    command.until_says("stopping")
    command.process.send_signal(signal.SIGINT)
    assert command.code == 130
    assert workers
    assert not [process for process in workers if alive(process)]
