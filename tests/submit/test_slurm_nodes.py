"""A study as a job of two Slurm nodes with addresses of their own: one dies, and the job goes on; another is stopped.

The jobs get nothing of the environment in which they are submitted (`--export=NONE`), as some sites ask for.
It takes minutes, and runs only where it is asked for: `pytest -m by_hand tests/submit/test_slurm_nodes.py`.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..services.plain_mlflow import plain_mlflow
from ..services.slurm import SlurmCluster, slurm_cluster
from .test_slurm import STUDY, Lab

pytestmark = [pytest.mark.by_hand, pytest.mark.cluster, pytest.mark.slow]


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[tuple[Lab, SlurmCluster]]:
    with slurm_cluster(cpus=1, apart=True) as cluster:
        assert cluster.network is not None
        with plain_mlflow(tmp_path, cluster.network.host) as uri:
            named = {name: os.environ[name] for name in ("PYTHONPATH", "ABLATE_DATA") if name in os.environ}
            variables = {**named, "MLFLOW_TRACKING_URI": uri}
            options = {"nodes": 2, "cpus": 1, "variables": variables, "extra": ["--export=NONE"]}
            yield Lab(tmp_path, {**cluster.environment, "MLFLOW_TRACKING_URI": uri}, options), cluster


def test_a_job_of_two_nodes_goes_on_after_one_has_died_and_a_cancelled_one_leaves_nothing(
    lab: tuple[Lab, SlurmCluster],
) -> None:
    here, cluster = lab
    study = STUDY.replace("seeds: 1", "seeds: 4").replace("training.epochs: 60", "training.epochs: 150")
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


def test_a_job_of_two_nodes_that_is_stopped_writes_the_checkpoints_of_both(lab: tuple[Lab, SlurmCluster]) -> None:
    here, _ = lab
    study = STUDY.replace("seeds: 1", "seeds: 2").replace("training.epochs: 60", "training.epochs: 100000")
    job = here.submit("endless", text=study)
    here.until(lambda: here.training("endless") == 2, lambda: here.log("endless", job))
    assert not here.checkpoints("endless")  # the first ones are due after a minute
    assert "was asked to checkpoint and stop" in here.ablate("stop", "endless")
    here.until_state("endless", job, "FAILED")
    log = here.log("endless", job)
    assert "ablate launch ended with 130" in log
    assert log.count("stopping: ") == 1
    assert len(here.checkpoints("endless")) == 2
    assert f"job {job} of slurm: stopped" in here.ablate("status", "endless")
    here.until(lambda: not here.processes(), lambda: str(here.processes()))
