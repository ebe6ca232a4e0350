"""A trial's spool: records that training appends to a local file, from which they are sent to MLflow later."""

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from io import BufferedWriter
from pathlib import Path
from typing import Self

from ablate.atomic_write import write_bytes
from ablate.events import ProbeFailure, State
from ablate.launch_config import RunRef
from ablate.paths import StudyPaths, TrialPaths
from ablate.record import DEVICE_SECONDS, USAGE
from ablate.set_aside import set_aside
from ablate.track.spool_records import (
    SpoolArtifact,
    SpoolFinish,
    SpoolMetrics,
    SpoolRecord,
    SpoolStart,
    from_line,
    to_line,
)
from ablate.track.timestamps import now
from ablate.track.trial_log import log_line
from ablate.trial import Trial


@dataclass
class OpenSpool:
    """A spool open for writing, and which values it already holds."""

    file: BufferedWriter
    seen: dict[str, set[tuple[int, str]]]  # metric → epochs, each with the digest of the probe whose score it is
    device_seconds: float = 0.0  # that the trial has taken, over all launches

    @property
    def values(self) -> int:
        """The number of values that it holds."""
        return sum(map(len, self.seen.values()))


class SpoolTracker:
    """A Tracker that appends records to each trial's spool.

    `environment` (name → value) describes where the trials run.  A context manager: leaving it closes the files, and
    trials that have not ended stay open, so that a later process can continue them.
    """

    def __init__(
        self,
        paths: StudyPaths,
        environment: Mapping[str, str] | None = None,
        run_refs: Mapping[str, RunRef] | None = None,
    ) -> None:
        self.paths = paths
        self.environment = dict(environment or {})
        self.run_refs = dict(run_refs or {})
        self.spools: dict[str, OpenSpool] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for spool in self.spools.values():
            spool.file.close()
        self.spools.clear()

    def start(self, trial: Trial) -> None:
        """Open the spool, without what is damaged in it; the caller holds the trial's lock."""
        self._close(trial)
        spool = self.spools[trial.key] = open_spool(self.paths.trial(trial.key))
        ref = self.run_refs.get(trial.key, RunRef())
        spool.device_seconds = max(spool.device_seconds, ref.device_seconds)
        start = SpoolStart(now(), trial, self.environment, ref.parent, ref.run_id, ref.may_exist, ref.probes)
        self._write(trial, start)

    def record(self, trial: Trial, epoch: int, values: Mapping[str, float], probe: str = "", digest: str = "") -> None:
        """Append the values whose name and epoch, and for scores the probe's digest, are new."""
        seen, place = self.spools[trial.key].seen, (epoch, digest)
        fresh = {name: float(value) for name, value in values.items() if place not in seen.setdefault(name, set())}
        if fresh:
            self._write(trial, SpoolMetrics(now(), epoch, fresh, probe, digest))
            for name in fresh:
                seen[name].add(place)

    def record_usage(self, trial: Trial, values: Mapping[str, float]) -> None:
        """Append values at the second of the device's time that the trial has taken, which is their step in MLflow.

        `device_seconds` among them are those since `start`, and are added to those of earlier processes.
        """
        spool, since = self.spools[trial.key], values.get(DEVICE_SECONDS, 0.0)
        taken = spool.device_seconds + since
        named = {f"{USAGE}{name}": taken if name == DEVICE_SECONDS else float(one) for name, one in values.items()}
        self._write(trial, SpoolMetrics(now(), int(taken), named))

    def attach(self, trial: Trial, file: Path, folder: str = "") -> None:
        """Have a file of the trial's folder uploaded, as it is when it is sent."""
        inside = file.relative_to(self.paths.trial(trial.key).folder)
        self._write(trial, SpoolArtifact(now(), inside.as_posix(), folder))

    def sync(self, trial: Trial) -> int:
        """Flush all records so far to the disk; the number of their values.

        To be called before a checkpoint or an encoder is saved, so that neither outlives a record before it.
        """
        spool = self.spools[trial.key]
        os.fsync(spool.file.fileno())
        return spool.values

    def finish(
        self, trial: Trial, state: State, reason: str = "", failed_probes: Mapping[str, str] | None = None
    ) -> None:
        """Append the last record and close the spool."""
        wanted, failed = self.run_refs.get(trial.key, RunRef()).probes, failed_probes or {}
        failures = {name: ProbeFailure(wanted.get(name, ""), why) for name, why in failed.items()}
        scored = {name: digest for name, digest in wanted.items() if name not in failed}
        self._write(trial, SpoolFinish(now(), state, reason, scored, failures))
        self.sync(trial)
        self._close(trial)

    def _write(self, trial: Trial, record: SpoolRecord) -> None:
        file = self.spools[trial.key].file
        file.write(to_line(record))
        file.flush()

    def _close(self, trial: Trial) -> None:
        spool = self.spools.pop(trial.key, None)
        if spool:
            spool.file.close()


