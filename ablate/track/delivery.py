"""Taking one trial's spool to MLflow, every record once, whatever dies between."""

import json
import os
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ablate.lock import locked
from ablate.paths import TrialPaths
from ablate.track import tags
from ablate.track.client import http_status, redact, refused, search
from ablate.track.spool import Record, last_status, read
from ablate.trial import Trial

if TYPE_CHECKING:
    from mlflow import MlflowClient

PORTION = 500  # records between two acknowledgements


@dataclass(frozen=True)
class Sent:
    """How far MLflow has a trial's spool."""

    run_id: str = ""
    offset: int = 0  # bytes
    status: str = ""  # what MLflow was last told
    resumed: bool = False  # the run may hold points that are not in the acknowledged part of this spool
    rejected: tuple[str, ...] = ()  # files that MLflow will not take

    @classmethod
    def load(cls, file: Path) -> "Sent | None":
        """What was acknowledged; None if nothing was; an empty one from a damaged file."""
        try:
            content = json.loads(file.read_text())
            return cls(**{**content, "rejected": tuple(content["rejected"])})
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, KeyError):
            return cls()

    def save(self, file: Path) -> None:
        """Replace the file in one step."""
        fresh = file.with_suffix(".new")
        fresh.write_text(json.dumps(asdict(self)))
        fresh.replace(file)


def waiting(paths: TrialPaths) -> bool:
    """Whether the spool holds a record that MLflow has not acknowledged."""
    sent = Sent.load(paths.sent) or Sent()
    records, _ = read(paths.spool, sent.offset, most=1)
    return bool(records)


def retire(paths: TrialPaths) -> bool:
    """Remove the folder of a trial that MLflow knows to be FINISHED; the caller holds the trial's lock."""
    sent = Sent.load(paths.sent) or Sent()
    done = sent.status == "FINISHED" and last_status(paths.spool) == "FINISHED"  # and not being scored again
    if not done or sent.rejected or waiting(paths):
        return False
    gone = paths.folder.parent.parent / f"retired-{paths.folder.name}-{os.getpid()}"
    paths.folder.rename(gone)  # at once, so that nobody finds half a folder
    shutil.rmtree(gone, ignore_errors=True)
    return True


