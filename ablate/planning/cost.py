"""What a plan costs: device-hours, time and disk, from what trials of the same shape took before.

A shape is what decides how long an epoch and the scoring of a trial take (`Trial.shape`).  Its cost is that of finished
trials of the shape, else it was measured on this machine (`ablate.measure`).
"""

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import TYPE_CHECKING

from ablate.events import State
from ablate.record import ARTIFACT_MEGABYTES, DEVICE_SECONDS, EPOCH_SECONDS, SCORING_SECONDS, TrialRecord
from ablate.trial import Trial

if TYPE_CHECKING:
    from ablate.planning.plan import Plan, PlannedTrial

LAUNCH_SECONDS = 20.0  # to start Ray, MLflow and workers, and to close a launch, on two cores
TRIAL_SECONDS = 0.3  # between two trials of a worker, and for the records of one
MOST_SIMULATED = 2000  # waiting packs that are assigned one by one


@dataclass(frozen=True)
class ShapeCost:
    """What trials of a shape take; of a pack's trials, each its share of the device."""

    epoch_seconds: float  # of the device; of a method that is fitted in closed form, the whole fit
    fixed_seconds: float  # for all but training: scoring, reading the data, records
    megabytes: float = 0.0  # of its files in MLflow
    measured: bool = False  # on this machine, not recorded of finished trials

    def seconds(self, trial: Trial) -> float:
        """Seconds of the device that a trial of the shape takes."""
        return self.epoch_seconds * trained_epochs(trial) + self.fixed_seconds


Costs = Mapping[str, ShapeCost]  # by shape


@dataclass(frozen=True)
class CostEstimate:
    """What is left of a plan costs; trials that may be added count."""

    device_seconds: float
    seconds: float  # from the start of the launch to its end
    megabytes: float
    recorded: int = 0  # shapes that are known from finished trials
    measured: int = 0  # shapes that were measured on this machine


def trained_epochs(trial: Trial) -> int:
    """The epochs of a trial; 1 of a method that is fitted in closed form, whose epochs are ignored."""
    from ablate.methods import METHODS

    epochs = trial.config.training.get("epochs")
    return epochs if isinstance(epochs, int) and METHODS[trial.config.method].objectives else 1


def recorded_costs(records: Iterable[TrialRecord]) -> dict[str, ShapeCost]:
    """The costs that finished trials tell, by shape: the median of each part.

    Trials of earlier versions of ablate tell their whole time alone, which then counts as training.
    """
    groups: dict[str, list[ShapeCost]] = {}
    for record in records:
        if record.state is State.FINISHED and record.trial is not None and record.device_seconds:
            groups.setdefault(record.trial.shape, []).append(cost_of(record, record.trial, record.device_seconds))
    return {
        shape: ShapeCost(
            median(one.epoch_seconds for one in found),
            median(one.fixed_seconds for one in found),
            median(one.megabytes for one in found),
        )
        for shape, found in groups.items()
    }


def cost_of(record: TrialRecord, trial: Trial, taken: float) -> ShapeCost:
    """What a finished trial that has taken so many seconds tells of its shape."""
    epochs, usage = trained_epochs(trial), record.usage
    if EPOCH_SECONDS not in usage:
        return ShapeCost(taken / epochs, 0.0)
    scoring = usage.get(SCORING_SECONDS, 0.0)
    rest = taken - usage[EPOCH_SECONDS] * epochs if DEVICE_SECONDS in usage else scoring
    return ShapeCost(usage[EPOCH_SECONDS], max(scoring, rest), usage.get(ARTIFACT_MEGABYTES, 0.0))


def seconds_of(planned: "PlannedTrial", costs: Costs) -> float | None:
    """Seconds of the device that a trial still takes; None where its shape is unknown."""
    from ablate.planning.plan import Work

    scoring = planned.work is Work.SCORE
    own = costs.get(planned.to_run.shape) if scoring else None
    cost = own or costs.get(planned.trial.shape)
    if cost is None or scoring:
        return cost.fixed_seconds if cost is not None else None
    taken = (planned.record.device_seconds or 0.0) if planned.work is Work.RESUME and planned.record else 0.0
    return max(cost.fixed_seconds, cost.seconds(planned.trial) - taken)


def unknown_shapes(plan: "Plan") -> tuple[Trial, ...]:
    """A trial of each shape that is left to run and whose cost is unknown."""
    unknown = {one.to_run.shape: one.to_run for one in plan.left if seconds_of(one, plan.costs) is None}
    return tuple(unknown.values())


def estimate_cost(plan: "Plan") -> CostEstimate | None:
    """What the plan costs; None where the cost of a shape is unknown.

    A trial that a search proposes, or that undecided comparisons add, counts as the mean of those that are known.
    """
    seconds = {one.key: seconds_of(one, plan.costs) for one in plan.left}
    known = {key: found for key, found in seconds.items() if found is not None}
    if len(known) < len(seconds):
        return None
    typical = mean_trial(plan, list(known.values()))
    if plan.proposals and typical is None:
        return None
    packed = {trial.key: pack for pack in plan.packs for trial in pack}
    packs = [sum(known[trial.key] for trial in pack) for pack in plan.packs]
    packs += [took for key, took in known.items() if key not in packed]
    packs += [typical or 0.0] * plan.proposals
    shapes = {one.to_run.shape for one in plan.left if one.to_run.shape in plan.costs}
    measured = sum(plan.costs[shape].measured for shape in shapes)
    clock = time_until_done((), [took + TRIAL_SECONDS for took in packs], max(1, plan.slots))
    return CostEstimate(
        device_seconds=sum(packs),
        seconds=clock + (LAUNCH_SECONDS if packs else 0.0),
        megabytes=megabytes_of(plan),
        recorded=len(shapes) - measured,
        measured=measured,
    )


def mean_trial(plan: "Plan", left: Sequence[float]) -> float | None:
    """Seconds of the device that a trial of the plan takes on average; of all known shapes where none is left."""
    if left:
        return fmean(left)
    trials = [one.trial for one in plan.trials if one.trial.shape in plan.costs] or list(plan.examples)
    found = [plan.costs[trial.shape].seconds(trial) for trial in trials if trial.shape in plan.costs]
    return fmean(found) if found else None


def megabytes_of(plan: "Plan") -> float:
    """The size in MLflow of the files of the trials that are left, each proposed one as large as their mean."""
    trials = [one.trial for one in plan.left if one.trial.shape in plan.costs]
    known = [plan.costs[trial.shape].megabytes for trial in trials or plan.examples if trial.shape in plan.costs]
    return sum(known) * bool(trials) + (fmean(known) * plan.proposals if known else 0.0)


def time_until_done(running: Iterable[float], waiting: Sequence[float], lanes: int) -> float:
    """Seconds until all are done, where each lane that is free takes the next waiting one.

    `running` holds the seconds that the running ones still take, `waiting` those of the others, in their order.
    """
    ends = sorted(running)
    ends += [0.0] * (lanes - len(ends))
    heapq.heapify(ends)
    for seconds in waiting[:MOST_SIMULATED]:
        heapq.heapreplace(ends, ends[0] + seconds)
    return max(ends, default=0.0) + sum(waiting[MOST_SIMULATED:]) / max(1, lanes)
