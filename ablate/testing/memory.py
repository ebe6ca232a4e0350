"""A tracking store in memory, for tests of the code that uses one: it needs neither a server nor MLflow."""

import threading
import time
import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ablate.errors import ServiceError
from ablate.events import ProbeFailure, State
from ablate.paths import StudyPaths, TrialPaths
from ablate.record import USAGE, TrialRecord
from ablate.track.params import params_of
from ablate.track.sent import Sent, acknowledged, has_unsent, remove_if_complete
from ablate.track.shared_views import Columns
from ablate.track.spool import read, repair
from ablate.track.spool_records import SpoolArtifact, SpoolFinish, SpoolMetrics, SpoolRecord, SpoolStart
from ablate.track.store import NO_COLUMNS, Claim, Curve, Snapshot, StudyRun, TrackingStore, VariantRun
from ablate.track.tags import without_prefix
from ablate.track.trial_lock import lock_trial
from ablate.track.variant_runs import variant_state
from ablate.trial import Trial


@dataclass
class Contents:
    """The metrics and files of a run."""

    points: dict[str, dict[int, float]] = field(default_factory=dict)  # metric → epoch → value
    files: dict[str, bytes] = field(default_factory=dict)  # path → content
    rescored: tuple[str, ...] = ()  # prefixes of metrics whose values may be replaced


