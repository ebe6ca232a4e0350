"""Plans and records for tests of what reads them, built without a study file or a tracking store."""

from collections.abc import Sequence

from ablate.events import State
from ablate.planning.cost import Costs
from ablate.planning.plan import Plan, PlannedTrial, Work
from ablate.record import TrialRecord
from ablate.study.model import Study
from ablate.trial import Config, Trial

STUDY = {
    "name": "small",
    "cases": ({"method": "invariant", "dataset": "digits"},),
    "seeds": (0,),
    "probes": ("linear",),
    "metric": "linear/accuracy",
}


def plan_of(
    left: Sequence[Trial] = (), *, finished: int = 0, failed: int = 0, proposals: int = 0, costs: Costs | None = None
) -> Plan:
    """A plan with these trials left to train, and so many that have finished or failed before."""
    states = [State.FINISHED] * finished + [State.FAILED] * failed
    before = [ended_trial(1000 + seed, state) for seed, state in enumerate(states)]
    train = [PlannedTrial(trial, Work.TRAIN) for trial in left]
    packs = tuple((trial,) for trial in left)
    return Plan(Study.model_validate(STUDY), (*before, *train), proposals, packs, 2, costs=costs or {})


def ended_trial(seed: int, state: State) -> PlannedTrial:
    """A trial with this seed that ended in an earlier launch."""
    trial = Trial(Config("invariant", "1", {}, "digits", "1", {}, seed), {}, "small")
    return PlannedTrial(trial, Work.NOTHING, record_of(trial, state))


def record_of(trial: Trial, state: State = State.FINISHED, reason: str = "") -> TrialRecord:
    """The record of a trial that was scored by no probe and took ten seconds."""
    return TrialRecord(
        run_id=f"run-{trial.key}",
        key=trial.key,
        variant=trial.variant,
        seed=trial.config.seed,
        state=state,
        probes={},
        metrics={},
        levels=trial.levels,
        params={},
        trial=trial,
        reason=reason,
        started=0.0,
        ended=10.0,
        parent="",
    )
