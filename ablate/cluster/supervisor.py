"""The driver's side of the conductor: start it, hear it, end it."""

import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO

import psutil

from ablate.cluster.messages import LaunchConfig, Message
from ablate.errors import AblateError, DataError, ServiceError, StudyError

PATIENCE = 180.0  # seconds for Ray to start
SILENCE = 25.0  # seconds without a sign of life after which Ray counts as dead


class Conductor:
    """A running conductor process, whose words other than messages go to the log file.

    It starts Ray at once and waits for its orders, so that Ray and whatever they depend on come up side by side.
    """

    def __init__(self, folder: Path, log: Path, address: str) -> None:
        self.file = folder / "orders.json"
        self.file.unlink(missing_ok=True)
        command = [sys.executable, "-m", "ablate.cluster.conductor", str(self.file), address]
        with log.open("ab") as out:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=out,
                start_new_session=True,  # Ctrl-C is for the driver alone
                text=True,
            )
        self.log = log
        self.buried = False
        self.heard: queue.Queue[Message | None] = queue.Queue()
        assert self.process.stdout is not None
        threading.Thread(target=self.listen, args=(self.process.stdout,), daemon=True).start()

    def order(self, orders: LaunchConfig) -> None:
        """Say what to do."""
        part = self.file.with_suffix(".part")
        part.write_text(orders.to_json())
        part.replace(self.file)

    def listen(self, pipe: IO[str]) -> None:
        for line in pipe:
            if line.endswith("\n"):  # else it died over the line
                self.heard.put(Message.from_line(line))
        self.heard.put(None)

    def messages(self) -> Iterator[Message]:
        """What it says, until it is over.

        Raises the error that it refuses with, and ServiceError where Ray has died or hangs.
        """
        patience = PATIENCE
        while True:
            try:
                message = self.heard.get(timeout=patience)
            except queue.Empty:
                self.kill()
                raise self.death(f"Ray has said nothing for {patience:.0f} s") from None
            if message is None:
                self.kill()
                raise self.death("Ray has died")
            if message.kind == "refused":
                raise refusal(message)
            yield message
            if message.kind == "over":
                return
            patience = SILENCE

    def death(self, problem: str) -> ServiceError:
        return RayDied(problem, "launch again: what is finished is kept, the rest goes on", str(self.log))

    def wait(self) -> None:
        """Let it take Ray down."""
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it and everything that it started, at once; what it left behind where it has ended by itself."""
        if self.buried:  # its number may be somebody else's by now
            return
        self.buried = True
        for member in session(self.process.pid):
            with suppress(psutil.NoSuchProcess):
                member.kill()
        self.process.wait()


class RayDied(ServiceError):
    """The cluster under a launch is gone; the plan is not."""


def session(leader: int) -> list[psutil.Process]:
    """All processes of a session, also those whose parents are gone."""
    members = []
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == leader:
                members.append(process)
        except (ProcessLookupError, PermissionError):
            continue
    return members


def refusal(message: Message) -> AblateError:
    """The conductor's error as it was."""
    kinds: dict[int, type[AblateError]] = {2: StudyError, 3: DataError}
    says = message.description
    return kinds.get(says["exit"], ServiceError)(says["problem"], says["remedy"], says["place"])
