"""A lock on a study: one launch at a time, and a second one is refused with the name of the first.

The owner touches the lock file every few seconds, which needs no space on a full disk.  Whether an owner on another
machine is alive is what the watcher sees by its own clock: the file's time changes, or does not.  Times of two machines
are never compared, since a clock may be wrong by any amount.
"""

import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import Path

from ablate.atomic_write import write_text
from ablate.errors import ServiceError
from ablate.interrupts import deferred
from ablate.lock import locked
from ablate.process import alive, current_process, machine

HEARTBEAT = 2.0  # seconds
STALE = 60.0  # seconds that a launch watches an owner on another machine before it takes the lock over
LOOK = 10.0  # seconds that a command which only asks watches it
POLL = 0.2  # seconds between two looks: a shared file system does not notify of changes


@dataclass(frozen=True)
class Owner:
    """The process that launches a study."""

    host: str
    process: int  # PID
    born: float  # when the process started, since PIDs are reused
    since: float  # when the launch began
    machine: str = ""  # identity of the machine or container that the PID belongs to; empty: known by its host only

    @property
    def is_here(self) -> bool:
        """Whether its PID can be looked up from this process."""
        return self.machine == machine() if self.machine else self.host == socket.gethostname()

    def __str__(self) -> str:
        since = datetime.fromtimestamp(self.since).strftime("%Y-%m-%d %H:%M:%S")
        return f"process {self.process} on {self.host} since {since}"


def owner_of(file: Path, patience: float | None = None) -> Owner | None:
    """The process that launches the study at this moment; None where there is none.

    An owner on another machine is alive if it is seen to touch the file within `patience` seconds (None: LOOK).
    """
    owner = read_owner(file)
    if owner is None:
        return None
    if owner.is_here:
        return owner if alive((owner.process, owner.born)) else None
    return owner if is_touched(file, LOOK if patience is None else patience) else None


def is_touched(file: Path, patience: float) -> bool:
    """Whether the file's time changes while this process watches it."""
    first = touched_at(file)
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        time.sleep(min(POLL, patience / 10))
        now = touched_at(file)
        if now is not None and now != first:
            return True
    return False


def touched_at(file: Path) -> int | None:
    """The file's time; opened first, since network file systems ask their server only then."""
    with suppress(OSError), file.open("rb") as opened:
        return os.fstat(opened.fileno()).st_mtime_ns
    return None


def read_owner(file: Path) -> Owner | None:
    """The owner in a lock file; None where there is no file, or an incomplete one."""
    known = {field.name for field in fields(Owner)}
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        return Owner(**{name: value for name, value in content.items() if name in known})
    except (OSError, ValueError, TypeError, AttributeError):
        return None


@contextmanager
def launching(file: Path, study: str, taken_over: Callable[[Owner], None] = lambda owner: None) -> Iterator[Owner]:
    """Hold a study's lock during a launch; the lock of a process that has ended is taken over.

    `taken_over` is called, in another thread, where another machine has taken this lock over, since this process was
    suspended or could not reach the file for a minute.  Raises ServiceError where another process holds the lock.
    """
    owner = Owner(socket.gethostname(), *current_process(), time.time(), machine())
    over = threading.Event()
    thread = threading.Thread(target=keep, args=(file, owner, over, taken_over), daemon=True)
    try:  # from before the file is written: a signal may end the launch at any moment
        with locked(file.with_suffix(".guard"), 10.0, "another launch is just beginning"):
            require_no_owner(file, study)
            write_owner(file, owner)
        thread.start()
        yield owner
    finally:
        with deferred():
            over.set()
            if thread.ident is not None:
                thread.join()
            if read_owner(file) == owner:
                file.unlink(missing_ok=True)


def require_no_owner(file: Path, study: str) -> None:
    """Raise ServiceError where another process launches the study."""
    if (other := owner_of(file, STALE)) is not None:
        raise ServiceError(
            f"'{study}' is being launched by {other}",
            f"watch it with ablate status {study}, or end it with ablate stop {study}",
            str(file),
        )


def keep(file: Path, owner: Owner, over: threading.Event, taken_over: Callable[[Owner], None]) -> None:
    """Touch the lock file until the launch is over or another one has taken the lock over; a failure is repeated."""
    while not over.wait(HEARTBEAT):
        with suppress(OSError):  # a full disk, or a network file system that is away
            other = read_owner(file)
            if other is not None and other != owner:
                taken_over(other)
                return
            if other is None:  # removed, or damaged
                write_owner(file, owner)
            else:
                os.utime(file)


def write_owner(file: Path, owner: Owner) -> None:
    write_text(file, json.dumps(asdict(owner)))
