"""Proposals of a search: Optuna samples settings, each is run over all seeds, and their mean is reported once.

Then the best two are run with fresh seeds, where the study asks for it; Optuna is told nothing of these.
"""

import functools
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

import optuna
from optuna.trial import FrozenTrial, TrialState

from ablate.events import State
from ablate.launch_config import Outcome
from ablate.patience import LAUNCH, SEARCH_START
from ablate.planning.confirmation import confirmation_of
from ablate.planning.design import Levels
from ablate.planning.early_stopping import direction_of
from ablate.planning.means import mean_of
from ablate.planning.outcomes import needed_metrics
from ablate.planning.resolve import count_proposals, resolve_proposal
from ablate.planning.samplers import make_sampler
from ablate.search.journal import objectives, open_search, proposals_in, read_proposals, repair_journal
from ablate.search.space import search_space
from ablate.search.start import begin
from ablate.search.storage import patiently, storage_errors
from ablate.study.model import Study
from ablate.trial import Trial, digest

REASON = "reason"  # user attribute of a failed proposal
P = ParamSpec("P")
T = TypeVar("T")


def patient(method: Callable[Concatenate["Proposals", P], T]) -> Callable[Concatenate["Proposals", P], T]:
    """Call the method again where a shared database does not answer; what was interrupted is completed before.

    Raises ServiceAway where it does not answer for longer than the proposals' `patience`.
    """

    @functools.wraps(method)
    def call(owner: "Proposals", /, *args: P.args, **kwargs: P.kwargs) -> T:
        interrupted = False

        def ask() -> T:
            nonlocal interrupted
            with storage_errors():
                if interrupted:
                    owner.go_on()
                interrupted = True
                return method(owner, *args, **kwargs)

        return patiently(ask, owner.patience, owner.stopped)

    return call


