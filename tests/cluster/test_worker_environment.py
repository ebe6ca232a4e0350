"""The variables that workers of a cluster get of the launch's environment."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from ablate.cluster.ray_environment import DEFAULTS
from ablate.cluster.worker_environment import MALLOC, variables, write_environment

GIVEN = {
    "ABLATE_CACHE": "/disk",
    "ABLATE_DATA": "/data",
    "AWS_SECRET_ACCESS_KEY": "key",
    "HTTPS_PROXY": "http://proxy:1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "9",
    "MLFLOW_S3_ENDPOINT_URL": "http://s3",
    "MLFLOW_TRACKING_PASSWORD": "hunter2",
    "MLFLOW_TRACKING_URI": "https://mlflow.lab",
    "REQUESTS_CA_BUNDLE": "/ca.pem",
    "no_proxy": "localhost",
}
OTHERS = {
    "ABLATE_OPTUNA_STORAGE": "postgresql://me:hunter2@db/optuna",
    "ABLATE_STORE": "/store",
    "GITHUB_TOKEN": "hunter2",
    "MLFLOW_EXPERIMENT_NAME": "a",
    "PGPASSWORD": "hunter2",
    "RAY_AUTH_TOKEN": "hunter2",
}
PROGRAM = """
import json, os, sys
from pathlib import Path
from ablate.cluster.worker_environment import apply_environment
before = dict(os.environ)
apply_environment(Path(sys.argv[1]))
print(json.dumps({name: value for name, value in os.environ.items() if before.get(name) != value}))
"""


def test_workers_get_the_named_variables_and_no_others() -> None:
    allocation = {name: DEFAULTS[name] for name in MALLOC}
    assert variables({**GIVEN, **OTHERS}) == {**GIVEN, **allocation}
    assert variables({**OTHERS, "MALLOC_TRIM_THRESHOLD_": "7"}) == {**allocation, "MALLOC_TRIM_THRESHOLD_": "7"}


def test_a_worker_sets_the_variables_of_a_private_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name in variables(os.environ)]:
        monkeypatch.delenv(name)
    bare = dict(os.environ)
    for name, value in {**GIVEN, **OTHERS}.items():
        monkeypatch.setenv(name, value)
    file = tmp_path / "environment.json"
    write_environment(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    done = subprocess.run([sys.executable, "-c", PROGRAM, file], env=bare, capture_output=True, text=True)
    assert json.loads(done.stdout) == {**GIVEN, **{name: DEFAULTS[name] for name in MALLOC}}
