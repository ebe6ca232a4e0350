"""Whatever dies, the next launch completes the study, and its numbers are those of an undisturbed one."""

import signal
from contextlib import suppress

import psutil
import pytest

from ablate.driver.lock import owner_of

from .conftest import EPOCHS, SMALL, Command, Field

pytestmark = [pytest.mark.cluster, pytest.mark.slow]


def kill(command: Command, name: str, most: int = 9) -> None:
    """Kill the processes of this name, once there are some: Ray may just be starting anew."""
    for process in command.until(lambda: command.family(name), f"process '{name}'")[:most]:
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


def launch(field: Field) -> Command:
    """A launch that leaves checkpoints behind."""
    field.write("small", SMALL.replace("EPOCHS", str(EPOCHS)))
    return field.start("launch", "small", "--checkpoint-every", "0.5")


def assert_undisturbed(field: Field, undisturbed: Field) -> None:
    """Launched once more, the study ends as if nothing had happened."""
    done = field.run("launch", "small")
    assert done.code == 0, done.text
    assert field.histories("small") == undisturbed.histories("small")
    assert set(field.known("small")) == set(undisturbed.known("small"))
    assert set(field.statuses("small")) == {"FINISHED"}
    assert len(field.statuses("small")) == len(undisturbed.statuses("small"))


def test_a_stopped_study_whose_driver_is_killed_when_it_goes_on(served_field: Field, undisturbed: Field) -> None:
    first = launch(served_field)
    assert first.makes_checkpoint(), first.text
    with first.held():
        second = served_field.run("launch", "small")
        assert second.code == 1
        assert f"'small' is being launched by process {first.process.pid} on " in second.text
        assert served_field.run("stop", "small").code == 0
    assert first.code == 130
    assert "launch again to go on" in first.text
    assert "RUNNING" not in served_field.statuses("small")
    assert owner_of(served_field.store.study("small").lock) is None

    broken = launch(served_field)
    assert broken.makes_checkpoint(), broken.text
    driver(broken)
    broken.process.wait()
    assert_undisturbed(served_field, undisturbed)


def test_whatever_is_killed_below_the_driver(field_of_study: Field, undisturbed: Field) -> None:
    broken = launch(field_of_study)
    for end in (worker, mlflow_server, raylet, control_store):
        if not broken.makes_checkpoint():
            broken = launch(field_of_study)
            assert broken.makes_checkpoint(), broken.text
        end(broken)
    broken.process.wait(400)
    assert_undisturbed(field_of_study, undisturbed)
