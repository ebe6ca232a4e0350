"""A launch on several nodes with addresses of their own: they are checked first, come and go, and the head dies."""

import json
import os
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from ablate.track.mlflow_store import MlflowStore

from ..services.plain_mlflow import plain_mlflow
from ..services.ray_nodes import RayNodes, ray_nodes

pytestmark = [pytest.mark.cluster, pytest.mark.slow]
PATIENCE = 400.0  # seconds; other processes may use most of the processor
SOON = 30.0  # seconds in which a node that has joined is checked and counted
STUDY = """
question: Does the radius matter?
method: invariant
dataset: digits
fixed: {training.epochs: 20, training.samples: 400, training.batch_size: 64, method.k: 10}
axes: {method.epsilon: [0.4, 0.8]}
seeds: 1
probes: [knn]
metric: knn/accuracy
"""


@dataclass
class Lab:
    """A cluster, an MLflow server that its nodes reach, and a store in a folder that all nodes see."""

    folder: Path
    nodes: RayNodes
    uri: str
    secret: str = field(default_factory=lambda: secrets.token_hex(16))
    commands: list[subprocess.Popen[bytes]] = field(default_factory=list)
    here: int = 1  # the node on which commands are started

    @property
    def store(self) -> Path:
        return self.folder / "store"

    def start(self, *arguments: str, uri: str | None = None) -> "Running":
        """Start an `ablate` command as a process of the node `here`."""
        environment = {**os.environ, **self.nodes.environment, "COLUMNS": "200", "ABLATE_STORE": str(self.store)}
        environment |= {"MLFLOW_TRACKING_USERNAME": "reader", "MLFLOW_TRACKING_PASSWORD": self.secret}
        environment["MLFLOW_TRACKING_URI"] = self.uri if uri is None else uri
        ablate = ("env", "-C", str(self.folder), sys.executable, "-P", "-m", "ablate")
        command = self.nodes.inside(self.here, *ablate, *arguments)
        output = self.folder / f"output-{len(self.commands)}.txt"
        with output.open("wb") as out:
            process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        self.commands.append(process)
        return Running(process, output)

    def launch(self, *options: str, study: str = "radius.yaml", uri: str | None = None) -> "Running":
        return self.start("launch", study, "--address", self.nodes.address, *options, uri=uri)

    def trains_on(self, node: int) -> bool:
        """Whether a worker of Tune's is a process of the node."""
        return bool(self.workers(node))

    def workers(self, node: int) -> list[psutil.Process]:
        family = self.nodes.processes(node)
        return [process for process in family if "Trainable" in " ".join(cmdline_of(process))]

    @contextmanager
    def suspended(self, *nodes: int) -> Iterator[None]:
        """Suspend the workers of these nodes, so that no trial ends and the processor is free for others."""
        workers = [worker for node in nodes for worker in self.workers(node)]
        for worker in workers:
            worker.suspend()
        yield
        for worker in workers:
            with suppress(psutil.NoSuchProcess):
                worker.resume()


