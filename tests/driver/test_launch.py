"""What a launch promises, seen from the command line of a real one."""

import json
import signal

import pytest

from ablate.driver.lock import owner_of

from .conftest import SMALL, Field, answer

pytestmark = [pytest.mark.cluster, pytest.mark.slow]


def test_a_finished_study_is_launched_at_no_cost(undisturbed: Field) -> None:
    before = undisturbed.histories("small")
    again = undisturbed.run("launch", "small", "--json")
    assert again.code == 0
    assert json.loads(again.text[again.text.index("{") :])["ran"] == 0
    assert not (undisturbed.store.mlflow / "server.json").exists()
    assert undisturbed.histories("small") == before


def test_runs_are_named_nested_and_complete(undisturbed: Field) -> None:
    known = undisturbed.known("small")
    names = sorted(trial.job.name for trial in known.values() if trial.job)
    assert names == [f"epsilon={level} · seed {seed}" for level in (0.4, 0.8) for seed in (0, 1)]
    assert len({trial.parent for trial in known.values()}) == 2
    for curves in undisturbed.histories("small").values():
        assert [step for step, _ in curves["train/loss"]] == list(range(1, 13))
        assert [step for step, _ in curves["linear/accuracy"]] == [12]


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
    assert "epoch 12" in logs.text
    report = answer(undisturbed.run("report", "small", "--json"))
    assert report["metric"] == "linear/accuracy"


def test_a_new_level_and_a_new_seed_run_alone(field_of_study: Field) -> None:
    small = SMALL.replace("EPOCHS", "2").replace("seeds: 2", "seeds: 1").replace("[0.4, 0.8]", "[0.4]")
    field_of_study.write("small", small)
    assert field_of_study.run("launch", "small").code == 0
    first = field_of_study.histories("small")
    field_of_study.write("small", SMALL.replace("EPOCHS", "2"))
    more = field_of_study.run("launch", "small")
    assert more.code == 0
    assert "4 of 4 trials finished, 3 of them in this launch" in more.text
    assert field_of_study.histories("small")["epsilon=0.4 · seed 0"] == first["epsilon=0.4 · seed 0"]
    assert set(field_of_study.statuses("small")) == {"FINISHED"}


def test_a_new_probe_scores_the_kept_encoder(field_of_study: Field) -> None:
    small = SMALL.replace("EPOCHS", "2").replace("seeds: 2", "seeds: 1").replace("[0.4, 0.8]", "[0.4]")
    field_of_study.write("small", small)
    assert field_of_study.run("launch", "small").code == 0
    (before,) = field_of_study.known("small").values()
    field_of_study.write("small", small.replace("probes: [linear]", "probes: [linear, knn]"))
    assert field_of_study.run("launch", "small").code == 0
    (after,) = field_of_study.known("small").values()
    assert (after.run_id, after.key) == (before.run_id, before.key)
    assert {name.partition("/")[0] for name in set(after.metrics) - set(before.metrics)} == {"knn"}
    assert after.metrics["linear/accuracy"] == before.metrics["linear/accuracy"]
    curves = field_of_study.histories("small")["epsilon=0.4 · seed 0"]
    assert [step for step, _ in curves["train/loss"]] == [1, 2]


def test_a_diverging_trial_fails_alone_and_is_retried_on_demand(field_of_study: Field) -> None:
    diverging = SMALL.replace("EPOCHS", "2").replace(
        "method.epsilon: [0.4, 0.8]", "training.learning_rate: [1.0e-3, 1.0e+30]"
    )
    field_of_study.write("small", diverging.replace("seeds: 2", "seeds: 1"))
    launched = field_of_study.run("launch", "small")
    assert launched.code == 1
    assert "1 of 2 trials finished" in launched.text
    assert "loss is not finite at step" in launched.text
    statuses = sorted(trial.status for trial in field_of_study.known("small").values())
    assert statuses == ["FAILED", "FINISHED"]
    again = field_of_study.run("launch", "small")
    assert (again.code, "0 of them in this launch" in again.text) == (1, True)
    retried = field_of_study.run("retry", "small")
    assert (retried.code, "1 of them in this launch" in retried.text) == (1, True)
    assert len(field_of_study.known("small")) == 2


def test_a_second_launch_is_refused_and_a_stop_is_clean(field_of_study: Field, undisturbed: Field) -> None:
    field_of_study.write("small", SMALL.replace("EPOCHS", "12"))
    first = field_of_study.start("launch", "small", "--checkpoint-every", "0.5")
    first.until_checkpoint()
    second = field_of_study.run("launch", "small")
    assert second.code == 1
    assert f"'small' is being launched by process {first.process.pid} on " in second.text
    assert field_of_study.run("stop", "small").code == 0
    assert first.code == 130
    assert "launch again to go on" in first.text
    assert "RUNNING" not in field_of_study.statuses("small")
    assert owner_of(field_of_study.store.study("small").lock) is None
    assert field_of_study.run("launch", "small").code == 0
    assert field_of_study.histories("small") == undisturbed.histories("small")


def test_interrupts_stop_softly_then_at_once(field_of_study: Field) -> None:
    field_of_study.write("small", SMALL.replace("EPOCHS", "2000"))
    command = field_of_study.start("launch", "small")
    command.until_says("2 running")
    workers = command.family("ray::")
    command.process.send_signal(signal.SIGINT)
    assert command.code == 130
    assert "stopped with 0 of 4 trials finished; launch again to go on" in command.text
    command = field_of_study.start("launch", "small")
    command.until_says("2 running")
    command.process.send_signal(signal.SIGINT)
    command.until_says("stopping")
    command.process.send_signal(signal.SIGINT)
    assert command.code == 130
    assert workers
    assert not [process for process in workers if process.is_running()]


def test_a_trial_of_another_study_is_not_trained_again(field_of_study: Field) -> None:
    small = SMALL.replace("EPOCHS", "2").replace("seeds: 2", "seeds: 1")
    field_of_study.write("small", small.replace("[0.4, 0.8]", "[0.4]"))
    field_of_study.write("wide", small.replace("probes: [linear]", "probes: [linear, knn]"))
    assert field_of_study.run("launch", "small").code == 0
    assert field_of_study.run("launch", "wide").code == 0
    ours, theirs = field_of_study.histories("wide"), field_of_study.histories("small")
    shared = {name: curve for name, curve in ours["epsilon=0.4 · seed 0"].items() if not name.startswith("knn/")}
    assert shared == theirs["epsilon=0.4 · seed 0"]
    assert "trained by 'small'" in field_of_study.run("logs", "epsilon=0.4 · seed 0", "--study", "wide").text
    assert set(field_of_study.statuses("wide")) == {"FINISHED"}
