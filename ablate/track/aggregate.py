"""Logs to the run of a variant the mean, standard deviation and interval over its finished seeds."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from ablate.events import State
from ablate.record import TrialRecord
from ablate.stats.estimate import Estimate
from ablate.track import tags
from ablate.track.client import read_curve
from ablate.track.store import Curve, Snapshot, VariantRun
from ablate.track.variant_runs import close_variant_run, make_variant_run, milliseconds
from ablate.trial import Trial, digest

if TYPE_CHECKING:
    from mlflow import MlflowClient

OPEN = ":open"  # ends the tag `ablate.aggregate` of a run that lacks some of the values
MAX_EPOCHS = 500  # of a curve that are logged

R = TypeVar("R", TrialRecord, VariantRun)


def metrics_of(name: str, estimate: Estimate) -> Iterator[tuple[str, float]]:
    """The metrics to log for an estimate: the name itself for the mean, `.std`, `.low`, `.high` where there are any."""
    parts = {name: estimate.mean}
    parts |= {f"{name}.std": estimate.std, f"{name}.low": estimate.low, f"{name}.high": estimate.high}
    yield from ((part, value) for part, value in parts.items() if value is not None)


def estimates_by_epoch(curves: Sequence[Curve]) -> dict[int, Estimate]:
    """Epoch → estimate over seeds, for the epochs that all curves have, thinned.

    Curves of one point each, such as scores, are summarized at the latest of their epochs.
    """
    if all(len(curve) == 1 for curve in curves):
        return {max(curve[0][0] for curve in curves): Estimate.of([curve[0][1] for curve in curves])}
    tables = [dict(curve) for curve in curves]
    shared = sorted(set.intersection(*(set(table) for table in tables)))
    return {epoch: Estimate.of([table[epoch] for table in tables]) for epoch in thinned(shared)}


def thinned(epochs: Sequence[int], most: int = MAX_EPOCHS) -> list[int]:
    """At most `most` of the epochs, evenly spaced, with the first and the last."""
    if len(epochs) <= most:
        return list(epochs)
    return [epochs[round(place * (len(epochs) - 1) / (most - 1))] for place in range(most)]


def aggregate(client: "MlflowClient", experiment: str, snapshot: Snapshot) -> Snapshot:
    """Bring the runs of all variants with trials up to date; the snapshot as it is then."""
    variants = by_variant(snapshot.variants)
    trials = {record.run_id: record for record in snapshot.trials}
    for variant, records in by_variant(snapshot.records.values()).items():
        run = update_variant(client, experiment, variants.get(variant, []), records)
        if run is not None:
            variants[variant] = [run]
            trials |= {record.run_id: replace(record, parent=run.run_id) for record in records}
    runs = tuple(run for found in variants.values() for run in found)
    return replace(snapshot, variants=runs, trials=tuple(trials.values()))


def update_variant(
    client: "MlflowClient", experiment: str, runs: Sequence[VariantRun], trials: Sequence[TrialRecord]
) -> VariantRun | None:
    """Update one variant's run: the values over its finished seeds, its children, its state; None where it has none.

    MLflow cannot remove points, so where the seeds or scores have changed a new run replaces the old one.  A run that
    a killed process left incomplete is completed: the same points have the same times, and MLflow ignores repetitions.
    """
    finished = sorted((record for record in trials if record.state is State.FINISHED), key=_seed_and_key)
    kept = runs[-1] if runs else None
    readable = [record.trial for record in finished if record.trial is not None]
    if readable:
        wanted = digest([[record.key, record.probes] for record in finished])
        kept = _run_for(runs, wanted) or _make(client, experiment, readable[0])
        if kept.aggregate != wanted:
            _log(client, kept.run_id, finished, wanted)
            kept = replace(kept, aggregate=wanted)
    if kept is None:
        return None
    _keep_one_parent(client, kept.run_id, runs, trials)
    return close_variant_run(client, kept, trials)


def _seed_and_key(record: TrialRecord) -> tuple[int, str]:
    return record.seed, record.key


def _run_for(runs: Sequence[VariantRun], wanted: str) -> VariantRun | None:
    """The run that has the values of this digest, else one that has some of them, else one without any."""
    for held in (wanted, wanted + OPEN, ""):
        for run in reversed(runs):
            if run.aggregate == held:
                return run
    return None


def _make(client: "MlflowClient", experiment: str, trial: Trial) -> VariantRun:
    return VariantRun(make_variant_run(client, experiment, trial), trial.variant, State.RUNNING)


def _log(client: "MlflowClient", run_id: str, finished: Sequence[TrialRecord], wanted: str) -> None:
    """Log the estimates, all at the time at which the last seed ended."""
    from mlflow.entities import Metric, RunTag

    time = milliseconds(max(record.ended or 0.0 for record in finished))
    estimates = _estimates(client, finished)
    client.set_tag(run_id, tags.AGGREGATE, wanted + OPEN)
    points = [
        Metric(part, value, time, epoch)
        for name, epochs in estimates.items()
        for epoch, estimate in epochs.items()
        for part, value in metrics_of(name, estimate)
    ]
    seeds = ", ".join(str(record.seed) for record in finished)
    run_tags = tags.name_tags({name for record in finished for name in record.metrics})
    run_tags |= {"ablate.n": str(len(finished)), "ablate.seeds": seeds[: tags.TAG_LIMIT]}
    client.log_batch(run_id, points, tags=[RunTag(*pair) for pair in run_tags.items()])
    client.set_tag(run_id, tags.AGGREGATE, wanted)


def _estimates(client: "MlflowClient", finished: Sequence[TrialRecord]) -> dict[str, dict[int, Estimate]]:
    """Metric, as MLflow calls it → epoch → estimate over the seeds that have the metric."""
    wanted = [(tags.metric_name(name), record.run_id) for record in finished for name in sorted(record.metrics)]
    with ThreadPoolExecutor(8) as pool:
        curves = list(pool.map(lambda pair: read_curve(client, pair[1], pair[0]), wanted))
    by_name: dict[str, list[Curve]] = {}
    for (name, _), curve in zip(wanted, curves, strict=True):
        by_name.setdefault(name, []).append(curve)
    return {name: estimates_by_epoch(found) for name, found in by_name.items()}


def _keep_one_parent(
    client: "MlflowClient", run_id: str, runs: Sequence[VariantRun], trials: Sequence[TrialRecord]
) -> None:
    """Make all trials children of one run, and delete the others."""
    for record in trials:
        if record.parent != run_id:
            client.set_tag(record.run_id, tags.PARENT, run_id)
    for run in runs:
        if run.run_id != run_id:
            client.delete_run(run.run_id)


def by_variant(runs: Iterable[R]) -> dict[str, list[R]]:
    """Runs grouped by the key of their variant."""
    groups: dict[str, list[R]] = {}
    for run in runs:
        groups.setdefault(run.variant, []).append(run)
    return groups
