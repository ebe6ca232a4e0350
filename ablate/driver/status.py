"""Where studies stand: what MLflow knows of them, and what still waits for it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ablate.driver.lock import owner_of
from ablate.errors import ServiceError, StudyError
from ablate.paths import Store
from ablate.registry import suggest
from ablate.track.aggregate import aggregate
from ablate.track.artifacts import text
from ablate.track.ledger import Known, Ledger
from ablate.track.sender import deliver
from ablate.track.server import ensure_server
from ablate.track.ui import reading_address


@dataclass(frozen=True)
class Status:
    """Where one study stands."""

    study: str
    counts: Mapping[str, int]  # MLflow's words → trials
    launching: str = ""  # by whom
    waiting: int = 0  # trials whose records MLflow does not have
    trials: tuple[Mapping[str, Any], ...] = field(default=())

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def known_of(store: Store, study: str) -> dict[str, Known]:
    """What MLflow knows of a study; nothing where there is no MLflow yet."""
    address = reading_address(store)
    return Ledger(address).trials(study) if address else {}


def statuses(store: Store, study: str | None) -> tuple[Status, ...]:
    """Of one study, its trials too; or of all studies of the store."""
    there = launched(store)
    if study is None:
        return tuple(status_of(store, name) for name in there)
    if study not in there:
        raise StudyError(
            f"no study '{study}' was ever launched here", suggest(study, there) if there else "", str(store.studies)
        )
    return (status_of(store, study, whole=True),)


def launched(store: Store) -> list[str]:
    """The studies that were launched with this store."""
    return sorted(path.name for path in store.studies.iterdir() if path.is_dir()) if store.studies.is_dir() else []


def status_of(store: Store, study: str, whole: bool = False) -> Status:
    paths = store.study(study)
    known = known_of(store, study)
    owner = owner_of(paths.lock)
    waiting = sum(1 for _ in paths.trials.glob("*/spool.jsonl"))
    trials = tuple(told(trial) for trial in known.values()) if whole else ()
    return Status(study, dict(Counter(trial.status for trial in known.values())), str(owner or ""), waiting, trials)


def told(trial: Known) -> dict[str, Any]:
    name = trial.job.name if trial.job else trial.key
    return {"key": trial.key, "name": name, "status": trial.status, "reason": trial.reason, "metrics": trial.metrics}


def log_of(store: Store, trial: str, study_name: str | None = None) -> str:
    """The log and the traceback of a trial of any study, or of one, from its folder or from MLflow."""
    for study in [study_name] if study_name else launched(store):
        for known in known_of(store, study).values():
            if known.key.startswith(trial) or (known.job and known.job.name == trial):
                return local_log(store, study, known) or kept_log(store, known)
    raise StudyError(f"no trial is called '{trial}'", "ablate status STUDY --json lists keys and names")


def local_log(store: Store, study: str, known: Known) -> str:
    paths = store.study(study).trial(known.key)
    return "".join(file.read_text() for file in (paths.log, paths.traceback) if file.exists())


def kept_log(store: Store, known: Known) -> str:
    server = ensure_server(store)
    try:
        texts = [text(server.uri, known.run_id, name) for name in ("log.txt", "traceback.txt")]
    finally:
        server.stop()
    return "".join(texts)


def send_rest(store: Store, study: str) -> str:
    """Send what waits in a study's spools."""
    server = ensure_server(store)
    try:
        left = deliver(server.uri, store.study(study))
        if left:
            raise ServiceError(f"{len(left)} trials still wait for MLflow", "see whether the server runs", server.uri)
        ledger = Ledger(server.uri)
        ledger.reconcile(study)
        aggregate(ledger, study)
    finally:
        server.stop()
    return f"MLflow has everything of '{study}'"
