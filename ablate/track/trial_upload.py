"""Sends one trial's spool to its MLflow run: every record once, also where the process or the server fails meanwhile.

`sent.json` holds how far MLflow has acknowledged the spool.  Records behind that point may be in MLflow or not, so a
process that continues from there first reads what the run holds.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from ablate.errors import DamagedFile
from ablate.events import ProbeFailure, State
from ablate.lock import locked
from ablate.paths import TrialPaths
from ablate.set_aside import set_aside
from ablate.track import tags
from ablate.track.client import http_status, redact, refused, search
from ablate.track.client_interface import Client
from ablate.track.entities import Metric, Run
from ablate.track.mlflow_runs import run_state
from ablate.track.params import params_of
from ablate.track.resumed_run import ResumedRun
from ablate.track.run_state import STATUSES
from ablate.track.sent import Sent, acknowledged
from ablate.track.spool import read
from ablate.track.spool_records import SpoolArtifact, SpoolFinish, SpoolMetrics, SpoolRecord, SpoolStart
from ablate.track.trial_log import log_line
from ablate.trial import Trial

PORTION = 500  # records between two acknowledgements


class TrialUpload:
    """The transfer of one trial's records from its spool into its run."""

    def __init__(self, client: Client, experiment: Callable[[str], str], paths: TrialPaths) -> None:
        self.client = client
        self.experiment = experiment  # study → id
        self.paths = paths
        self.sent = Sent()
        self.resumed: ResumedRun | None = None  # read where the run may hold points that are not acknowledged

    def send(self) -> State | None:
        """Send all whole records; the run's state as it is then.

        Raises what MLflow's client raises, and ServiceError where another process sends this trial.
        """
        if not self.paths.spool.exists():
            return self.sent.state
        with locked(self.paths.sending, 0.0, "another process sends this trial"):
            untouched = not self.paths.sent.exists()
            self.sent = self._acknowledged()
            while True:
                records, offset = read(self.paths.spool, self.sent.offset, PORTION)
                if not records:
                    return self.sent.state
                self._send(records, untouched)
                self._acknowledge(offset=offset)

    def _acknowledged(self) -> Sent:
        """What MLflow has acknowledged; a file that does not say so of this trial is set aside.

        A file of version 0.1 names no trial: its run is asked whose it is.
        """
        with suppress(FileNotFoundError):
            try:
                found = Sent.load(self.paths.sent)
            except DamagedFile as error:
                log_line(self.paths, f"{error.problem}; {set_aside(self.paths.sent)}")
                found = None
            if found and found.run_id and not found.key and not self._is_own_run(found.run_id):
                log_line(self.paths, f"run {found.run_id} is another trial's; {set_aside(self.paths.sent)}")
        return acknowledged(self.paths)

    def _is_own_run(self, run_id: str) -> bool:
        """Whether a run is this trial's, as far as it says; one that was deleted is replaced later."""
        try:
            run = self._active_run(run_id)
        except LookupError:
            return True
        key: str = run.data.tags.get(tags.KEY, self.paths.folder.name)
        return key == self.paths.folder.name

    def _send(self, records: Sequence[SpoolRecord], untouched: bool) -> None:
        try:
            created = self._open(records, untouched)
            self._log(records, created)
        except Exception as error:  # raised again: only the server's refusals concern this method
            if refused(error) and self.sent.run_id and self._run_was_deleted():
                self.resumed = None
                self._acknowledge(run_id="", offset=0, state=None, resumed=False)  # send all again, into a new run
            raise

    def _acknowledge(self, **changes: Any) -> None:
        self.sent = replace(self.sent, **changes)
        self.sent.save(self.paths.sent)

    def _open(self, records: Sequence[SpoolRecord], untouched: bool) -> bool:
        """Have a run that is open; True if these records are the first of a new one."""
        starts = [record for record in records if isinstance(record, SpoolStart)]
        if not self.sent.run_id:
            return self._find_or_create(starts[0], untouched, ends=isinstance(records[-1], SpoolFinish))
        continued = bool(starts) and self.sent.offset > 0
        if continued:
            self.resumed = None
            self._acknowledge(resumed=True)
        if continued and not isinstance(records[-1], SpoolFinish) and self.sent.state is not State.FINISHED:
            self._reopen(self.sent.run_id)
            self._acknowledge(state=State.RUNNING)
        return self.sent.offset == 0 and not self.sent.resumed

    def _find_or_create(self, start: SpoolStart, untouched: bool, ends: bool) -> bool:
        """Set the run's id; True if the run is a new one."""
        run = self._find(start, untouched)
        if run is not None:
            self._log_dataset(run.info.run_id, start.trial)
            self._continue(run, ends)
            return False
        self._acknowledge(run_id="")  # from here on a run may exist, though the launch found none
        made = self.client.create_run(
            self.experiment(start.trial.study),
            start.time,
            tags.trial_tags(start.trial, start) | {tags.STATE: State.RUNNING},
            run_name=start.trial.name,
        )
        self._log_dataset(made.info.run_id, start.trial)
        self._acknowledge(run_id=made.info.run_id, state=State.RUNNING)
        return True

    def _log_dataset(self, run_id: str, trial: Trial) -> None:
        """Log the trial's data set as an input of its run, which has it once however often it is logged.

        It precedes the run's id in the file of what was sent, so that a killed process leaves no run without it.  A
        server that knows no inputs refuses it.
        """
        try:
            self.client.log_dataset(run_id, tags.used_data(trial))
        except Exception as error:  # raised again, unless the server refused
            if not refused(error):
                raise

    def _find(self, start: SpoolStart, untouched: bool) -> Run | None:
        """The trial's run where there is one; not searched where the launch found that there is none."""
        if start.run_id:
            with suppress(LookupError):
                return self._active_run(start.run_id)
        if untouched and not start.may_exist:
            return None
        wanted = {tags.KIND: "trial", tags.KEY: start.trial.key}
        runs = search(self.client, [self.experiment(start.trial.study)], wanted)
        return max(runs, key=lambda run: run.info.status == "FINISHED", default=None)

    def _active_run(self, run_id: str) -> Run:
        """The run.  Raises LookupError where it was deleted."""
        try:
            run = self.client.get_run(run_id)
        except Exception as error:  # raised again, unless the server refused
            if refused(error):
                raise LookupError(run_id) from error
            raise
        if run.info.lifecycle_stage != "active":
            raise LookupError(run_id)
        return run

    def _run_was_deleted(self) -> bool:
        try:
            self._active_run(self.sent.run_id)
        except LookupError:
            return True
        return False

    def _continue(self, run: Run, ends: bool) -> None:
        """Continue a run that an earlier attempt made; one that is FINISHED stays so while it is scored again."""
        state = run_state(run)
        if state not in (State.FINISHED, State.RUNNING) and not ends:
            self._reopen(run.info.run_id)
            state = State.RUNNING
        self._acknowledge(run_id=run.info.run_id, state=state, resumed=True)

    def _reopen(self, run_id: str) -> None:
        self.client.log_batch(run_id, tags={tags.STATE: State.RUNNING, tags.REASON: ""})
        self.client.update_run(run_id, status=STATUSES[State.RUNNING])

    def _log(self, records: Sequence[SpoolRecord], created: bool) -> None:
        """Log one batch of values, then the files, then the end."""
        if self.sent.resumed and self.resumed is None:
            self.resumed = ResumedRun(self.client, self.sent.run_id, self._probes(records))
        artifacts = {(record.file, record.folder) for record in records if isinstance(record, SpoolArtifact)}
        finish = records[-1] if isinstance(records[-1], SpoolFinish) else None
        last_tags = self._finish_tags(finish) if finish else {}
        self._log_values(records, created, {} if artifacts else last_tags)
        for file, folder in sorted(artifacts):
            self._log_artifact(file, folder)
        if artifacts:
            self._log_batch([], {}, last_tags)
        if finish and self.sent.state is not State.FINISHED:  # a failed scoring leaves a finished training finished
            self.client.set_terminated(self.sent.run_id, STATUSES[finish.state], finish.time)
            self._acknowledge(state=finish.state)

    def _probes(self, records: Sequence[SpoolRecord]) -> Mapping[str, str]:
        """The probes of the latest start: of these records, else of the spool's first."""
        first, _ = read(self.paths.spool, 0, most=1)
        return next(record.probes for record in [*reversed(records), *first] if isinstance(record, SpoolStart))

    def _finish_tags(self, finish: SpoolFinish) -> dict[str, str]:
        """The state, the reason, and which probes have scored the trial; a failed scoring is that of its probes."""
        trained = self.sent.state is State.FINISHED
        state = {} if trained else {tags.STATE: str(finish.state)}
        reason = {tags.REASON: finish.reason[: tags.TAG_LIMIT]} if finish.reason or self.sent.resumed else {}
        scored = finish.probes if finish.state is State.FINISHED else {}
        failed = dict(finish.failed_probes)
        if trained and finish.state.failed:
            failed |= {name: ProbeFailure(digest, finish.reason) for name, digest in finish.probes.items()}
        return {**state, **reason, **self._scored_tags(scored), **tags.failed_probe_tags(failed)}

    def _scored_tags(self, scored: Mapping[str, str]) -> dict[str, str]:
        """Tags of probes (name → digest) that have scored the trial, in place of those of an earlier failure."""
        held = tags.without_prefix(tags.FAILED_PROBE, self.resumed.run.data.tags) if self.resumed else {}
        cleared = {f"{tags.FAILED_PROBE}{name}": "" for name in scored if held.get(name)}
        return {**cleared, **{f"{tags.PROBE}{name}": digest for name, digest in scored.items()}}

    def _log_values(self, records: Sequence[SpoolRecord], created: bool, last_tags: Mapping[str, str]) -> None:
        """Log the metrics, with the params and tags that the run does not have yet."""
        starts = [record for record in records if isinstance(record, SpoolStart)]
        points = [
            (name, record.step, value, record.time)
            for record in records
            if isinstance(record, SpoolMetrics)
            for name, value in record.values.items()
            if self.resumed is None or self.resumed.lacks(name, record.step, value)
        ]
        metrics = [Metric(tags.metric_name(name), value, time, step) for name, step, value, time in points]
        params = self._params(starts[0].trial) if starts and self.sent.offset == 0 else {}
        start_tags = {} if created or not starts else tags.trial_tags(starts[-1].trial, starts[-1])
        name_tags = tags.name_tags({name for name, *_ in points})
        scores = [record for record in records if isinstance(record, SpoolMetrics) and record.probe_digest]
        scored_tags = self._scored_tags({record.probe: record.probe_digest for record in scores})
        self._log_batch(metrics, params, {**name_tags, **start_tags, **scored_tags, **last_tags})

    def _params(self, trial: Trial) -> Mapping[str, str]:
        params = params_of(trial)
        return self.resumed.missing_params(params) if self.resumed else params

    def _log_batch(self, metrics: list[Metric], params: Mapping[str, str], run_tags: Mapping[str, str]) -> None:
        if metrics or params or run_tags:
            self.client.log_batch(self.sent.run_id, metrics, params, run_tags)

    def _log_artifact(self, file: str, folder: str) -> None:
        """Upload a file as it is now; one that the server does not accept is named in a tag, and its folder kept."""
        path = self.paths.folder / file
        if not path.exists():
            return
        try:
            self.client.log_artifact(self.sent.run_id, str(path), folder or None)
        except Exception as error:  # raised again, unless the server refused this file
            if not refused(error) or self._run_was_deleted():
                raise
            answer = f"{http_status(error)}: {redact(error)}"[:500]
            self._log_batch([], {}, {f"ablate.rejected.{tags.metric_name(file)}": answer})
            self._acknowledge(rejected=(*self.sent.rejected, file))
