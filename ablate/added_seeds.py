"""Which trials are added to a study from those that have ended: seeds of undecided comparisons or of a search's best.

Nothing is stored: the trials follow from the scores, so a launch that is continued adds what one without an
interruption would have added.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from ablate.events import State
from ablate.launch_config import Outcome
from ablate.planning.confirmation import confirmation_of
from ablate.planning.design import count_confirming
from ablate.planning.outcomes import outcomes_of
from ablate.planning.plan import Work, work_of
from ablate.planning.resolve import count_proposals
from ablate.record import TrialRecord
from ablate.stats.comparisons import SeedsWanted, seeds_wanted
from ablate.stats.results import Result
from ablate.stats.variants import variants_of
from ablate.study.model import Study
from ablate.trial import Trial

Ended = Mapping[str, float | None]  # key → the study's metric of a trial that is over; None where it has none


@dataclass(frozen=True)
class KnownTrials:
    """The trials of a study that are known now."""

    trials: tuple[Trial, ...]
    more: int = 0  # trials that may be added at most


def known_trials(
    study: Study, first: Sequence[Trial], records: Mapping[str, TrialRecord], *, retry: bool = False
) -> KnownTrials:
    """The first trials of the study, and those that its rule or its confirmation adds by what is recorded of them.

    With `retry` failed trials count as not ended, since they run again.
    """
    if study.search is not None:
        return with_confirmation(study, first, outcomes_of(study, records, retry))
    if study.seed_rule is None:
        return KnownTrials(tuple(first))

    def result_of(trial: Trial) -> Result:
        record = records.get(trial.key)
        over = record is not None and work_of(trial, record, retry) is Work.NOTHING
        return Result.of(trial, record) if record is not None and over else Result(trial)

    return with_added(study, first, result_of)


def with_confirmation(study: Study, searched: Sequence[Trial], outcomes: Mapping[str, Outcome]) -> KnownTrials:
    """The trials that a search has proposed, and once all have ended, those that confirm its best."""
    added = confirmation_of(study, searched, outcomes)
    if added is not None:
        return KnownTrials((*searched, *added))
    to_propose = max(0, count_proposals(study) * len(study.first_seeds) - len(searched))
    return KnownTrials(tuple(searched), to_propose + count_confirming(study))


def with_added(study: Study, first: Sequence[Trial], result_of: Callable[[Trial], Result]) -> KnownTrials:
    """The first trials, and those that are added, look by look, as far as their results are there."""
    trials = tuple(first)
    while True:
        wanted = wanted_by_variant(study, [result_of(trial) for trial in trials])
        seeds: dict[str, int] = {}
        for trial in trials:
            seeds[trial.variant] = max(seeds.get(trial.variant, 0), trial.config.seed + 1)
        added = [
            (seed, trial)
            for trial in first
            if trial.config.seed == 0
            for seed in range(seeds[trial.variant], wanted[trial.variant].now)
        ]
        if not added:
            more = sum(wanted[variant].most - count for variant, count in seeds.items())
            return KnownTrials(trials, more)
        in_order = sorted(added, key=lambda pair: pair[0])
        trials += tuple(replace(trial, config=trial.config.seeded(seed)) for seed, trial in in_order)


def wanted_by_variant(study: Study, results: Sequence[Result]) -> dict[str, SeedsWanted]:
    """The seeds that each variant is to have, by the key of the variant."""
    assert study.seed_rule is not None
    return seeds_wanted(variants_of(study, results, study.metric), study.seed_rule, study.least_difference)


def ended_scores(
    study: Study, trials: Sequence[Trial], records: Mapping[str, TrialRecord], retry: bool
) -> dict[str, float | None]:
    """Key → the study's metric, of those of the trials that are over."""
    return {
        trial.key: Result.of(trial, record).score(study.metric)
        for trial in trials
        if (record := records.get(trial.key)) is not None and work_of(trial, record, retry) is Work.NOTHING
    }


class AddedSeeds:
    """Adds trials to a launch while comparisons are undecided: the source of a dispatcher's further trials."""

    def __init__(self, study: Study, first: Sequence[Trial], ended: Ended, queued: Collection[str]) -> None:
        """`ended` holds what is over before the launch, `queued` the keys that the launch runs in any case."""
        self.study, self.first = study, tuple(first)
        self.ended, self.handed = dict(ended), set(queued)
        self.wanted = self._wanted()

    @property
    def over(self) -> bool:
        """Whether every comparison is decided, or has the most seeds that it may have."""
        return all(trial.key in self.ended for trial in self.wanted)

    def next(self, held: Collection[str] = (), *, wait: bool = True) -> tuple[Trial, ...]:
        """The trials that are wanted now, each once; none where others have to end first."""
        found = tuple(trial for trial in self.wanted if trial.key not in self.ended and trial.key not in self.handed)
        self.handed |= {trial.key for trial in found}
        return found

    def record(self, key: str, metrics: Mapping[str, float], state: State = State.FINISHED, reason: str = "") -> None:
        """Record the end of a trial."""
        self.ended[key] = metrics.get(self.study.metric)
        self.wanted = self._wanted()

    def _wanted(self) -> tuple[Trial, ...]:
        return with_added(self.study, self.first, self._result_of).trials

    def _result_of(self, trial: Trial) -> Result:
        if trial.key not in self.ended:
            return Result(trial)
        score = self.ended[trial.key]
        state = State.FAILED if score is None else State.FINISHED
        return Result(trial, state, {} if score is None else {self.study.metric: score})
