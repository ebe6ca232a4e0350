"""What a launch would do."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ablate.cluster.resources import Node, slots, this_node
from ablate.driver.agenda import Item, agenda
from ablate.driver.status import known_of
from ablate.paths import Store
from ablate.planning.design import count_trials
from ablate.planning.packs import spread, with_pretraining
from ablate.planning.resolve import resolve
from ablate.run import packed
from ablate.study.model import Study
from ablate.track.mlflow_store import TrialRecord
from ablate.trial import Trial


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
    planned = resolve(study, yes=yes) or trials_of(study, store)
    trials = with_pretraining(planned)
    known = known_of(store, study.name)
    items = agenda(trials, known)
    node = this_node()
    width = slots([node], study)
    to_run = [item.trial for item in items if item.run]
    counts = Counter(item.standing for item in items)
    proposals = max(0, count_trials(study) - len(planned))
    packs = spread(packed(to_run, study.resources.pack, study.resources.gpu > 0), width)
    return Plan(
        study=study.name,
        trials=count_trials(study) + len(trials) - len(planned),
        finished=counts["finished"],
        rescore=counts["rescore"],
        failed=counts["failed"],
        to_run=tuple(trial.name for trial in to_run),
        packs=len(packs) + proposals,
        slots=width,
        node=node,
        seconds=duration(items, known, len(packs) + proposals, width),
    )


def duration(items: tuple[Item, ...], known: Mapping[str, TrialRecord], packs: int, width: int) -> float | None:
    """Seconds that the missing packs take if they take as long as the finished ones of this study."""
    if not packs:
        return 0.0
    alike = {(item.trial.config.dataset, item.trial.config.training.get("epochs")) for item in items if item.run}
    took = [
        record.ended - record.started
        for record in known.values()
        if record.status == "FINISHED"
        and record.ended
        and record.trial
        and (not alike or (record.trial.config.dataset, record.trial.config.training.get("epochs")) in alike)
    ]
    return sum(took) / len(took) * packs / min(width, packs) if took else None


def trials_of(study: Study, store: Store) -> tuple[Trial, ...]:
    """All trials of a study: the planned ones, or those that the search has proposed."""
    if study.search is None:
        return resolve(study, yes=True)
    from ablate.search.proposals import proposed

    return proposed(study, store.study(study.name).search)
