"""A study as a job of a real Ray cluster with token authentication: submitted, refused twice, stopped, gone on with."""

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from ..services.network import free_port

pytestmark = [pytest.mark.cluster, pytest.mark.slow]
PATIENCE = 400.0  # seconds
STUDY = """
question: Does the radius matter?
method: invariant
dataset: digits
fixed: {training.epochs: EPOCHS, training.samples: 300, training.batch_size: 64, method.k: 10}
axes: {method.epsilon: [0.4]}
seeds: 1
probes: [knn]
metric: knn/accuracy
"""


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Callable[..., str]]:
    """A function that runs `ablate` beside a Ray cluster of its own, and returns what it printed."""
    (tmp_path / "token").write_text(secrets.token_hex(32))
    (tmp_path / "token").chmod(0o600)
    mark = {"ABLATE_TEST": str(tmp_path)}
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(tmp_path / "token")}
    environment = {**os.environ, **mark, "COLUMNS": "200"}
    environment.pop("MLFLOW_TRACKING_URI", None)
    folder = tempfile.mkdtemp(dir="/tmp")  # a short path: Ray's sockets are below it
    port = free_port()
    names = ["port", "ray-client-server-port", "dashboard-agent-listen-port", "dashboard-agent-grpc-port"]
    ports = [f"--dashboard-port={port}", *(f"--{name}={free_port()}" for name in names)]  # beside other clusters
    start = ["ray", "start", "--head", "--num-cpus=2", "--disable-usage-stats", f"--temp-dir={folder}", *ports]
    start += ["--no-monitor", "--include-log-monitor=false"]
    tool = Path(sys.executable).parent / start[0]
    subprocess.run([tool, *start[1:]], env={**environment, **token}, check=True, capture_output=True)
    (tmp_path / "mlflow.env").write_text(f"MLFLOW_TRACKING_PASSWORD={secrets.token_hex(16)}\n")
    (tmp_path / "mlflow.env").chmod(0o600)
    options = {
        "address": f"http://127.0.0.1:{port}",
        "token_file": str(tmp_path / "token"),
        "store": str(tmp_path / "s"),
        "secrets": str(tmp_path / "mlflow.env"),
    }
    (tmp_path / "lab.yaml").write_text(f"ray: {options}\n")

    def ablate(*arguments: str, code: int = 0, store: str = "mine") -> str:
        command = [sys.executable, "-m", "ablate", *arguments, "--storage", str(tmp_path / store)]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    yield ablate
    for process in processes_of(tmp_path):
        with suppress(psutil.NoSuchProcess):
            process.kill()
    shutil.rmtree(folder, ignore_errors=True)


def processes_of(folder: Path) -> dict[psutil.Process, list[str]]:
    """The cluster's own processes, by what is in their environment, with their command lines."""
    found = {}
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get("ABLATE_TEST") == str(folder):
                found[process] = process.cmdline()
    return found


def launches(folder: Path) -> bool:
    """Whether a launch runs; asking the Jobs server again and again would take the processor away from it."""
    return any("launch" in line for line in processes_of(folder).values())


def assert_secret_is_in_private_files(folder: Path) -> None:
    """The launch has the secret, which is in the files for it and for the workers, and in no command line."""
    password = (folder / "mlflow.env").read_text().strip().partition("=")[2]
    found = processes_of(folder)
    launch = next(process for process, line in found.items() if "launch" in line and "sh" not in line[0])
    assert launch.environ()["MLFLOW_TRACKING_PASSWORD"] == password
    holders = [file for file in folder.rglob("*") if file.is_file() and password.encode() in file.read_bytes()]
    assert sorted(file.name for file in holders) == ["environment.json", "mlflow.env"]
    assert {file.stat().st_mode & 0o777 for file in holders} == {0o600}
    assert [line for line in found.values() if password in " ".join(line)] == []


def until(condition: Callable[[], bool], what: Callable[[], str]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, what()
        time.sleep(1.0)


def test_a_job_of_ray_is_refused_twice_stops_with_a_checkpoint_and_goes_on(
    lab: Callable[..., str], tmp_path: Path
) -> None:
    def submit(epochs: int, code: int = 0, store: str = "mine") -> str:
        (tmp_path / "radius.yaml").write_text(STUDY.replace("EPOCHS", str(epochs)))
        return lab("submit", "radius.yaml", "--to", "ray", "--target", "lab.yaml", code=code, store=store)

    def printed() -> str:
        return lab("logs", "radius")

    options = (tmp_path / "lab.yaml").read_text()
    (tmp_path / "lab.yaml").write_text(options.replace(f"'token_file': '{tmp_path}/token', ", ""))
    assert "check 'address' and 'token_file' of the options" in submit(100_000, code=1)
    (tmp_path / "lab.yaml").write_text(options)
    submit(100_000)
    assert "of ray; follow it with" in submit(100_000, code=2)
    assert "of ray, submitted from another store" in submit(100_000, code=2, store="other")
    until(lambda: any((tmp_path / "s").rglob("spool.jsonl")), printed)
    until(lambda: ", 1 running" in printed(), printed)
    assert_secret_is_in_private_files(tmp_path)
    assert "was asked to checkpoint and stop" in lab("stop", "radius")
    until(lambda: not launches(tmp_path), printed)
    until(lambda: "of ray: stopped" in lab("status", "radius"), printed)
    assert list((tmp_path / "s").rglob("checkpoint.pt"))
    submit(5)
    until(lambda: launches(tmp_path), printed)
    until(lambda: not launches(tmp_path), printed)
    until(lambda: "of ray: finished, exit code 0" in lab("status", "radius"), printed)
    assert "1 of 1 trial finished" in printed()
