"""What a trial says, written down on the spot: JSON lines that wait for MLflow without making training wait."""

import json
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from io import BufferedWriter
from pathlib import Path
from typing import Any, Self

from ablate.paths import StudyPaths, TrialPaths
from ablate.track.tracker import Status
from ablate.trial import Trial

Record = dict[str, Any]  # of kind start, metrics, artifact or finish


@dataclass(frozen=True)
class RunRef:
    """What the launcher knows of a trial's place in MLflow before the trial starts."""

    parent: str = ""  # the run that groups the variant's seeds
    run_id: str = ""  # the trial's own run, where MLflow has one
    known: bool = True  # False: MLflow has no run of this key, so that none need be searched
    probes: Mapping[str, str] = field(default_factory=dict)  # name → digest of the probe's revision and settings


@dataclass
class Page:
    """A spool open for writing, and the epochs of each metric that it already holds."""

    file: BufferedWriter
    seen: dict[str, set[int]]


class SpoolTracker:
    """A Tracker that appends to each trial's spool: `facts` (name → value) describe where the trials run.

    A context manager: at its end, trials that have not finished are left as they are, to be gone on with.
    """

    def __init__(
        self, paths: StudyPaths, facts: Mapping[str, str] | None = None, run_refs: Mapping[str, RunRef] | None = None
    ) -> None:
        self.paths = paths
        self.facts = dict(facts or {})
        self.run_refs = dict(run_refs or {})
        self.pages: dict[str, Page] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for page in self.pages.values():
            page.file.close()
        self.pages.clear()

    def start(self, trial: Trial) -> None:
        """Open the spool, without the line that a killed process left half written."""
        self._close(trial)
        self.pages[trial.key] = open_page(self.paths.trial(trial.key))
        run_ref = self.run_refs.get(trial.key, RunRef())
        self._write(trial, {"kind": "start", "job": trial.to_json(), "facts": self.facts, **vars(run_ref)})

    def record(self, trial: Trial, epoch: int, values: Mapping[str, float]) -> None:
        """Keep the values whose name and epoch are new."""
        seen = self.pages[trial.key].seen
        fresh = {name: float(value) for name, value in values.items() if epoch not in seen.setdefault(name, set())}
        if fresh:
            self._write(trial, {"kind": "metrics", "step": epoch, "values": fresh})
            for name in fresh:
                seen[name].add(epoch)

    def attach(self, trial: Trial, file: Path, folder: str = "") -> None:
        """Keep a file of the trial's folder, to be sent as it is when its turn comes."""
        inside = file.relative_to(self.paths.trial(trial.key).folder)
        self._write(trial, {"kind": "artifact", "file": inside.as_posix(), "folder": folder})

    def sync(self, trial: Trial) -> None:
        """Have the disk hold all records so far: to be called with every checkpoint."""
        os.fsync(self.pages[trial.key].file.fileno())

    def finish(self, trial: Trial, status: Status, reason: str = "") -> None:
        """Write the last record and close the spool."""
        probes = self.run_refs.get(trial.key, RunRef()).probes
        self._write(trial, {"kind": "finish", "status": status, "reason": reason, "probes": dict(probes)})
        self.sync(trial)
        self._close(trial)

    def _write(self, trial: Trial, record: Record) -> None:
        file = self.pages[trial.key].file
        file.write(json.dumps({"time": time.time_ns() // 1_000_000, **record}).encode() + b"\n")
        file.flush()

    def _close(self, trial: Trial) -> None:
        page = self.pages.pop(trial.key, None)
        if page:
            page.file.close()


def open_page(paths: TrialPaths) -> Page:
    """Open a trial's spool at the end of its last whole line."""
    paths.folder.mkdir(parents=True, exist_ok=True)
    records, end = read(paths.spool, 0)
    seen: dict[str, set[int]] = {}
    for record in records:
        for name in record.get("values", ()):
            seen.setdefault(name, set()).add(record["step"])
    file = paths.spool.open("ab")
    file.truncate(end)
    return Page(file, seen)


def read(spool: Path, offset: int, most: int | None = None) -> tuple[list[Record], int]:
    """Records of whole lines from a byte offset on, at most `most`, and the offset behind the last one read."""
    records: list[Record] = []
    for line in whole_lines(spool, offset):
        if most is not None and len(records) == most:
            break
        offset += len(line)
        record = parse(line)
        if record is not None:
            records.append(record)
    return records, offset


def whole_lines(spool: Path, offset: int) -> Iterator[bytes]:
    """Lines that end as they should; a spool that does not exist has none."""
    if not spool.exists():
        return
    with spool.open("rb") as file:
        file.seek(offset)
        for line in file:
            if not line.endswith(b"\n"):
                return
            yield line


def parse(line: bytes) -> Record | None:
    """A record, or None for a line that a dying disk garbled."""
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


def last_status(spool: Path) -> str:
    """How the trial ended according to its spool, sent or not; empty while it has not."""
    records, _ = read(spool, 0)
    ends = [record for record in records if record["kind"] in ("start", "finish")]
    return str(ends[-1].get("status", "")) if ends else ""


def history(spool: Path) -> dict[str, list[tuple[int, float]]]:
    """All metrics of a trial by epoch, as its spool has them."""
    curves: dict[str, list[tuple[int, float]]] = {}
    for record in read(spool, 0)[0]:
        for name, value in record.get("values", {}).items():
            curves.setdefault(name, []).append((record["step"], value))
    return curves
