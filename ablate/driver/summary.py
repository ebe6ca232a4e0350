"""How a study stands once nothing runs, and whether there is anything left to do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ablate.driver.agenda import agenda
from ablate.driver.plan import trials_of
from ablate.paths import Store, StudyPaths
from ablate.planning.packs import with_pretraining
from ablate.study.model import Study
from ablate.study.write import to_yaml
from ablate.track.mlflow_store import MlflowStore, TrialRecord
from ablate.track.ui import reading_address
from ablate.trial import Trial


@dataclass(frozen=True)
class Summary:
    """How a study stands after a launch, and where to look."""

    total: int
    finished: int  # of all trials
    failed: Mapping[str, str]  # trial's name → reason
    log: Path
    ran: int = 0  # trials that ended in this launch
    stopped: bool = False
    undelivered: int = 0  # trials whose records wait for MLflow
    report: Path | None = None


def settled(study: Study, trials: Sequence[Trial], store: Store) -> Summary | None:
    """The summary of a study that is over and reported, found without starting anything; None if there is work."""
    paths, address = store.study(study.name), reading_address(store)
    unsent = any(paths.trials.glob("*/spool.jsonl"))
    if not address or unsent or not reported(study, paths):
        return None
    mlflow_store = MlflowStore(address)
    known = mlflow_store.trials(study.name)
    waiting = any(item.run for item in agenda(trials, known)) or not search_over(study, paths, known)
    if waiting or mlflow_store.study_status(study.name) not in ("FINISHED", "FAILED"):
        return None
    return replace(
        summarize(with_pretraining(trials_of(study, store)), known, paths), report=paths.report / "report.md"
    )


def reported(study: Study, paths: StudyPaths) -> bool:
    """Whether the last report is one of this very study."""
    same = paths.study.exists() and paths.study.read_text() == to_yaml(study)
    return same and (paths.report / "report.md").exists()


def search_over(study: Study, paths: StudyPaths, known: Mapping[str, TrialRecord], retry: bool = False) -> bool:
    """Whether all proposals of a search were made and told; true of a study that plans its trials."""
    if study.search is None:
        return True
    from ablate.search.proposals import Proposals

    return Proposals(study, paths.search, values(study, known, retry)).over


def summarize(trials: Sequence[Trial], known: Mapping[str, TrialRecord], paths: StudyPaths) -> Summary:
    """What is true of the study, whoever ran it."""
    items = agenda(trials, known)
    return Summary(
        total=len(items),
        finished=sum(item.standing == "finished" for item in items),
        failed={item.trial.name: item.known.reason for item in items if item.known and item.standing == "failed"},
        log=paths.log,
    )


def values(study: Study, known: Mapping[str, TrialRecord], retry: bool = False) -> dict[str, float | None]:
    """The objective of every trial that ended, None where it failed; with `retry` the failed ones have not ended."""
    if study.search is None:
        return {}
    metric = next(iter(study.search.objectives))
    finished = {key: record.metrics.get(metric) for key, record in known.items() if record.status == "FINISHED"}
    failed = {key: None for key, record in known.items() if record.status == "FAILED" and not retry}
    return {**failed, **finished}
