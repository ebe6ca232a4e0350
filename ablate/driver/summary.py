"""The summary of a launch, and whether anything of a study is left to run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ablate.added_seeds import known_trials
from ablate.events import State
from ablate.paths import StudyPaths
from ablate.planning.outcomes import outcomes_of
from ablate.planning.plan import Plan
from ablate.planning.required_data import on_recorded_data
from ablate.planning.resolve import resolve
from ablate.record import TrialRecord
from ablate.study.model import Study
from ablate.study.write import to_yaml
from ablate.track.client import redact
from ablate.track.named_server import named_server
from ablate.track.store import Snapshot, TrackingStore
from ablate.trial import Trial


@dataclass(frozen=True)
class Summary:
    """The states of a study's trials after a launch, and where its files are."""

    total: int  # trials, with those that a search has yet to propose
    finished: int
    failed: Mapping[str, str]  # trial's name → reason
    log: Path
    ran: int = 0  # trials that ended in this launch
    trained: int = 0  # of these: trained and scored
    scored: int = 0  # of these: scored only, with an encoder that was trained before
    stopped: bool = False  # before everything was run
    unsent: int = 0  # trials whose records MLflow does not have yet
    report: Path | None = None
    failed_probes: Mapping[str, str] = field(default_factory=dict)  # trial's name → which probes, and why
    pruned: int = 0  # trials that a pruner stopped early
    runs: str = ""  # the address of the study's runs on the server that the environment names
    budget: float | None = None  # device-hours; None where the study has none
    budget_left: float | None = None  # device-hours; below 0 where running trials have exceeded it

    @property
    def flawed(self) -> bool:
        """Whether a trial or one of its probes failed."""
        return bool(self.failed or self.failed_probes)


def summarize(
    plan: Plan,
    paths: StudyPaths,
    *,
    report: Path,
    ran: int = 0,
    trained: int = 0,
    scored: int = 0,
    stopped: bool = False,
    unsent: int = 0,
    runs: str = "",
) -> Summary:
    """The summary of a plan that was made after the launch."""
    return Summary(
        total=len(plan.trials) + (plan.proposals if plan.study.search else 0),  # seeds need not be added
        finished=plan.count(State.FINISHED),
        failed=plan.failed,
        log=paths.log,
        ran=ran,
        trained=trained,
        scored=scored,
        stopped=stopped,
        unsent=unsent,
        report=report,
        failed_probes=plan.failed_probes,
        pruned=plan.count(State.PRUNED),
        runs=runs,
        budget=plan.study.budget.device_hours if plan.study.budget is not None else None,
        budget_left=plan.budget_left / 3600 if plan.budget_left is not None else None,
    )


def lasting_link(tracking: TrackingStore, study: str) -> str:
    """The address of a study's runs; empty where no server is named, since an embedded one ends with the launch."""
    return redact(tracking.link(study)) if named_server() else ""


def is_closed(snapshot: Snapshot) -> bool:
    """Whether the last launch of a study closed its run, without having been stopped."""
    return snapshot.study_state in (State.FINISHED, State.FAILED)


def is_reported(study: Study, paths: StudyPaths) -> bool:
    """Whether the last report was written for the study as it is now."""
    same = paths.study.exists() and paths.study.read_text(encoding="utf-8") == to_yaml(study)
    return same and (paths.report / "report.md").exists()


def search_over(
    study: Study, paths: StudyPaths, records: Mapping[str, TrialRecord], retry: bool = False, patience: float = 0.0
) -> bool:
    """Whether all proposals of a search are made and reported; true of a study that does not search.

    A shared database that does not answer is asked again for `patience` seconds.
    """
    if study.search is None:
        return True
    from ablate.search.proposals import search_is_over
    from ablate.search.storage import patiently

    outcomes = outcomes_of(study, records, retry)
    return patiently(lambda: search_is_over(study, paths.search, outcomes), patience)


def trials_of(study: Study, paths: StudyPaths, patience: float = 0.0) -> tuple[Trial, ...]:
    """All trials of a study that are known now: those of its design, or those that its search has proposed."""
    if study.search is None:
        return resolve(study, yes=True)
    from ablate.search.journal import proposed_trials
    from ablate.search.storage import patiently

    return patiently(lambda: proposed_trials(study, paths.search), patience)


def first_trials(
    study: Study,
    listed: Sequence[Trial],
    paths: StudyPaths,
    records: Mapping[str, TrialRecord],
    retry: bool = False,
    patience: float = 0.0,
) -> tuple[Trial, ...]:
    """The trials that `trials_of` lists; of a search that has not begun, those that it will take over when it does."""
    if study.search is None or listed:
        return tuple(listed)
    from ablate.search.start import trials_taken_over
    from ablate.search.storage import patiently

    outcomes = outcomes_of(study, records, retry)
    return patiently(lambda: trials_taken_over(study, paths.search, outcomes), patience)


def all_trials(study: Study, paths: StudyPaths, records: Mapping[str, TrialRecord]) -> tuple[Trial, ...]:
    """All trials of a study that are known now, by what is recorded; also where its data are missing here."""
    return known_trials(study, on_recorded_data(trials_of(study, paths), records), records).trials
