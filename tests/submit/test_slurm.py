"""Studies as jobs of a real Slurm: submitted, signalled at the limit, stopped, cancelled, and gone on with."""

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from ablate.paths import Store
from ablate.submit.commands import run_tool
from ablate.submit.slurm import SlurmOptions, SlurmTarget
from ablate.submit.target import JobState
from ablate.track.server import ensure_server

from ..services.slurm import slurm_cluster
from ..services.waiting import wait_until

pytestmark = [pytest.mark.cluster, pytest.mark.slow]
PATIENCE = 400.0  # seconds
STUDY = """
question: Does the radius matter?
method: invariant
dataset: digits
fixed: {training.epochs: 60, training.samples: 300, training.batch_size: 64, method.k: 10, probes.linear.epochs: 5}
axes: {method.epsilon: [0.4]}
seeds: 1
probes: [linear]
metric: linear/accuracy
"""


class Lab:
    """A folder from which studies are submitted to a Slurm cluster."""

    def __init__(self, folder: Path, environment: dict[str, str], options: Mapping[str, Any]) -> None:
        self.folder = folder
        self.environment = {**environment, "ABLATE_STORE": str(folder / "store"), "COLUMNS": "200"}
        self.environment.pop("MLFLOW_TRACKING_URI", None)
        path = str(Path(sys.executable).parent) + ":" + environment["PATH"]
        options = {**options, "variables": {"PATH": path, **options.get("variables", {})}}
        (folder / "lab.yaml").write_text(f"slurm: {options}\n")

    def ablate(self, *arguments: str, code: int = 0) -> str:
        done = self.tool(sys.executable, "-m", "ablate", *arguments)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def submit(self, study: str, code: int = 0, text: str = STUDY) -> str:
        """Submit a study; its job's id."""
        (self.folder / f"{study}.yaml").write_text(text)
        said = self.ablate("submit", f"{study}.yaml", "--to", "slurm", "--target", "lab.yaml", code=code)
        return said.split()[1] if code == 0 else said

    def tool(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(arguments, cwd=self.folder, env=self.environment, capture_output=True, text=True)

    def state(self, job: str) -> str:
        return self.tool("squeue", "-h", "-t", "all", "-o", "%T", "-j", job).stdout.strip()

    def log(self, study: str, job: str) -> str:
        file = self.folder / "store" / "studies" / study / f"slurm-{job}.log"
        return file.read_text() if file.exists() else ""

    def until(self, condition: Callable[[], bool], what: Callable[[], str]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, what()
            time.sleep(0.3)  # Slurm sends no notice of a change

    def until_trains(self, study: str, job: str) -> None:
        self.until(lambda: self.training(study) > 0, lambda: self.log(study, job))

    def training(self, study: str) -> int:
        """The number of trials that have begun."""
        return len(list(self.trial_files(study, "spool.jsonl")))

    def trial_files(self, study: str, name: str) -> Iterator[Path]:
        return (self.folder / "store" / "studies" / study / "trials").glob(f"*/{name}")

    def until_state(self, study: str, job: str, *states: str) -> None:
        self.until(lambda: self.state(job) in states, lambda: f"{self.state(job)}\n{self.log(study, job)}")

    def checkpoints(self, study: str) -> list[Path]:
        return list(self.trial_files(study, "checkpoint.pt"))

    def trials(self, study: str) -> list[str]:
        """The states of a study's trials."""
        (status,) = json.loads(self.ablate("status", study, "--json"))
        return [trial["state"] for trial in status["trials"]]

    def processes(self) -> list[str]:
        """The processes of the lab's jobs."""
        return list(self.environments())

    def environments(self) -> dict[str, dict[str, str]]:
        """The command lines of the processes of the lab's jobs, with their environments."""
        found = {}
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                environment = process.environ()
                if environment.get("ABLATE_STORE") == self.environment["ABLATE_STORE"]:
                    found[" ".join(process.cmdline())] = environment
        return found


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """One secret is in the file that the options name, and one in the environment of `ablate submit`."""
    file = tmp_path / "mlflow.env"
    file.write_text(f"MLFLOW_TRACKING_USERNAME=reader\nMLFLOW_TRACKING_PASSWORD={secrets.token_hex(16)}\n")
    file.chmod(0o600)
    with slurm_cluster() as cluster:
        environment = {**cluster.environment, "PGPASSWORD": f"it's {secrets.token_hex(16)}"}
        yield Lab(tmp_path, environment, {"cpus": 1, "secrets": str(file)})


def assert_secrets_are_in_private_files(lab: Lab, job: str) -> None:
    """The launch has both secrets, which are in no file but one each, no command line, and nothing that Slurm shows."""
    known = next(environment for line, environment in lab.environments().items() if "launch" in line)
    password, other = known["MLFLOW_TRACKING_PASSWORD"], known["PGPASSWORD"]
    assert password in (lab.folder / "mlflow.env").read_text()
    assert other == lab.environment["PGPASSWORD"]
    hidden = [password, other.split()[1]]
    folders = (lab.folder, Path(lab.environment["SLURM_CONF"]).parent)
    files = [file for folder in folders for file in folder.rglob("*") if file.is_file()]
    holders = [file for file in files if any(secret.encode() in file.read_bytes() for secret in hidden)]
    assert sorted(file.name for file in holders) == ["job.env", "mlflow.env"]
    assert {file.stat().st_mode & 0o777 for file in holders} == {0o600}
    shown = [lab.tool("scontrol", "show", "job", "-d", job).stdout]
    shown.append(lab.tool("scontrol", "write", "batch_script", job, "-").stdout)
    assert all("ablate-endless" in text for text in shown)
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            shown.append(" ".join(process.cmdline()))
    assert [text for text in shown if any(secret in text for secret in hidden)] == []


def test_a_job_is_signalled_at_its_limit_goes_on_and_ends_and_others_are_stopped_preempted_and_cancelled(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    server = ensure_server(Store(lab.folder / "store"))  # kept up between the jobs, which saves each its start
    job = lab.submit("radius")
    refused = lab.submit("radius", code=2)
    assert f"as job {job} of slurm" in refused
    lab.until_trains("radius", job)
    lab.tool("scancel", "--batch", "--signal=TERM", job)  # what --signal=B:TERM sends before the limit
    lab.until(lambda: "ablate launch ended with 130" in lab.log("radius", job), lambda: lab.log("radius", job))
    lab.until_state("radius", job, "COMPLETED")
    log = lab.log("radius", job)
    assert log.count("starting Ray and MLflow") == 2
    assert "ablate launch ended with 0" in log
    assert log in lab.ablate("logs", "radius")
    assert (lab.folder / "store" / "studies" / "radius" / "report" / "report.md").exists()
    assert f"job {job} of slurm: finished" in lab.ablate("status", "radius")

    endless = STUDY.replace("training.epochs: 60", "training.epochs: 100000")
    stopped = lab.submit("endless", text=endless)
    lab.until_trains("endless", stopped)
    assert not lab.checkpoints("endless")  # the first one is due after a minute
    assert f"job {stopped} of slurm: running" in lab.ablate("status", "endless")
    assert_secrets_are_in_private_files(lab, stopped)
    assert "was asked to checkpoint and stop" in lab.ablate("stop", "endless")
    lab.until_state("endless", stopped, "FAILED")
    assert "ablate launch ended with 130" in lab.log("endless", stopped)
    assert f"job {stopped} of slurm: stopped" in lab.ablate("status", "endless")
    assert len(lab.checkpoints("endless")) == 1
    assert lab.trials("endless") == ["stopped"]
    assert not list(lab.folder.rglob("job.env"))
    again = lab.submit("endless", text=endless)
    lab.until(lambda: lab.log("endless", again).count("side by side") == 1, lambda: lab.log("endless", again))
    wanted = ("--partition=urgent", "--nodes=2", "--exclusive", "--export=NONE", "--wrap=sleep 1000")
    urgent = lab.tool("sbatch", "--parsable", *wanted).stdout.strip()
    lab.until_state("endless", again, "PENDING")
    lab.until_state("endless", urgent, "RUNNING")
    lab.until(lambda: not lab.processes(), lambda: str(lab.processes()))
    assert f"job {again} of slurm: waiting" in lab.ablate("status", "endless")
    lab.tool("scancel", urgent)
    lab.until(lambda: lab.log("endless", again).count("side by side") == 2, lambda: lab.log("endless", again))
    server.stop()
    assert server.alive  # the job uses it still
    lab.tool("scancel", again)
    lab.until_state("endless", again, "CANCELLED")
    lab.until(lambda: not (lab.processes() or server.alive), lambda: str(lab.processes()))
    assert lab.state(again) == "CANCELLED"


PROGRAM = """#!/bin/sh
until [ -e {end} ]; do sleep 0.2; done
exit 75
"""


def test_a_job_is_refused_from_another_store_and_goes_on_after_exit_code_75_as_often_as_it_may(tmp_path: Path) -> None:
    folder = tmp_path / 'a "50 %j" folder'
    program, end = folder / "bin" / "ablate", tmp_path / "end"
    program.parent.mkdir(parents=True)
    program.write_text(PROGRAM.format(end=end))
    program.chmod(0o755)
    with slurm_cluster() as cluster:
        path = f"{program.parent}:{cluster.environment['PATH']}"
        lab = Lab(folder, cluster.environment, {"cpus": 1, "max_requeues": 2, "variables": {"PATH": path}})
        job = lab.submit("radius")
        lab.until_state("radius", job, "RUNNING")
        arguments = ("submit", "radius.yaml", "--to", "slurm", "--target", "lab.yaml", "--storage", "other")
        assert f"job {job} of slurm waits or runs 'radius', submitted from another" in lab.ablate(*arguments, code=2)
        assert f"job {job} of slurm: running" in lab.ablate("status", "radius")
        end.touch()
        lab.until_state("radius", job, "FAILED")
        assert lab.ablate("logs", "radius").count("ablate launch ended with 75\n") == 3
        assert f"job {job} of slurm: failed, exit code 75" in lab.ablate("status", "radius")
        (status,) = json.loads(lab.ablate("status", "radius", "--json"))
        assert status["job"]["code"] == 75


JOB = """#!/bin/bash
#SBATCH --nodes=2 --ntasks-per-node=1 --output={folder}/output
trap 'echo shell >> {folder}/signalled' TERM
srun bash -c 'trap "echo step >> {folder}/signalled" TERM; touch {folder}/$SLURM_NODEID
  until [ -e {folder}/end ]; do sleep 0.2; echo >> {folder}/steps; done' &
until [ -e {folder}/end ]; do sleep 0.2; done
wait
"""


def test_stopping_a_job_signals_its_shell_alone_and_none_of_its_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signalled, steps = tmp_path / "signalled", tmp_path / "steps"
    steps.touch()
    with slurm_cluster() as cluster:
        for name in ("SLURM_CONF", "PATH"):
            monkeypatch.setenv(name, cluster.environment[name])
        (tmp_path / "job").write_text(JOB.format(folder=tmp_path))
        job = run_tool(["sbatch", "--parsable", str(tmp_path / "job")], "").strip()
        target = SlurmTarget(SlurmOptions())
        try:
            for node in "01":
                wait_until((tmp_path / node).exists, lambda: str(cluster.states()))
            target.stop(job, tmp_path)
            wait_until(signalled.exists, lambda: str(cluster.states()))
            before = steps.stat().st_size
            wait_until(lambda: steps.stat().st_size > before + 20, lambda: str(cluster.states()))
            state = target.state(job)
        finally:
            (tmp_path / "end").touch()
            wait_until(lambda: not target.state(job).active, lambda: str(cluster.states()))
        assert state is JobState.RUNNING
        assert signalled.read_text() == "shell\n"
        assert "srun" not in (tmp_path / "output").read_text()  # it says where a step is cancelled


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("PENDING", JobState.WAITING),
        ("REQUEUE_FED", JobState.WAITING),
        ("RESV_DEL_HOLD", JobState.WAITING),
        ("SPECIAL_EXIT", JobState.WAITING),
        ("RESIZING", JobState.RUNNING),
        ("SIGNALING", JobState.RUNNING),
        ("STAGE_OUT", JobState.RUNNING),
        ("PREEMPTED", JobState.STOPPED),
        ("TIMEOUT", JobState.FAILED),
    ],
)
def test_a_state_of_slurm_says_whether_a_job_waits_runs_or_has_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, word: str, state: JobState
) -> None:
    scontrol = tmp_path / "scontrol"  # no test brings a job into most of these
    scontrol.write_text(f"#!/bin/sh\necho JobId=7 JobState={word} ExitCode=0:0\n")
    scontrol.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert SlurmTarget(SlurmOptions()).state("7") is state


def test_a_file_of_secrets_that_others_may_read_is_refused(tmp_path: Path) -> None:
    secrets = tmp_path / "mlflow.env"
    secrets.write_text("MLFLOW_TRACKING_PASSWORD=hunter2\n")
    secrets.chmod(0o644)
    (tmp_path / "lab.yaml").write_text(f"slurm: {{secrets: {secrets}}}\n")
    (tmp_path / "radius.yaml").write_text(STUDY)
    arguments = ("submit", "radius.yaml", "--to", "slurm", "--target", "lab.yaml", "--storage", "store")
    done = subprocess.run(
        [sys.executable, "-m", "ablate", *arguments], cwd=tmp_path, env=os.environ, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert f"{secrets}: others may read this file of secrets; run: chmod 600 {secrets}" in done.stderr
    assert not (tmp_path / "store" / "studies" / "radius" / "job.json").exists()
