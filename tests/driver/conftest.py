"""A working directory in which tests launch studies by the command line and kill processes while they run."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from ablate.lock import locked
from ablate.paths import Store
from ablate.record import TrialRecord
from ablate.track.client import search
from ablate.track.mlflow_store import MlflowStore
from ablate.track.ui import reading_address

PATIENCE = 400.0  # seconds; other processes may use most of the processor
EPOCHS = 32  # long enough for six interruptions, one after the other

SMALL = """
question: Do the numbers depend on interruptions?
method: invariant
dataset: digits
fixed:
  training.epochs: EPOCHS
  training.batch_size: 64
  training.samples: 400
  method.k: 10
  probes.linear.epochs: 5
axes:
  method.epsilon: [0.4, 0.8]
seeds: 2
probes: [linear]
metric: linear/accuracy
"""


@dataclass
class WorkingDirectory:
    """A working directory with studies and a store of its own."""

    folder: Path
    server: str = ""  # MLFLOW_TRACKING_URI of its commands; without one, launches start the embedded server
    started: list["Command"] = field(default_factory=list)

    @property
    def store(self) -> Store:
        return Store(self.folder / "ablate-store")

    @property
    def mlflow_store(self) -> MlflowStore:
        return MlflowStore(self.server or reading_address(self.store))

    def write(self, name: str, text: str) -> None:
        studies = self.folder / "studies"
        studies.mkdir(exist_ok=True)
        (studies / f"{name}.yaml").write_text(text)

    def start(self, *arguments: str) -> "Command":
        command = Command(self.folder, arguments, self.server)
        self.started.append(command)
        return command

    def run(self, *arguments: str) -> "Command":
        """Run a command to its end."""
        command = self.start(*arguments)
        command.process.wait(PATIENCE)
        return command

    def records(self, study: str) -> dict[str, TrialRecord]:
        """The records of a study's trials in MLflow, by key."""
        return dict(self.mlflow_store.snapshot(study).records)

    def histories(self, study: str) -> dict[str, dict[str, list[tuple[int, float]]]]:
        """Trial's name → metric → all its points (epoch, value) in MLflow."""
        mlflow_store = self.mlflow_store
        found = {}
        for record in mlflow_store.snapshot(study).records.values():
            assert record.trial is not None
            curves = {name: mlflow_store.client.get_metric_history(record.run_id, name) for name in record.metrics}
            found[record.trial.name] = {
                name: sorted((point.step, point.value) for point in points) for name, points in curves.items()
            }
        return found

    def statuses(self, study: str) -> list[str]:
        """MLflow's status of every run of a study, of all kinds."""
        client = self.mlflow_store.client
        experiment = client.get_experiment_by_name(study)
        assert experiment is not None
        return [run.info.status for run in search(client, [experiment.experiment_id], {})]

    def clear(self) -> None:
        """Kill the commands that still run and the processes that they started."""
        here = str(self.folder)
        for command in self.started:
            command.kill_tree()
        for process in psutil.process_iter():
            try:
                if process.environ().get("ABLATE_STORE", "").startswith(here):
                    process.kill()
            except psutil.Error:
                continue


class Command:
    """A running `ablate` command and its output."""

    def __init__(self, folder: Path, arguments: tuple[str, ...], server: str) -> None:
        self.output = folder / f"output-{time.monotonic_ns()}.txt"
        environment = {**os.environ, "ABLATE_STORE": str(folder / "ablate-store"), "COLUMNS": "200"}
        environment.pop("MLFLOW_TRACKING_URI", None)
        if server:
            environment["MLFLOW_TRACKING_URI"] = server
        self.seen = self.newest_checkpoint()
        with self.output.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "ablate", *arguments],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    @property
    def text(self) -> str:
        return self.output.read_text()

    @property
    def code(self) -> int:
        return self.process.wait(PATIENCE)

    def until(self, seen: Callable[[], Any], what: str) -> Any:
        """Wait until `seen` returns something true, and return it; fails where the command ends first."""
        found = self.while_running(seen, what)
        assert found, f"ended with {self.process.returncode} before {what}:\n{self.text}"
        return found

    def while_running(self, seen: Callable[[], Any], what: str) -> Any:
        """What `seen` returns once that is true; None where the command ends first."""
        deadline = time.monotonic() + PATIENCE
        while not (found := seen()):
            if self.process.poll() is not None:
                return None
            assert time.monotonic() < deadline, f"no {what} within {PATIENCE} s:\n{self.text}"
            time.sleep(0.1)
        return found

    def until_printed(self, pattern: str) -> None:
        self.until(lambda: re.search(pattern, self.text), f"'{pattern}'")

    def makes_checkpoint(self) -> bool:
        """Wait for a checkpoint newer than the last one seen by this method; False where the command ends first."""
        made = self.while_running(lambda: self.newest_checkpoint() > self.seen, "checkpoint")
        self.seen = self.newest_checkpoint()
        return bool(made)

    def newest_checkpoint(self) -> int:
        """When the newest checkpoint was written, in nanoseconds; 0 where there is none."""
        found = [0]
        for file in (self.output.parent / "ablate-store").glob("studies/*/trials/*/checkpoint.pt"):
            with suppress(FileNotFoundError):
                found.append(file.stat().st_mtime_ns)
        return max(found)

    def descendants(self, name: str) -> list[psutil.Process]:
        """The command's descendant processes whose name or command line contains `name`."""
        found = []
        for process in psutil.Process(self.process.pid).children(recursive=True):
            try:
                if name in " ".join(process.cmdline()) or name in process.name():
                    found.append(process)
            except psutil.Error:
                continue
        return found

    @contextmanager
    def suspended_workers(self) -> Iterator[None]:
        """Suspend the workers, so that no trial ends meanwhile."""
        workers = self.descendants("ray::")
        for worker in workers:
            worker.suspend()
        try:
            yield
        finally:
            for worker in workers:
                worker.resume()

    def kill_tree(self) -> None:
        try:
            root = psutil.Process(self.process.pid)
            processes = [root, *root.children(recursive=True)]
        except psutil.NoSuchProcess:
            return
        for process in processes:
            try:
                process.send_signal(signal.SIGKILL)
            except psutil.NoSuchProcess:
                continue
        self.process.wait(PATIENCE)


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[WorkingDirectory]:
    """A working directory whose launches start the embedded MLflow server."""
    found = WorkingDirectory(tmp_path)
    yield found
    found.clear()


@pytest.fixture
def served_directory(tmp_path: Path, mlflow_uri: str) -> Iterator[WorkingDirectory]:
    """A working directory whose studies are recorded by a server that tests share; study names must be unique."""
    found = WorkingDirectory(tmp_path, mlflow_uri)
    yield found
    found.clear()


@pytest.fixture(scope="session")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkingDirectory]:
    """A working directory in which the small study was launched once, without interruption.

    All pytest workers share it; the first one launches the study.
    """
    own = tmp_path_factory.getbasetemp()
    common = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    found = WorkingDirectory(common / "uninterrupted")
    with locked(common / "uninterrupted.lock"):
        if not found.folder.exists():
            found.folder.mkdir()
            found.write("small", SMALL.replace("EPOCHS", str(EPOCHS)))
            found.run("launch", "small")
    (launched, *_) = sorted(found.folder.glob("output-*.txt"))
    assert "4 of 4 trials finished" in launched.read_text(), launched.read_text()
    yield found
    for command in found.started:
        command.kill_tree()


def parsed(command: Command) -> Any:
    """The output of a command with --json."""
    return json.loads(command.text)