@dataclass
class Running:
    process: subprocess.Popen[bytes]
    output: Path

    @property
    def text(self) -> str:
        return self.output.read_text()

    def until(self, seen: Callable[[], object], what: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not seen():
            assert self.process.poll() is None, f"ended before {what}:\n{self.text}"
            assert time.monotonic() < deadline, f"no {what}:\n{self.text}"
            time.sleep(0.5)  # the command sends no notice, and looking at all processes takes time

    def until_printed(self, pattern: str) -> None:
        self.until(lambda: re.search(pattern, self.text), pattern)

    def ended(self, code: int) -> str:
        assert self.process.wait(PATIENCE) == code, self.text
        return self.text


def cmdline_of(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with ray_nodes() as nodes:
        nodes.network.make_bridge()
        with plain_mlflow(tmp_path, nodes.network.host) as uri:  # it starts while the nodes do
            nodes.start(0, cpus=0)
            nodes.start(1)
            nodes.start(2)
            (tmp_path / "store").mkdir()
            for name in ("radius", "beside"):
                (tmp_path / f"{name}.yaml").write_text(STUDY)
            lab = Lab(tmp_path, nodes, uri)
            yield lab
            for process in lab.commands:
                process.kill()


def test_nodes_are_checked_first_come_and_go_and_a_launch_goes_on_after_the_death_of_the_head(lab: Lab) -> None:
    few = lab.launch("--min-nodes", "5", "--wait", "1")
    embedded = lab.launch(study="beside.yaml", uri="")
    assert "--min-nodes: the cluster has 2 of at least 5 nodes after 1 s" in few.ended(75)
    assert "the embedded MLflow server can be reached from this one only" in embedded.ended(2)
    assert not list(lab.store.rglob("environment.json"))

    launch = lab.launch("--min-nodes", "2", "--wait", "300", "--checkpoint-every", "1")
    launch.until_printed("2 side by side on 3 nodes")
    launch.until(lambda: lab.trains_on(1) and lab.trains_on(2), "workers on both nodes")
    launch.until(lambda: len(list(lab.store.rglob("checkpoint.pt"))) >= 2, "checkpoints")
    with lab.suspended(1, 2):
        assert_secret_is_in_one_private_file(lab)
        lab.nodes.start(3, hide=lab.store)
        launch.until_printed(f"not used: {lab.nodes.ip(3)}: the node does not see .*; name a folder that all nodes")
        lab.nodes.kill(2)
        launch.until_printed("now 1 side by side on 2 nodes")
        lab.nodes.start(4)
        joined = time.monotonic()
        launch.until_printed("now 2 side by side on 3 nodes")
        assert time.monotonic() - joined < SOON
        launch.until(lambda: lab.trains_on(4), "a worker on the node that joined")
        assert not lab.trains_on(3)
    lab.nodes.kill(0)
    died = launch.ended(75)
    assert "its head node may have died" in died
    assert "start it again, and launch again" in died
    assert not list(lab.store.rglob("environment.json"))

    for node in (1, 3, 4):
        lab.nodes.kill(node)
    lab.nodes.start(0, cpus=2)
    lab.nodes.start(3, hide=lab.store)
    lab.here = 0
    refused, doctor = lab.launch(), lab.start("doctor", "--address", lab.nodes.address, "--json")
    assert f"{lab.nodes.ip(3)}: the node does not see {lab.store}" in refused.ended(1)
    found = doctor.ended(1)
    checks = {check["what"]: check for check in json.loads(found) if check["what"].startswith("node ")}
    assert checks.keys() == {f"node {lab.nodes.ip(node)}" for node in (0, 3)}
    assert [what for what, check in checks.items() if not check["fit"]] == [f"node {lab.nodes.ip(3)}"]
    assert "2 CPUs, 0 GPUs" in checks[f"node {lab.nodes.ip(0)}"]["found"]
    lab.nodes.kill(3)
    done = lab.launch("--min-nodes", "1", "--wait", "300").ended(0)
    assert "2 of 2 trials finished" in done
    tracking = MlflowStore(lab.uri)
    records = list(tracking.snapshot("radius").records.values())
    assert [record.state.name for record in records] == ["FINISHED"] * 2
    for record in records:
        points = tracking.client.get_metric_history(record.run_id, "train/loss")
        assert sorted(point.step for point in points) == list(range(1, 21))


def assert_secret_is_in_one_private_file(lab: Lab) -> None:
    """MLflow's password is in no file of the launch, in no command line, and in nothing that Ray wrote, but in one."""
    holders = [file for file in (*lab.folder.rglob("*"), *lab.nodes.folder.rglob("*")) if holds(file, lab.secret)]
    assert [file.name for file in holders] == ["environment.json"]
    assert holders[0].stat().st_mode & 0o777 == 0o600
    assert not [line for process in psutil.process_iter() if lab.secret in (line := " ".join(cmdline_of(process)))]
    environment = {**os.environ, **lab.nodes.environment}
    listed = "import ray; ray.init(address='auto', log_to_driver=False); print(ray._private.state.state.job_table())"
    shown = subprocess.run(
        lab.nodes.inside(1, sys.executable, "-c", listed), env=environment, capture_output=True, text=True, check=True
    ).stdout
    assert "JobID" in shown
    assert lab.secret not in shown


def holds(file: Path, text: str) -> bool:
    try:
        return file.is_file() and text.encode() in file.read_bytes()
    except OSError:
        return False
