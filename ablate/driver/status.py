"""Where studies stand: what MLflow knows of them, and what still waits for it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ablate.driver.lock import owner_of
from ablate.errors import StudyError
from ablate.paths import Store
from ablate.registry import suggest
from ablate.track.mlflow_store import MlflowStore, TrialRecord
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


def known_of(store: Store, study: str) -> dict[str, TrialRecord]:
    """What MLflow knows of a study; nothing where there is no MLflow yet."""
    address = reading_address(store)
    return MlflowStore(address).trials(study) if address else {}


def statuses(store: Store, study: str | None) -> tuple[Status, ...]:
    """Of one study, its trials too; or of all studies of the store."""
    if study is None:
        return tuple(status_of(store, name) for name in launched(store))
    check_launched(store, study)
    return (status_of(store, study, whole=True),)


def check_launched(store: Store, study: str) -> None:
    """Raise StudyError for a name that no launch of this store was about."""
    there = launched(store)
    if study not in there:
        raise StudyError(
            f"no study '{study}' was ever launched here", suggest(study, there) if there else "", str(store.studies)
        )


def launched(store: Store) -> list[str]:
    """The studies that were launched with this store."""
    return sorted(path.name for path in store.studies.iterdir() if path.is_dir()) if store.studies.is_dir() else []


def status_of(store: Store, study: str, whole: bool = False) -> Status:
    paths = store.study(study)
    known = known_of(store, study)
    owner = owner_of(paths.lock)
    waiting = sum(1 for _ in paths.trials.glob("*/spool.jsonl"))
    trials = tuple(told(record) for record in known.values()) if whole else ()
    return Status(study, dict(Counter(record.status for record in known.values())), str(owner or ""), waiting, trials)


def told(record: TrialRecord) -> dict[str, Any]:
    name = record.trial.name if record.trial else record.key
    return {
        "key": record.key,
        "name": name,
        "status": record.status,
        "reason": record.reason,
        "metrics": record.metrics,
    }
