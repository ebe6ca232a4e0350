"""Identity and liveness of processes: PIDs are reused and zombies stay in the process table."""

import os
import platform
import threading
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import psutil

Process = tuple[int, float]  # PID and creation time in seconds since the epoch: together they identify a process


def alive(process: Process) -> bool:
    """Whether this process is running: neither ended, nor a zombie, nor replaced by a later one with its PID."""
    pid, created = process
    try:
        found = psutil.Process(pid)
        return abs(found.create_time() - created) < 1 and found.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def identify(pid: int) -> Process:
    """The identity of the process with this PID.  Raises psutil.NoSuchProcess where there is none."""
    return pid, float(psutil.Process(pid).create_time())


def current_process() -> Process:
    """The identity of the calling process."""
    return identify(os.getpid())


@cache
def machine() -> str:
    """The identity of the machine since its last start, and of the container whose PIDs this process sees."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot}/{Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:  # no Linux
        return platform.node()


def end_with_parent(parent: int, interval: float = 0.5) -> None:
    """End this process once its parent has ended, also where that happened before this call.

    `parent` is the PID that the parent itself passed to this process: `os.getppid` is another one once it is gone.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(interval)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def absolute_python_path() -> Mapping[str, str]:
    """PYTHONPATH with absolute folders, for a child process with another working folder; empty where it is not set.

    An empty entry means the working folder, which is never imported.
    """
    folders = [folder for folder in os.environ.get("PYTHONPATH", "").split(os.pathsep) if folder]
    return {"PYTHONPATH": os.pathsep.join(str(Path(folder).absolute()) for folder in folders)} if folders else {}
