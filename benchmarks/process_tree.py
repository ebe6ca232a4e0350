"""CPU seconds of all processes that a benchmark has started, of their children, and of those that have ended."""

import ctypes
import resource
from contextlib import suppress

import psutil

SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER of Linux's prctl


def adopt_orphans() -> None:
    """Become the parent of descendants whose own parents end, such as a server's, so that they are counted too."""
    ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)


def cpu_seconds() -> float:
    """The CPU seconds of all descendants up to now; other load on the machine does not change differences of it."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = ended.ru_utime + ended.ru_stime
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            seconds += times.user + times.system + times.children_user + times.children_system
    return seconds
