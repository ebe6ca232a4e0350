"""After any process of a launch was killed, the next launch completes the study, with unchanged numbers."""

import signal
from contextlib import suppress

import psutil
import pytest

from ablate.driver.launch_lock import owner_of

from .conftest import EPOCHS, SMALL, Command, WorkingDirectory

pytestmark = [pytest.mark.cluster, pytest.mark.slow]


def kill(command: Command, name: str, most: int = 9) -> None:
    """Kill up to `most` processes of this name, after waiting until there is one: Ray may be restarting."""
    for process in command.until(lambda: command.descendants(name), f"process '{name}'")[:most]:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGKILL)


def driver(command: Command) -> None:
    command.process.send_signal(signal.SIGKILL)


def worker(command: Command) -> None:
    kill(command, "Trainable.train", most=1)


def raylet(command: Command) -> None:
    kill(command, "raylet/raylet")


def control_store(command: Command) -> None:
    kill(command, "gcs_server")


def mlflow_server(command: Command) -> None:
    kill(command, "mlflow")


def launch(directory: WorkingDirectory) -> Command:
    """Start a launch that writes a checkpoint every half second."""
    directory.write("small", SMALL.replace("EPOCHS", str(EPOCHS)))
    return directory.start("launch", "small", "--checkpoint-every", "0.5")


def assert_equals_uninterrupted(directory: WorkingDirectory, uninterrupted: WorkingDirectory) -> None:
    """The next launch completes the study, with the points, trials and runs of the uninterrupted one."""
    done = directory.run("launch", "small")
    assert done.code == 0, done.text
    assert directory.histories("small") == uninterrupted.histories("small")
    assert set(directory.records("small")) == set(uninterrupted.records("small"))
    assert set(directory.statuses("small")) == {"FINISHED"}
    assert len(directory.statuses("small")) == len(uninterrupted.statuses("small"))


def test_a_study_that_is_stopped_and_then_loses_its_driver_ends_with_the_same_numbers(
    served_directory: WorkingDirectory, uninterrupted: WorkingDirectory
) -> None:
    first = launch(served_directory)
    assert first.makes_checkpoint(), first.text
    with first.suspended_workers():
        second = served_directory.run("launch", "small")
        assert second.code == 1
        assert f"'small' is being launched by process {first.process.pid} on " in second.text
        assert served_directory.run("stop", "small").code == 0
    assert first.code == 130
    assert "launch again to go on" in first.text
    assert "RUNNING" not in served_directory.statuses("small")
    assert owner_of(served_directory.store.study("small").lock) is None

    killed = launch(served_directory)
    assert killed.makes_checkpoint(), killed.text
    driver(killed)
    killed.process.wait()
    assert_equals_uninterrupted(served_directory, uninterrupted)


def test_a_study_whose_worker_server_and_ray_processes_are_killed_ends_with_the_same_numbers(
    directory: WorkingDirectory, uninterrupted: WorkingDirectory
) -> None:
    killed = launch(directory)
    for end in (worker, mlflow_server, raylet, control_store):
        if not killed.makes_checkpoint():
            killed = launch(directory)
            assert killed.makes_checkpoint(), killed.text
        end(killed)
    killed.process.wait(400)
    assert_equals_uninterrupted(directory, uninterrupted)
