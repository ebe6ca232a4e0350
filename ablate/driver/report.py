"""The report on a study from the results that MLflow holds now."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from ablate.driver.status import records_of
from ablate.driver.summary import all_trials
from ablate.errors import StudyError
from ablate.paths import Store, StudyPaths
from ablate.planning.scores import without_failed_scores
from ablate.record import TrialRecord
from ablate.reporting.content import report_of
from ablate.reporting.markdown import to_markdown
from ablate.reporting.pictures import FetchPicture
from ablate.reporting.report import Report
from ablate.reporting.write import write_report
from ablate.stats.bands import Curves
from ablate.stats.results import Result, results_of
from ablate.study.model import Study
from ablate.track.artifacts import fetch
from ablate.track.mlflow_store import MlflowStore
from ablate.track.store import TrackingStore
from ablate.track.ui import reading_address, ui_address
from ablate.trial import Trial

Records = dict[str, TrialRecord]
Download = Callable[[str, str, Path], Path | None]  # (run, name of a file, folder) → the file; None without one


@dataclass(frozen=True)
class WrittenReport:
    """A report, its text, and the file it was written to; none where the store may only be read."""

    report: Report
    text: str
    path: Path | None


@dataclass(frozen=True)
class Recorded:
    """What is recorded of a study: its trials, their runs and their curves."""

    study: Study
    trials: Sequence[Trial]
    records: Records
    curves: Curves
    runs: str = ""  # the address that a run's id follows in MLflow's UI
    fetch: FetchPicture | None = None

    @property
    def results(self) -> tuple[Result, ...]:
        return results_of(self.trials, without_failed_scores(self.trials, self.records))

    def report(self) -> Report:
        return report_of(self.study, self.results, self.curves, self.runs, self.fetch)

    def write(self, report: Report, folder: Path) -> Path:
        """Write the report with tables of all trials and epochs; the path of its Markdown."""
        from ablate.driver.frames import frame_of_epochs, frame_of_trials

        frames = {
            "trials": frame_of_trials(self.trials, self.records),
            "epochs": frame_of_epochs(self.trials, self.curves),
        }
        return write_report(report, folder, frames)


def write_current_report(study: Study, store: Store) -> WrittenReport:
    """Write the report into the study's folder.  Raises StudyError where the study was never launched."""
    trials, records = recorded_trials(study, store)
    tracking = MlflowStore(reading_address(store), ui=ui_address(store))
    found = recorded(tracking, study, trials, records, partial(fetch, store))
    report = found.report()
    if not store.writable:
        return WrittenReport(report, to_markdown(report), None)
    file = found.write(report, store.study(study.name).report)
    return WrittenReport(report, file.read_text(encoding="utf-8"), file)


def write_report_of(
    study: Study, paths: StudyPaths, tracking: TrackingStore, trials: Sequence[Trial], records: Records
) -> Path:
    """Write the report on these records into the study's folder; the path of its Markdown."""
    found = recorded(tracking, study, trials, records, tracking.fetch)
    return found.write(found.report(), paths.report)


def recorded(
    tracking: TrackingStore, study: Study, trials: Sequence[Trial], records: Records, download: Download
) -> Recorded:
    """What is recorded of the trials; their pictures are downloaded when the report needs them."""
    from ablate.driver.frames import curves_of

    def picture(key: str, file: str) -> bytes | None:
        if key not in records:
            return None
        with TemporaryDirectory() as folder:
            found = download(records[key].run_id, file, Path(folder))
            return found.read_bytes() if found is not None else None

    curves = curves_of(tracking, trials, records)
    return Recorded(study, trials, records, curves, tracking.address_of_runs(study.name), picture)


def current_results(study: Study, store: Store) -> tuple[Result, ...]:
    """The results of all trials.  Raises StudyError where the study was never launched."""
    trials, records = recorded_trials(study, store)
    return results_of(trials, without_failed_scores(trials, records))


def runs_address(study: Study, store: Store) -> str:
    """The address that the id of a run of the study follows in MLflow's UI; empty where there is none."""
    return MlflowStore(reading_address(store), ui=ui_address(store)).address_of_runs(study.name)


def recorded_trials(study: Study, store: Store) -> tuple[Sequence[Trial], Records]:
    """The trials of a study and their records.  Raises StudyError where the study was never launched."""
    records = dict(records_of(store, study.name))
    if not records:
        raise StudyError(f"nothing is recorded of '{study.name}'", f"launch it first: ablate launch {study.name}")
    return all_trials(study, store.study(study.name), records), records
