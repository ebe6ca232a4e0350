"""Which errors of Ray at its start mean that it was too slow, so that it is started again."""

import pytest

from ablate.cluster.ray_cluster import too_slow

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
