"""A trial's spool: records that training appends to a local file, from which they are sent to MLflow later."""

import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BufferedWriter
from pathlib import Path
from typing import Self

from ablate.events import RunRef, State
from ablate.paths import StudyPaths, TrialPaths
from ablate.track.spool_records import (
    SpoolArtifact,
    SpoolFinish,
    SpoolMetrics,
    SpoolRecord,
    SpoolStart,
    from_line,
    to_line,
)
from ablate.trial import Trial


@dataclass
class OpenSpool:
    """A spool open for writing, and the epochs of each metric that it already holds."""

    file: BufferedWriter
    seen: dict[str, set[int]]


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
        """Open the spool, without the unfinished line that a killed process may have left."""
        self._close(trial)
        self.spools[trial.key] = open_spool(self.paths.trial(trial.key))
        run_ref = self.run_refs.get(trial.key, RunRef())
        self._write(trial, SpoolStart(now(), trial, self.environment, **vars(run_ref)))

    def record(self, trial: Trial, epoch: int, values: Mapping[str, float]) -> None:
        """Append the values whose name and epoch are new."""
        seen = self.spools[trial.key].seen
        fresh = {name: float(value) for name, value in values.items() if epoch not in seen.setdefault(name, set())}
        if fresh:
            self._write(trial, SpoolMetrics(now(), epoch, fresh))
            for name in fresh:
                seen[name].add(epoch)

    def attach(self, trial: Trial, file: Path, folder: str = "") -> None:
        """Have a file of the trial's folder uploaded, as it is when it is sent."""
        inside = file.relative_to(self.paths.trial(trial.key).folder)
        self._write(trial, SpoolArtifact(now(), inside.as_posix(), folder))

    def sync(self, trial: Trial) -> None:
        """Flush all records so far to the disk: to be called with every checkpoint."""
        os.fsync(self.spools[trial.key].file.fileno())

    def finish(self, trial: Trial, state: State, reason: str = "") -> None:
        """Append the last record and close the spool."""
        probes = self.run_refs.get(trial.key, RunRef()).probes
        self._write(trial, SpoolFinish(now(), state, reason, probes))
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


def now() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def open_spool(paths: TrialPaths) -> OpenSpool:
    """Open a trial's spool at the end of its last whole line."""
    paths.folder.mkdir(parents=True, exist_ok=True)
    records, end = read(paths.spool, 0)
    seen: dict[str, set[int]] = {}
    for record in records:
        if isinstance(record, SpoolMetrics):
            for name in record.values:
                seen.setdefault(name, set()).add(record.step)
    file = paths.spool.open("ab")
    file.truncate(end)
    return OpenSpool(file, seen)


def read(spool: Path, offset: int, most: int | None = None) -> tuple[list[SpoolRecord], int]:
    """Records of whole lines from a byte offset on, at most `most`, and the offset behind the last one read."""
    records: list[SpoolRecord] = []
    for line in whole_lines(spool, offset):
        if most is not None and len(records) == most:
            break
        offset += len(line)
        record = from_line(line)
        if record is not None:
            records.append(record)
    return records, offset


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
    """Metric → (epoch, value) of every value in the spool."""
    curves: dict[str, list[tuple[int, float]]] = {}
    for record in read(spool, 0)[0]:
        if isinstance(record, SpoolMetrics):
            for name, value in record.values.items():
                curves.setdefault(name, []).append((record.step, value))
    return curves
