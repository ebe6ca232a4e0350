"""Who carries spools to MLflow: a thread beside the training, or a launch at its start and end."""

import logging
import shutil
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING

from ablate.errors import ServiceError
from ablate.paths import StudyPaths
from ablate.track.client import connect, experiment_id, redact, refused
from ablate.track.delivery import Delivery, retire, waiting
from ablate.track.hold import hold

if TYPE_CHECKING:
    from mlflow import MlflowClient

LONGEST_PAUSE = 60.0  # seconds between two attempts at a server that is away
ENDS = ("FINISHED", "FAILED", "KILLED")

logger = logging.getLogger(__name__)


class Courier:
    """Knows the way from one study's folder to MLflow."""

    def __init__(self, uri: str, paths: StudyPaths) -> None:
        self.uri = uri
        self.paths = paths
        self.client: MlflowClient | None = None
        self.deliveries: dict[str, Delivery] = {}
        self.away = False  # the server: no trial can be sent
        self.told: set[str] = set()  # trials whose trouble was already logged

    def delivery(self, key: str) -> Delivery:
        """The delivery of one trial; the first connects to MLflow."""
        if self.client is None:
            client = connect(self.uri)
            self.experiment = cache(lambda study: experiment_id(client, study))
            self.client = client
        if key not in self.deliveries:
            self.deliveries[key] = Delivery(self.client, self.experiment, self.paths.trial(key))
        return self.deliveries[key]

    def carry(self, key: str) -> str | None:
        """Send what one trial has; its status in MLflow, or None if that did not work; never raises."""
        try:
            status = self.delivery(key).advance()
        except ServiceError:  # somebody else is sending it
            return None
        except Exception as error:
            self._complain(key, error)
            return None
        self.away = False
        self.told -= {"", key}
        if status in ENDS:
            self.deliveries.pop(key, None)
        return status

    def _complain(self, key: str, error: Exception) -> None:
        self.away = not refused(error)  # a refusal concerns this trial alone
        trouble = "" if self.away else key
        if trouble not in self.told:
            self.told.add(trouble)
            spool = self.paths.trial(key).spool
            logger.warning("%s: cannot send %s: %s; its records wait", redact(self.uri), spool, redact(error))


class Sender:
    """A background thread that takes the spools of watched trials to MLflow and never troubles its caller."""

    def __init__(self, uri: str, paths: StudyPaths, interval: float = 3.0) -> None:
        self.paths = paths
        self.interval = interval  # seconds between two rounds
        self.courier = Courier(uri, paths)
        self.watched: dict[str, None] = {}  # in order of arrival
        self.guard = threading.Lock()
        self.wake = threading.Event()
        self.deadline: float | None = None  # once closing
        self.thread = threading.Thread(target=self._run, name="ablate-sender", daemon=True)

    def watch(self, key: str) -> None:
        """Send this trial's records from now on; to be called while the trial is held."""
        with self.guard:
            self.watched[key] = None
        if not self.thread.is_alive() and self.deadline is None:
            self.thread.start()

    def nudge(self) -> None:
        """Send now, since a trial has ended; a server that is away is left in peace."""
        if not self.courier.away:
            self.wake.set()

    def close(self, patience: float) -> set[str]:
        """Send what is left, for at most `patience` seconds, and say which trials MLflow does not have whole."""
        self.deadline = time.monotonic() + patience
        self.wake.set()
        if self.thread.is_alive():
            self.thread.join(patience)
        return self._left()

    def _left(self) -> set[str]:
        return {key for key in self._keys() if waiting(self.paths.trial(key))}

    def _keys(self) -> list[str]:
        with self.guard:
            return list(self.watched)

    def _run(self) -> None:
        pause = self.interval
        while not self._late():
            for key in self._keys():
                self._attend(key)
                if self.courier.away or self._late():
                    break  # every other trial would wait as long for the same server
            if self.deadline is not None and not self._left():
                return
            pause = min(2 * pause, LONGEST_PAUSE) if self.courier.away else self.interval
            self._rest(pause)

    def _late(self) -> bool:
        return self.deadline is not None and time.monotonic() >= self.deadline

    def _rest(self, pause: float) -> None:
        if self.deadline is None:
            self.wake.wait(pause)
            self.wake.clear()
        else:
            time.sleep(max(0.0, min(pause, 0.5, self.deadline - time.monotonic())))

    def _attend(self, key: str) -> None:
        """Send one trial; forget it once it has ended and nobody works on it."""
        trial = self.paths.trial(key)
        if self.courier.carry(key) in ENDS:
            with suppress(ServiceError, OSError), hold(trial):
                if retire(trial) or not waiting(trial):
                    with self.guard:
                        self.watched.pop(key, None)


def deliver(uri: str, paths: StudyPaths, patience: float = 30.0) -> set[str]:
    """Send what earlier processes left behind, and say for which trials that failed.

    Trials that a live process works on are left to it.  Gives up `patience` seconds after it began, or one request's
    timeout later.
    """
    for folder in paths.folder.glob("retired-*"):
        shutil.rmtree(folder, ignore_errors=True)
    courier = Courier(uri, paths)
    left = {spool.parent.name for spool in paths.trials.glob("*/spool.jsonl")}
    deadline = time.monotonic() + patience
    pause = 0.5
    while True:
        left = _deliver_once(courier, sorted(left))
        if not left or time.monotonic() + pause >= deadline:
            return left
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)


def _deliver_once(courier: Courier, keys: Iterable[str]) -> set[str]:
    left = set(keys)
    for key in keys:
        trial = courier.paths.trial(key)
        try:
            with hold(trial):
                if courier.carry(key) == "FINISHED":
                    retire(trial)
            if not waiting(trial):
                left.discard(key)
        except ServiceError:  # at work
            left.discard(key)
        if courier.away:
            break
    return left
