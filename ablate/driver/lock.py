"""One launch of a study at a time: the second is refused, naming the first."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path

from ablate.errors import ServiceError
from ablate.lock import locked
from ablate.process import alive, myself

BEAT = 10.0  # seconds
STALE = 60.0  # seconds without a beat after which an owner on another machine counts as dead


@dataclass(frozen=True)
class Owner:
    """Who launches a study."""

    host: str
    process: int
    born: float  # when the process started, since process numbers come round again
    since: float  # when the launch began
    beat: float  # when it was last known to live

    @property
    def alive(self) -> bool:
        """On this machine the kernel knows; of another one its heartbeat tells."""
        if self.host != socket.gethostname():
            return time.time() - self.beat < STALE
        return alive((self.process, self.born))

    def same(self, other: "Owner | None") -> bool:
        """Whether both are one launch, at whatever beat."""
        return other is not None and replace(other, beat=self.beat) == self

    def __str__(self) -> str:
        since = datetime.fromtimestamp(self.since).strftime("%Y-%m-%d %H:%M:%S")
        return f"process {self.process} on {self.host} since {since}"


def owner_of(path: Path) -> Owner | None:
    """Who launches the study right now, if anybody."""
    owner = read(path)
    return owner if owner is not None and owner.alive else None


def read(path: Path) -> Owner | None:
    """Who wrote the lock; None where there is none, or half of one."""
    try:
        return Owner(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return None


@contextmanager
def launching(path: Path, study: str) -> Iterator[Owner]:
    """Own a study for the time of a launch; a lock that a dead process left is taken over.

    Raises ServiceError where somebody else owns it.
    """
    with locked(path.with_suffix(".guard"), 10.0, "another launch is just beginning"):
        if (other := owner_of(path)) is not None:
            raise ServiceError(
                f"'{study}' is being launched by {other}",
                f"watch it with ablate status {study}, or end it with ablate stop {study}",
                str(path),
            )
        now = time.time()
        owner = Owner(socket.gethostname(), *myself(), now, now)
        write(path, owner)
    over = threading.Event()
    heart = threading.Thread(target=beat, args=(path, owner, over), daemon=True)
    heart.start()
    try:
        yield owner
    finally:
        over.set()
        heart.join()
        if owner.same(read(path)):
            path.unlink()


def beat(path: Path, owner: Owner, over: threading.Event) -> None:
    """Say that the owner lives, until it is over or another one has taken its place."""
    while not over.wait(BEAT) and owner.same(read(path)):
        write(path, replace(owner, beat=time.time()))


def write(path: Path, owner: Owner) -> None:
    part = path.with_suffix(".part")
    part.write_text(json.dumps(asdict(owner)))
    part.replace(path)
