"""CPU seconds of a command, and of all processes that a benchmark has started, with their descendants."""

import ctypes
import resource
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress

import psutil

SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER of Linux's prctl


def adopt_orphans() -> None:
    """Become the parent of descendants whose own parents end, such as a server's, so that they are counted too."""
    ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)


def cpu_seconds() -> float:
    """The CPU seconds of all descendants up to now; other load on the machine does not change differences of it."""
    seconds = cpu_seconds_of_ended()
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            seconds += times.user + times.system + times.children_user + times.children_system
    return seconds


def cpu_seconds_of_ended() -> float:
    """The CPU seconds of the processes that have ended and were waited for."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return ended.ru_utime + ended.ru_stime


def cpu_seconds_of(command: tuple[str, ...], environment: Mapping[str, str]) -> float:
    """The CPU seconds of a command and of all processes that it waits for."""
    before = cpu_seconds_of_ended()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    return cpu_seconds_of_ended() - before
