"""A worker that dies is replaced, also where trials are too short for Tune to notice."""

import os
import re
import signal
from contextlib import suppress

import psutil
import pytest

from ablate.process import Process, alive, identify

from .conftest import Command, Field

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

MANY = """
question: Are there two at work again?
method: invariant
dataset: digits
fixed: {training.epochs: 1, training.batch_size: 256, method.k: 10, probes.linear.epochs: 5}
axes:
  method.epsilon: [0.4, 0.8]
seeds: SEEDS
probes: [linear]
metric: linear/accuracy
"""


def two_at_work(command: Command, *dead: int) -> list[int]:
    """Two actors, once each was seen to train; that they do so in the same moment is rare where trials are short."""
    seen: dict[int, Process] = {}

    def look() -> bool:
        for pid in {process.pid for process in command.family("Trainable.train")} - {*dead, *seen}:
            with suppress(psutil.NoSuchProcess):
                seen[pid] = identify(pid)
        return sum(map(alive, seen.values())) == 2

    command.until(look, "two at work")
    return [pid for pid, process in seen.items() if alive(process)]


def test_a_worker_that_is_killed_among_many_short_trials_is_replaced(served_field: Field) -> None:
    served_field.write("many", MANY.replace("SEEDS", "500"))  # more than any machine does while Ray starts anew
    broken = served_field.start("launch", "many")
    broken.until_says(r"(?s)finished .*finished .*finished ")
    victim, _ = two_at_work(broken)
    os.kill(victim, signal.SIGKILL)
    two_at_work(broken, victim)
    broken.process.send_signal(signal.SIGINT)
    assert broken.code == 130, broken.text
    assert re.search(r"stopped with \d+ of 1000 trials finished; launch again to go on", broken.text), broken.text
    assert "RUNNING" not in served_field.statuses("many")

    begun = {trial.seed for trial in served_field.known("many").values()}
    served_field.write("many", MANY.replace("SEEDS", str(max(begun) + 1)))
    again = served_field.run("launch", "many")
    assert again.code == 0, again.text
    assert len(served_field.known("many")) == 2 * (max(begun) + 1) > 3
    assert served_field.statuses("many") == ["FINISHED"] * (1 + 2 + 2 * (max(begun) + 1))
    for curves in served_field.histories("many").values():
        assert [step for step, _ in curves["train/loss"]] == [1]
