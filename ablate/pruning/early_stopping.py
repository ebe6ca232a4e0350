"""Early stopping of a launch: variants are judged at rungs, and go on, wait or are stopped.  Independent of Ray.

Everything that decides is recorded: the curves and states of trials in MLflow.  So a launch that follows a killed one
has the same rungs, whatever was killed.
"""

import math
from collections.abc import Callable, Collection, Iterable, Mapping

from ablate.events import State
from ablate.launch_config import Outcome
from ablate.planning.early_stopping import direction_of, interim_probe, recorded_as, rungs_of, trained_epochs
from ablate.planning.packs import PRETRAINING
from ablate.pruning.judgement import best_share, bracket_of, promotable, survives_halving, survives_median
from ablate.pruning.variant import StoppableVariant
from ablate.stopping import StopRequest
from ablate.study.model import Study
from ablate.trial import Trial

Requests = dict[str, StopRequest]  # key of a trial → what is asked of it: WAITING pauses it, PRUNED ends it
Report = Callable[[str, int, float], None]  # takes a variant's key, the epoch of a rung, the mean over its seeds


class EarlyStopping:
    """The variants of a launch, what is known of their curves, and the decisions on them."""

    def __init__(self, study: Study, outcomes: Mapping[str, Outcome], report: Report | None = None) -> None:
        """`outcomes` holds what earlier launches have of each trial, by key; `report` is told of each rung reached."""
        assert study.early_stopping is not None
        self.study, self.outcomes, self.report = study, outcomes, report
        self.pruner, self.metric = study.early_stopping, recorded_as(study)
        self.interim = interim_probe(study)
        self.sign = 1.0 if direction_of(study) == "maximize" else -1.0
        self.variants: dict[str, StoppableVariant] = {}
        self.of_trial: dict[str, StoppableVariant] = {}

    def add(self, trials: Iterable[Trial]) -> Requests:
        """Judge these trials' variants from now on; what follows from what earlier launches have."""
        new = {trial.variant: trial for trial in trials if trial.case != PRETRAINING}
        added = [self._register(trial) for variant, trial in new.items() if variant not in self.variants]
        return {key: request for variant in added for key, request in self._resume(variant).items()}

    def rungs(self, key: str) -> tuple[int, ...]:
        """The epochs whose values decide on a trial's variant; none where nothing can stop it any more."""
        variant = self.of_trial.get(key)
        every = self.pruner.probe_every or 1
        return tuple(-(-rung // every) * every for rung in variant.rungs) if variant and not variant.free else ()

    def record(self, key: str, epoch: int, values: Mapping[str, float], pack: Collection[str] = ()) -> Requests:
        """Record the metrics of a trial's epoch; what early stopping asks of trials from now on.

        `pack` are the keys of the trials that train together with it.  They report an epoch one after the other, and
        none is paused before all of them have reported it.
        """
        variant, value = self.of_trial.get(key), values.get(self.metric, math.nan)
        if variant is None or not math.isfinite(value) or not variant.record(key, epoch, self.sign * value):
            return {}
        requests = self._judge(variant)
        if variant.waits(key) and variant.missing.isdisjoint(pack):
            pause = StopRequest(State.WAITING, f"paused at epoch {epoch} by {self.pruner.kind}")
            requests |= {one: pause for one in sorted({key, *pack}) if one in variant.seeds and variant.waits(one)}
        return requests

    def end(self, key: str, state: State) -> Requests:
        """Take in the end of a trial; what follows for the other seeds of its variant."""
        variant = self.of_trial.get(key)
        if variant is None or not state.ended:
            return {}
        variant.states[key] = state
        return self._prune(variant, self._reason(variant)) if variant.pruned else self._judge(variant)

    def waits(self, key: str) -> bool:
        """Whether a trial may not train now."""
        variant = self.of_trial.get(key)
        return variant is not None and variant.waits(key)

    def pruned(self, key: str) -> bool:
        """Whether a trial is to be ended, or was."""
        variant = self.of_trial.get(key)
        return variant is not None and variant.states.get(key) is State.PRUNED

    @property
    def waiting(self) -> set[str]:
        """Keys of the variants that wait for a promotion."""
        return {one.key for one in self.variants.values() if one.undecided and one.complete(one.passed)}

    def promote(self, *, last: bool = False) -> bool:
        """Let the best variant of the highest rung that has one to promote go on; False where none has.

        `last`: no variant will come any more.
        """
        if not self.pruner.promote:
            return False
        rungs = {(one.bracket, epoch) for one in self.variants.values() for epoch in one.rungs}
        for bracket, epoch in sorted(rungs, key=lambda rung: -rung[1]):
            if (chosen := self._to_promote(bracket, epoch, last=last)) is not None:
                chosen.passed += 1
                return True
        return False

    def finish(self) -> Requests:
        """The end of all variants that wait: nothing runs, no variant will come, and none is to be promoted."""
        left = [one for one in self.variants.values() if one.key in self.waiting]
        return {key: request for one in left for key, request in self._prune(one, self._reason(one)).items()}

    def _register(self, trial: Trial) -> StoppableVariant:
        epochs = trained_epochs(trial)
        bracket = bracket_of(self.pruner, epochs, trial.variant)
        rungs = rungs_of(self.pruner, epochs, bracket)
        variant = StoppableVariant(trial.variant, rungs, bracket, exempt=is_baseline(self.study, trial))
        variant.seeds = {trial.config.seeded(seed).key for seed in self.study.first_seeds} | {trial.key}
        for key in variant.seeds:
            self.of_trial[key] = variant
            if (outcome := self.outcomes.get(key)) is not None:
                variant.states |= {key: outcome.state} if outcome.state.ended else {}
                variant.record_curve(key, {int(epoch): self.sign * value for epoch, value in outcome.curve.items()})
        self.variants[variant.key] = variant
        return variant

    def _resume(self, variant: StoppableVariant) -> Requests:
        """What follows for a variant from what earlier launches have of it."""
        if variant.pruned:
            return self._prune(variant, self._reason(variant))
        while variant.undecided and variant.went_past(variant.passed):
            self._tell(variant)
            variant.passed += 1
        return self._judge(variant)

    def _judge(self, variant: StoppableVariant) -> Requests:
        """Decide on a variant at each rung that all of its seeds have reached."""
        while variant.undecided and variant.complete(variant.passed):
            self._tell(variant)
            if not self._goes_on(variant):
                return {} if self.pruner.promote else self._prune(variant, self._reason(variant))
            variant.passed += 1
        return {}

    def _goes_on(self, variant: StoppableVariant) -> bool:
        """Whether a variant is among the best at the rung that it has reached."""
        epoch = variant.rungs[variant.passed]
        if self.pruner.kind == "median":
            best = max(map(variant.mean, range(variant.passed + 1)))
            return survives_median(best, self._others(variant), self.pruner.min_variants)
        if self.pruner.promote:
            return self._to_promote(variant.bracket, epoch, last=False) is variant
        value = variant.mean(variant.passed)
        return survives_halving(value, self._others(variant), self.pruner.reduction_factor)

    def _reached(self, bracket: int, epoch: int) -> list[tuple[StoppableVariant, int, float]]:
        """The variants of a bracket whose seeds have reached an epoch's rung, its number, and their means; best first.

        Their order is that of their first proposal among equals.
        """
        members = (one for one in self.variants.values() if one.bracket == bracket and epoch in one.rungs)
        at = [(one, one.rungs.index(epoch)) for one in members]
        found = [(one, rung, one.mean(rung)) for one, rung in at if one.complete(rung)]
        return sorted(found, key=lambda reached: -reached[2])

    def _others(self, variant: StoppableVariant) -> list[float]:
        """The means of the other variants at the rung that a variant has reached."""
        reached = self._reached(variant.bracket, variant.rungs[variant.passed])
        return [mean for one, _, mean in reached if one is not variant]

    def _to_promote(self, bracket: int, epoch: int, *, last: bool) -> StoppableVariant | None:
        """The best of the variants that may be promoted at a rung and were not; None without any."""
        reached = self._reached(bracket, epoch)
        count = promotable(len(reached), self.pruner.reduction_factor, last=last)
        return next((one for one, rung, _ in reached[:count] if one.undecided and one.passed == rung), None)

    def _tell(self, variant: StoppableVariant) -> None:
        if self.report is not None:
            self.report(variant.key, variant.rungs[variant.passed], self.sign * variant.mean(variant.passed))

    def _reason(self, variant: StoppableVariant) -> str:
        """Why a variant is stopped: its value, and what it is compared with."""
        kind, factor = self.pruner.kind, self.pruner.reduction_factor
        if variant.passed >= len(variant.rungs) or not variant.values[variant.passed]:
            return f"stopped by {kind} with the other seeds of its variant"
        value, others = variant.mean(variant.passed), self._others(variant)
        text = f"stopped by {kind} at epoch {variant.rungs[variant.passed]}: {self.metric} is {self.sign * value:.4g}"
        if kind == "median":
            return f"{text}, worse than the median of {len(others)} others"
        bound = self.sign * best_share([*others, value], factor)
        return f"{text}, the best 1/{factor} of {len(others) + 1} variants begin at {bound:.4g}"

    def _prune(self, variant: StoppableVariant, reason: str) -> Requests:
        left = sorted(variant.seeds - variant.states.keys())
        variant.states |= dict.fromkeys(left, State.PRUNED)
        return dict.fromkeys(left, StopRequest(State.PRUNED, reason))


def is_baseline(study: Study, trial: Trial) -> bool:
    """Whether a trial is of a design's baseline, which all others are compared with."""
    return any(case.axes.keys() == trial.levels.keys() and case.is_baseline(trial.levels) for case in study.cases)