class Proposals:
    """Samples settings and reports the means over their seeds to Optuna, once each.

    A proposal that a killed launch left open is continued: the seeds that ended are in `outcomes`, the others run.  The
    sampler is seeded by the proposal's number, so an interrupted search proposes what an uninterrupted one does.  Only
    the process that holds the study's lock may create an instance.
    """

    patience = LAUNCH  # seconds for which a shared database that does not answer is asked again

    def __init__(
        self,
        study: Study,
        journal: Path,
        outcomes: Mapping[str, Outcome],
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        """`outcomes` holds those of all trials that ended, by key; of others it may hold curves.

        Once `stopped` returns true, a shared database that does not answer is not asked again.
        """
        assert study.search is not None
        self.study, self.search = study, study.search
        self.outcomes = {key: outcome for key, outcome in outcomes.items() if outcome.state.ended}
        self.stopped = stopped
        repair_journal(study, journal)
        self.space = search_space(study)
        self.most = count_proposals(study)
        self.open: dict[int, tuple[Trial, ...]] = {}  # proposal's number → all its trials
        self.confirming: tuple[Trial, ...] | None = None  # the trials with fresh seeds, once they are known
        self.handed: set[str] = set()  # keys of those that were returned
        patiently(lambda: self._begin(journal), SEARCH_START, stopped)

    def _begin(self, journal: Path) -> None:
        """Open what is stored, or what an interrupted call of this has stored, and find what it has left open."""
        self.stored = open_search(self.study, journal)
        with storage_errors():
            begin(self.study, self.stored, journal, self.space, self.outcomes)
            self._fail_incomplete()
            self.left_open = [one for one in self.proposed if self._is_running(one.number) or self._missing(one.params)]

    @property
    def over(self) -> bool:
        """Whether all proposals are made and reported, and the best are confirmed."""
        return self._is_over()

    @patient
    def _is_over(self) -> bool:
        return self._searched and all(trial.key in self.outcomes for trial in self._confirmation())

    @property
    def _searched(self) -> bool:
        return not self.open and not self.left_open and len(self.proposed) >= self.most

    @property
    def proposed(self) -> list[FrozenTrial]:
        return proposals_in(self.stored, self.space)

    @patient
    def next(self, held: Collection[str] = (), *, wait: bool = True) -> tuple[Trial, ...]:
        """The trials of the next proposal that have no result yet; after the last one, those that confirm the best.

        None where all proposals are made, or as many are open as may be at a time (`search.parallel`); those of the
        variants that are `held`, by their keys, wait for a pruner and do not count.  `wait` changes nothing here: the
        proposal is computed before this returns (`BackgroundProposals` computes it elsewhere).
        """
        while sum(trials[0].variant not in held for trials in self.open.values()) < (self.search.parallel or self.most):
            proposal = self._continue_open() or self._ask()
            if proposal is None:
                break
            number, levels = proposal
            self.open[number] = resolve_proposal(self.study, levels)
            if missing := self._missing(levels):
                return missing
            self._tell(number)
        left = [trial for trial in self._confirmation() if trial.key not in self.outcomes.keys() | self.handed]
        self.handed |= {trial.key for trial in left}
        return tuple(left)

    @patient
    def record(self, key: str, metrics: Mapping[str, float], state: State = State.FINISHED, reason: str = "") -> None:
        """Record the end of a trial; with the last seed of a proposal, report the proposal to Optuna."""
        wanted = needed_metrics(self.study) if state is State.FINISHED else ()
        self.outcomes[key] = Outcome(state, {name: metrics[name] for name in wanted if name in metrics})
        for number, trials in list(self.open.items()):
            if any(trial.key == key for trial in trials) and all(trial.key in self.outcomes for trial in trials):
                self._tell(number, reason)

    @patient
    def report(self, variant: str, epoch: int, mean: float) -> None:
        """Report the mean over the seeds of a variant at an epoch, once.

        Optuna takes such values to have the objective's direction: those of a pruner's metric of the other direction
        are reported with the other sign.
        """
        for number, trials in self.open.items():
            known = self.stored.get_trials(deepcopy=False)[number]
            if (
                trials[0].variant == variant
                and not known.state.is_finished()
                and epoch not in known.intermediate_values
            ):
                same = direction_of(self.study) == next(iter(objectives(self.study).values()))
                self._handle(number).report(mean if same else -mean, epoch)

    def _confirmation(self) -> tuple[Trial, ...]:
        """The trials that confirm the best; none before the search is over."""
        if self.confirming is None and self.search.confirm and self._searched:
            searched = [trial for one in self.proposed for trial in resolve_proposal(self.study, one.params)]
            self.confirming = confirmation_of(self.study, searched, self.outcomes)
        return self.confirming or ()

    def go_on(self) -> None:
        """Complete what a database that did not answer has interrupted."""
        self._fail_incomplete()
        for number, trials in list(self.open.items()):
            if all(trial.key in self.outcomes for trial in trials):
                self._tell(number)
        known = {*self.open, *(one.number for one in self.left_open)}
        self.left_open += [one for one in self.proposed if one.number not in known and self._is_running(one.number)]

    def _fail_incomplete(self) -> None:
        """Close the proposals that were not written to the end; settings that were given are queued again."""
        proposed = self.proposed
        numbers = {frozen.number for frozen in proposed}
        for frozen in self.stored.trials:
            if frozen.state == TrialState.RUNNING and frozen.number not in numbers:
                given = frozen.system_attrs.get("fixed_params")
                if given and given not in [one.params for one in proposed]:
                    self.stored.enqueue_trial(given)
                self.stored.tell(frozen.number, state=TrialState.FAIL)

    def _is_running(self, number: int) -> bool:
        return self.stored.get_trials(deepcopy=False)[number].state == TrialState.RUNNING

    def _handle(self, number: int) -> optuna.Trial:
        """The open proposal as Optuna lets it be changed."""
        return optuna.Trial(self.stored, self.stored.get_trials(deepcopy=False)[number]._trial_id)

    def _missing(self, levels: Levels) -> tuple[Trial, ...]:
        """The trials of a proposal that have no result."""
        return tuple(trial for trial in resolve_proposal(self.study, levels) if trial.key not in self.outcomes)

    def _continue_open(self) -> tuple[int, Levels] | None:
        """A proposal that an earlier launch left open."""
        if not self.left_open:
            return None
        frozen = self.left_open.pop(0)
        return frozen.number, frozen.params

    def _ask(self) -> tuple[int, Levels] | None:
        """A setting that was never tried; where the sampler repeats one, another is drawn at random."""
        tried = [frozen.params for frozen in self.proposed]
        while len(tried) < self.most:
            number = len(self.stored.get_trials(deepcopy=False))
            self.stored.sampler = make_sampler(self.search, self._seed(number))
            if self.search.sampler == "grid":
                self.stored.enqueue_trial(self.space.draw_untried(tried, 0))
            asked = self.stored.ask()
            levels = self.space.suggest(asked)
            if levels not in tried:
                return asked.number, levels
            self.stored.tell(asked.number, state=TrialState.FAIL)
            self.stored.enqueue_trial(self.space.draw_untried(tried, self._seed(number)))
        return None

    def _seed(self, number: int) -> int:
        """The seed of the sampler: by number, but of a quasi-random sequence, which is one for all numbers."""
        return int(digest([self.study.name, 0 if self.search.sampler == "qmc" else number]), 16) % 2**32

    def _tell(self, number: int, reason: str = "") -> None:
        """Tell Optuna how a proposal ended: PRUNED, COMPLETE with the means over the seeds, or FAIL with the reason.

        It fails where any of its seeds has no finite value of an objective or of a constraint.
        """
        if self._is_running(number):  # else an earlier launch told it, or the answer to this one was lost
            self._tell_running(number, [self.outcomes[trial.key] for trial in self.open[number]], reason)
        del self.open[number]

    def _tell_running(self, number: int, outcomes: list[Outcome], reason: str) -> None:
        if any(outcome.state is State.PRUNED for outcome in outcomes):
            self.stored.tell(number, state=TrialState.PRUNED)
            return
        means = {name: mean_of(outcomes, name) for name in needed_metrics(self.study)}
        lacking = [name for name, mean in means.items() if mean is None]
        if lacking:
            why = reason or f"a seed has no finite value of {lacking[0]}"
            self._handle(number).set_user_attr(REASON, why)
            self.stored.tell(number, state=TrialState.FAIL)
            return
        for text, violation in self.search.violations(means).items():
            self._handle(number).set_constraint(text, violation)
        self.stored.tell(number, [means[name] or 0.0 for name in objectives(self.study)])


def search_is_over(study: Study, journal: Path, outcomes: Mapping[str, Outcome]) -> bool:
    """Whether all proposals are made and reported, found without changing what is stored."""
    found = read_proposals(study, journal)
    trials = [trial for frozen in found for trial in resolve_proposal(study, frozen.params)]
    ended = {key: outcome for key, outcome in outcomes.items() if outcome.state.ended}
    if any(frozen.state == TrialState.RUNNING for frozen in found) or any(trial.key not in ended for trial in trials):
        return False
    if len(found) < count_proposals(study):
        return False
    return all(trial.key in ended for trial in confirmation_of(study, trials, ended) or ())
