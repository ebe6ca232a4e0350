"""What earlier launches have of a study's trials, as far as its search or its pruner needs it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from ablate.events import State
from ablate.launch_config import Outcome
from ablate.planning.scores import failed_probes
from ablate.record import TrialRecord
from ablate.study.model import Study


def needed_metrics(study: Study) -> tuple[str, ...]:
    """The metrics of a trial that its search compares; none without a search."""
    return study.search.metrics if study.search is not None else ()


def outcomes_of(study: Study, records: Mapping[str, TrialRecord], retry: bool) -> dict[str, Outcome]:
    """Key → outcome of every trial that ended.

    With `retry` failed trials, and those whose objective's probe failed, count as not ended.  Without it such a trial
    has an outcome without the metric, and its proposal fails.
    """
    if study.search is None and study.early_stopping is None:
        return {}
    wanted = needed_metrics(study)
    probes = {metric.partition("/")[0] for metric in wanted}
    ended = {key: record for key, record in records.items() if record.state.ended}
    lacking = {
        key: probes & failed_probes(record.trial, record).keys() for key, record in ended.items() if record.trial
    }
    return {
        key: Outcome(record.state, metrics_of(record, wanted, lacking.get(key, ())))
        for key, record in ended.items()
        if not (retry and (record.state.failed or lacking.get(key)))
    }


def outcome_of(metric: str, score: float | None) -> Outcome:
    """The outcome of a trial that is over, with its score; without one it has failed."""
    return Outcome(State.FAILED) if score is None else Outcome(State.FINISHED, {metric: score})


def metrics_of(record: TrialRecord, wanted: Sequence[str], failed: Collection[str]) -> dict[str, float]:
    """The wanted metrics of a finished trial, without those of probes that failed; none of another one."""
    if record.state is not State.FINISHED:
        return {}
    found = {name: record.metrics[name] for name in wanted if name in record.metrics}
    return {name: value for name, value in found.items() if name.partition("/")[0] not in failed}


def with_curves(
    outcomes: Mapping[str, Outcome], curves: Mapping[str, Sequence[tuple[int, float]]]
) -> dict[str, Outcome]:
    """The outcomes, and those of trials that have begun, each with its curve; `curves` holds (epoch, value) by key."""
    found = dict(outcomes)
    for key, curve in curves.items():
        known = outcomes.get(key, Outcome(State.WAITING))
        found[key] = replace(known, curve={str(epoch): value for epoch, value in curve})
    return found
