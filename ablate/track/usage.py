"""Samples what this process uses, in a thread of its own: processor, memory, and the accelerator where it has one."""

import os
import subprocess
import threading
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from typing import Self

INTERVAL = 10.0  # seconds between two samples, as MLflow's own sampler has
FIRST = 2.0  # seconds until the first one: shorter trials have only that of their end
QUERY = ("nvidia-smi", "--query-gpu=utilization.gpu,memory.used", "--format=csv,noheader,nounits")

CPU, MEMORY, MACHINE_MEMORY = "cpu_percentage", "memory_megabytes", "machine_memory_percentage"
GPU, GPU_MEMORY = "gpu_utilization_percentage", "gpu_memory_megabytes"

Sample = Mapping[str, float]  # name → value; of the processor, 100 is one core


class UsageSampler:
    """Samples while it is entered; without psutil, as on a bare machine, it has no samples.

    MLflow's sampler is not used: it needs MLflow in the process, and sends from it to the server.
    """

    def __init__(self, gpu: bool, interval: float = INTERVAL) -> None:
        self.gpu, self.interval = gpu, interval
        self.samples: deque[Sample] = deque()
        self.over = threading.Event()
        self.since = time.monotonic(), cpu_seconds()  # of the last sample
        self.thread = threading.Thread(target=self._run, name="ablate-usage", daemon=True)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()  # the thread is not waited for: it may be waiting for nvidia-smi

    def take(self) -> list[Sample]:
        """The samples since the last call."""
        return [self.samples.popleft() for _ in range(len(self.samples))]

    def process_usage(self) -> dict[str, float]:
        """What this process and machine use now: processor since the last sample, memory."""
        now, spent = time.monotonic(), cpu_seconds()
        (then, before), self.since = self.since, (now, spent)
        found = {CPU: 100 * (spent - before) / max(1e-3, now - then)}
        with suppress(ImportError):
            import psutil

            found[MEMORY] = psutil.Process().memory_info().rss / 1e6
            found[MACHINE_MEMORY] = psutil.virtual_memory().percent
        return found

    def _run(self) -> None:
        pause = min(FIRST, self.interval)
        while not self.over.wait(pause):
            self.samples.append({**self.process_usage(), **(gpu_usage() if self.gpu else {})})
            pause = self.interval


def cpu_seconds() -> float:
    """The processor time of this process and its children that have ended."""
    return sum(os.times()[:4])


def gpu_usage() -> dict[str, float]:
    """The utilization and the memory in use of the GPUs that this process sees; nothing where NVIDIA's tool is missing.

    The tool is asked, and not CUDA: a call to CUDA from a second thread disturbs the capture of graphs.
    """
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "0")
    try:
        done = subprocess.run([*QUERY, f"--id={visible}"], capture_output=True, text=True, timeout=5, check=True)
        rows = [[float(cell) for cell in line.split(",")] for line in done.stdout.splitlines()]
    except (OSError, subprocess.SubprocessError, ValueError):
        return {}
    return {GPU: sum(row[0] for row in rows) / len(rows), GPU_MEMORY: sum(row[1] for row in rows)} if rows else {}
