"""A launch with an MLflow server that is away when the launch begins, and slow when it ends."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ablate.track.mlflow_store import MlflowStore

from ..services.faulty_proxy import Faults, faulty_proxy
from ..services.plain_mlflow import plain_mlflow

pytestmark = [pytest.mark.cluster, pytest.mark.slow]
STUDY = """
question: Does the radius matter?
method: invariant
dataset: digits
fixed: {training.epochs: 2, training.samples: 300, training.batch_size: 64, method.k: 10}
axes: {method.epsilon: [0.4]}
seeds: 1
probes: [knn]
metric: knn/accuracy
"""


def test_a_launch_waits_for_a_server_that_is_unavailable_at_its_start_and_slow_at_its_end(tmp_path: Path) -> None:
    (tmp_path / "waits.yaml").write_text(STUDY)
    faults = Faults(unavailable=6, held=2, seconds=15.0)
    with plain_mlflow(tmp_path, "127.0.0.1") as server, faulty_proxy(server, faults) as proxy:
        named = {"MLFLOW_TRACKING_URI": proxy, "MLFLOW_HTTP_REQUEST_TIMEOUT": "10", "ABLATE_STORE": str(tmp_path / "s")}
        command = [sys.executable, "-m", "ablate", "launch", "waits.yaml"]
        done = subprocess.run(command, cwd=tmp_path, env={**os.environ, **named}, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "1 of 1 trial finished" in done.stdout
        assert (faults.unavailable, faults.held) == (0, 0)
        (record,) = MlflowStore(server).snapshot("waits").records.values()
        assert record.metrics["knn/accuracy"] > 0.5
