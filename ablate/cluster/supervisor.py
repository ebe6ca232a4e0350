"""Starts the conductor process, reads its messages and ends it, in the driver's process."""

import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import IO

import psutil

from ablate.cluster.executor import Executor, ExecutorDied
from ablate.cluster.ray_environment import ray_environment
from ablate.errors import AblateError, DataError, ServiceAway, ServiceError, StudyError
from ablate.events import MESSAGES, Joined, Message, Over, Ready, Refused
from ablate.launch_config import CLUSTER_REQUEST, LAUNCH_CONFIG, ClusterRequest, LaunchConfig

START = 240.0  # seconds that Ray may take to start
PYTHON_FAILED = 1  # exit code of Python after an exception that it could not report
SILENCE = 25.0  # seconds without a message after which Ray is taken to have died


class RayExecutor(Executor):
    """Runs packs on Ray, in a conductor process, whose other output goes to the log file.

    The process starts Ray at once and waits for the launch's configuration, so that Ray and MLflow start side by side.
    """

    def __init__(self, log: Path, address: str, request: ClusterRequest | None = None) -> None:
        """Start the process; `request` is what a launch asks of the cluster at the address.

        Raises ServiceError where the environment would open a local Ray to everyone.
        """
        self.log, self.address, self.request = log, address, request
        self.killed = False
        self.received: queue.Queue[Message | None] = queue.Queue()  # None: the process has ended
        command = [sys.executable, "-P", "-m", "ablate.cluster.conductor", str(os.getpid()), address]
        environment = ray_environment(address)
        with log.open("ab") as out:
            self.log_begin = out.tell()
            self.process = subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=out,
                start_new_session=True,  # so that Ctrl-C in the terminal reaches the driver alone
                text=True,
                encoding="utf-8",
            )
        assert self.process.stdout is not None
        threading.Thread(target=self._read, args=(self.process.stdout,), daemon=True).start()

    def require_cluster(self, data: Mapping[str, str]) -> None:
        if self.request is not None:
            self._send(CLUSTER_REQUEST.encode(replace(self.request, data=data)))
            for message in self._messages():
                if isinstance(message, Joined):
                    return

    def run(self, config: LaunchConfig) -> Iterator[Message]:
        # in a thread, since a pipe holds 64 KiB and the process reads it once Ray has started
        threading.Thread(target=self._write, args=(LAUNCH_CONFIG.encode(config),), daemon=True).start()
        yield from self._messages()
        self._wait()

    def kill(self) -> None:
        if self.killed:  # another process may have its PID by now
            return
        self.killed = True
        assert self.process.stdin is not None
        with suppress(OSError, ValueError):  # ValueError: another thread is closing it
            self.process.stdin.close()
        for member in session_members(self.process.pid):
            with suppress(psutil.NoSuchProcess):
                member.kill()
        self.process.wait()

    def _send(self, line: str) -> None:
        """Write a short line that more lines follow."""
        assert self.process.stdin is not None
        with suppress(OSError):
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()

    def _write(self, line: str) -> None:
        """Write the one line of the process's standard input; a process that has ended is noticed by its messages."""
        assert self.process.stdin is not None
        with suppress(OSError), self.process.stdin as pipe:
            pipe.write(line + "\n")

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
                with suppress(subprocess.TimeoutExpired):
                    self.process.wait(timeout=5)
                self.kill()
                raise self._ended()
            if isinstance(message, Refused):
                raise error_of(message if message.place else replace(message, place=str(self.log)))
            if isinstance(message, Over):
                return
            if isinstance(message, Ready):
                patience = SILENCE  # heartbeats follow
            yield message

    def _died(self, problem: str) -> ExecutorDied:
        kept = "finished trials are kept, the others are continued"
        if not self.address:
            return ExecutorDied(problem, f"launch again: {kept}", str(self.log))
        problem = f"the cluster does not answer any more, its head node may have died ({problem})"
        return ExecutorDied(problem, f"start it again, and launch again: {kept}", self.address)

    def _ended(self) -> ServiceError:
        """Why the process has ended without a message: its Python failed, or it ended since Ray has died."""
        if self.process.returncode != PYTHON_FAILED:
            return self._died("Ray has died")
        with self.log.open(encoding="utf-8", errors="replace") as log:
            log.seek(self.log_begin)
            last = [line.strip() for line in log if line.strip()][-1:]
        return ServiceError(f"the conductor failed: {''.join(last)}", "read the log", str(self.log))

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
    kinds: dict[int, type[AblateError]] = {2: StudyError, 3: DataError, ServiceAway.exit_code: ServiceAway}
    return kinds.get(message.exit_code, ServiceError)(message.problem, message.remedy, message.place)
