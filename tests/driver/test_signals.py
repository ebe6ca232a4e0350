"""A launch that gets a signal while it starts, runs or closes leaves no process, no lock and no open run behind."""

import os
import re
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from ablate.driver.launch_lock import owner_of
from ablate.events import Stage
from ablate.lock import locked
from ablate.track.server import forget_dead_server

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
LONG = """
question: What is left after a signal?
method: invariant
dataset: digits
fixed: {training.samples: 64, training.batch_size: 32, method.k: 5, EPOCHS}
axes: {method.epsilon: [0.4, 0.8]}
seeds: 1
probes: [linear]
metric: linear/accuracy
"""
LONG_TRAINING = LONG.replace("EPOCHS", "training.epochs: 20000")
# One trial more than train side by side: those that are scored at a signal finish, and one is left.
LEVELS = [round(0.4 + 0.1 * number, 1) for number in range((os.cpu_count() or 1) + 1)]
LONG_SCORING = LONG.replace("EPOCHS", "training.epochs: 1, probes.linear.epochs: 20000").replace(
    "[0.4, 0.8]", str(LEVELS)
)


def study_is_locked(command: Command) -> None:
    """What is recorded of the study is looked at; no process has been started."""
    lock = command.output.parent / "ablate-store" / "studies" / "tiny" / "launch.json"
    command.until(lock.exists, "lock of the launch")


def runs_are_listed(command: Command) -> None:
    """The server answers, and is asked what it has."""
    command.until_printed(Stage.LISTING)


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


def trials_train(command: Command) -> None:
    """A trial has a checkpoint."""
    command.until(lambda: trial_files(command, "checkpoint.pt"), "checkpoint")


def trials_are_scored(command: Command) -> None:
    """A trial is trained, and its scores take seconds."""
    command.until(lambda: trial_files(command, "encoder.pt"), "encoder")


def records_are_sent(command: Command) -> None:
    command.until_printed(Stage.UPLOADING)


def runs_are_closed(command: Command) -> None:
    command.until_printed(Stage.CLOSING)


def report_is_written(command: Command) -> None:
    command.until_printed(Stage.REPORTING)


def server_ends(command: Command) -> None:
    command.until_printed(Stage.ENDING)


def trial_files(command: Command, name: str) -> list[Path]:
    """The files of this name of the trials that the command runs."""
    return list((command.output.parent / "ablate-store").glob(f"studies/*/trials/*/{name}"))


# SIGINT, SIGTERM and SIGHUP have one handler, so one of them at each moment is enough
MOMENTS = (
    (study_is_locked, (signal.SIGTERM,)),
    (conductor_starts, (signal.SIGINT, signal.SIGKILL)),
    (mlflow_starts, (signal.SIGTERM, signal.SIGKILL)),
    (ray_starts, (signal.SIGHUP, signal.SIGKILL)),
    (runs_are_listed, (signal.SIGINT,)),
    (workers_start, (signal.SIGINT, signal.SIGKILL)),
)
RUNNING = (
    (trials_train, LONG_TRAINING, (signal.SIGTERM, signal.SIGKILL)),
    (trials_are_scored, LONG_SCORING, (signal.SIGHUP, signal.SIGKILL)),
)
CLOSING = (
    (records_are_sent, (signal.SIGINT,)),
    (runs_are_closed, (signal.SIGTERM, signal.SIGKILL)),
    (report_is_written, (signal.SIGHUP,)),
    (server_ends, (signal.SIGINT, signal.SIGKILL)),
)


@pytest.mark.parametrize(
    ("moment", "number"),
    [pytest.param(moment, number, id=f"{moment.__name__}-{number.name}") for moment, all in MOMENTS for number in all],
)
def test_a_signal_while_a_launch_starts_leaves_nothing(
    directory: WorkingDirectory, moment: Callable[[Command], None], number: signal.Signals
) -> None:
    command = signalled(directory, TINY, moment, number)
    assert command.code == (-number if number is signal.SIGKILL else 130), command.text
    require_nothing_left(directory, command, number)


@pytest.mark.parametrize(
    ("moment", "text", "number"),
    [
        pytest.param(moment, text, number, id=f"{moment.__name__}-{number.name}")
        for moment, text, numbers in RUNNING
        for number in numbers
    ],
)
def test_a_signal_while_trials_run_leaves_nothing(
    directory: WorkingDirectory, moment: Callable[[Command], None], text: str, number: signal.Signals
) -> None:
    command = signalled(directory, text, moment, number)
    assert command.code == (-number if number is signal.SIGKILL else 130), command.text
    assert re.search(r"of \d+ trials finished; launch again to go on", command.text) or number is signal.SIGKILL
    require_nothing_left(directory, command, number)


@pytest.mark.parametrize(
    ("moment", "number"),
    [
        pytest.param(moment, number, id=f"{moment.__name__}-{number.name}")
        for moment, numbers in CLOSING
        for number in numbers
    ],
)
def test_a_signal_while_a_launch_closes_leaves_nothing(
    directory: WorkingDirectory, moment: Callable[[Command], None], number: signal.Signals
) -> None:
    """A launch that closes goes on to close; the next stage may have begun, or the launch ended, when it arrives."""
    command = signalled(directory, TINY, moment, number)
    assert command.code in (0, -number if number is signal.SIGKILL else 130), command.text
    if number is signal.SIGKILL:  # perhaps between the end of the server and that of its file
        until_nothing_runs(directory)
        forget_dead_server(directory.store)  # as the next command does
    require_nothing_left(directory, command, number)
    if number is not signal.SIGKILL:
        assert set(directory.statuses("tiny")) == {"FINISHED"}
        assert (directory.store.study("tiny").report / "report.md").exists()


def signalled(
    directory: WorkingDirectory, text: str, moment: Callable[[Command], None], number: signal.Signals
) -> Command:
    """A launch of the study that was sent a signal at a moment."""
    directory.write("tiny", text)
    command = directory.start("launch", "tiny")
    moment(command)
    command.process.send_signal(number)
    return command


def require_nothing_left(directory: WorkingDirectory, command: Command, number: signal.Signals) -> None:
    """Neither a process of the launch is left, nor a lock, nor, where the launch could close them, an open run."""
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