class Delivery:
    """The way of one trial's records from its spool into its run."""

    def __init__(self, client: "MlflowClient", experiment: Callable[[str], str], paths: TrialPaths) -> None:
        self.client = client
        self.experiment = experiment  # study → id
        self.paths = paths
        self.sent = Sent()
        self.earlier: Any = None  # the run as it was before this spool went on with it
        self.points: dict[str, dict[int, float]] = {}  # metric → epoch → value that it held then
        self.rescored: tuple[str, ...] = ()  # metric prefixes whose scores are to be replaced

    def advance(self) -> str:
        """Send all whole records and say what the run's status now is; errors of MLflow's and the network's rise."""
        if not self.paths.spool.exists():
            return self.sent.status
        with locked(self.paths.sending, 0.0, "another process sends this trial"):
            known = Sent.load(self.paths.sent)
            self.sent = known or Sent()
            while True:
                records, offset = read(self.paths.spool, self.sent.offset, PORTION)
                if not records:
                    return self.sent.status
                self._send(records, untouched=known is None)
                self._remember(offset=offset)

    def _send(self, records: list[Record], untouched: bool) -> None:
        try:
            opened = self._open(records, untouched)
            self._log(records, opened)
        except Exception as error:
            if refused(error) and self.sent.run_id and self._run_is_gone():
                self._forget()
                self._remember(run_id="", offset=0, status="", resumed=False)  # all again, into a new run
            raise

    def _forget(self) -> None:
        self.earlier = None
        self.points = {}

    def _remember(self, **changes: Any) -> None:
        self.sent = replace(self.sent, **changes)
        self.sent.save(self.paths.sent)

    def _open(self, records: list[Record], untouched: bool) -> bool:
        """Have a run that is open; True if these records are the first of a new one."""
        starts = [record for record in records if record["kind"] == "start"]
        ends = records[-1]["kind"] == "finish"
        if self.sent.run_id:
            again = bool(starts) and self.sent.offset > 0
            if again:
                self._forget()
                self._remember(resumed=True)
            if again and not ends and self.sent.status != "FINISHED":
                self._reopen(self.sent.run_id)
            return self.sent.offset == 0 and not self.sent.resumed
        start = starts[0]
        trial = Trial.from_json(start["job"])
        run = self._find(trial, start, untouched)
        if run is not None:
            self._adopt(run, ends)
            return False
        self._remember(run_id="")  # from here on a run may exist, whatever the launcher knew
        made = self.client.create_run(
            self.experiment(trial.study), start["time"], tags.trial_tags(trial, start), run_name=trial.name
        )
        self._remember(run_id=made.info.run_id, status="RUNNING")
        return True

    def _find(self, trial: Trial, start: Record, untouched: bool) -> Any | None:
        """The trial's run where there is one; not searched where the launcher knows that there is none."""
        if start["run_id"]:
            with suppress(LookupError):
                return self._active(start["run_id"])
        if untouched and not start["known"]:
            return None
        query = f"tags.`{tags.KIND}` = 'trial' and tags.`{tags.KEY}` = '{trial.key}'"
        runs = search(self.client, [self.experiment(trial.study)], query)
        return max(runs, key=lambda run: run.info.status == "FINISHED", default=None)

    def _active(self, run_id: str) -> Any:
        """The run; LookupError where it was deleted."""
        try:
            run = self.client.get_run(run_id)
        except Exception as error:
            if refused(error):
                raise LookupError(run_id) from error
            raise
        if run.info.lifecycle_stage != "active":
            raise LookupError(run_id)
        return run

    def _run_is_gone(self) -> bool:
        try:
            self._active(self.sent.run_id)
        except LookupError:
            return True
        return False

    def _adopt(self, run: Any, ends: bool) -> None:
        """Go on in a run that an earlier attempt made; one that is FINISHED stays so while it is scored again."""
        status = run.info.status
        if status not in ("FINISHED", "RUNNING") and not ends:
            self._reopen(run.info.run_id)
            status = "RUNNING"
        self._remember(run_id=run.info.run_id, status=status, resumed=True)

    def _reopen(self, run_id: str) -> None:
        self.client.update_run(run_id, status="RUNNING")
        self.client.set_tag(run_id, tags.REASON, "")

    def _log(self, records: list[Record], opened: bool) -> None:
        """One batch of values, then the files, then the end."""
        if self.sent.resumed and self.earlier is None:
            self._recall(records)
        artifacts = {(record["file"], record["folder"]) for record in records if record["kind"] == "artifact"}
        end = records[-1] if records[-1]["kind"] == "finish" else None
        last = self._end_tags(end) if end else {}
        self._batch(records, opened, {} if artifacts else last)
        for file, folder in sorted(artifacts):
            self._artifact(file, folder)
        if artifacts and last:
            self._log_batch([], {}, last)
        if end:
            self._close(end)

    def _close(self, end: Record) -> None:
        if self.sent.status != "FINISHED":  # a scoring that failed leaves the training as finished as it was
            self.client.set_terminated(self.sent.run_id, end["status"], end["time"])
            self._remember(status=end["status"])

    def _end_tags(self, end: Record) -> dict[str, str]:
        reason = {tags.REASON: str(end["reason"])[: tags.TAG_LIMIT]} if end["reason"] or self.sent.resumed else {}
        scored = end["probes"] if end["status"] == "FINISHED" else {}
        return {**reason, **{f"{tags.PROBE}{name}": value for name, value in scored.items()}}

    def _batch(self, records: list[Record], opened: bool, last: Mapping[str, str]) -> None:
        """Log the metrics, with params and tags where the run does not have them yet."""
        from mlflow.entities import Metric

        starts = [record for record in records if record["kind"] == "start"]
        metrics, names = [], set()
        for record in records:
            for name, value in record.get("values", {}).items():
                if self._is_new(name, record["step"], value):
                    names.add(name)
                    metrics.append(Metric(tags.metric_name(name), value, record["time"], record["step"]))
        params = self._params(starts[0]) if starts and self.sent.offset == 0 else {}
        told = {} if opened or not starts else tags.trial_tags(Trial.from_json(starts[-1]["job"]), starts[-1])
        self._log_batch(metrics, params, {**tags.name_tags(names), **told, **last})

    def _params(self, start: Record) -> dict[str, str]:
        """The params that the run lacks; one that it has with another value cannot be changed."""
        wanted = tags.params_of(Trial.from_json(start["job"]))
        held = self.earlier.data.params if self.earlier else {}
        return {name: value for name, value in wanted.items() if name not in held}

    def _log_batch(self, metrics: list[Any], params: Mapping[str, str], told: Mapping[str, str]) -> None:
        from mlflow.entities import Param, RunTag

        if metrics or params or told:
            self.client.log_batch(
                self.sent.run_id,
                metrics,
                [Param(name, value) for name, value in params.items()],
                [RunTag(name, value) for name, value in told.items()],
            )

    def _artifact(self, file: str, folder: str) -> None:
        """Send a file as it is now; one that MLflow will not take is named in a tag and kept."""
        path = self.paths.folder / file
        if not path.exists():
            return
        try:
            self.client.log_artifact(self.sent.run_id, str(path), folder or None)
        except Exception as error:
            if not refused(error) or self._run_is_gone():
                raise
            answer = f"{http_status(error)}: {redact(error)}"[:500]
            self._log_batch([], {}, {f"ablate.rejected.{tags.metric_name(file)}": answer})
            self._remember(rejected=(*self.sent.rejected, file))

    def _recall(self, records: list[Record]) -> None:
        """Learn what a resumed run holds, so that nothing is logged twice."""
        self.earlier = self.client.get_run(self.sent.run_id)
        first, _ = read(self.paths.spool, 0, most=1)
        scored = tags.below(tags.PROBE, self.earlier.data.tags)
        wanted = next(record for record in [*reversed(records), *first] if record["kind"] == "start")["probes"]
        self.rescored = tuple(f"{name}/" for name in wanted if scored.get(name, wanted[name]) != wanted[name])

    def _is_new(self, name: str, step: int, value: float) -> bool:
        """Whether the run lacks this point, or holds the score of a probe that has changed since."""
        held = self._held(tags.metric_name(name))
        return step not in held or (name.startswith(self.rescored) and held[step] != value)

    def _held(self, name: str) -> Mapping[int, float]:
        """epoch → value of a metric that the run held before, asked for once."""
        if self.earlier is None or name not in self.earlier.data.metrics:
            return {}
        if name not in self.points:
            history = self.client.get_metric_history(self.sent.run_id, name)
            self.points[name] = {
                point.step: point.value for point in sorted(history, key=lambda point: point.timestamp)
            }
        return self.points[name]
