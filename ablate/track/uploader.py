"""Sends the spools of a study's trials to MLflow: in a background thread while they are trained, or once."""

import logging
import shutil
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path

from ablate.errors import ServiceError
from ablate.events import State
from ablate.paths import StudyPaths
from ablate.patience import SHORT, Patience, seconds
from ablate.track.client import connect, redact, refused
from ablate.track.client_interface import Client
from ablate.track.experiments import experiment_id
from ablate.track.retry import LONGEST_DELAY, may_pass
from ablate.track.sent import has_unsent, remove_if_complete
from ablate.track.spool import repair
from ablate.track.trial_lock import lock_trial
from ablate.track.trial_upload import TrialUpload

LONGEST_PAUSE = 60.0  # seconds between two attempts at a server that does not answer

logger = logging.getLogger(__name__)


class Uploader:
    """Sends the spools of watched trials to MLflow in a background thread; errors are logged, never raised."""

    def __init__(self, uri: str, paths: StudyPaths, interval: float = 3.0, artifacts: Path | None = None) -> None:
        self.uri = uri
        self.paths = paths
        self.artifacts = artifacts  # folder of an embedded server
        self.interval = interval  # seconds between two rounds over the watched trials
        self.client: Client | None = None
        self.uploads: dict[str, TrialUpload] = {}
        self.away = False  # the server did not answer the last request
        self.hopeful = False  # it did not, for a reason that may pass
        self.logged: set[str] = set()  # keys whose error is in the log already; "" for a server that does not answer
        self.watched: dict[str, None] = {}  # keys, in order of arrival
        self.guard = threading.Lock()  # of `watched`
        self.wake = threading.Event()
        self.deadline: float | None = None  # once closing
        self.thread = threading.Thread(target=self._run, name="ablate-uploader", daemon=True)

    def watch(self, key: str) -> None:
        """Send this trial's records from now on; to be called while the trial's lock is held."""
        with self.guard:
            self.watched[key] = None
        if not self.thread.is_alive() and self.deadline is None:
            self.thread.start()

    def send_soon(self) -> None:
        """Begin the next round now, since a trial has ended; not while the server does not answer."""
        if not self.away:
            self.wake.set()

    def close(self, patience: float) -> set[str]:
        """Send what is left, for at most `patience` seconds; the keys of trials with unsent records."""
        self.deadline = time.monotonic() + patience
        self.wake.set()
        if self.thread.is_alive():
            self.thread.join(patience)
        return self._unsent()

    def send(self, key: str) -> State | None:
        """Send one trial's records at once; its state in MLflow, or None where that failed."""
        try:
            state = self._upload(key).send()
        except ServiceError:  # another process is sending it
            return None
        except Exception as error:  # whatever the client raises: training goes on, and a later round tries again
            self._log_error(key, error)
            return None
        self.away = False
        self.logged -= {"", key}
        if state not in (State.RUNNING, None):
            self.uploads.pop(key, None)
        return state

    def _upload(self, key: str) -> TrialUpload:
        """The upload of one trial; the first connects to MLflow."""
        if self.client is None:
            client = connect(self.uri, self.artifacts)
            self.experiment = cache(lambda study: experiment_id(client, study))
            self.client = client
        if key not in self.uploads:
            self.uploads[key] = TrialUpload(self.client, self.experiment, self.paths.trial(key))
        return self.uploads[key]

    def _log_error(self, key: str, error: Exception) -> None:
        self.away = not refused(error)  # a refusal concerns this trial alone
        self.hopeful = self.away and may_pass(error)
        concerned = "" if self.away else key
        if concerned not in self.logged:
            self.logged.add(concerned)
            spool = self.paths.trial(key).spool
            logger.warning("%s: cannot send %s: %s; its records are kept", redact(self.uri), spool, redact(error))

    def _run(self) -> None:
        pause = self.interval
        while not self._late():
            for key in self._keys():
                self._attend(key)
                if self.away or self._late():
                    break  # every other trial would wait as long for the same server
            if self.deadline is not None and not self._unsent():
                return
            pause = min(2 * pause, LONGEST_PAUSE) if self.away else self.interval
            self._rest(pause)

    def _attend(self, key: str) -> None:
        """Send one trial; stop watching it once it has ended and its lock is free."""
        trial = self.paths.trial(key)
        if self.send(key) in (State.RUNNING, None):
            return
        with suppress(ServiceError, OSError), lock_trial(trial):
            if remove_if_complete(trial) or not has_unsent(trial):
                with self.guard:
                    self.watched.pop(key, None)

    def _rest(self, pause: float) -> None:
        """Wait until the next round; half a second at most while closing."""
        if self.deadline is None:
            self.wake.wait(pause)
            self.wake.clear()
        else:
            # not `wake.wait`, which would return at once: `close` has set it
            time.sleep(max(0.0, min(pause, 0.5, self.deadline - time.monotonic())))

    def _late(self) -> bool:
        return self.deadline is not None and time.monotonic() >= self.deadline

    def _unsent(self) -> set[str]:
        return {key for key in self._keys() if has_unsent(self.paths.trial(key))}

    def _keys(self) -> list[str]:
        with self.guard:
            return list(self.watched)


def upload(uri: str, paths: StudyPaths, patience: Patience = 30.0) -> set[str]:
    """Send what earlier processes left in the study's spools; the keys of trials for which that failed.

    Trials that a live process works on are left to it.  Stops `patience` seconds after it began, or one request's
    timeout later, and after a minute where the server answers and refuses.
    """
    for folder in paths.folder.glob("retired-*"):
        shutil.rmtree(folder, ignore_errors=True)
    uploader = Uploader(uri, paths)
    left = {spool.parent.name for spool in paths.trials.glob("*/spool.jsonl")}
    began, pause = time.monotonic(), 0.5
    while True:
        left = _send_once(uploader, sorted(left))
        limit = seconds(patience) if uploader.hopeful else min(seconds(patience), SHORT)
        if not left or time.monotonic() - began + pause >= limit:
            return left
        time.sleep(pause)  # until the server may answer again
        pause = min(2 * pause, LONGEST_DELAY)


def _send_once(uploader: Uploader, keys: Iterable[str]) -> set[str]:
    """Try every trial once, until the server does not answer; the keys of those that are not in MLflow as a whole."""
    left = set(keys)
    for key in keys:
        trial = uploader.paths.trial(key)
        try:
            with lock_trial(trial):
                repair(trial)
                if uploader.send(key) is not None:
                    remove_if_complete(trial)
            if not has_unsent(trial):
                left.discard(key)
        except ServiceError:  # another process works on it
            left.discard(key)
        if uploader.away:
            break
    return left
