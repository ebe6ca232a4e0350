"""flock-based file locks, released when the process exits.

On a network file system flock may be missing, local to a machine, or held for long by a machine that has died.  There,
a file of this machine is locked instead, which excludes its own processes; between machines the claim of a launch in
MLflow decides (`ablate.driver.claiming`), and the one conductor that assigns each trial to one worker.
"""

import fcntl
import hashlib
import math
import os
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from ablate.errors import ServiceError

NETWORK_FILE_SYSTEMS = frozenset(
    {"9p", "afs", "beegfs", "ceph", "cifs", "gpfs", "lustre", "nfs", "nfs4", "pvfs2", "smb3"}
    | {"fuse.ceph", "fuse.glusterfs", "fuse.juicefs", "fuse.s3fs", "fuse.sshfs"}
)
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


def on_this_machine(file: Path) -> Path:
    """The file itself, or one of this machine in its place where its folder lies on a network file system."""
    if file_system(file.parent.stat().st_dev) not in NETWORK_FILE_SYSTEMS:
        return file
    name = hashlib.sha256(os.fsencode(file.resolve())).hexdigest()[:32]
    return Path(tempfile.gettempdir(), f"ablate-locks-{os.getuid()}", name)


@cache
def file_system(device: int) -> str:
    """The type of the file system on a device, as Linux's table of mounts names it; empty where it is not there."""
    number = f"{os.major(device)}:{os.minor(device)}"
    with suppress(OSError):
        for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            before, _, after = line.partition(" - ")
            if before.split()[2] == number:
                return after.split()[0]
    return ""


def _try(file: Path) -> int | None:
    """A descriptor that holds the lock, or None where another process holds it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        file = on_this_machine(file)
        file.parent.mkdir(parents=True, exist_ok=True)
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
        return on_this_machine(file).read_text(encoding="utf-8") or "unknown"
    return "unknown"
