"""What a launch is given, for all its parts."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from ablate.added_seeds import KnownTrials, known_trials
from ablate.driver.announcer import Announcer
from ablate.driver.backends import Backends
from ablate.driver.launch_options import Options
from ablate.driver.measured_costs import measured_costs
from ablate.driver.summary import first_trials, search_over, trials_of
from ablate.interrupts import Interrupts
from ablate.paths import Store, StudyPaths
from ablate.patience import LAUNCH, STOPPING
from ablate.planning.plan import Plan, make_plan
from ablate.record import TrialRecord
from ablate.study.model import Study
from ablate.track.retry import LONGEST_DELAY
from ablate.track.store import TrackingStore
from ablate.trial import Trial


@dataclass(frozen=True)
class LaunchContext:
    """What a launch is given."""

    study: Study
    designed: tuple[Trial, ...]  # none where the study searches
    store: Store
    options: Options
    backends: Backends
    interrupts: Interrupts
    announcer: Announcer

    @property
    def name(self) -> str:
        """The study's name."""
        return self.study.name

    @property
    def paths(self) -> StudyPaths:
        return self.store.study(self.study.name)

    def upload(self, tracking: TrackingStore) -> set[str]:
        """Upload the records that the store holds; the keys of trials for which that failed.

        A server that was waited for in vain is not waited for again.
        """
        if self.paths.stop.exists():
            hurry(tracking)
        began = time.monotonic()
        unsent = tracking.upload(self.paths, None)
        if unsent and time.monotonic() - began >= tracking.patience - LONGEST_DELAY:
            tracking.patience = 0.0
        return unsent

    def listed_trials(self) -> tuple[Trial, ...]:
        """The trials of the design, or those that the search has proposed up to now."""
        return self.designed or trials_of(self.study, self.paths, LAUNCH)

    def known(self, records: Mapping[str, TrialRecord], *, retry: bool = False) -> KnownTrials:
        """The trials that are known now: a search proposes more, and undecided comparisons may add some."""
        first = first_trials(self.study, self.listed_trials(), self.paths, records, retry, LAUNCH)
        return known_trials(self.study, first, records, retry=retry)

    def plan(self, records: Mapping[str, TrialRecord], *, retry: bool) -> Plan:
        known = self.known(records, retry=retry)
        nodes, costs = self.options.nodes, measured_costs(self.store)
        return make_plan(self.study, known.trials, records, nodes, retry=retry, more=known.more, costs=costs)

    def is_over(self, plan: Plan, records: Mapping[str, TrialRecord], *, retry: bool = False) -> bool:
        """Whether neither the plan nor a search has anything left to run, or the study's budget is spent."""
        if plan.budget_is_spent:
            return True
        return not plan.left and search_over(self.study, self.paths, records, retry, LAUNCH)


def hurry(tracking: TrackingStore) -> None:
    """Repeat requests, also one that waits now, for seconds only: the launch was asked to stop."""
    tracking.patience = min(tracking.patience, STOPPING)
