"""Errors of the conductor process are told as they are, and once."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ablate.cluster.executor import ExecutorDied
from ablate.cluster.supervisor import RayExecutor
from ablate.errors import ServiceError
from ablate.launch_config import LaunchConfig
from ablate.process import alive, identify

pytestmark = pytest.mark.slow
CONFIG = LaunchConfig("store", "http://127.0.0.1:1", "study.yaml", (), {}, {})
Start = Callable[..., RayExecutor]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Start:
    """Start an executor whose Python finds these modules before the installed ones."""

    def begin(**modules: str) -> RayExecutor:
        for name, text in modules.items():
            (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *filter(None, sys.path)]))
        return RayExecutor(tmp_path / "launch.log", "")

    return begin


@pytest.mark.parametrize(
    ("modules", "problem"),
    [
        ({"ray": "raise RuntimeError('a broken installation')"}, "RuntimeError: a broken installation"),
        ({"ray": "raise SystemExit('no licence')"}, "SystemExit: no licence"),
        ({"psutil": "raise ImportError('no module')"}, "ImportError: no module"),  # before the conductor can report it
    ],
)
def test_a_python_error_is_told_as_that_error_with_the_log(
    start: Start, tmp_path: Path, modules: dict[str, str], problem: str
) -> None:
    executor = start(**modules)
    with pytest.raises(ServiceError) as raised:
        list(executor.run(CONFIG))
    executor.kill()
    assert not isinstance(raised.value, ExecutorDied), "it would be tried again"
    assert str(raised.value) == f"{tmp_path / 'launch.log'}: the conductor failed: {problem}; read the log"


def test_a_conductor_that_is_killed_counts_as_a_death_of_ray(start: Start) -> None:
    executor = start(ray="import time; time.sleep(600)")
    process = identify(executor.process.pid)
    executor.process.kill()
    with pytest.raises(ExecutorDied, match="Ray has died"):
        list(executor.run(CONFIG))
    assert not alive(process)


def test_an_executor_that_is_killed_before_it_ran_leaves_no_process(start: Start) -> None:
    executor = start(ray="import time; time.sleep(600)")
    process = identify(executor.process.pid)
    executor.kill()
    executor.kill()
    assert not alive(process)
