"""A folder in which real studies are launched by the real command line, and broken while they run."""

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
from ablate.track.mlflow_store import MlflowStore, TrialRecord
from ablate.track.ui import reading_address

PATIENCE = 400.0  # seconds: most of the processor may be somebody else's
EPOCHS = 24  # long enough to die in several times

SMALL = """
question: Does whatever happens leave the numbers alone?
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
class Field:
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

    def known(self, study: str) -> dict[str, TrialRecord]:
        """What MLflow knows of a study."""
        return self.mlflow_store.trials(study)

    def histories(self, study: str) -> dict[str, dict[str, list[tuple[int, float]]]]:
        """Every point that MLflow holds of every trial, by the trial's name."""
        mlflow_store = self.mlflow_store
        found = {}
        for record in mlflow_store.trials(study).values():
            assert record.trial is not None
            curves = {name: mlflow_store.client.get_metric_history(record.run_id, name) for name in record.metrics}
            found[record.trial.name] = {
                name: sorted((point.step, point.value) for point in points) for name, points in curves.items()
            }
        return found

    def statuses(self, study: str) -> list[str]:
        """The status of every run of a study, of all kinds."""
        mlflow_store = self.mlflow_store
        kinds = ("study", "variant", "trial")
        return [run.info.status for kind in kinds for run in mlflow_store.runs(study, kind)]

    def clear(self) -> None:
        """End whatever is left of the commands and of what they started."""
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
    """A running `ablate` and everything that it prints."""

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
        """Wait for something to be true while the command runs."""
        found = self.while_running(seen, what)
        assert found, f"ended with {self.process.returncode} before {what}:\n{self.text}"
        return found

    def while_running(self, seen: Callable[[], Any], what: str) -> Any:
        """Wait for something to be true; None: the command ended first."""
        deadline = time.monotonic() + PATIENCE
        while not (found := seen()):
            if self.process.poll() is not None:
                return None
            assert time.monotonic() < deadline, f"no {what} within {PATIENCE} s:\n{self.text}"
            time.sleep(0.1)
        return found

    def until_says(self, pattern: str) -> None:
        self.until(lambda: re.search(pattern, self.text), f"'{pattern}'")

    def makes_checkpoint(self) -> bool:
        """Wait until a trial has something to resume from that is newer than what was seen here; false: it ended."""
        made = self.while_running(lambda: self.newest_checkpoint() > self.seen, "checkpoint")
        self.seen = self.newest_checkpoint()
        return bool(made)

    def newest_checkpoint(self) -> int:
        """When it was written, in nanoseconds."""
        found = [0]
        for file in (self.output.parent / "ablate-store").glob("studies/*/trials/*/checkpoint.pt"):
            with suppress(FileNotFoundError):
                found.append(file.stat().st_mtime_ns)
        return max(found)

    def family(self, name: str) -> list[psutil.Process]:
        """The processes below this one that have a word in their command line."""
        found = []
        for process in psutil.Process(self.process.pid).children(recursive=True):
            try:
                if name in " ".join(process.cmdline()) or name in process.name():
                    found.append(process)
            except psutil.Error:
                continue
        return found

    @contextmanager
    def held(self) -> Iterator[None]:
        """Have the workers stand still: nothing ends while something else is slow."""
        workers = self.family("ray::")
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
            family = [root, *root.children(recursive=True)]
        except psutil.NoSuchProcess:
            return
        for process in family:
            try:
                process.send_signal(signal.SIGKILL)
            except psutil.NoSuchProcess:
                continue
        self.process.wait(PATIENCE)


@pytest.fixture
def field_of_study(tmp_path: Path) -> Iterator[Field]:
    """A field with the embedded MLflow server."""
    found = Field(tmp_path)
    yield found
    found.clear()


@pytest.fixture
def served_field(tmp_path: Path, mlflow_uri: str) -> Iterator[Field]:
    """A field whose studies, of names that no other test uses, go to a server that others use too."""
    found = Field(tmp_path, mlflow_uri)
    yield found
    found.clear()


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    """A field in which the small study was launched once and left in peace.

    Every process that runs tests finds the same one, and only the first launches it.
    """
    own = tmp_path_factory.getbasetemp()
    common = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    found = Field(common / "undisturbed")
    with locked(common / "undisturbed.lock"):
        if not found.folder.exists():
            found.folder.mkdir()
            found.write("small", SMALL.replace("EPOCHS", str(EPOCHS)))
            found.run("launch", "small")
    (launched, *_) = sorted(found.folder.glob("output-*.txt"))
    assert "4 of 4 trials finished" in launched.read_text(), launched.read_text()
    yield found
    for command in found.started:
        command.kill_tree()


def answer(command: Command) -> Any:
    """What a command with --json says."""
    return json.loads(command.text)