class MemoryStore(TrackingStore):
    """Studies, variants and trials in dictionaries.  Variants hold no metrics.

    `upload` reads spools and writes `sent.json` as the uploader does.  While `away` is true it behaves like a server
    that does not answer.
    """

    def __init__(self) -> None:
        self.uri = "memory:"
        self.away = False
        self.snapshots: dict[str, Snapshot] = {}  # study → its runs
        self.contents: dict[str, Contents] = {}  # run id → what it holds
        self.listings = 0  # calls that list the runs of a study
        self.changing = threading.RLock()  # the heartbeat of a launch writes its claim in a thread of its own

    def snapshot(self, study: str) -> Snapshot:
        self._check()
        self.listings += 1
        return self._of(study)

    def open_study(
        self, study: str, question: str, resolved_yaml: str, snapshot: Snapshot, columns: Columns = NO_COLUMNS
    ) -> str:
        self._check()
        held = self._of(study).study_runs
        run = replace(held[0], state=State.RUNNING) if held else StudyRun(self._new_run(), State.RUNNING)
        self._update(study, study_runs=(run,))
        self.attach_text(study, resolved_yaml, "study.yaml")
        return run.run_id

    def require_right(self, snapshot: Snapshot) -> None:
        """Nothing: everyone may change everything."""

    def close_study(self, study: str, state: State, snapshot: Snapshot | None = None) -> None:
        self._check()
        with self.changing:
            self._update(study, study_runs=tuple(replace(run, state=state) for run in self._of(study).study_runs))

    def read_claim(self, study: str) -> Claim | None:
        self._check()
        return self._of(study).claim

    def write_claim(self, study: str, claim: Claim) -> None:
        self._check()
        with self.changing:
            self._update(study, study_runs=tuple(replace(run, claim=claim) for run in self._of(study).study_runs))

    def open_variants(self, trials: Iterable[Trial], snapshot: Snapshot) -> dict[str, str]:
        self._check()
        wanted = dict.fromkeys(trial.variant for trial in trials)
        runs = {run.variant: run for run in self._of(snapshot.study).variants}
        for variant in wanted:
            run_id = runs[variant].run_id if variant in runs else self._new_run()
            runs[variant] = VariantRun(run_id, variant, State.RUNNING)
        self._update(snapshot.study, variants=tuple(runs.values()))
        return {variant: runs[variant].run_id for variant in wanted}

    def find_finished(self, keys: Collection[str]) -> dict[str, TrialRecord]:
        self._check()
        every = sorted((record for held in self.snapshots.values() for record in held.trials), key=_started)
        finished = {record.key: record for record in every if record.state is State.FINISHED}
        return {key: finished[key] for key in keys if key in finished}

    def finished_alike(self, shapes: Iterable[str]) -> list[TrialRecord]:
        wanted = set(shapes)
        records = [record for snapshot in self.snapshots.values() for record in snapshot.trials]
        finished = [record for record in records if record.state is State.FINISHED and record.trial is not None]
        return [record for record in finished if record.trial is not None and record.trial.shape in wanted]

    def curves(self, run_id: str, metrics: Iterable[str]) -> dict[str, Curve]:
        self._check()
        return {name: sorted(self.contents[run_id].points.get(name, {}).items()) for name in metrics}

    def fetch(self, run_id: str, file: str, folder: Path) -> Path | None:
        self._check()
        content = self.contents[run_id].files.get(file)
        if content is None:
            return None
        folder.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(content)
        return folder / file

    def attach(self, study: str, folder: Path, artifact_path: str | None = None) -> None:
        files = self.files(study)
        for path in folder.rglob("*"):
            if path.is_file():
                files[(Path(artifact_path or "") / path.relative_to(folder)).as_posix()] = path.read_bytes()

    def attach_text(self, study: str, text: str, name: str) -> None:
        self.files(study)[name] = text.encode()

    def files(self, study: str) -> dict[str, bytes]:
        """Path → content of the files of the study's run.  Raises ServiceError where it has none."""
        self._check()
        runs = self._of(study).study_runs
        if not runs:
            raise ServiceError(f"the store has no run for the study '{study}'", "launch it first", self.uri)
        return self.contents[runs[0].run_id].files

    def upload(self, paths: StudyPaths, patience: float | None = 30.0) -> set[str]:
        unsent = set()
        for spool in sorted(paths.trials.glob("*/spool.jsonl")):
            trial = paths.trial(spool.parent.name)
            try:
                with lock_trial(trial):
                    if not self.away:
                        self._send(trial)
                    elif has_unsent(trial):
                        unsent.add(trial.folder.name)
            except ServiceError:  # another process works on it
                continue
        return unsent

    def settle(
        self,
        study: str,
        running: Collection[str] = frozenset(),
        abandoned: State = State.KILLED,
        trials: Iterable[Trial] = (),
    ) -> Snapshot:
        self._check()
        self.listings += 1
        for record in self._of(study).trials:
            if record.state is State.RUNNING and record.key not in running:
                self._set(study, replace(record, state=abandoned, ended=time.time()))
        known = {trial.key: trial for trial in trials}
        for record in self._of(study).trials:
            if record.trial is None and record.key in known:
                self._set(study, replace(record, trial=known[record.key]))
        self._settle_variants(study)
        return self._of(study)

    def _settle_variants(self, study: str) -> None:
        runs = {run.variant: run for run in self._of(study).variants}
        used = {record.variant for record in self._of(study).trials}
        for variant, run in runs.items():
            if variant not in used and run.state is State.RUNNING:
                runs[variant] = replace(run, state=State.KILLED)
        for record in self._of(study).trials:
            if record.variant in runs or record.state is State.FINISHED:
                run = runs.setdefault(record.variant, VariantRun(self._new_run(), record.variant, State.RUNNING))
                states = [other.state for other in self._of(study).trials if other.variant == record.variant]
                runs[record.variant] = replace(run, state=variant_state(states))
                self._set(study, replace(record, parent=run.run_id))
        self._update(study, variants=tuple(runs.values()))

    def _check(self) -> None:
        if self.away:
            raise ServiceError("the store does not answer", "set `away` to False", self.uri)

    def _of(self, study: str) -> Snapshot:
        return self.snapshots.get(study, Snapshot(study))

    def _update(self, study: str, **changes: Any) -> None:
        with self.changing:
            self.snapshots[study] = replace(self._of(study), **changes)

    def _set(self, study: str, record: TrialRecord) -> None:
        """Add the record, or replace the one of its run."""
        records = {held.run_id: held for held in self._of(study).trials} | {record.run_id: record}
        self._update(study, trials=tuple(records.values()))

    def _new_run(self) -> str:
        run_id = uuid.uuid4().hex
        self.contents[run_id] = Contents()
        return run_id

    def _send(self, paths: TrialPaths) -> None:
        """Apply the records that have not been sent; remove the folder of a trial that is complete."""
        repair(paths)
        sent = acknowledged(paths)
        records, offset = read(paths.spool, sent.offset)
        if records:
            record = self._apply(_study_of(paths), records, paths)
            Sent(record.run_id, offset, record.state).save(paths.sent)
        remove_if_complete(paths)

    def _apply(self, study: str, records: Iterable[SpoolRecord], paths: TrialPaths) -> TrialRecord:
        """Apply the records of one trial's spool to its run."""
        run = self._of(study).records.get(paths.folder.name)
        for record in records:
            if isinstance(record, SpoolStart):
                run = self._start(record, run)
            assert run is not None, f"the spool of {paths.folder.name} does not begin with a start record"
            held = self.contents[run.run_id]
            if isinstance(record, SpoolMetrics):
                latest = _latest(held, record)
                metrics = {name: value for name, value in latest.items() if not name.startswith(USAGE)}
                usage = without_prefix(USAGE, latest)
                run = replace(run, metrics={**run.metrics, **metrics}, usage={**run.usage, **usage})
                run = _scored(run, {record.probe: record.probe_digest} if record.probe_digest else {})
            elif isinstance(record, SpoolArtifact) and (paths.folder / record.file).exists():
                name = Path(record.folder) / Path(record.file).name
                held.files[name.as_posix()] = (paths.folder / record.file).read_bytes()
            elif isinstance(record, SpoolFinish):
                run = _finish(record, run)
        assert run is not None
        self._set(study, run)
        return run

    def _start(self, start: SpoolStart, run: TrialRecord | None) -> TrialRecord:
        """The trial's run, made where there is none; one that is FINISHED stays so while it is scored again."""
        trial = start.trial
        run = run or _new_record(self._new_run(), start)
        recorded = run.probes
        changed = [name for name, digest in start.probes.items() if recorded.get(name, digest) != digest]
        self.contents[run.run_id].rescored = tuple(f"{name}/" for name in changed)
        run = replace(run, trial=trial, levels=trial.levels, parent=start.parent or run.parent)
        finished = run.state is State.FINISHED
        return run if finished else replace(run, state=State.RUNNING, reason="", ended=None)


