"""Identity and liveness of processes: PIDs are reused and zombies stay in the process table."""

import os

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
