"""The report on a study from what MLflow knows now."""

import json
from pathlib import Path

from ablate.driver.plan import trials_of
from ablate.driver.status import known_of
from ablate.errors import StudyError
from ablate.paths import Store
from ablate.reporting.render import to_json, write_report
from ablate.stats.results import Result, results_of
from ablate.study.model import Study


def report_on(study: Study, store: Store, as_json: bool) -> tuple[str, Path]:
    """Write the report from what MLflow knows, and say it."""
    results = results_now(study, store)
    path = write_report(study, results, store.study(study.name).report)
    answer = json.dumps(to_json(study, results), indent=2, ensure_ascii=False) if as_json else path.read_text()
    return answer, path


def results_now(study: Study, store: Store) -> tuple[Result, ...]:
    known = known_of(store, study.name)
    if not known:
        raise StudyError(f"nothing is known of '{study.name}'", f"launch it first: ablate launch {study.name}")
    return results_of(trials_of(study, store), known)
