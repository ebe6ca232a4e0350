"""The run of a variant: mean, deviation and interval over its finished seeds."""

import statistics
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from ablate.track import tags
from ablate.track.mlflow_store import MlflowStore, best, by_tag, patient
from ablate.trial import digest

AGGREGATE = "ablate.aggregate"  # which trials and scores the run's metrics summarize
OPEN = ":open"  # not all of them are in yet
POINTS = 500  # epochs a curve is thinned to
CONFIDENCE = 0.95

Curve = Sequence[tuple[int, float]]


@dataclass(frozen=True)
class Summary:
    """Values of one metric at one epoch, over seeds."""

    mean: float
    std: float | None  # n - 1; like the interval, None for a single seed
    low: float | None
    high: float | None

    def named(self, name: str) -> Iterator[tuple[str, float]]:
        """The metrics to log: the name itself for the mean, `.std`, `.low`, `.high`."""
        yield name, self.mean
        for part in ("std", "low", "high"):
            value = getattr(self, part)
            if value is not None:
                yield f"{name}.{part}", value


def summarize(values: Sequence[float]) -> Summary:
    """Mean, sample deviation, and Student's t interval mean ± t(0.975, n - 1) std / √n."""
    from scipy.stats import t

    mean = statistics.fmean(values)
    if len(values) < 2:
        return Summary(mean, None, None, None)
    std = (sum((value - mean) ** 2 for value in values) / (len(values) - 1)) ** 0.5
    reach = float(t.ppf((1 + CONFIDENCE) / 2, len(values) - 1)) * std / len(values) ** 0.5
    return Summary(mean, std, mean - reach, mean + reach)


def across(curves: Sequence[Curve]) -> dict[int, Summary]:
    """epoch → summary, where all seeds have the epoch; one value per seed counts at the last seed's epoch."""
    if all(len(curve) == 1 for curve in curves):
        return {max(curve[0][0] for curve in curves): summarize([curve[0][1] for curve in curves])}
    tables = [dict(curve) for curve in curves]
    shared = sorted(set.intersection(*(set(table) for table in tables)))
    return {epoch: summarize([table[epoch] for table in tables]) for epoch in thinned(shared)}


def thinned(epochs: Sequence[int], most: int = POINTS) -> list[int]:
    """At most `most` of the epochs, evenly chosen, the first and the last among them."""
    if len(epochs) <= most:
        return list(epochs)
    return [epochs[round(place * (len(epochs) - 1) / (most - 1))] for place in range(most)]


@patient
def aggregate(mlflow_store: MlflowStore, study: str, variants: Collection[str] | None = None) -> None:
    """Give each variant whose finished seeds or scores have changed its mean, deviation and interval by epoch."""
    groups = by_tag(mlflow_store.runs(study, "variant"), tags.VARIANT)
    for variant, trials in by_tag(best(mlflow_store.runs(study, "trial"), tags.KEY).values(), tags.VARIANT).items():
        if variants is None or variant in variants:
            settle(mlflow_store, groups.get(variant, []), trials)
    mlflow_store.groups.pop(study, None)


def settle(mlflow_store: MlflowStore, groups: Sequence[Any], trials: Sequence[Any]) -> None:
    """Bring one variant up to date: the values over its finished seeds, its children, its status.

    MLflow cannot take points back, so where the seeds or scores have changed a new run replaces the old one.  A run
    killed half way is completed: the same points carry the same times, and MLflow ignores what it has.
    """
    finished = sorted((run for run in trials if run.info.status == "FINISHED"), key=_place)
    keep = groups[-1] if groups else None
    if finished:
        wanted = digest([[run.data.tags[tags.KEY], tags.below(tags.PROBE, run.data.tags)] for run in finished])
        keep = _holder(groups, wanted) or mlflow_store.client.get_run(mlflow_store.make_variant(_job(finished[0])))
        if keep.data.tags.get(AGGREGATE) != wanted:
            _log(mlflow_store, keep, finished, wanted)
    if keep is not None:
        _gather(mlflow_store, keep, groups, trials)
        mlflow_store.close_variant(keep, {run.info.status for run in trials}, trials)


def _place(run: Any) -> tuple[int, str]:
    return int(run.data.tags[tags.SEED]), run.data.tags[tags.KEY]


def _job(run: Any) -> Any:
    trial = tags.trial_of_tags(run.data.tags)
    assert trial is not None, f"run {run.info.run_id} holds no job"
    return trial


def _holder(groups: Sequence[Any], wanted: str) -> Any | None:
    """The run that has these values, some of them, or none at all, in this order."""
    for state in (wanted, wanted + OPEN, None):
        for run in reversed(groups):
            if run.data.tags.get(AGGREGATE) == state:
                return run
    return None


def _log(mlflow_store: MlflowStore, keep: Any, finished: Sequence[Any], wanted: str) -> None:
    """Log the summaries, all at the time at which the last seed ended."""
    from mlflow.entities import Metric, RunTag

    run_id = keep.info.run_id
    time = max(run.info.end_time for run in finished)
    summaries = _summaries(mlflow_store, finished)
    mlflow_store.client.set_tag(run_id, AGGREGATE, wanted + OPEN)
    points = [
        Metric(part, value, time, epoch)
        for name, epochs in summaries.items()
        for epoch, summary in epochs.items()
        for part, value in summary.named(name)
    ]
    seeds = ", ".join(run.data.tags[tags.SEED] for run in finished)
    told = {f"{tags.NAME}{name}": original for run in finished for name, original in _names(run).items()}
    told |= {"ablate.n": str(len(finished)), "ablate.seeds": seeds[: tags.TAG_LIMIT]}
    mlflow_store.client.log_batch(run_id, points, tags=[RunTag(*pair) for pair in told.items()])
    mlflow_store.client.set_tag(run_id, AGGREGATE, wanted)


def _names(run: Any) -> Mapping[str, str]:
    return tags.original_names(run.data.tags)


def _summaries(mlflow_store: MlflowStore, finished: Sequence[Any]) -> dict[str, dict[int, Summary]]:
    """metric → epoch → summary over the seeds that have the metric."""
    asked = [(name, run.info.run_id) for run in finished for name in sorted(run.data.metrics)]
    with ThreadPoolExecutor(8) as pool:
        curves = list(pool.map(lambda pair: mlflow_store.curve(pair[1], pair[0]), asked))
    by_name: dict[str, list[Curve]] = {}
    for (name, _), curve in zip(asked, curves, strict=True):
        by_name.setdefault(name, []).append(curve)
    return {name: across(found) for name, found in by_name.items()}


def _gather(mlflow_store: MlflowStore, keep: Any, groups: Sequence[Any], trials: Sequence[Any]) -> None:
    """Make all trials children of one run, and remove the others."""
    run_id = keep.info.run_id
    for run in trials:
        if run.data.tags.get(tags.PARENT) != run_id:
            mlflow_store.client.set_tag(run.info.run_id, tags.PARENT, run_id)
    for run in groups:
        if run.info.run_id != run_id:
            mlflow_store.client.delete_run(run.info.run_id)
