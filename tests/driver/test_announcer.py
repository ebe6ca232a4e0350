"""What the listener of a launch is told, also where a signal arrives while it prints or its output is gone."""

import io
import signal

import pytest
from rich.console import Console

from ablate.driver.announcer import Announcer
from ablate.driver.progress import LaunchProgress
from ablate.events import Message, Stage, StageBegan, Stopping
from ablate.interrupts import handled


class InterruptedOutput(io.StringIO):
    """A stream whose first flush is interrupted by a signal, after what was written has gone out."""

    interrupted = False

    def flush(self) -> None:
        if not self.interrupted:
            self.interrupted = True
            signal.raise_signal(signal.SIGTERM)


def test_a_message_of_a_signal_handler_is_printed_after_the_line_that_it_interrupts() -> None:
    """Printed within it, rich would write the interrupted line twice."""
    output = InterruptedOutput()
    console = Console(file=output)

    def listen(progress: LaunchProgress, message: Message) -> None:
        console.print(message.stage if isinstance(message, StageBegan) else "stopping")

    announcer = Announcer(listen)
    with handled() as interrupts, interrupts.first_calls(lambda: announcer.announce(Stopping())):
        announcer.enter(Stage.REPORTING)
    assert output.getvalue() == "writing the report\nstopping\n"


def test_a_listener_whose_output_is_gone_is_called_no_more() -> None:
    called: list[Message] = []

    def listen(progress: LaunchProgress, message: Message) -> None:
        called.append(message)
        raise BrokenPipeError

    announcer = Announcer(listen)
    announcer.enter(Stage.CLOSING)
    announcer.enter(Stage.REPORTING)
    assert called == [StageBegan(Stage.CLOSING)]
    assert announcer.progress.stage is Stage.REPORTING


def test_an_error_of_a_listener_does_not_silence_later_messages() -> None:
    called: list[Message] = []

    def listen(progress: LaunchProgress, message: Message) -> None:
        called.append(message)
        raise KeyError

    announcer = Announcer(listen)
    for stage in (Stage.CLOSING, Stage.REPORTING):
        with pytest.raises(KeyError):
            announcer.enter(stage)
    assert called == [StageBegan(Stage.CLOSING), StageBegan(Stage.REPORTING)]
