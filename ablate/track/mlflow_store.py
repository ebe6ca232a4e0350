"""What MLflow knows of studies, variants and trials: the questions a launch and a report ask."""

import functools
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from ablate.errors import AblateError, ServiceError
from ablate.options import Value
from ablate.track import tags
from ablate.track.client import PAGE, connect, experiment_id, http_status, pages, redact, refused, search
from ablate.trial import Trial

P = ParamSpec("P")
T = TypeVar("T")

PAUSES = (0.5, 2.0, 5.0)  # seconds before a question is asked again
AT_ONCE = 8  # requests
READ_PER_KEY = 4  # runs that are read in a list while one is found by its key
FINISHED_TRIALS = f"tags.`{tags.KIND}` = 'trial' and attributes.status = 'FINISHED'"


@dataclass(frozen=True)
class TrialRecord:
    """A trial as MLflow has it; metrics are the latest values by their original names, times are seconds."""

    run_id: str
    key: str
    variant: str
    seed: int
    status: str  # RUNNING, FINISHED, FAILED or KILLED
    probes: Mapping[str, str]  # name → digest of revision and settings, of the probes whose scores are in
    metrics: Mapping[str, float]
    levels: Mapping[str, Value]
    params: Mapping[str, str]
    trial: Trial | None  # None where another version of ablate wrote it
    reason: str
    started: float
    ended: float | None
    parent: str  # run id of the variant

    @classmethod
    def of(cls, run: Any) -> "TrialRecord":
        told = run.data.tags
        names = tags.original_names(told)
        trial = tags.trial_of_tags(told)
        return cls(
            run_id=run.info.run_id,
            key=told[tags.KEY],
            variant=told[tags.VARIANT],
            seed=int(told[tags.SEED]),
            status=run.info.status,
            probes=tags.below(tags.PROBE, told),
            metrics={names.get(name, name): value for name, value in run.data.metrics.items()},
            levels=trial.levels if trial else {},
            params=run.data.params,
            trial=trial,
            reason=told.get(tags.REASON, ""),
            started=run.info.start_time / 1000,
            ended=run.info.end_time / 1000 if run.info.end_time else None,
            parent=told.get(tags.PARENT, ""),
        )


def patient(ask: Callable[Concatenate["MlflowStore", P], T]) -> Callable[Concatenate["MlflowStore", P], T]:
    """Ask again while MLflow does not answer, then raise ServiceError; the question must bear repetition."""

    @functools.wraps(ask)
    def asked(mlflow_store: "MlflowStore", /, *args: P.args, **kwargs: P.kwargs) -> T:
        for pause in (*PAUSES, None):
            try:
                return ask(mlflow_store, *args, **kwargs)
            except AblateError:
                raise
            except Exception as error:
                if not _of_service(error):
                    raise
                if refused(error) or http_status(error) in (401, 403) or pause is None:
                    remedy = "see whether the MLflow server runs and lets you in"
                    raise ServiceError(
                        f"MLflow does not answer: {redact(error)}", remedy, redact(mlflow_store.uri)
                    ) from None
                time.sleep(pause)
        raise AssertionError  # the last round returns or raises

    return asked


def _of_service(error: Exception) -> bool:
    from mlflow.exceptions import MlflowException
    from requests.exceptions import RequestException

    return isinstance(error, MlflowException | RequestException)


