"""The report on a study from the results that MLflow holds now."""

from dataclasses import dataclass
from pathlib import Path

from ablate.driver.status import records_of
from ablate.driver.summary import trials_of
from ablate.errors import StudyError
from ablate.paths import Store
from ablate.planning.required_data import on_recorded_data
from ablate.planning.scores import without_failed_scores
from ablate.reporting.content import report_of
from ablate.reporting.markdown import to_markdown
from ablate.reporting.report import Report
from ablate.reporting.write import write_report
from ablate.stats.results import Result, results_of
from ablate.study.model import Study


@dataclass(frozen=True)
class WrittenReport:
    """A report, its text, and the file it was written to; none where the store may only be read."""

    report: Report
    text: str
    path: Path | None


def write_current_report(study: Study, store: Store) -> WrittenReport:
    """Write the report into the study's folder.  Raises StudyError where the study was never launched."""
    report = report_of(study, current_results(study, store))
    if not store.writable:
        return WrittenReport(report, to_markdown(report), None)
    file = write_report(report, store.study(study.name).report)
    return WrittenReport(report, file.read_text(encoding="utf-8"), file)


def current_results(study: Study, store: Store) -> tuple[Result, ...]:
    """The results of all trials.  Raises StudyError where the study was never launched."""
    records = records_of(store, study.name)
    if not records:
        raise StudyError(f"nothing is recorded of '{study.name}'", f"launch it first: ablate launch {study.name}")
    trials = on_recorded_data(trials_of(study, store.study(study.name)), records)
    return results_of(trials, without_failed_scores(trials, records))
