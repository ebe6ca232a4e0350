"""Logs to the run of a variant the mean, standard deviation and interval over its finished seeds."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeVar

from ablate.events import State
from ablate.record import TrialRecord
from ablate.stats.estimate import Estimate
from ablate.track import tags
from ablate.track.client_interface import Client
from ablate.track.concurrent_requests import concurrently
from ablate.track.curves import CurveReader, Curves
from ablate.track.entities import Metric
from ablate.track.store import Curve, Snapshot, VariantRun
from ablate.track.timestamps import milliseconds
from ablate.track.variant_runs import close_unused, close_variant_run, make_variant_run, nest
from ablate.trial import Trial, digest

GROUP = 100  # trials whose curves are read together
AT_ONCE = 1000  # points and tags in a request
OPEN = ":open"  # ends the tag `ablate.aggregate` of a run that lacks some of the values
MAX_EPOCHS = 500  # of a curve that are logged

R = TypeVar("R", TrialRecord, VariantRun)


def metrics_of(name: str, estimate: Estimate) -> Iterator[tuple[str, float]]:
    """The metrics to log for an estimate: the name itself for the mean, `.std`, `.low`, `.high` where there are any."""
    parts = {name: estimate.mean}
    parts |= {f"{name}.std": estimate.std, f"{name}.low": estimate.low, f"{name}.high": estimate.high}
    yield from ((part, value) for part, value in parts.items() if value is not None)


def mean_of(name: str, estimate: Estimate) -> Iterator[tuple[str, float]]:
    """The metric to log for a score, of which there is one value: a chart of one dot for each part helps nobody."""
    if estimate.mean is not None:
        yield name, estimate.mean


def interval_tags(scores: Mapping[str, Estimate]) -> dict[str, str]:
    """Tags that hold deviation and interval of scores: `0.81 to 0.93, std 0.024`."""
    return {
        f"{tags.INTERVAL}{name}": f"{estimate.low:.6g} to {estimate.high:.6g}, std {estimate.std:.6g}"
        for name, estimate in scores.items()
        if estimate.low is not None
    }


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


def aggregate(client: Client, reader: CurveReader, experiment: str, snapshot: Snapshot) -> Snapshot:
    """Bring the runs of all variants up to date, below that of the study; the snapshot as it is then.

    Those of which no trial has a run were opened by a launch that has ended before: they are set to killed.
    """
    held = by_variant(snapshot.variants)
    parent = snapshot.study_run
    updates = [
        VariantUpdate(variant, held.get(variant, []), records)
        for variant, records in by_variant(snapshot.records.values()).items()
    ]
    variants = dict(held)
    for variant in held.keys() - {update.variant for update in updates}:
        variants[variant] = [close_unused(client, run) for run in held[variant]]
    trials = {record.run_id: record for record in snapshot.trials}
    for some in groups(updates):
        curves = curves_of(reader, [update for update in some if update.is_out_of_date])
        for update in some:
            run = update.carry_out(client, experiment, curves, parent)
            if run is not None:
                variants[update.variant] = [run]
                trials |= {record.run_id: replace(record, parent=run.run_id) for record in update.trials}
    runs = tuple(run for found in variants.values() for run in found)
    nest(client, parent, runs)
    return replace(snapshot, variants=runs, trials=tuple(trials.values()))


@dataclass(frozen=True)
class VariantUpdate:
    """What one variant's runs are to be: the values over its finished seeds, its children, its state.

    MLflow cannot remove points, so where the seeds or scores have changed a new run replaces the old one.  A run that
    a killed process left incomplete is completed: the same points have the same times, and MLflow ignores repetitions.
    """

    variant: str
    runs: Sequence[VariantRun]  # that exist
    trials: Sequence[TrialRecord]

    @cached_property
    def finished(self) -> list[TrialRecord]:
        return sorted((record for record in self.trials if record.state is State.FINISHED), key=_seed_and_key)

    @property
    def trial(self) -> Trial | None:
        """A finished trial that can be read."""
        return next((record.trial for record in self.finished if record.trial is not None), None)

    @cached_property
    def digest(self) -> str:
        """Identifies the trials and scores that the run is to summarize."""
        return digest([[record.key, record.probes] for record in self.finished])

    @property
    def run(self) -> VariantRun | None:
        """The run that has the values of this digest, else one that has some of them, else one without any."""
        for held in (self.digest, self.digest + OPEN, ""):
            for run in reversed(self.runs):
                if run.aggregate == held:
                    return run
        return None

    @property
    def is_out_of_date(self) -> bool:
        return self.trial is not None and (self.run is None or self.run.aggregate != self.digest)

    def carry_out(self, client: Client, experiment: str, curves: Curves, parent: str = "") -> VariantRun | None:
        """Update the variant in MLflow; its run, which is made below `parent`, or None where it has none."""
        kept = self.run if self.trial is not None else self.runs[-1] if self.runs else None
        if self.trial is not None and self.is_out_of_date:
            kept = kept or self.make_run(client, experiment, self.trial, parent)
            _log(client, kept.run_id, self, curves)
            kept = replace(kept, aggregate=self.digest)
        if kept is None:
            return None
        _keep_one_parent(client, kept.run_id, self.runs, self.trials)
        return close_variant_run(client, kept, self.trials)

    def make_run(self, client: Client, experiment: str, trial: Trial, parent: str) -> VariantRun:
        made = make_variant_run(client, experiment, trial, parent)
        return VariantRun(made, self.variant, State.RUNNING, parent=parent)


def _seed_and_key(record: TrialRecord) -> tuple[int, str]:
    return record.seed, record.key


def groups(updates: Iterable[VariantUpdate]) -> Iterator[list[VariantUpdate]]:
    """Updates with so many trials together as one request takes: it bounds the memory, and the requests."""
    group: list[VariantUpdate] = []
    for update in updates:
        if group and sum(len(one.finished) for one in (*group, update)) > GROUP:
            yield group
            group = []
        group.append(update)
    if group:
        yield group


def curves_of(reader: CurveReader, updates: Sequence[VariantUpdate]) -> Curves:
    """Metric, as MLflow calls it → run → curve, of all finished trials of these variants."""
    run_ids: dict[str, list[str]] = {}
    for record in (record for update in updates for record in update.finished):
        for name in record.metrics:
            run_ids.setdefault(tags.metric_name(name), []).append(record.run_id)
    return reader.read(run_ids)


def _log(client: Client, run_id: str, update: VariantUpdate, curves: Curves) -> None:
    """Log the estimates, all at the time at which the last seed ended; the tag that says so with the last of them."""
    time = milliseconds(max(record.ended or 0.0 for record in update.finished))
    estimates = _estimates(update, curves)
    points = [
        Metric(part, value, time, epoch)
        for name, epochs in estimates.items()
        for epoch, estimate in epochs.items()
        for part, value in (metrics_of(name, estimate) if len(epochs) > 1 else mean_of(name, estimate))
    ]
    scores = {name: estimate for name, epochs in estimates.items() if len(epochs) == 1 for estimate in epochs.values()}
    seeds = ", ".join(str(record.seed) for record in update.finished)
    run_tags = tags.name_tags({name for record in update.finished for name in record.metrics})
    run_tags |= interval_tags(scores)
    run_tags |= {"ablate.n": str(len(update.finished)), "ablate.seeds": seeds[: tags.TAG_LIMIT]}
    if len(points) + len(run_tags) < AT_ONCE:
        client.log_batch(run_id, points, tags={**run_tags, tags.AGGREGATE: update.digest})
        return
    client.set_tag(run_id, tags.AGGREGATE, update.digest + OPEN)
    client.log_batch(run_id, points, tags=run_tags)
    client.set_tag(run_id, tags.AGGREGATE, update.digest)


def _estimates(update: VariantUpdate, curves: Curves) -> dict[str, dict[int, Estimate]]:
    """Metric, as MLflow calls it → epoch → estimate over the seeds that have the metric."""
    seeds = [record.run_id for record in update.finished]
    by_name = {name: [held[run_id] for run_id in seeds if run_id in held] for name, held in curves.items()}
    return {name: estimates_by_epoch(found) for name, found in by_name.items() if found}


def _keep_one_parent(client: Client, run_id: str, runs: Sequence[VariantRun], trials: Sequence[TrialRecord]) -> None:
    """Make all trials children of one run, and delete the others."""
    strays = [record.run_id for record in trials if record.parent != run_id]
    concurrently(lambda stray: client.set_tag(stray, tags.PARENT, run_id), strays)
    for run in runs:
        if run.run_id != run_id:
            client.delete_run(run.run_id)


def by_variant(runs: Iterable[R]) -> dict[str, list[R]]:
    """Runs grouped by the key of their variant."""
    groups: dict[str, list[R]] = {}
    for run in runs:
        groups.setdefault(run.variant, []).append(run)
    return groups
