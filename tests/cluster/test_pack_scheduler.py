"""No worker that is starting is killed for another one that is free, however short the packs are."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ablate.cluster.ray_environment import ray_environment

SCRIPT = Path(__file__).with_name("tune_script.py")


@pytest.mark.cluster
@pytest.mark.slow
def test_packs_shorter_than_the_start_of_a_worker_start_one_worker_in_each_slot(tmp_path: Path) -> None:
    environment = {**os.environ, **ray_environment("")}
    done = subprocess.run([sys.executable, SCRIPT, tmp_path], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert [len(list((tmp_path / name).iterdir())) for name in ("started", "worked")] == [2, 2]
