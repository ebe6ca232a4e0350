"""Proposals of a search: Optuna samples settings, each is run over all seeds, and their mean is reported once."""

import math
import statistics
from collections.abc import Mapping
from pathlib import Path

from optuna.trial import FrozenTrial, TrialState, create_trial

from ablate.planning.design import Levels
from ablate.planning.resolve import count_proposals, first_settings, resolve_proposal
from ablate.planning.samplers import make_sampler
from ablate.search.journal import earlier_settings, objectives, open_journal, proposals_in, repair_journal
from ablate.search.space import search_space
from ablate.study.model import Study
from ablate.trial import Trial, digest


class Proposals:
    """Samples settings and reports the mean over their seeds to Optuna, once each.

    A proposal that a killed launch left open is continued: the seeds that ended are in `values`, the others run.  The
    sampler is seeded by the proposal's number, so an interrupted search proposes what an uninterrupted one does.  Only
    the process that holds the study's lock may create an instance.
    """

    def __init__(self, study: Study, journal: Path, values: Mapping[str, float | None]) -> None:
        """`values` holds the objective of every trial that ended, by key; None where it failed."""
        assert study.search is not None
        self.study, self.search = study, study.search
        self.metric = next(iter(objectives(study)))
        self.values = dict(values)
        repair_journal(study, journal)
        self.stored = open_journal(study, journal)
        self.space = search_space(study)
        self.most = count_proposals(study)
        self.open: dict[int, tuple[Trial, ...]] = {}  # proposal's number → all its trials
        self._begin(journal)
        self._fail_incomplete()
        self.left_open = [one for one in self.proposed if self._is_running(one.number) or self._missing(one.params)]

    @property
    def over(self) -> bool:
        """Whether all proposals are made and reported."""
        return not self.open and not self.left_open and len(self.proposed) >= self.most

    @property
    def proposed(self) -> list[FrozenTrial]:
        return proposals_in(self.stored, self.space)

    def next(self) -> tuple[Trial, ...]:
        """The trials of the next proposal that have no result yet.

        None where all proposals are made, or as many are open as may be at a time (`search.parallel`).
        """
        while len(self.open) < (self.search.parallel or self.most):
            proposal = self._continue_open() or self._ask()
            if proposal is None:
                break
            number, levels = proposal
            self.open[number] = resolve_proposal(self.study, levels)
            if missing := self._missing(levels):
                return missing
            self._report(number)
        return ()

    def record(self, key: str, metrics: Mapping[str, float]) -> None:
        """Record the end of a trial; with the last seed of a proposal, report the proposal to Optuna."""
        self.values[key] = metrics.get(self.metric)
        for number, trials in list(self.open.items()):
            if any(trial.key == key for trial in trials) and all(trial.key in self.values for trial in trials):
                self._report(number)

    def _begin(self, journal: Path) -> None:
        """Of a search that begins, take over what was run before with other ranges, and queue what is proposed first.

        A setting whose seeds all have values is added as finished; one of which some have is proposed again, and only
        the others run.  A kill in between leaves a part of this, which the next launch completes.
        """
        if self.proposed:
            return
        queued = [frozen.system_attrs.get("fixed_params") for frozen in self.stored.get_trials(deepcopy=False)]
        partly: list[Levels] = []
        for levels in earlier_settings(self.study, journal, self.space):
            values = [self.values.get(trial.key) for trial in resolve_proposal(self.study, levels)]
            finite = [value for value in values if value is not None and math.isfinite(value)]
            if len(finite) == len(values):
                of_levels = {path: self.space.distributions[path] for path in levels}
                mean = statistics.fmean(finite)
                self.stored.add_trial(create_trial(params=dict(levels), distributions=of_levels, value=mean))
            elif finite:
                partly.append(levels)
        for levels in (*first_settings(self.study), *partly):
            if dict(levels) not in queued:
                self.stored.enqueue_trial(dict(levels))

    def _fail_incomplete(self) -> None:
        """Close the proposals that a killed launch had not written to the end."""
        numbers = {frozen.number for frozen in self.proposed}
        for frozen in self.stored.trials:
            if frozen.state == TrialState.RUNNING and frozen.number not in numbers:
                self.stored.tell(frozen.number, state=TrialState.FAIL)

    def _is_running(self, number: int) -> bool:
        return self.stored.get_trials(deepcopy=False)[number].state == TrialState.RUNNING

    def _missing(self, levels: Levels) -> tuple[Trial, ...]:
        """The trials of a proposal that have no result."""
        return tuple(trial for trial in resolve_proposal(self.study, levels) if trial.key not in self.values)

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

    def _report(self, number: int) -> None:
        """Report the mean over the seeds to Optuna; a setting fails where any of its seeds has no finite value."""
        values = [self.values[trial.key] for trial in self.open.pop(number)]
        finite = [value for value in values if value is not None and math.isfinite(value)]
        if not self._is_running(number):
            return  # an earlier launch reported it
        if len(finite) == len(values):
            self.stored.tell(number, statistics.fmean(finite))
        else:
            self.stored.tell(number, state=TrialState.FAIL)
