"""`python -m ablate.run`: trials in a process of their own, without Ray and MLflow."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from ablate.methods import METHODS
from ablate.paths import Store
from ablate.run import main
from ablate.testing.pack_runs import (
    MakeContext,
    assert_same,
    invariant_trial,
    run,
)
from ablate.trial import Config, Trial


def alone(
    folder: Path, *trials: Trial, command: Sequence[str] = ("-m", "ablate.run")
) -> subprocess.CompletedProcess[str]:
    """Run trials in a process of their own, with as many threads as this one has."""
    folder.mkdir()
    (folder / "trials.json").write_text(json.dumps([trial.to_json() for trial in trials]))
    threads = {"OMP_NUM_THREADS": str(torch.get_num_threads())}
    return subprocess.run(
        [sys.executable, *command, "trials.json"],
        cwd=folder,
        env={**os.environ, **threads, "ABLATE_STORE": str(folder / "store")},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_trials_in_one_process_equal_trials_in_processes_of_their_own(
    make_context: MakeContext, tmp_path: Path
) -> None:
    trials = [invariant_trial(0, epsilon=0.4), invariant_trial(1, epsilon=0.8)]
    shared = make_context()
    for trial in trials:
        (ended,) = run([trial], shared)
        done = alone(tmp_path / trial.key, trial)
        assert done.returncode == 0, done.stderr
        printed = json.loads(done.stdout)
        assert (printed["state"], printed["metrics"]) == ("finished", ended.metrics)
        own = replace(shared, paths=Store(tmp_path / trial.key / "store").study("study"))
        assert_same(trial, own, shared)


@pytest.mark.slow
def test_a_trial_runs_without_ray_mlflow_and_optuna(tmp_path: Path) -> None:
    """Nor torch's compiler, whose import takes longer than most of ours."""
    program = (
        "import runpy, sys\n"
        "absent = ['ray', 'mlflow', 'optuna', 'pydantic', 'yaml', 'typer', 'psutil', 'torch._dynamo']\n"
        "sys.modules.update(dict.fromkeys(absent))\n"
        "runpy.run_module('ablate.run', run_name='__main__')\n"
    )
    done = alone(tmp_path / "alone", invariant_trial(epochs=1), command=("-c", program))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["state"] == "finished"


@pytest.mark.slow
def test_a_trial_that_fails_ends_its_process_with_code_one(tmp_path: Path) -> None:
    trial = invariant_trial(epochs=1)
    diverging = replace(trial, config=replace(trial.config, training={"epochs": 1, "learning_rate": 1e30}))
    done = alone(tmp_path / "alone", diverging)
    assert done.returncode == 1
    printed = json.loads(done.stdout)
    assert printed["state"] == "failed"
    assert printed["reason"].startswith("loss is not finite at step ")


@pytest.mark.slow
def test_pretraining_is_run_first_wherever_it_is_listed(tmp_path: Path) -> None:
    small = {**METHODS["predictive-transformation"].datasets["digits"], "width": 8, "latent_dim": 8, "hidden": 16}
    first = Config("predictive-transformation", "1", small, "digits", "1", {"epochs": 1}, 0)
    after = Trial(
        replace(first, method="vte-barber-agakov", settings={**small, "two_phase": True}, first=first), {}, "s"
    )
    for trials in ([after], [after, Trial(first, {}, "s")]):
        done = alone(tmp_path / str(len(trials)), *trials)
        assert done.returncode == 0, done.stdout + done.stderr
        printed = [json.loads(line) for line in done.stdout.splitlines()]
        assert [(each["trial"], each["state"]) for each in printed] == [
            (first.key, "finished"),
            (after.key, "finished"),
        ]


@pytest.mark.parametrize(
    ("content", "problem", "code"),
    [
        (None, "trials.json: No such file", 1),
        ("{", "trials.json: this is not a list of trials in JSON: JSONDecodeError", 2),
        ('[{"config": 5}]', "trials.json: this is not a list of trials in JSON: AttributeError", 2),
        ("[]", "trials.json: the list of trials is empty", 2),
    ],
)
def test_a_file_that_holds_no_trials_is_refused_in_one_line(
    content: str | None,
    problem: str,
    code: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["ablate.run", "trials.json"])
    if content is not None:
        Path("trials.json").write_text(content)
    assert main() == code
    printed = capsys.readouterr().err
    assert printed.startswith(f"ablate: {problem}")
    assert printed.count("\n") == 1
