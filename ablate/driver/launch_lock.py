"""A lock on a study: one launch at a time, and a second one is refused with the name of the first."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path

from ablate.atomic_write import write_text
from ablate.errors import ServiceError
from ablate.lock import locked
from ablate.process import alive, current_process

HEARTBEAT = 10.0  # seconds
STALE = 60.0  # seconds without a heartbeat after which an owner on another machine counts as ended


@dataclass(frozen=True)
class Owner:
    """The process that launches a study."""

    host: str
    process: int  # PID
    born: float  # when the process started, since PIDs are reused
    since: float  # when the launch began
    beat: float  # time of the last heartbeat

    @property
    def alive(self) -> bool:
        """Whether the process is running; on another machine, whether its last heartbeat is recent."""
        if self.host != socket.gethostname():
            return time.time() - self.beat < STALE
        return alive((self.process, self.born))

    def same(self, other: "Owner | None") -> bool:
        """Whether both are the same launch, whatever their heartbeats."""
        return other is not None and replace(other, beat=self.beat) == self

    def __str__(self) -> str:
        since = datetime.fromtimestamp(self.since).strftime("%Y-%m-%d %H:%M:%S")
        return f"process {self.process} on {self.host} since {since}"


def owner_of(file: Path) -> Owner | None:
    """The process that launches the study at this moment; None where there is none."""
    owner = read_owner(file)
    return owner if owner is not None and owner.alive else None


def read_owner(file: Path) -> Owner | None:
    """The owner in a lock file; None where there is no file, or an incomplete one."""
    try:
        return Owner(**json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


@contextmanager
def launching(file: Path, study: str) -> Iterator[Owner]:
    """Hold a study's lock during a launch; the lock of a process that has ended is taken over.

    Raises ServiceError where another process holds it.
    """
    with locked(file.with_suffix(".guard"), 10.0, "another launch is just beginning"):
        if (other := owner_of(file)) is not None:
            raise ServiceError(
                f"'{study}' is being launched by {other}",
                f"watch it with ablate status {study}, or end it with ablate stop {study}",
                str(file),
            )
        now = time.time()
        owner = Owner(socket.gethostname(), *current_process(), now, now)
        write_owner(file, owner)
    over = threading.Event()
    thread = threading.Thread(target=refresh_heartbeat, args=(file, owner, over), daemon=True)
    thread.start()
    try:
        yield owner
    finally:
        over.set()
        thread.join()
        if owner.same(read_owner(file)):
            file.unlink()


def refresh_heartbeat(file: Path, owner: Owner, over: threading.Event) -> None:
    """Refresh the time in the lock file until the launch is over or another process has taken the lock over."""
    while not over.wait(HEARTBEAT) and owner.same(read_owner(file)):
        write_owner(file, replace(owner, beat=time.time()))


def write_owner(file: Path, owner: Owner) -> None:
    write_text(file, json.dumps(asdict(owner)))
