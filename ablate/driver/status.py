"""Where studies stand, without touching Ray: what plan, status, logs, stop, report and sync say."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ablate.cluster.resources import Node, pack_size, slots, this_node
from ablate.driver.agenda import Item, agenda
from ablate.driver.lock import owner_of
from ablate.errors import ServiceError, StudyError
from ablate.paths import Store
from ablate.registry import suggest
from ablate.report.render import to_json, write_report
from ablate.report.result import Result, results_of
from ablate.resolve import resolve
from ablate.run import trained_alone
from ablate.spec.packs import pack, with_first_phases
from ablate.spec.plan import count_trials
from ablate.spec.study import Study
from ablate.spec.trial import Job
from ablate.track.aggregate import aggregate
from ablate.track.artifacts import text
from ablate.track.ledger import Known, Ledger
from ablate.track.sender import deliver
from ablate.track.server import ensure_server
from ablate.track.ui import reading_address


@dataclass(frozen=True)
class Plan:
    """What a launch would do."""

    study: str
    trials: int  # at most, proposals of a search included
    finished: int
    rescore: int  # trained, but for probes that are new
    failed: int
    to_run: tuple[str, ...]  # names
    packs: int
    slots: int  # packs side by side
    node: Node
    seconds: float | None  # of this machine, from trials like these; None without any

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


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


def plan_of(study: Study, store: Store, yes: bool = False) -> Plan:
    """What a launch would run, on this machine."""
    planned = resolve(study, yes=yes) or jobs_of(study, store)
    jobs = with_first_phases(planned)
    known = known_of(store, study.name)
    items = agenda(jobs, known)
    node = this_node()
    width = slots([node], study)
    to_run = [item.job for item in items if item.run]
    counts = Counter(item.standing for item in items)
    proposals = max(0, count_trials(study) - len(planned))
    packs = pack(to_run, pack_size(study.resources), trained_alone())
    return Plan(
        study=study.name,
        trials=count_trials(study) + len(jobs) - len(planned),
        finished=counts["finished"],
        rescore=counts["rescore"],
        failed=counts["failed"],
        to_run=tuple(job.name for job in to_run),
        packs=len(packs) + proposals,
        slots=width,
        node=node,
        seconds=duration(items, known, len(packs) + proposals, width),
    )


def duration(items: tuple[Item, ...], known: Mapping[str, Known], packs: int, width: int) -> float | None:
    """Seconds that the missing packs take if they take as long as the finished ones of this study."""
    if not packs:
        return 0.0
    alike = {(item.job.trial.dataset, item.job.trial.training.get("epochs")) for item in items if item.run}
    took = [
        trial.ended - trial.started
        for trial in known.values()
        if trial.status == "FINISHED"
        and trial.ended
        and trial.job
        and (not alike or (trial.job.trial.dataset, trial.job.trial.training.get("epochs")) in alike)
    ]
    return sum(took) / len(took) * packs / min(width, packs) if took else None


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


def ask_to_stop(store: Store, study: str) -> str:
    """Ask the launch of a study to checkpoint and stop."""
    paths = store.study(study)
    owner = owner_of(paths.lock)
    if owner is None:
        raise StudyError(f"'{study}' is not being launched", "there is nothing to stop", str(paths.lock))
    paths.stop.touch()
    return f"{owner} was asked to checkpoint and stop; launch {study} again to go on"


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
    return results_of(jobs_of(study, store), known)


def jobs_of(study: Study, store: Store) -> tuple[Job, ...]:
    """All trials of a study: the planned ones, or those that the search has proposed."""
    if study.search is None:
        return resolve(study, yes=True)
    from ablate.cluster.proposals import proposed

    return proposed(study, store.study(study.name).search)


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
