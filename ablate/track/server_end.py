"""Ends an embedded MLflow server, whose processes carry its mark in their environment."""

import os
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psutil

from ablate.process import Process, alive
from ablate.track.server_info import ServerInfo

POLL = 0.05  # seconds between two looks at a process, which does not notify of its end
GRACE = 5.0  # seconds between SIGTERM and SIGKILL
MARK = "ABLATE_SERVER"  # environment variable that identifies the server's processes, its children included

CHILDREN: list[subprocess.Popen[bytes]] = []  # kept, since Popen warns when it is deleted while its process runs


def leave(info: ServerInfo, file: Path) -> None:
    """Stop using a server, whose lock is held; where this process was its last living user, end it."""
    others = tuple(user for user in info.users if alive(user) and user[0] != os.getpid())
    if others:
        replace(info, users=others).save(file)
    else:
        end(info.mark)
        file.unlink(missing_ok=True)


def end(mark: str) -> None:
    """End the processes of the server with this mark, except the calling one.

    A parent that was killed leaves a child that holds the port.
    """
    for number in (signal.SIGTERM, signal.SIGKILL):
        left = [process for process in members(mark) if process[0] != os.getpid()]
        for pid, _ in left:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        deadline = time.monotonic() + GRACE
        while any(map(alive, left)) and time.monotonic() < deadline:
            time.sleep(POLL)
    CHILDREN[:] = [child for child in CHILDREN if child.poll() is None]


def members(mark: str) -> list[Process]:
    """The processes whose environment has that mark."""
    found = (process.info for process in psutil.process_iter(["pid", "create_time", "environ"]))
    return [(info["pid"], info["create_time"]) for info in found if (info["environ"] or {}).get(MARK) == mark]
