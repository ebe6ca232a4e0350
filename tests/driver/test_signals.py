"""A launch that gets a signal while it starts leaves no process, no lock and no open run behind."""

import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from ablate.driver.launch_lock import owner_of
from ablate.lock import locked

from .conftest import PATIENCE, Command, WorkingDirectory

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.usefixtures("default_signals")]

TINY = """
question: What is left after a signal?
method: pca
dataset: digits
fixed: {training.samples: 64}
axes: {method.latent_dim: [2, 3]}
seeds: 1
probes: [knn]
metric: knn/accuracy
"""


def conductor_starts(command: Command) -> None:
    """Its first child process exists, and has loaded nothing yet."""
    command.until(lambda: command.descendants("ablate.cluster.conductor"), "conductor")


def mlflow_starts(command: Command) -> None:
    """The server is noted, and does not answer yet."""
    command.until((command.output.parent / "ablate-store" / "mlflow" / "server.json").exists, "note of the server")


def ray_starts(command: Command) -> None:
    """Ray's control store runs, and its other processes do not yet."""
    command.until(lambda: command.descendants("gcs_server"), "control store")


def workers_start(command: Command) -> None:
    """The study's run is open in MLflow, and Ray starts the workers."""
    command.until_printed("side by side")


# SIGINT, SIGTERM and SIGHUP have one handler, so one of them at each moment is enough
MOMENTS = (
    (conductor_starts, (signal.SIGINT, signal.SIGKILL)),
    (mlflow_starts, (signal.SIGTERM, signal.SIGKILL)),
    (ray_starts, (signal.SIGHUP, signal.SIGKILL)),
    (workers_start, (signal.SIGINT, signal.SIGKILL)),
)


@pytest.mark.parametrize(
    ("moment", "number"),
    [pytest.param(moment, number, id=f"{moment.__name__}-{number.name}") for moment, all in MOMENTS for number in all],
)
def test_a_signal_while_a_launch_starts_leaves_nothing(
    directory: WorkingDirectory, moment: Callable[[Command], None], number: signal.Signals
) -> None:
    directory.write("tiny", TINY)
    command = directory.start("launch", "tiny")
    moment(command)
    command.process.send_signal(number)
    assert command.code == (-number if number is signal.SIGKILL else 130), command.text
    assert "Traceback" not in command.text

    until_nothing_runs(directory)
    assert owner_of(directory.store.study("tiny").lock) is None
    assert not (directory.store.mlflow / "server.json").exists()
    for file in directory.store.root.rglob("*.lock"):
        with locked(file, PATIENCE):  # a process that ends frees its memory, and looks gone, before it frees its locks
            pass
    if number is not signal.SIGKILL:  # after which the next launch closes them
        assert not directory.store.study("tiny").lock.exists()
        assert "RUNNING" not in run_states(directory.store.mlflow / "mlflow.db")


def until_nothing_runs(directory: WorkingDirectory) -> None:
    """Wait until none of the processes of the directory's launches is left."""
    deadline = time.monotonic() + PATIENCE
    while left := list(processes(directory)):
        assert time.monotonic() < deadline, left
        time.sleep(0.2)


def processes(directory: WorkingDirectory) -> Iterator[str]:
    """The living processes whose environment names the directory's store."""
    for process in psutil.process_iter():
        try:
            if process.environ().get("ABLATE_STORE") == str(directory.store.root):
                yield f"{process.pid} {process.name()} {' '.join(process.cmdline())}"
        except psutil.Error:  # it has ended, or is another user's
            continue


def run_states(database: Path) -> set[str]:
    """The states of all runs in MLflow's database; none where it was not made."""
    if not database.exists():
        return set()
    connection = sqlite3.connect(database)
    try:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        return {state for (state,) in connection.execute("SELECT status FROM runs")} if "runs" in tables else set()
    finally:
        connection.close()
