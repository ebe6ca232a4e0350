"""Signals that ask a command to end (Ctrl-C, SIGTERM of batch systems, SIGHUP of a lost terminal), handled alike."""

import os
import signal
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NoReturn

from ablate.errors import Interrupted

NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
REPEATED = 0.1  # seconds in which the same signal counts once: `timeout` sends it to its child and to the child's group
Action = Callable[[], None]


class Interrupts:
    """What the first signal does in the present phase of a command; a second one ends the command in any phase.

    To end it, `Interrupted` is raised in the main thread, once: signals that arrive while it cleans up are ignored.
    """

    def __init__(self) -> None:
        self.count = 0
        self.last, self.last_at = 0, 0.0  # signal, and when it arrived
        self.raised = False
        self.first: Action | None = None  # None: the first signal ends the command
        self.deferring = 0  # blocks of `deferred` that are being executed
        self.waiting = False  # whether a signal arrived in one of them

    @contextmanager
    def first_calls(self, action: Action) -> Iterator[None]:
        """Within this block the first signal calls `action` instead of ending the command."""
        before, self.first = self.first, action
        try:
            yield
        finally:
            self.first = before

    def allow_another(self) -> None:
        """Let a further signal end the command's cleaning up, too."""
        self.raised = False

    def receive(self, number: int, frame: FrameType | None) -> None:
        """The signal handler."""
        repeated = number == self.last and time.monotonic() - self.last_at < REPEATED
        self.last, self.last_at = number, time.monotonic()
        if repeated:
            return
        self.count += 1
        if number == signal.SIGHUP:
            silence_terminal()
        if self.deferring:
            self.waiting = True
        else:
            self.respond()

    def respond(self) -> None:
        if self.raised:
            return
        if self.count == 1 and self.first is not None:
            self.first()
            return
        self.end()

    def end(self) -> NoReturn:
        """End the command."""
        self.raised = True
        raise Interrupted("stopped at once", "launch again to go on from the last checkpoints")


def silence_terminal() -> None:
    """Send to nowhere what would be printed to a terminal that is lost: writing to it raises an error."""
    for stream in (1, 2):
        with suppress(OSError):
            if stat.S_ISCHR(os.fstat(stream).st_mode):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream)


ACTIVE: list[Interrupts] = []  # of the command that handles signals: none, or one


@contextmanager
def handled() -> Iterator[Interrupts]:
    """Handle signals in this block; outside the main thread, where none can be handled, they are left alone.

    A signal that is ignored from the start stays so, as `nohup` wants it of SIGHUP.
    """
    interrupts = Interrupts()
    if threading.current_thread() is not threading.main_thread() or ACTIVE:
        yield interrupts
        return
    numbers = [number for number in NUMBERS if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, interrupts.receive) for number in numbers}
    ACTIVE.append(interrupts)
    try:
        yield interrupts
    finally:
        ACTIVE.remove(interrupts)
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def deferred() -> Iterator[None]:
    """Answer signals after this block: for a child process that is started but not yet recorded."""
    if not ACTIVE or threading.current_thread() is not threading.main_thread():
        yield
        return
    interrupts = ACTIVE[0]
    interrupts.deferring += 1
    try:
        yield
    finally:
        interrupts.deferring -= 1
        if interrupts.waiting and not interrupts.deferring:
            interrupts.waiting = False
            interrupts.respond()
