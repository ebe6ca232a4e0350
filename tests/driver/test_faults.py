"""Whatever dies, the next launch completes the study, and its numbers are those of an undisturbed one."""

import signal
from collections.abc import Callable

import psutil
import pytest

from .conftest import SMALL, Command, Field

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

Kill = Callable[[Command], None]


def kill_all(processes: list[psutil.Process]) -> None:
    assert processes, "nothing to kill"
    for process in processes:
        process.send_signal(signal.SIGKILL)


def driver(command: Command) -> None:
    command.process.send_signal(signal.SIGKILL)


def worker(command: Command) -> None:
    kill_all(command.family("ray::Worker")[:1] or command.family("ray::ResourceTrainable")[:1])


def raylet(command: Command) -> None:
    kill_all(command.family("raylet/raylet"))


def control_store(command: Command) -> None:
    kill_all(command.family("gcs_server"))


def mlflow_server(command: Command) -> None:
    kill_all(command.family("mlflow"))


@pytest.mark.parametrize("kill", [driver, worker, raylet, control_store, mlflow_server])
def test_a_launch_after_a_kill_gives_the_undisturbed_numbers(
    field_of_study: Field, undisturbed: Field, kill: Kill
) -> None:
    field_of_study.write("small", SMALL.replace("EPOCHS", "12"))
    broken = field_of_study.start("launch", "small", "--checkpoint-every", "0.5")
    broken.until_checkpoint()
    kill(broken)
    broken.process.wait(400)
    again = field_of_study.run("launch", "small")
    assert again.code == 0, broken.text + again.text
    assert field_of_study.histories("small") == undisturbed.histories("small")
    assert set(field_of_study.known("small")) == set(undisturbed.known("small"))
    assert set(field_of_study.statuses("small")) == {"FINISHED"}
    assert len(field_of_study.statuses("small")) == len(undisturbed.statuses("small"))
