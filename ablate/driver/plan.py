"""What a launch would do."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ablate.cluster.resources import Node, slots, this_node
from ablate.driver.agenda import Item, agenda
from ablate.driver.status import known_of
from ablate.paths import Store
from ablate.resolve import resolve
from ablate.run import packed
from ablate.spec.packs import spread, with_first_phases
from ablate.spec.plan import count_trials
from ablate.spec.study import Study
from ablate.spec.trial import Job
from ablate.track.ledger import Known


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
    packs = spread(packed(to_run, study.resources.pack, study.resources.gpu > 0), width)
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


def jobs_of(study: Study, store: Store) -> tuple[Job, ...]:
    """All trials of a study: the planned ones, or those that the search has proposed."""
    if study.search is None:
        return resolve(study, yes=True)
    from ablate.cluster.proposals import proposed

    return proposed(study, store.study(study.name).search)
