"""What a trial said: from its folder while that is there, else from MLflow."""

from ablate.driver.status import known_of, launched
from ablate.errors import StudyError
from ablate.paths import Store
from ablate.track.artifacts import text
from ablate.track.mlflow_store import TrialRecord

KEPT = ("log.txt", "traceback.txt")  # as artifacts


def log_of(store: Store, trial: str, study_name: str | None = None) -> str:
    """The log and the traceback of a trial of any study, or of one, from its folder or from MLflow."""
    for study in [study_name] if study_name else launched(store):
        for known in known_of(store, study).values():
            if known.key.startswith(trial) or (known.trial and known.trial.name == trial):
                return local_log(store, study, known) or "".join(text(store, known.run_id, name) for name in KEPT)
    raise StudyError(f"no trial is called '{trial}'", "ablate status STUDY --json lists keys and names")


def local_log(store: Store, study: str, known: TrialRecord) -> str:
    paths = store.study(study).trial(known.key)
    return "".join(file.read_text() for file in (paths.log, paths.traceback) if file.exists())
