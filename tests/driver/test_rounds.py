"""A worker that dies among trials of less than a second is replaced, and the next launch completes the study.

It takes minutes, and runs only where it is asked for: `pytest -m by_hand tests/driver/test_rounds.py`.
"""

import os
import re
import signal
from contextlib import suppress

import psutil
import pytest

from ablate.process import Process, alive, identify

from .conftest import Command, WorkingDirectory

pytestmark = [pytest.mark.by_hand, pytest.mark.cluster, pytest.mark.slow]

MANY = """
question: Is a killed worker replaced?
method: invariant
dataset: digits
fixed: {training.epochs: 1, training.batch_size: 256, method.k: 10, probes.linear.epochs: 5}
axes:
  method.epsilon: [0.4, 0.8]
seeds: SEEDS
probes: [linear]
metric: linear/accuracy
"""


def two_workers(command: Command, *killed: int) -> list[int]:
    """Two running workers other than the killed ones, once each was seen to train; they rarely train at one time."""
    seen: dict[int, Process] = {}

    def look() -> bool:
        for pid in {process.pid for process in command.descendants("Trainable.train")} - {*killed, *seen}:
            with suppress(psutil.NoSuchProcess):
                seen[pid] = identify(pid)
        return sum(map(alive, seen.values())) == 2

    command.until(look, "two workers")
    return [pid for pid, process in seen.items() if alive(process)]


def test_a_worker_that_is_killed_among_many_short_trials_is_replaced(served_directory: WorkingDirectory) -> None:
    served_directory.write("many", MANY.replace("SEEDS", "500"))  # more than any machine does while Ray starts anew
    interrupted = served_directory.start("launch", "many")
    interrupted.until_printed(r"(?s)finished .*finished .*finished ")
    victim, _ = two_workers(interrupted)
    os.kill(victim, signal.SIGKILL)
    two_workers(interrupted, victim)
    interrupted.process.send_signal(signal.SIGINT)
    assert interrupted.code == 130, interrupted.text
    assert re.search(r"stopped with \d+ of 1000 trials finished; launch again to go on", interrupted.text), (
        interrupted.text
    )
    assert "RUNNING" not in served_directory.statuses("many")

    begun = {trial.seed for trial in served_directory.records("many").values()}
    served_directory.write("many", MANY.replace("SEEDS", str(max(begun) + 1)))
    again = served_directory.run("launch", "many")
    assert again.code == 0, again.text
    assert len(served_directory.records("many")) == 2 * (max(begun) + 1) > 3
    assert served_directory.statuses("many") == ["FINISHED"] * (1 + 2 + 2 * (max(begun) + 1))
    for curves in served_directory.histories("many").values():
        assert [step for step, _ in curves["train/loss"]] == [1]
