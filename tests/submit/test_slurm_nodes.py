"""A study as a job of two Slurm nodes with addresses of their own: one dies, and the job goes on.

It takes minutes, and runs only where it is asked for: `pytest -m by_hand tests/submit/test_slurm_nodes.py`.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from ..services.slurm import SlurmCluster, free_port, slurm_cluster
from .test_slurm import STUDY, Lab

pytestmark = [pytest.mark.by_hand, pytest.mark.cluster, pytest.mark.slow]


@contextmanager
def mlflow_server(folder: Path, host: str) -> Iterator[str]:
    """The address of an MLflow server that the nodes reach."""
    port = free_port()
    command = [sys.executable, "-m", "mlflow", "server", "--host", host, "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--allowed-hosts", "*"]
    command += ["--artifacts-destination", str(folder / "artifacts")]
    with (folder / "mlflow.log").open("wb") as out:
        environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}  # else four processes more
        server = psutil.Popen(command, cwd=folder, env=environment, stdout=out, stderr=subprocess.STDOUT)
    try:
        yield f"http://{host}:{port}"
    finally:
        for process in (*server.children(recursive=True), server):
            process.kill()
        server.wait()


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[tuple[Lab, SlurmCluster]]:
    with slurm_cluster(cpus=1, apart=True) as cluster:
        assert cluster.network is not None
        with mlflow_server(tmp_path, cluster.network.host) as uri:
            options = {"nodes": 2, "cpus": 1, "variables": {"MLFLOW_TRACKING_URI": uri}}
            yield Lab(tmp_path, {**cluster.environment, "MLFLOW_TRACKING_URI": uri}, options), cluster


def test_a_job_of_two_nodes_goes_on_after_one_has_died_and_a_cancelled_one_leaves_nothing(
    lab: tuple[Lab, SlurmCluster],
) -> None:
    here, cluster = lab
    study = STUDY.replace("seeds: 1", "seeds: 4")
    job = here.submit("radius", text=study)
    here.until(lambda: "2 side by side on 2 nodes" in here.log("radius", job), lambda: here.log("radius", job))
    here.until_trains("radius", job)
    cluster.kill_node(2)
    here.until(lambda: any("n2 down" in line for line in cluster.states()), lambda: str(cluster.states()))
    cluster.start_node(2)
    here.until_state("radius", job, "COMPLETED")
    assert "4 of 4 trials finished" in here.log("radius", job)

    endless = here.submit("endless", text=study.replace("training.epochs: 150", "training.epochs: 100000"))
    here.until_trains("endless", endless)
    here.tool("scancel", endless)
    here.until_state("endless", endless, "CANCELLED")
    here.until(lambda: "ended with 130" in here.log("endless", endless), lambda: here.log("endless", endless))
    here.until(lambda: not here.processes(), lambda: str(here.processes()))
    assert not list(Path("/tmp").glob(f"ray-{endless}-*"))
    assert not list(Path("/tmp").glob(f"ray-{job}-*"))  # not that of the node that died either: it took the job again
