"""Commands that train nothing load no package that takes long to import, on a store with a finished study."""

import os
import subprocess
import sys

import pytest

from .conftest import WorkingDirectory

HEAVY = {"torch", "numpy", "scipy", "sklearn", "matplotlib", "pandas", "ray", "optuna", "mlflow"}
PROGRAM = """
import sys
from ablate.cli import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
print("LOADED", *{name.partition(".")[0] for name in sys.modules})
"""
COMMANDS = (
    ["check", "small"],
    ["plan", "small"],
    ["status"],
    ["status", "small"],
    ["logs", "epsilon=0.4 · seed 0"],
    ["launch", "small"],
)


@pytest.mark.slow
@pytest.mark.cluster
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_command_on_a_finished_study_loads_no_heavy_package(
    command: list[str], uninterrupted: WorkingDirectory
) -> None:
    environment = {**os.environ, "ABLATE_STORE": str(uninterrupted.store.root)}
    environment.pop("MLFLOW_TRACKING_URI", None)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *command],
        cwd=uninterrupted.folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    loaded = done.stdout.rpartition("LOADED")[2].split()
    assert HEAVY.intersection(loaded) == set()
