"""Signals that end a command: the first one does what the phase says, a second one ends the command."""

import os
import signal
import subprocess
import sys

import pytest

from ablate.errors import Interrupted
from ablate.interrupts import deferred, handled

pytestmark = pytest.mark.usefixtures("default_signals")
NUMBERS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


def send(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", NUMBERS)
def test_a_signal_ends_the_command_with_exit_code_130(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with pytest.raises(Interrupted) as raised, handled():
        send(number)
    assert raised.value.exit_code == 130
    assert signal.getsignal(number) == before


@pytest.mark.parametrize("number", NUMBERS)
def test_the_first_signal_does_what_the_phase_says_and_the_second_ends_the_command(number: signal.Signals) -> None:
    called: list[int] = []
    with handled() as interrupts, interrupts.first_calls(lambda: called.append(1)):
        send(number)
        assert called == [1]
        with pytest.raises(Interrupted):
            send(signal.SIGINT if number == signal.SIGTERM else signal.SIGTERM)
    assert called == [1]


def test_a_signal_that_is_sent_twice_at_once_counts_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with handled() as interrupts, interrupts.first_calls(lambda: None):
        send(signal.SIGINT)
        send(signal.SIGINT)
        monkeypatch.setattr("ablate.interrupts.REPEATED", 0.0)
        with pytest.raises(Interrupted):
            send(signal.SIGINT)


def test_signals_during_the_cleaning_up_are_ignored_unless_it_allows_one() -> None:
    with handled() as interrupts:
        with pytest.raises(Interrupted):
            send(signal.SIGINT)
        send(signal.SIGINT)
        send(signal.SIGTERM)
        interrupts.allow_another()
        with pytest.raises(Interrupted):
            send(signal.SIGINT)


def test_a_signal_while_a_process_is_being_noted_is_answered_afterwards() -> None:
    noted: list[int] = []

    def note() -> None:
        with deferred():
            send(signal.SIGHUP)
            noted.append(1)

    with handled(), pytest.raises(Interrupted):
        note()
    assert noted == [1]


def test_a_hangup_that_nohup_ignores_stays_ignored() -> None:
    program = (
        "import os, signal; from ablate.interrupts import handled\n"
        "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "with handled(): os.kill(os.getpid(), signal.SIGHUP)\n"
        "print('went on')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "went on\n"


def test_a_lost_terminal_is_written_to_no_more() -> None:
    controller, terminal = os.openpty()
    program = (
        "import os, signal; from ablate.interrupts import handled\n"
        "with handled() as interrupts, interrupts.first_calls(lambda: None):\n"
        "    input(); os.kill(os.getpid(), signal.SIGHUP); print('still here', flush=True)\n"
        "os._exit(7)"
    )
    process = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=terminal, stderr=terminal)
    os.close(terminal)
    os.close(controller)  # the terminal is lost: writing to it raises an error
    process.communicate(b"\n")
    assert process.returncode == 7
