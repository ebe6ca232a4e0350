"""flock-based file locks, released when the process exits."""

import fcntl
import math
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ablate.errors import ServiceError

RETRY_INTERVAL = 0.05  # seconds between two attempts to take a lock: flock itself has no timeout


@contextmanager
def locked(file: Path, timeout: float = math.inf, problem: str = "another process holds the lock") -> Iterator[None]:
    """Hold an exclusive lock on a file, which is created where it is missing and contains the holder's PID and host.

    Raises ServiceError, naming the holder, where the lock is not free within `timeout` seconds.
    """
    deadline = time.monotonic() + timeout
    while (descriptor := _try(file)) is None:
        if time.monotonic() >= deadline:
            raise ServiceError(f"{problem} ({_holder(file)})", "let it finish, or stop it", str(file))
        time.sleep(RETRY_INTERVAL)
    try:
        yield
    finally:
        os.close(descriptor)


def _try(file: Path) -> int | None:
    """A descriptor that holds the lock, or None where another process holds it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except FileNotFoundError:  # the folder was removed in between
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        held = os.fstat(descriptor).st_ino == file.stat().st_ino  # not a file that its last holder removed
    except (BlockingIOError, FileNotFoundError):
        held = False
    except OSError:  # this file system has no locks
        os.close(descriptor)
        raise
    if not held:
        os.close(descriptor)
        return None
    with suppress(OSError):  # on a full disk the lock is held without a name
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()} on {socket.gethostname()}".encode(), 0)
    return descriptor


def _holder(file: Path) -> str:
    """The PID and host that the lock file names."""
    with suppress(OSError):
        return file.read_text(encoding="utf-8") or "unknown"
    return "unknown"
