"""Which errors of Ray at its start mean that it was too slow, so that it is started again."""

import subprocess
import sys
from typing import Any

import pytest
import ray

from ablate.cluster import ray_cluster
from ablate.cluster.ray_cluster import start_local, too_slow
from ablate.errors import ServiceError

SLOW = [
    RuntimeError("The current node timed out during startup. This could happen because some of the raylet failed."),
    RuntimeError("TimedOut: Timed out while waiting for GCS to become available."),
    Exception("Failed to connect: Timed Out"),
    TimeoutError(),
]


@pytest.mark.parametrize("error", SLOW, ids=str)
def test_ray_that_was_too_slow_is_started_again(error: Exception) -> None:
    assert too_slow(error)


@pytest.mark.parametrize("error", [ValueError("num_cpus must be positive"), RuntimeError("timeout=-1 is invalid")])
def test_ray_that_refuses_its_settings_is_not_started_again(error: Exception) -> None:
    assert not too_slow(error)


class SlowRay:
    """Starts a process, and gives up on it some times, as Ray does where its agents are too slow; then it starts."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.children: list[subprocess.Popen[bytes]] = []

    def init(self, **_: Any) -> None:
        self.children.append(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]))
        if len(self.children) <= self.failures:
            raise SLOW[0]


def test_a_ray_that_was_too_slow_twice_is_started_a_third_time_and_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slow_ray, told = SlowRay(failures=2), []
    monkeypatch.setattr(ray, "init", slow_ray.init)
    start_local(lambda: told.append("slow"))
    first, second, third = slow_ray.children
    assert (first.wait(), second.wait(), third.poll(), told) == (-9, -9, None, ["slow", "slow"])
    third.kill()
    third.wait()


def test_a_ray_that_stays_too_slow_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    slow_ray = SlowRay(failures=99)
    monkeypatch.setattr(ray, "init", slow_ray.init)
    monkeypatch.setattr(ray_cluster, "START", 0.0)
    with pytest.raises(ServiceError, match="Ray does not start: RuntimeError: The current node timed out"):
        start_local(lambda: None)
    assert [child.wait() for child in slow_ray.children] == [-9]