def open_spool(paths: TrialPaths) -> OpenSpool:
    """Open a trial's spool at the end of its last sound line."""
    paths.folder.mkdir(parents=True, exist_ok=True)
    repair(paths)
    records, end = read(paths.spool, 0)
    seen: dict[str, set[tuple[int, str]]] = {}
    taken = 0.0
    for record in records:
        if isinstance(record, SpoolMetrics):
            taken = max(taken, record.values.get(f"{USAGE}{DEVICE_SECONDS}", 0.0))
            for name in record.values:
                if not name.startswith(USAGE):
                    seen.setdefault(name, set()).add((record.step, record.probe_digest))
    file = paths.spool.open("ab")
    file.truncate(end)  # without the unfinished line that a killed process may have left
    return OpenSpool(file, seen, taken)


def repair(paths: TrialPaths) -> None:
    """Cut a trial's spool before its first line that is damaged or another trial's; the caller holds its lock.

    The spool as it was is kept aside, and the trial's log names it.  The trial goes on from what is left: files that
    follow the lost values (`recorded` in checkpoints and encoders) are then set aside too.
    """
    number, end = 0, 0
    for number, line in enumerate(whole_lines(paths.spool, 0), start=1):
        record = from_line(line)
        of_another = isinstance(record, SpoolStart) and record.trial.key != paths.folder.name
        if record is None or of_another or (number == 1 and not isinstance(record, SpoolStart)):
            break
        end += len(line)
    else:
        return
    sound = paths.spool.read_bytes()[:end]
    kept = set_aside(paths.spool)
    if sound:
        write_bytes(paths.spool, sound)
    what = f"is of trial {record.trial.key}" if isinstance(record, SpoolStart) else "is damaged"
    log_line(paths, f"line {number} of {paths.spool.name} {what}; {kept}, and the work since then is done again")


def read(spool: Path, offset: int, most: int | None = None) -> tuple[list[SpoolRecord], int]:
    """Records of whole lines from a byte offset on, at most `most`, and the offset behind the last one read.

    Ends before a line that is damaged: `repair` cuts the spool there.
    """
    records: list[SpoolRecord] = []
    for line in whole_lines(spool, offset):
        record = from_line(line) if most is None or len(records) < most else None
        if record is None:
            break
        offset += len(line)
        records.append(record)
    return records, offset


def begins_line(spool: Path, offset: int) -> bool:
    """Whether a line of the spool begins or ends at a byte offset; not where the spool was cut since."""
    if not offset:
        return True
    with suppress(FileNotFoundError), spool.open("rb") as file:
        file.seek(offset - 1)
        return file.read(1) == b"\n"
    return False


def whole_lines(spool: Path, offset: int) -> Iterator[bytes]:
    """Lines up to the first without a line break; none where the spool does not exist."""
    if not spool.exists():
        return
    with spool.open("rb") as file:
        file.seek(offset)
        for line in file:
            if not line.endswith(b"\n"):
                return
            yield line


def last_state(spool: Path) -> State | None:
    """The state of the spool's last finish record, sent or not; None where the trial has been started since."""
    records, _ = read(spool, 0)
    ends = [record for record in records if isinstance(record, SpoolStart | SpoolFinish)]
    return ends[-1].state if ends and isinstance(ends[-1], SpoolFinish) else None


def history(spool: Path) -> dict[str, list[tuple[int, float]]]:
    """Metric → (epoch, value) of every value in the spool but those of usage, the latest of each epoch."""
    curves: dict[str, dict[int, float]] = {}
    for record in read(spool, 0)[0]:
        if isinstance(record, SpoolMetrics):
            for name, value in record.values.items():
                if not name.startswith(USAGE):
                    curves.setdefault(name, {})[record.step] = value
    return {name: list(curve.items()) for name, curve in curves.items()}


def recorded_scores(spool: Path, epoch: int, digests: Mapping[str, str]) -> dict[str, Mapping[str, float]]:
    """Probe → its scores at an epoch, of the probes whose scores with this digest are in the spool."""
    records, _ = read(spool, 0)
    scores = [record for record in records if isinstance(record, SpoolMetrics) and record.step == epoch]
    return {one.probe: one.values for one in scores if digests.get(one.probe) == one.probe_digest}
