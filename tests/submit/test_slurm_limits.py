"""Jobs of a real Slurm that share their nodes, reach their time limit, and are cancelled with all of their steps.

They take minutes, and run only where they are asked for: `pytest -m by_hand tests/submit/test_slurm_limits.py`.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ..services.plain_mlflow import plain_mlflow
from ..services.slurm import slurm_cluster
from .test_slurm import STUDY, Lab

pytestmark = [pytest.mark.by_hand, pytest.mark.cluster, pytest.mark.slow]
ENDLESS = STUDY.replace("training.epochs: 60", "training.epochs: 100000")


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """Jobs take one of the two CPUs of each of two nodes, and end after four minutes."""
    with slurm_cluster(cpus=2, apart=True) as cluster:
        assert cluster.network is not None
        with plain_mlflow(tmp_path, cluster.network.host) as uri:
            options = {"nodes": 2, "cpus": 1, "time": "4", "warning": 45, "variables": {"MLFLOW_TRACKING_URI": uri}}
            yield Lab(tmp_path, {**cluster.environment, "MLFLOW_TRACKING_URI": uri}, options)


def has_trained(lab: Lab, name: str) -> bool:
    logs = (lab.folder / "store" / "studies" / name / "trials").glob("*/log.txt")
    return any("epoch 1 " in log.read_text(encoding="utf-8") for log in logs)


def until_begun(lab: Lab, jobs: dict[str, str], times: int) -> None:
    """Wait until the launch of each job has begun to train so many times."""

    def begun() -> bool:
        return all(lab.log(name, job).count("on 2 nodes") >= times for name, job in jobs.items())

    lab.until(begun, lambda: "\n".join(lab.log(name, job) for name, job in jobs.items()))


def test_two_jobs_on_the_same_nodes_go_on_after_their_time_limit_and_leave_nothing_when_cancelled_whole(
    lab: Lab,
) -> None:
    jobs = {name: lab.submit(name, text=ENDLESS) for name in ("one", "other")}
    until_begun(lab, jobs, 1)
    for name, job in jobs.items():
        lab.until(lambda name=name: has_trained(lab, name), lambda name=name, job=job: lab.log(name, job))
    assert {lab.state(job) for job in jobs.values()} == {"RUNNING"}

    until_begun(lab, jobs, 2)
    for name, job in jobs.items():
        assert "ablate launch ended with 130" in lab.log(name, job)  # at the signal before the limit
        assert list((lab.folder / "store" / "studies" / name / "trials").glob("*/checkpoint.pt"))

    for job in jobs.values():
        lab.tool("scancel", "--full", job)
    for name, job in jobs.items():
        lab.until_state(name, job, "CANCELLED")
    lab.until(lambda: not lab.processes(), lambda: str(lab.processes()))
    for job in jobs.values():
        assert not list(Path("/tmp").glob(f"ray-{job}-*"))
