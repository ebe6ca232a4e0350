"""Locks of the kernel's: whoever dies lets go."""

import fcntl
import math
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ablate.errors import ServiceError

GLANCE = 0.05  # seconds between two looks at a lock that someone else has


@contextmanager
def locked(file: Path, patience: float = math.inf, problem: str = "another process is at it") -> Iterator[None]:
    """Hold an exclusive lock on a file, made if need be, that names its holder.

    Raises ServiceError, which names the holder, if it is not free within `patience` seconds.
    """
    deadline = time.monotonic() + patience
    while (descriptor := _try(file)) is None:
        if time.monotonic() >= deadline:
            raise ServiceError(f"{problem} ({_holder(file)})", "let it finish, or stop it", str(file))
        time.sleep(GLANCE)
    try:
        yield
    finally:
        os.close(descriptor)


def _try(file: Path) -> int | None:
    """A descriptor that holds the lock, or None."""
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except FileNotFoundError:  # the folder has just been removed
        return None
    with suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(descriptor).st_ino == file.stat().st_ino:  # not a file that its last holder removed
            os.truncate(descriptor, 0)
            os.pwrite(descriptor, f"process {os.getpid()} on {socket.gethostname()}".encode(), 0)
            return descriptor
    os.close(descriptor)
    return None


def _holder(file: Path) -> str:
    with suppress(OSError):
        return file.read_text() or "unknown"
    return "unknown"
