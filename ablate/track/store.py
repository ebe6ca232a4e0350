"""What a launch and a report need from the store of recorded trials: `TrackingStore`, and the values it returns."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from ablate.events import State
from ablate.paths import StudyPaths
from ablate.record import TrialRecord
from ablate.track.shared_views import Columns
from ablate.trial import Trial

Curve = list[tuple[int, float]]  # (epoch, value), epochs ascending

NO_COLUMNS = Columns()


def by_epoch(curves: Mapping[str, Curve]) -> dict[int, dict[str, float]]:
    """Epoch → metric → value, epochs ascending."""
    values: dict[int, dict[str, float]] = {}
    for name, curve in curves.items():
        for epoch, value in curve:
            values.setdefault(epoch, {})[name] = value
    return dict(sorted(values.items()))


@dataclass(frozen=True)
class VariantRun:
    """The run that groups a variant's seeds."""

    run_id: str
    variant: str  # key of the variant
    state: State
    aggregate: str = ""  # identifies the trials and scores that the run's metrics summarize; empty: none yet
    started: float = field(default=0.0, compare=False)  # seconds since the epoch; 0 of one that was just made
    parent: str = field(default="", compare=False)  # run id of the study that it nests below
    ended: float | None = field(default=None, compare=False)  # seconds since the epoch: its start and its duration


@dataclass(frozen=True)
class Claim:
    """A launch's claim on a study, which every store that uses the same server can read."""

    launch: str  # identifies the launch
    owner: str  # process, host, since when, and store
    heartbeat: str = ""  # changes while the launch is alive; compared with itself only, never with a clock


@dataclass(frozen=True)
class StudyRun:
    """The run that holds the study file and the report."""

    run_id: str
    state: State
    claim: Claim | None = None  # of its last launch


@dataclass(frozen=True)
class Snapshot:
    """All runs of a study as one listing returned them, oldest first."""

    study: str
    study_runs: tuple[StudyRun, ...] = ()  # more than one only where a request was carried out twice
    variants: tuple[VariantRun, ...] = ()
    trials: tuple[TrialRecord, ...] = ()
    lacks_tags: bool = False  # whether a person has removed tags that `settle` sets again

    @cached_property
    def records(self) -> Mapping[str, TrialRecord]:
        """Key → the trial's run: the finished one if there is one, else the newest."""
        chosen: dict[str, TrialRecord] = {}
        for record in self.trials:
            held = chosen.get(record.key)
            if held is None or held.state is not State.FINISHED or record.state is State.FINISHED:
                chosen[record.key] = record
        return chosen

    @property
    def claim(self) -> Claim | None:
        """The claim of a launch that has not closed the study: it is alive, or it was killed."""
        return self.study_runs[0].claim if self.study_state is State.RUNNING else None

    @property
    def study_run(self) -> str:
        """The id of the study's run; empty where it has none."""
        return self.study_runs[0].run_id if self.study_runs else ""

    @property
    def study_state(self) -> State | None:
        """How the last launch ended; RUNNING where it has not ended, None where the study was never launched."""
        return self.study_runs[0].state if self.study_runs else None


