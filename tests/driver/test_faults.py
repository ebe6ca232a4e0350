"""After any process of a launch was killed, the next launch completes the study, with unchanged numbers."""

import signal
from collections.abc import Callable
from contextlib import suppress

import psutil
import pytest

from ablate.driver.launch_lock import owner_of

from .conftest import EPOCHS, PATIENCE, SMALL, Command, WorkingDirectory

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


def ends(directory: WorkingDirectory, killed: Command, *kills: Callable[[Command], None]) -> Command:
    """Kill one process after the other, each once there is a new checkpoint; the launch that runs then."""
    for end in kills:
        if not killed.makes_checkpoint():
            killed = launch(directory)
            assert killed.makes_checkpoint(), killed.text
        end(killed)
    return killed


def test_a_study_that_is_stopped_and_loses_every_kind_of_process_ends_with_the_same_numbers(
    directory: WorkingDirectory, uninterrupted: WorkingDirectory
) -> None:
    first = launch(directory)
    assert first.makes_checkpoint(), first.text
    with first.suspended_workers():
        second = directory.run("launch", "small")
        assert second.code == 1
        assert f"'small' is being launched by process {first.process.pid} on " in second.text
        assert directory.run("stop", "small").code == 0
    assert first.code == 130
    assert "launch again to go on" in first.text
    assert "RUNNING" not in directory.statuses("small")
    assert owner_of(directory.store.study("small").lock) is None

    ends(directory, launch(directory), worker, mlflow_server, driver).process.wait(PATIENCE)
    ends(directory, launch(directory), raylet, control_store).process.wait(PATIENCE)

    done = directory.run("launch", "small")
    assert done.code == 0, done.text
    assert directory.histories("small") == uninterrupted.histories("small")
    assert set(directory.records("small")) == set(uninterrupted.records("small"))
    assert set(directory.statuses("small")) == {"FINISHED"}
    assert len(directory.statuses("small")) == len(uninterrupted.statuses("small"))
