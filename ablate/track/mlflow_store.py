"""The tracking store on an MLflow server."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from ablate.errors import ServiceError
from ablate.events import State
from ablate.paths import StudyPaths
from ablate.patience import SHORT
from ablate.record import TrialRecord
from ablate.track import tags
from ablate.track.aggregate import aggregate
from ablate.track.artifacts import download_artifact
from ablate.track.client import connect, connect_reader, http_status, redact, refused, search
from ablate.track.client_interface import PAGE, Client
from ablate.track.concurrent_requests import concurrently
from ablate.track.curves import CurveReader, read_curve
from ablate.track.entities import Run
from ablate.track.experiments import experiment_id, find_experiment
from ablate.track.lost_tags import lost_tags, restore_tags
from ablate.track.mlflow_runs import snapshot_of, trial_record
from ablate.track.reconcile import reconcile
from ablate.track.retry import DENIED, retried
from ablate.track.run_state import STATUSES
from ablate.track.shared_views import NESTED, RANKED, Columns, link_to_run, link_to_runs, view_tags
from ablate.track.store import NO_COLUMNS, Claim, Curve, Snapshot, TrackingStore
from ablate.track.uploader import upload
from ablate.track.variant_runs import make_variant_run, nest
from ablate.trial import Trial

ALIKE = 50  # finished trials of a shape that are listed
LISTED_PER_KEY = 4  # listing so many runs takes as long as finding one by its key
FINISHED = STATUSES[State.FINISHED]


class MlflowStore(TrackingStore):
    """Studies, variants and trials as the runs of an MLflow server."""

    def __init__(self, uri: str, read_from: str = "", *, patience: float = 0.0, ui: str = "") -> None:
        """A store whose requests are repeated for `patience` seconds; with 0, for the seconds that a reader waits.

        `read_from` is the database of an embedded server, which answers many times sooner than the server, and `ui`
        the address of MLflow's pages, where these are not that of the requests.
        """
        self.uri = uri
        self.ui = ui or (uri if uri.startswith("http") else "")
        self.patience = patience
        self.reader = connect_reader(read_from or uri)  # of a server, or of the database of the embedded one
        self.curve_reader = CurveReader(self.reader)
        self.experiments: dict[str, str] = {}  # study → id
        self.study_runs: dict[str, str] = {}  # study → id of its run, RUNNING
        self.variant_runs: dict[str, dict[str, str]] = {}  # study → variant → id of its run, RUNNING
        self.unanswered: set[tuple[str, str]] = set()  # study, variant: a request to create the run was not answered

    @cached_property
    def client(self) -> Client:
        """Connects to the server, for what changes runs."""
        return connect(self.uri)

    @retried
    def snapshot(self, study: str) -> Snapshot:
        return self._list(study)

    @retried
    def open_study(
        self, study: str, question: str, resolved_yaml: str, snapshot: Snapshot, columns: Columns = NO_COLUMNS
    ) -> str:
        run_id = self._nested_study_run(study, snapshot)
        self._tag(run_id, {tags.NOTE: question, tags.STATE: State.RUNNING})
        if snapshot.study_state not in (None, State.RUNNING):
            self.client.update_run(run_id, status=STATUSES[State.RUNNING])
        for name, value in {tags.NOTE: question, **view_tags(columns)}.items():
            self.client.set_experiment_tag(self._experiment(study), name, value)
        self.client.log_text(run_id, resolved_yaml, "study.yaml")
        return run_id

    @retried
    def require_right(self, snapshot: Snapshot) -> None:
        for run in snapshot.study_runs[:1]:
            try:
                # Needs the right to delete, as means over more seeds do: their run replaces the old one.  A run that is
                # not deleted stays as it is, and MLflow answers with an error.
                self.client.restore_run(run.run_id)
            except Exception as error:
                if http_status(error) in DENIED:
                    raise

    def link(self, study: str, nested: bool = False) -> str:
        experiment = self.experiments.get(study)
        return link_to_runs(self.ui, experiment, NESTED if nested else RANKED) if experiment and self.ui else ""

    def address_of_runs(self, study: str) -> str:
        experiment = self.experiments.get(study) or getattr(find_experiment(self.reader, study), "experiment_id", "")
        return redact(link_to_run(self.ui, experiment, "")) if experiment and self.ui else ""

    @retried
    def close_study(self, study: str, state: State, snapshot: Snapshot | None = None) -> None:
        runs = (snapshot or self._list(study)).study_runs
        if self.study_runs.get(study) not in {None, *(run.run_id for run in runs)}:
            runs = self._list(study).study_runs  # it was made anew since
        for run in runs:
            if run.state is not state:
                self.client.set_tag(run.run_id, tags.STATE, state)
                self.client.set_terminated(run.run_id, STATUSES[state])

    @retried
    def read_claim(self, study: str) -> Claim | None:
        experiment = find_experiment(self.reader, study)
        if experiment is None:
            return None
        return snapshot_of(study, search(self.reader, [experiment.experiment_id], {tags.KIND: "study"})).claim

    @retried
    def write_claim(self, study: str, claim: Claim) -> None:
        run_tags = {tags.LAUNCH: claim.launch, tags.OWNER: claim.owner, tags.HEARTBEAT: claim.heartbeat}
        self._to_study_run(study, lambda run_id: self._tag(run_id, run_tags))

    @retried
    def open_variants(self, trials: Iterable[Trial], snapshot: Snapshot) -> dict[str, str]:
        opened = self.variant_runs.setdefault(snapshot.study, {})
        parent = self.study_runs.get(snapshot.study, snapshot.study_run)
        existing = {run.variant: run for run in snapshot.variants}  # the newest of each
        first = {trial.variant: trial for trial in trials}
        for variant, trial in first.items():
            if variant in opened:
                continue
            if variant in existing:
                run = existing[variant]
                if run.state is not State.RUNNING:
                    self.client.update_run(run.run_id, status=STATUSES[State.RUNNING])
                nest(self.client, parent, [run])
                opened[variant] = run.run_id
            else:
                opened[variant] = self._make_variant_run(trial, parent)
        return {variant: opened[variant] for variant in first}

    @retried
    def find_finished(self, keys: Collection[str]) -> dict[str, TrialRecord]:
        if not keys:
            return {}
        experiments = [experiment.experiment_id for experiment in self.reader.list_experiments()]
        listed = self._list_finished(experiments, most=LISTED_PER_KEY * len(keys))
        if listed is None:
            found = concurrently(lambda key: self._search_finished(key, experiments), keys)
            listed = {key: run for key, run in zip(keys, found, strict=True) if run is not None}
        records = ((key, trial_record(listed[key])) for key in keys if key in listed)
        return {key: record for key, record in records if record is not None}

    @retried
    def finished_alike(self, shapes: Iterable[str]) -> list[TrialRecord]:
        experiments = [experiment.experiment_id for experiment in self.reader.list_experiments()]

        def first(shape: str) -> list[Run]:
            wanted = {tags.KIND: "trial", tags.SHAPE: shape}
            return next(self.reader.run_pages(experiments, wanted, FINISHED, size=ALIKE), [])

        found = concurrently(first, shapes if experiments else ())
        return [record for runs in found for run in runs if (record := trial_record(run)) is not None]

    @retried
    def curves(self, run_id: str, metrics: Iterable[str]) -> dict[str, Curve]:
        wanted = list(metrics)
        found = concurrently(lambda name: read_curve(self.reader, run_id, tags.metric_name(name)), wanted)
        return dict(zip(wanted, found, strict=True))

    @retried
    def all_curves(self, metrics: Mapping[str, Iterable[str]]) -> dict[str, dict[str, Curve]]:
        runs: dict[str, list[str]] = {}
        for run_id, names in metrics.items():
            for name in names:
                runs.setdefault(name, []).append(run_id)
        held = {tags.metric_name(name): name for name in runs}
        found = self.curve_reader.read({name: runs[original] for name, original in held.items()})
        self.curve_reader.forget()
        return {held[name]: by_run for name, by_run in found.items() if by_run}

    @retried
    def run(self, run_id: str) -> Run | None:
        """A run with its tags; None where there is none."""
        try:
            return self.reader.get_run(run_id)
        except LookupError:
            return None
        except Exception as error:  # raised again, unless the server refused
            if not refused(error):
                raise
            return None

    @retried
    def fetch(self, run_id: str, file: str, folder: Path) -> Path | None:
        return download_artifact(self.client, run_id, file, folder)

    @retried
    def attach(self, study: str, folder: Path, artifact_path: str | None = None) -> None:
        self._to_study_run(study, lambda run_id: self.client.log_artifacts(run_id, str(folder), artifact_path))

    @retried
    def attach_text(self, study: str, text: str, name: str) -> None:
        self._to_study_run(study, lambda run_id: self.client.log_text(run_id, text, name))

    def upload(self, paths: StudyPaths, patience: float | None = 30.0) -> set[str]:
        return upload(self.uri, paths, (lambda: self.patience or SHORT) if patience is None else patience)

    @retried
    def settle(
        self,
        study: str,
        running: Collection[str] = frozenset(),
        abandoned: State = State.KILLED,
        trials: Iterable[Trial] = (),
    ) -> Snapshot:
        self.curve_reader.forget()
        self.variant_runs.pop(study, None)
        self.experiments.pop(study, None)  # it may have been deleted meanwhile, and is restored
        experiment = self._experiment(study)
        runs = search(self.reader, [experiment], {})
        lost = lost_tags(study, runs, {trial.key: trial for trial in trials})
        snapshot = snapshot_of(study, restore_tags(self.client, lost, runs))
        settled = reconcile(self.client, snapshot, running, abandoned)
        return aggregate(self.client, self.curve_reader, experiment, settled)

    def _list(self, study: str) -> Snapshot:
        if study not in self.experiments:
            found = find_experiment(self.reader, study)
            if found is None or found.lifecycle_stage == "deleted":
                return Snapshot(study)
            self.experiments[study] = found.experiment_id
        runs = search(self.reader, [self.experiments[study]], {})
        snapshot = snapshot_of(study, runs)
        return replace(snapshot, lacks_tags=bool(lost_tags(study, runs, {}, snapshot)))

    def _study_run(self, study: str, snapshot: Snapshot) -> str:
        """The id of the study's run, found or made."""
        if study not in self.study_runs:
            existing = snapshot.study_runs or self._created_unanswered(study, "").study_runs
            self.study_runs[study] = existing[0].run_id if existing else self._make_study_run(study)
        return self.study_runs[study]

    def _to_study_run(self, study: str, change: Callable[[str], None]) -> None:
        """Change the study's run; a new one where a person has deleted it since this launch opened it."""
        try:
            change(self._existing_study_run(study))
        except Exception as error:  # raised again, unless the server refused
            if not refused(error):
                raise
            self.study_runs.pop(study, None)
            change(self._nested_study_run(study, self._list(study)))

    def _nested_study_run(self, study: str, snapshot: Snapshot) -> str:
        """The id of the study's run, found or made, with its variants below it."""
        run_id = self._study_run(study, snapshot)
        nest(self.client, run_id, snapshot.variants)
        return run_id

    def _existing_study_run(self, study: str) -> str:
        """The id of the study's run.  Raises ServiceError where there is none."""
        if study not in self.study_runs:
            runs = self._list(study).study_runs
            if not runs:
                raise ServiceError(f"MLflow has no run for the study '{study}'", "launch it first", redact(self.uri))
            self.study_runs[study] = runs[0].run_id
        return self.study_runs[study]

    def _make_study_run(self, study: str) -> str:
        self.unanswered.add((study, ""))
        run_tags = {tags.KIND: "study", tags.STUDY: study}
        run = self.client.create_run(self._experiment(study), tags=run_tags, run_name=study)
        self.unanswered.discard((study, ""))
        return str(run.info.run_id)

    def _make_variant_run(self, trial: Trial, parent: str) -> str:
        for run in self._created_unanswered(trial.study, trial.variant).variants:
            if run.variant == trial.variant:
                self.client.delete_run(run.run_id)  # its params may be missing
        self.unanswered.add((trial.study, trial.variant))
        run_id = make_variant_run(self.client, self._experiment(trial.study), trial, parent)
        self.unanswered.discard((trial.study, trial.variant))
        return run_id

    def _created_unanswered(self, study: str, variant: str) -> Snapshot:
        """The study's runs where a request to create this one was not answered: it may have been carried out."""
        return self._list(study) if (study, variant) in self.unanswered else Snapshot(study)

    def _tag(self, run_id: str, run_tags: dict[str, str]) -> None:
        self.client.log_batch(run_id, tags=run_tags)

    def _list_finished(self, experiments: list[str], most: int) -> dict[str, Run] | None:
        """Key → the newest finished run of these experiments; None where there are more than `most`."""
        listed: dict[str, Run] = {}
        trials = {tags.KIND: "trial"}
        for page in self.reader.run_pages(experiments, trials, FINISHED, size=min(PAGE, most + 1)):
            listed |= {run.data.tags[tags.KEY]: run for run in page if tags.KEY in run.data.tags}
            most -= len(page)
            if most < 0:
                return None
        return listed

    def _search_finished(self, key: str, experiments: list[str]) -> Run | None:
        """The newest finished run of these experiments that has the key."""
        runs = search(self.reader, experiments, {tags.KIND: "trial", tags.KEY: key}, FINISHED)
        return runs[-1] if runs else None

    def _experiment(self, study: str) -> str:
        if study not in self.experiments:
            self.experiments[study] = experiment_id(self.client, study)
        return self.experiments[study]
