"""Tells the listener of a launch what happens."""

from collections import deque

from ablate.driver.progress import LaunchProgress, Listener
from ablate.events import Message, Stage, StageBegan


def ignore(progress: LaunchProgress, message: Message) -> None:
    """A listener that shows nothing."""


class Announcer:
    """Updates the progress of a launch by each message, and then calls the listener.

    A signal handler may announce a message while the listener prints another one: the listener is called with it
    afterwards, since printing twice at once fails or repeats a line.
    """

    def __init__(self, listen: Listener = ignore) -> None:
        self.listen = listen
        self.progress = LaunchProgress()
        self.waiting: deque[Message] = deque()
        self.announcing = False

    def enter(self, stage: Stage) -> None:
        self.announce(StageBegan(stage))

    def announce(self, message: Message) -> None:
        self.waiting.append(message)
        if self.announcing:
            return
        self.announcing = True
        try:
            while self.waiting:
                self._pass_on(self.waiting.popleft())
        finally:
            self.announcing = False

    def _pass_on(self, message: Message) -> None:
        self.progress.update(message)
        try:
            self.listen(self.progress, message)
        except OSError:  # the terminal is gone, or the disk of its output is full: the launch goes on unseen
            self.listen = ignore
