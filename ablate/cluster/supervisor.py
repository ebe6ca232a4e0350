"""Starts the conductor process, reads its messages and ends it, in the driver's process."""

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

from ablate.atomic_write import write_text
from ablate.cluster.executor import Executor, ExecutorDied
from ablate.errors import AblateError, DataError, ServiceError, StudyError
from ablate.events import LAUNCH_CONFIG, MESSAGES, LaunchConfig, Message, Over, Refused

START = 180.0  # seconds that Ray may take to start
SILENCE = 25.0  # seconds without a message after which Ray is taken to have died


class RayExecutor(Executor):
    """Runs packs on Ray, in a conductor process, whose other output goes to the log file.

    The process starts Ray at once and waits for the launch's configuration, so that Ray and MLflow start side by side.
    """

    def __init__(self, folder: Path, log: Path, address: str) -> None:
        self.config_file = folder / "launch_config.json"
        self.config_file.unlink(missing_ok=True)
        self.log = log
        command = [sys.executable, "-P", "-m", "ablate.cluster.conductor", str(self.config_file), address]
        with log.open("ab") as out:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=out,
                start_new_session=True,  # so that Ctrl-C in the terminal reaches the driver alone
                text=True,
                encoding="utf-8",
            )
        self.killed = False
        self.received: queue.Queue[Message | None] = queue.Queue()  # None: the process has ended
        assert self.process.stdout is not None
        threading.Thread(target=self._read, args=(self.process.stdout,), daemon=True).start()

    def run(self, config: LaunchConfig) -> Iterator[Message]:
        write_text(self.config_file, LAUNCH_CONFIG.encode(config))
        yield from self._messages()
        self._wait()

    def kill(self) -> None:
        if self.killed:  # another process may have its PID by now
            return
        self.killed = True
        for member in session_members(self.process.pid):
            with suppress(psutil.NoSuchProcess):
                member.kill()
        self.process.wait()

    def _read(self, pipe: IO[str]) -> None:
        with pipe:
            for line in pipe:
                if line.endswith("\n"):  # else the process died while it wrote
                    self.received.put(MESSAGES.decode(line))
        self.received.put(None)

    def _messages(self) -> Iterator[Message]:
        patience = START
        while True:
            try:
                message = self.received.get(timeout=patience)
            except queue.Empty:
                self.kill()
                raise self._died(f"Ray has sent nothing for {patience:.0f} s") from None
            if message is None:
                self.kill()
                raise self._died("Ray has died")
            if isinstance(message, Refused):
                raise error_of(message)
            if isinstance(message, Over):
                return
            yield message
            patience = SILENCE

    def _died(self, problem: str) -> ExecutorDied:
        return ExecutorDied(problem, "launch again: finished trials are kept, the others are continued", str(self.log))

    def _wait(self) -> None:
        """Wait until the process has shut Ray down."""
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.kill()


def session_members(leader: int) -> list[psutil.Process]:
    """All processes of a session, including those whose parents have ended."""
    members = []
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == leader:
                members.append(process)
        except (ProcessLookupError, PermissionError):
            continue
    return members


def error_of(message: Refused) -> AblateError:
    """The error with which the conductor refused the launch."""
    kinds: dict[int, type[AblateError]] = {2: StudyError, 3: DataError}
    return kinds.get(message.exit_code, ServiceError)(message.problem, message.remedy, message.place)
