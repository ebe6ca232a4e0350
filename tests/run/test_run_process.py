"""`python -m ablate.run`: trials in a process of their own, without Ray and MLflow."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

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

RunHere = Callable[..., tuple[int, list[dict[str, Any]]]]


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


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> RunHere:
    """A function that runs trials in this process as the command does: its exit code and the lines of JSON."""
    monkeypatch.setenv("ABLATE_STORE", str(tmp_path / "store"))
    monkeypatch.setattr(sys, "argv", ["ablate.run", str(tmp_path / "trials.json")])

    def call(*trials: Trial) -> tuple[int, list[dict[str, Any]]]:
        (tmp_path / "trials.json").write_text(json.dumps([trial.to_json() for trial in trials]))
        code = main()
        return code, [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return call


@pytest.mark.slow
def test_a_trial_that_fails_ends_the_command_with_code_one(here: RunHere) -> None:
    trial = invariant_trial(epochs=1)
    diverging = {**trial.config.training, "learning_rate": 1e30}
    code, (printed,) = here(replace(trial, config=replace(trial.config, training=diverging)))
    assert code == 1
    assert printed["state"] == "failed"
    assert printed["reason"].startswith("loss is not finite at step ")


@pytest.mark.slow
@pytest.mark.parametrize("listed", [False, True])
def test_pretraining_is_run_first_wherever_it_is_listed(here: RunHere, listed: bool) -> None:
    small = {**METHODS["predictive-transformation"].datasets["digits"], "width": 8, "latent_dim": 8, "hidden": 16}
    first = Config("predictive-transformation", "1", small, "digits", "1", {"epochs": 1, "samples": 320}, 0)
    after = Trial(
        replace(first, method="vte-barber-agakov", settings={**small, "two_phase": True}, first=first), {}, "s"
    )
    code, printed = here(after, Trial(first, {}, "s")) if listed else here(after)
    assert code == 0
    assert [(each["trial"], each["state"]) for each in printed] == [(first.key, "finished"), (after.key, "finished")]


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
