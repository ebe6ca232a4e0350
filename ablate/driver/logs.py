"""The log and the traceback of a trial, from its folder while that exists, else from MLflow."""

from ablate.driver.status import launched_studies, records_of
from ablate.errors import StudyError
from ablate.paths import Store
from ablate.record import TrialRecord
from ablate.track.artifacts import text

FILES = ("log.txt", "traceback.txt")  # as artifacts


def log_of(store: Store, trial: str, study_name: str | None = None) -> str:
    """The log and the traceback of the trial with this name or this beginning of its key, in any study or in one.

    Raises StudyError where there is no such trial.
    """
    for study in [study_name] if study_name else launched_studies(store):
        for record in records_of(store, study).values():
            if record.key.startswith(trial) or (record.trial and record.trial.name == trial):
                return local_log(store, study, record) or "".join(text(store, record.run_id, name) for name in FILES)
    raise StudyError(f"no trial is called '{trial}'", "ablate status STUDY --json lists keys and names")


def local_log(store: Store, study: str, record: TrialRecord) -> str:
    paths = store.study(study).trial(record.key)
    files = (file for file in (paths.log, paths.traceback) if file.exists())
    return "".join(file.read_text(encoding="utf-8") for file in files)