class TrackingStore(ABC):
    """Records studies, variants and trials.

    Every method may be called again, and raises ServiceError where the server does not answer.  What all stores promise
    is tested by `ablate.testing.tracking.TrackingContract`.
    """

    uri: str
    patience: float = 0.0  # seconds for which a request is repeated where the server does not answer; may be lowered

    @abstractmethod
    def snapshot(self, study: str) -> Snapshot:
        """All runs of the study, by one listing; empty where the study has none."""

    @abstractmethod
    def open_study(
        self, study: str, question: str, resolved_yaml: str, snapshot: Snapshot, columns: Columns = NO_COLUMNS
    ) -> str:
        """The id of the study's run, found in the snapshot or made; its state is RUNNING, its file `study.yaml`.

        `columns` are what its table of runs shows.
        """

    def address_of_runs(self, study: str) -> str:
        """What precedes a run's id in the address of its page; empty where there is none."""
        return ""

    def link(self, study: str, nested: bool = False) -> str:
        """The address of a table of the study's variants in a browser, the best first; empty where there is none.

        `nested`: that of its runs, in which the study unfolds into its variants and these into their seeds.
        """
        return ""

    @abstractmethod
    def require_right(self, snapshot: Snapshot) -> None:
        """Raise ServiceError where the user may not change or replace the study's runs, which stay as they are."""

    @abstractmethod
    def close_study(self, study: str, state: State, snapshot: Snapshot | None = None) -> None:
        """Set the state of the study's run; without a snapshot the run is looked up."""

    @abstractmethod
    def read_claim(self, study: str) -> Claim | None:
        """The claim of a launch that has not closed the study, as it is now."""

    @abstractmethod
    def write_claim(self, study: str, claim: Claim) -> None:
        """Claim the study, whose run exists, or refresh the claim's heartbeat."""

    @abstractmethod
    def open_variants(self, trials: Iterable[Trial], snapshot: Snapshot) -> dict[str, str]:
        """Variant key → id of the run that groups its seeds, found in the snapshot or made; its state is RUNNING.

        It nests below the run of the study, where that is open.
        """

    @abstractmethod
    def find_finished(self, keys: Collection[str]) -> dict[str, TrialRecord]:
        """Key → the newest finished trial of any study that has it; keys without one are left out."""

    @abstractmethod
    def finished_alike(self, shapes: Iterable[str]) -> list[TrialRecord]:
        """Some finished trials of any study that have one of these shapes (`Trial.shape`)."""

    @abstractmethod
    def curves(self, run_id: str, metrics: Iterable[str]) -> dict[str, Curve]:
        """Metric → (epoch, value) in order of epochs, the newest value of each; empty for an unknown metric."""

    def all_curves(self, metrics: Mapping[str, Iterable[str]]) -> dict[str, dict[str, Curve]]:
        """Metric → run → curve, of the metrics of each run; runs without a metric are left out."""
        found: dict[str, dict[str, Curve]] = {}
        for run_id, names in metrics.items():
            for name, curve in self.curves(run_id, names).items():
                if curve:
                    found.setdefault(name, {})[run_id] = curve
        return found

    @abstractmethod
    def fetch(self, run_id: str, file: str, folder: Path) -> Path | None:
        """Download an artifact at the top level of a run into a folder; None where the run has none of that name."""

    @abstractmethod
    def attach(self, study: str, folder: Path, artifact_path: str | None = None) -> None:
        """Upload a folder's files to the study's run, below `artifact_path`; files of the same name are replaced."""

    @abstractmethod
    def attach_text(self, study: str, text: str, name: str) -> None:
        """Upload a text as a file of the study's run."""

    @abstractmethod
    def upload(self, paths: StudyPaths, patience: float | None = 30.0) -> set[str]:
        """Send the records in the study's spools; the keys of trials that could not be sent within `patience` seconds.

        None: for as long as other requests of this store are repeated, and a minute where those are not.
        Trials that another process holds the lock of are left to it.  Does not raise where the server is away.
        """

    @abstractmethod
    def settle(
        self,
        study: str,
        running: Collection[str] = frozenset(),
        abandoned: State = State.KILLED,
        trials: Iterable[Trial] = (),
    ) -> Snapshot:
        """Bring all runs up to date at the end of a launch, after `upload`; the snapshot as it is then.

        Trials that are RUNNING become `abandoned` (KILLED, or STOPPED after a stop on request), except those whose
        keys are in `running`; further runs of the same trial are removed; variants are summarized over their finished
        seeds, and their state follows from their trials'.  What a person has removed of the runs' identity is set
        again, with `trials` for those of which the store holds no trial that can be read.
        """
