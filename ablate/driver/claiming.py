"""One launch of a study at a time on one MLflow server, from whatever store: a claim, and the heartbeat that keeps it.

The lock in the store's folder refuses a second launch from the same store.  A launch from another store finds the claim
in MLflow and watches its heartbeat: where that changes, the other launch is alive.  The two machines' clocks are never
compared.
"""

import logging
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime

from ablate.atomic_write import write_text
from ablate.driver.launch_lock import owner_of
from ablate.errors import ServiceError
from ablate.paths import StudyPaths
from ablate.process import current_process
from ablate.track.client import redact
from ablate.track.store import Claim, Snapshot, TrackingStore

HEARTBEAT = 10.0  # seconds between two heartbeats
STALE = 60.0  # seconds of watching without a heartbeat after which a launch counts as dead
LIMIT = 15.0  # seconds to wait for a heartbeat that is being written
LOOK = 2.0  # seconds between two looks

logger = logging.getLogger(__name__)


class ClaimHeartbeat:
    """Refreshes a launch's claim until it is over, or until another launch has taken the study over."""

    def __init__(self, tracking: TrackingStore, study: str, claim: Claim, taken_over: Callable[[Claim], None]) -> None:
        self.tracking, self.study, self.claim, self.taken_over = tracking, study, claim, taken_over
        self.other: Claim | None = None  # of the launch that has taken the study over
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._beat, name="ablate-heartbeat", daemon=True)

    def confirm(self) -> None:
        """Raise ServiceError where another launch claims the study at the same moment."""
        self.look()
        if self.other is not None:
            raise taken_over_by(self.other.owner, self.study, redact(self.tracking.uri))

    def look(self) -> None:
        """See whose claim the study has."""
        held = self.tracking.read_claim(self.study)
        if held is not None and held.launch != self.claim.launch:
            self.other = held

    def _beat(self) -> None:
        while not self.over.wait(HEARTBEAT) and self.other is None:
            try:
                self.look()
                if self.other is None and not self.over.is_set():
                    self.tracking.write_claim(self.study, replace(self.claim, heartbeat=new_heartbeat()))
            except ServiceError as error:  # MLflow is away: nobody else can read the claim either
                logger.info("no heartbeat: %s", error)
        if self.other is not None:
            self.taken_over(self.other)


@contextmanager
def claimed(
    tracking: TrackingStore, study: str, paths: StudyPaths, taken_over: Callable[[Claim], None]
) -> Iterator[None]:
    """Claim a study, whose run exists and which no other launch holds, as long as the context lasts.

    `taken_over` is called, in another thread, where another launch has taken the study over, since this process was
    suspended or could not reach MLflow for a minute.  Raises ServiceError where another launch claims it at the same
    moment.
    """
    process, _ = current_process()
    now = datetime.now().strftime("%Y-%m-%d %H:%M:%S")
    owner = f"process {process} on {socket.gethostname()} since {now}, with the store {paths.folder.parent.parent}"
    claim = Claim(secrets.token_hex(8), owner, new_heartbeat())
    write_text(paths.claim, claim.launch)
    tracking.write_claim(study, claim)
    heartbeat = ClaimHeartbeat(tracking, study, claim, taken_over)
    heartbeat.confirm()
    heartbeat.thread.start()
    try:
        yield
    finally:
        heartbeat.over.set()
        heartbeat.thread.join(LIMIT)


def taken_over_by(other: str, study: str, place: str = "") -> ServiceError:
    """The error with which a launch ends whose study another launch has taken over."""
    problem = f"'{study}' has been taken over by {other}, which saw no heartbeat of this launch for a minute"
    remedy = f"let that launch finish, it goes on from what is in MLflow: ablate status {study}"
    return ServiceError(problem, remedy, place)


def refuse_second_launch(
    tracking: TrackingStore, study: str, paths: StudyPaths, held: Claim | None, watching: Callable[[], None]
) -> bool:
    """Raise ServiceError where the claim is that of a live launch from another store.

    `watching` is called before the heartbeat is waited for, which takes up to a minute; True where that was needed, so
    that what was listed before is out of date.
    """
    if held is None or is_own(held, paths):
        return False
    watching()
    if is_alive(tracking, study, held):
        raise ServiceError(
            f"'{study}' is being launched by {held.owner}",
            "let it finish, or stop it there: ablate stop " + study,
            redact(tracking.uri),
        )
    return True


def live_launch(tracking: TrackingStore, study: str, paths: StudyPaths) -> str | None:
    """The launch of the study that is alive, from this store or another one; takes up to a minute."""
    if (own := owner_of(paths.lock)) is not None:
        return str(own)
    held = tracking.read_claim(study)
    foreign = held is not None and not is_own(held, paths) and is_alive(tracking, study, held)
    return held.owner if held is not None and foreign else None


def is_own(claim: Claim, paths: StudyPaths) -> bool:
    """Whether it is the claim of the last launch from this store, which the store's lock tells more about."""
    with suppress(OSError):
        return paths.claim.read_text(encoding="utf-8") == claim.launch
    return False


def is_alive(tracking: TrackingStore, study: str, held: Claim) -> bool:
    """Whether the claim's heartbeat changes while it is watched."""
    deadline = time.monotonic() + STALE
    while time.monotonic() < deadline:
        time.sleep(LOOK)
        now = tracking.read_claim(study)
        if now is None:
            return False  # it has been closed meanwhile
        if now != held:
            return True
    return False


def launched_by(snapshot: Snapshot, paths: StudyPaths) -> str:
    """Who launches the study at this moment, as far as one look can tell; empty where nobody does."""
    own = owner_of(paths.lock)
    if own is not None:
        return str(own)
    claim = snapshot.claim
    if claim is None or is_own(claim, paths):
        return ""
    return f"{claim.owner}; last heartbeat {claim.heartbeat or 'unknown'} by its clock"


def new_heartbeat() -> str:
    """A heartbeat that differs from the last; the time is for readers, since another machine's clock may differ."""
    return datetime.now().strftime("%Y-%m-%d %H:%M:%S.%f")
