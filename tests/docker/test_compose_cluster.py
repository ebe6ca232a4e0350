"""A study is submitted to the services of `docker/compose.yaml`, as README says; they run without containers."""

import os
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from ..services.compose import DOCKER
from ..services.compose_cluster import SERVICES, ComposeCluster, compose_cluster

pytestmark = [pytest.mark.cluster, pytest.mark.slow]
LIST = """
from pathlib import Path
from ablate.submit.options import read_options
from ablate.submit.ray_jobs import RayOptions, RayTarget
print(RayTarget(read_options("ray", RayOptions, Path("lab.yaml"))).ask("list_jobs"))
"""
QUICKSTART = str(DOCKER.parent / "studies" / "quickstart.yaml")
FASTER = ("--set", "seeds=1", "--set", "fixed.training.epochs=2")
USER = ("ablate", "mlflow_user_password")


def run_ablate(folder: Path, *arguments: str) -> str:
    """What a command prints that runs on the submitting machine."""
    environment = {**os.environ, "COLUMNS": "200"}
    environment.pop("MLFLOW_TRACKING_URI", None)
    command = [sys.executable, "-m", "ablate", *arguments, "--storage", str(folder / "mine")]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_quick_start_runs_on_the_services_of_compose_and_its_user_of_mlflow_is_no_administrator(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.setenv(name, "")  # so that what the client of the Jobs server sets is undone
    with compose_cluster(tmp_path) as cluster:
        (tmp_path / "lab.yaml").write_text(cluster.target)
        run_ablate(tmp_path, "submit", QUICKSTART, *FASTER, "--to", "ray", "--target", "lab.yaml")
        run_ablate(tmp_path, "logs", "quickstart", "--follow")
        log = run_ablate(tmp_path, "logs", "quickstart")
        assert re.search(r"side by side on 2 nodes", log), log
        assert "6 of 6 trials finished" in log
        assert "finished" in run_ablate(tmp_path, "status", "quickstart")
        assert_jobs_use_their_own_user(cluster)
        assert_password_is_not_shown(cluster, tmp_path)


def assert_password_is_not_shown(cluster: ComposeCluster, folder: Path) -> None:
    """The password of the jobs' user is in no command line or list of jobs, and in no file but that of the secret."""
    password = cluster.compose.secret("mlflow_user_password")
    files = [file for file in folder.rglob("*") if file.is_file() and password.encode() in file.read_bytes()]
    assert [file.name for file in files] == ["mlflow_user_password"]
    for name in SERVICES:
        assert [line for line in command_lines(cluster, name) if password in line] == []
    # in a process of its own: Ray reads the variables of its token when it is imported, which other tests have done
    listed = subprocess.run([sys.executable, "-c", LIST], cwd=folder, capture_output=True, text=True, check=True)
    jobs = listed.stdout
    assert "ablate-quickstart-" in jobs
    assert password not in jobs


def command_lines(cluster: ComposeCluster, name: str) -> list[str]:
    found = []
    for process in cluster.processes(name):
        with suppress(psutil.NoSuchProcess):
            found.append(" ".join(process.cmdline()))
    return found


def assert_jobs_use_their_own_user(cluster: ComposeCluster) -> None:
    """The study is the user's, who may not add others; the services of Ray do not know the administrator's password."""
    by_name = "/api/2.0/mlflow/experiments/get-by-name?experiment_name=quickstart"
    experiment = cluster.ask(*USER, "GET", by_name).json()["experiment"]["experiment_id"]
    tag = {"experiment_id": experiment, "key": "edited", "value": "by its owner"}
    assert cluster.ask(*USER, "POST", "/api/2.0/mlflow/experiments/set-experiment-tag", **tag).ok
    new = {"username": "another", "password": "a-password-of-twelve"}
    assert cluster.ask(*USER, "POST", "/api/2.0/mlflow/users/create", **new).status_code == 403
    password = cluster.compose.secret("mlflow_password")
    assert any(password in known.values() for known in environments(cluster, "mlflow"))
    for name in ("head", "worker"):
        assert [known for known in environments(cluster, name) if password in known.values()] == []


def environments(cluster: ComposeCluster, name: str) -> list[dict[str, str]]:
    found = []
    for process in cluster.processes(name):
        with suppress(psutil.NoSuchProcess):
            found.append(process.environ())
    return found