def _latest(held: Contents, record: SpoolMetrics) -> Mapping[str, float]:
    """Add the points that are new; metric → value at its latest epoch."""
    for name, value in record.values.items():
        points = held.points.setdefault(name, {})
        if record.step not in points or name.startswith((USAGE, *held.rescored)):
            points[record.step] = value
    return {name: held.points[name][max(held.points[name])] for name in record.values}


def _new_record(run_id: str, start: SpoolStart) -> TrialRecord:
    trial = start.trial
    return TrialRecord(
        run_id=run_id,
        key=trial.key,
        variant=trial.variant,
        seed=trial.config.seed,
        state=State.RUNNING,
        probes={},
        metrics={},
        levels=trial.levels,
        params=params_of(trial),
        trial=trial,
        reason="",
        started=start.time / 1000,
        ended=None,
        parent=start.parent,
    )


def _finish(finish: SpoolFinish, run: TrialRecord) -> TrialRecord:
    trained, failed = run.state is State.FINISHED, dict(finish.failed_probes)
    if finish.state is State.FINISHED:
        run = _scored(run, finish.probes)
    elif trained and finish.state.failed:  # a failed scoring is that of its probes
        failed |= {name: ProbeFailure(digest, finish.reason) for name, digest in finish.probes.items()}
    run = replace(run, failed_probes={**run.failed_probes, **failed})
    if run.state is not State.FINISHED:
        run = replace(run, state=finish.state, ended=finish.time / 1000)
    return replace(run, reason=finish.reason)


def _scored(run: TrialRecord, probes: Mapping[str, str]) -> TrialRecord:
    """The run with the scores of these probes (name → digest), in place of earlier failures."""
    failed = {name: failure for name, failure in run.failed_probes.items() if name not in probes}
    return replace(run, probes={**run.probes, **probes}, failed_probes=failed)


def _started(record: TrialRecord) -> float:
    return record.started


def _study_of(paths: TrialPaths) -> str:
    """The study of a spool's start records."""
    records, _ = read(paths.spool, 0)
    return next(record.trial.study for record in records if isinstance(record, SpoolStart))