class MlflowStore:
    """MLflow's memory of studies; every method may be called again, and raises ServiceError if MLflow is away."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self.client = connect(uri)
        self.experiments: dict[str, str] = {}
        self.groups: dict[str, dict[str, str]] = {}  # study → variant → its run, known to be RUNNING

    @patient
    def trials(self, study: str) -> dict[str, TrialRecord]:
        """key → the trial's run: the finished one if there is one, else the newest."""
        return {key: TrialRecord.of(run) for key, run in best(self.runs(study, "trial"), tags.KEY).items()}

    @patient
    def find_keys(self, keys: Sequence[str]) -> list[TrialRecord | None]:
        """For each key a finished trial that has it, of whatever study; None where there is none."""
        if not keys:
            return []
        experiments = [experiment.experiment_id for experiment in self._all_experiments()]
        held = self.finished(experiments, most=READ_PER_KEY * len(keys))
        if held is not None:
            return [TrialRecord.of(held[key]) if key in held else None for key in keys]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(lambda key: self.find_key(key, experiments), keys))

    def finished(self, experiments: list[str], most: int) -> dict[str, Any] | None:
        """key → the newest finished trial of these experiments; None where there are more than `most`."""
        held: dict[str, Any] = {}
        for page in pages(self.client, experiments, FINISHED_TRIALS, size=min(PAGE, most + 1)):
            held |= {run.data.tags[tags.KEY]: run for run in page}
            most -= len(page)
            if most < 0:
                return None
        return held

    def find_key(self, key: str, experiments: list[str]) -> TrialRecord | None:
        """The newest finished trial of these experiments that has the key."""
        runs = search(self.client, experiments, f"{FINISHED_TRIALS} and tags.`{tags.KEY}` = '{key}'")
        return TrialRecord.of(runs[-1]) if runs else None

    @patient
    def open_study(self, study: str, question: str, resolved_yaml: str) -> str:
        """The id of the one run that holds the study file and the report, found or made, and RUNNING."""
        found = self.runs(study, "study")
        told = {tags.KIND: "study", tags.STUDY: study, tags.NOTE: question}
        if found:
            run_id = str(found[0].info.run_id)
            self.client.set_tag(run_id, tags.NOTE, question)
            self._set_status(found[0], "RUNNING")
        else:
            run_id = str(self.client.create_run(self._experiment(study), tags=told, run_name=study).info.run_id)
        self.client.set_experiment_tag(self._experiment(study), tags.NOTE, question)
        self.client.log_text(run_id, resolved_yaml, "study.yaml")
        return run_id

    @patient
    def close_study(self, study: str, status: str) -> None:
        """Say how the launch ended: FINISHED, FAILED or KILLED."""
        for run in self.runs(study, "study"):
            self._set_status(run, status)

    @patient
    def study_status(self, study: str) -> str:
        """How the study's last launch ended; RUNNING where it has not, empty where there was none."""
        found = self.runs(study, "study")
        return str(found[0].info.status) if found else ""

    @patient
    def open_variant(self, trial: Trial) -> str:
        """The id of the run that groups the variant's seeds, found or made, and RUNNING."""
        opened = self.groups.setdefault(trial.study, {})
        if trial.variant not in opened:
            query = f"tags.`{tags.KIND}` = 'variant' and tags.`{tags.VARIANT}` = '{trial.variant}'"
            found = search(self.client, [self._experiment(trial.study)], query)
            if found:
                self._set_status(found[-1], "RUNNING")
            opened[trial.variant] = found[-1].info.run_id if found else self.make_variant(trial)
        return opened[trial.variant]

    @patient
    def attach(self, study: str, folder: Path, artifact_path: str | None = None) -> None:
        """Upload a folder's files to the study's run; those of the same name are replaced."""
        runs = self.runs(study, "study")
        if not runs:
            raise ServiceError(f"MLflow has no run for the study '{study}'", "launch it first", redact(self.uri))
        self.client.log_artifacts(runs[0].info.run_id, str(folder), artifact_path)

    @patient
    def attach_text(self, study: str, text: str, name: str) -> None:
        """Keep a text as a file of the study's run."""
        self.client.log_text(str(self.runs(study, "study")[0].info.run_id), text, name)

    @patient
    def history(self, run_ids: Iterable[str], metric: str) -> dict[str, list[tuple[int, float]]]:
        """run id → (epoch, value) of a metric by its original name, in order of epochs, the newest value of each."""
        wanted = list(run_ids)
        name = tags.metric_name(metric)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return dict(zip(wanted, pool.map(lambda run_id: self.curve(run_id, name), wanted), strict=True))

    @patient
    def reconcile(self, study: str, alive_keys: Collection[str] = frozenset()) -> None:
        """Call KILLED what dead processes left RUNNING, remove doubles of a trial, and close variants that are done.

        Spools should have been delivered before: they know better how a trial ended.
        """
        runs = self.runs(study, "trial")
        kept = best(runs, tags.KEY)
        statuses = {key: run.info.status for key, run in kept.items()}
        for run in runs:
            key = run.data.tags[tags.KEY]
            if key in alive_keys or run.info.status != "RUNNING":
                continue
            if run is kept[key]:
                self.client.set_terminated(run.info.run_id, "KILLED")
                statuses[key] = "KILLED"
            else:
                self.client.delete_run(run.info.run_id)
        groups = by_tag(self.runs(study, "variant"), tags.VARIANT)
        for variant, trials in by_tag(kept.values(), tags.VARIANT).items():
            for run in groups.get(variant, []):
                self.close_variant(run, {statuses[trial.data.tags[tags.KEY]] for trial in trials}, trials)
        self.groups.pop(study, None)

    def make_variant(self, trial: Trial) -> str:
        """A new run that groups seeds."""
        told = {tags.KIND: "variant", tags.STUDY: trial.study, tags.VARIANT: trial.variant}
        run_id = self.client.create_run(
            self._experiment(trial.study), tags=told, run_name=trial.variant_name
        ).info.run_id
        from mlflow.entities import Param

        self.client.log_batch(run_id, params=[Param(*pair) for pair in tags.params_of(trial, seeded=False).items()])
        return str(run_id)

    def close_variant(self, run: Any, statuses: Collection[str], trials: Collection[Any]) -> None:
        """Let a variant's status say how its trials stand."""
        status = next(status for status in ("RUNNING", "FAILED", "KILLED", "FINISHED") if status in statuses)
        ended = max((trial.info.end_time or 0 for trial in trials), default=0)
        self._set_status(run, status, ended)

    def curve(self, run_id: str, name: str) -> list[tuple[int, float]]:
        """(epoch, value) of a metric by the name it has in MLflow."""
        points = sorted(self.client.get_metric_history(run_id, name), key=lambda point: point.timestamp)
        return sorted({point.step: point.value for point in points}.items())

    def _set_status(self, run: Any, status: str, ended: int = 0) -> None:
        if run.info.status == status:
            return
        if status == "RUNNING":
            self.client.update_run(run.info.run_id, status=status)
        else:
            self.client.set_terminated(run.info.run_id, status, ended or None)

    def runs(self, study: str, kind: str) -> list[Any]:
        query = f"tags.`{tags.KIND}` = '{kind}'"
        return search(self.client, [self._experiment(study)], query)

    def _experiment(self, study: str) -> str:
        if study not in self.experiments:
            self.experiments[study] = experiment_id(self.client, study)
        return self.experiments[study]

    def _all_experiments(self) -> list[Any]:
        found: list[Any] = []
        token = None
        while True:
            page = self.client.search_experiments(max_results=1000, page_token=token)
            found.extend(page)
            token = page.token
            if not token:
                return found


def best(runs: Iterable[Any], tag: str, finished_first: bool = True) -> dict[str, Any]:
    """One run for each value of a tag, of runs ordered by age: a finished one before others, then the newest."""
    chosen: dict[str, Any] = {}
    for run in runs:
        name = run.data.tags.get(tag)
        held = chosen.get(name)
        if held is None or not finished_first or held.info.status != "FINISHED" or run.info.status == "FINISHED":
            chosen[name] = run
    return chosen


def by_tag(runs: Iterable[Any], tag: str) -> dict[str, list[Any]]:
    """Runs grouped by the value of a tag."""
    groups: defaultdict[str, list[Any]] = defaultdict(list)
    for run in runs:
        groups[run.data.tags[tag]].append(run)
    return groups
