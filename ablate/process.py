"""Processes as the kernel knows them: their numbers are used again, and the dead may wait long to be buried."""

import os

import psutil

Process = tuple[int, float]  # its number, and when it was created: together they name one process


def alive(process: Process) -> bool:
    """Whether this very process lives, not a later one of the same number; one that waits to be buried does not."""
    pid, born = process
    try:
        found = psutil.Process(pid)
        return abs(found.create_time() - born) < 1 and found.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def identify(pid: int) -> Process:
    """A process that exists.  Raises psutil.NoSuchProcess where there is none of that number."""
    return pid, float(psutil.Process(pid).create_time())


def myself() -> Process:
    return identify(os.getpid())
