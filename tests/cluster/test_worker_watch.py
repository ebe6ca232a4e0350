"""Where no worker starts for a minute, the reason is looked up in Ray's logs and sent."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from ablate.cluster import ray_cluster
from ablate.cluster.ray_environment import ray_environment
from ablate.cluster.worker_watch import WorkerWatch, errors_in
from ablate.errors import ServiceAway
from ablate.events import Message, NoWorkers

FULL_CLUSTER = """
import ray
from ablate.cluster.ray_cluster import start_ray
from ablate.cluster.worker_watch import why_no_worker
start_ray("", lambda: None)
others = ray.util.placement_group([{"CPU": ray.cluster_resources()["CPU"]}])
assert others.wait(100)
ray.util.placement_group([{"CPU": 1}])
print(why_no_worker(1, 0))
"""


class Waiting:
    """A dispatcher whose packs wait for workers, or not."""

    waits_for_workers = True


def test_the_reason_is_sent_once_for_every_minute_without_a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    sent: list[Message] = []
    dispatcher: Any = Waiting()
    watch = WorkerWatch(dispatcher, sent.append, lambda: "the disk is full")

    def look_after(seconds: float) -> int:
        now[0] += seconds
        watch.look()
        watch.look()
        return len(sent)

    assert [look_after(seconds) for seconds in (0, 59, 2, 30, 30)] == [0, 0, 1, 1, 2]
    assert sent == [NoWorkers(61.0, "the disk is full"), NoWorkers(121.0, "the disk is full")]
    dispatcher.waits_for_workers = False  # one has started
    assert look_after(100) == 2
    dispatcher.waits_for_workers = True  # and has died
    assert [look_after(seconds) for seconds in (0, 59, 2)] == [2, 2, 3]


def test_the_newest_error_of_a_worker_comes_before_those_of_ray(tmp_path: Path) -> None:
    traceback = "Traceback (most recent call last):\n  File x\nModuleNotFoundError: No module named 'torch'\n"
    (tmp_path / "worker-1.err").write_text(traceback)
    (tmp_path / "worker-2.err").write_text(":job_id:01000000\nall is well\n")
    (tmp_path / "raylet.out").write_text(
        "[2026-11-29 01:00:00,000 I 7 7] (raylet) main.cc:1: started\n"
        "[2026-11-29 01:00:01,000 E 7 7] (raylet) pool.cc:2: Some workers have not registered within the timeout\n"
    )
    os.utime(tmp_path / "worker-1.err", (1, 1))
    found = list(errors_in(tmp_path))
    assert found[0] == f"ModuleNotFoundError: No module named 'torch' ({tmp_path / 'worker-1.err'})"
    assert "have not registered within the timeout" in found[1]
    assert len(found) == 2


@pytest.mark.cluster
def test_a_cluster_that_others_use_whole_is_the_reason() -> None:
    command = [sys.executable, "-P", "-c", FULL_CLUSTER]
    ended = subprocess.run(command, env=ray_environment(""), capture_output=True, text=True, timeout=300, check=True)
    cores = len(os.sched_getaffinity(0))
    assert ended.stdout.startswith(f"the cluster is full: 0 of {cores} CPUs and ")
    assert ended.stdout.rstrip().endswith("are free, and a worker asks for 1 and 0 on one node")


def test_an_address_at_which_nothing_listens_is_refused_soon() -> None:
    with pytest.raises(ServiceAway, match=r"^127\.0\.0\.1:1: the Ray cluster does not answer: .*refused; check"):
        ray_cluster.nodes_at("127.0.0.1:1", patience=0.1)
