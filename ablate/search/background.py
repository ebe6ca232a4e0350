"""Proposals that are computed in a thread of their own, so that Ray Tune's loop never waits for a sampler."""

from collections import deque
from collections.abc import Collection, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from typing import TypeVar

from ablate.errors import ServiceAway
from ablate.events import State
from ablate.planning.samplers import chosen_sampler
from ablate.search.proposals import Proposals
from ablate.trial import Trial

SLOW = ("gp", "cmaes")  # samplers that take up to seconds: their next proposal is computed before it is asked for
LOOK = 1.0  # seconds between two looks at whether the study is to stop
T = TypeVar("T")


class BackgroundProposals:
    """`Proposals` behind a queue that one thread works off in order: what was recorded first is known to what follows.

    One proposal at most is computed at a time, and none before those that were recorded are told.
    """

    def __init__(self, proposals: Proposals) -> None:
        self.proposals = proposals
        self.thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="proposals")
        self.asked: Future[tuple[Trial, ...]] | None = None
        self.ahead = False  # whether that was asked before a slot was free
        self.recorded: deque[Future[None]] = deque()

    @property
    def over(self) -> bool:
        """Whether all proposals are made and reported; waits for what is in the queue."""
        if self.asked is not None and self._wait(self.asked, ()):
            return False
        over = self._wait(self.thread.submit(lambda: self.proposals.over), otherwise=False)
        self._raise_errors()
        return over

    def next(self, held: Collection[str] = (), *, wait: bool = True) -> tuple[Trial, ...]:
        """The trials of the next proposal; none where there is none or, unless it is to `wait`, it is not ready yet."""
        if self.asked is None or (self.ahead and self.asked.done() and not self.asked.result()):
            self._ask(held)
        assert self.asked is not None
        if not wait and not self.asked.done():
            return ()
        trials = self._wait(self.asked, ())
        if not trials and self.ahead:  # none could be made when it was asked for
            self._ask(held)
            trials = self._wait(self.asked, ())
        self.asked = None
        self._raise_errors()
        if trials and chosen_sampler(self.proposals.search) in SLOW:
            self._ask(held, ahead=True)
        return trials

    def record(self, key: str, metrics: Mapping[str, float], state: State = State.FINISHED, reason: str = "") -> None:
        """Record the end of a trial, once the proposal that is being computed is made."""
        self.recorded.append(self.thread.submit(self.proposals.record, key, metrics, state, reason))

    def report(self, variant: str, epoch: int, mean: float) -> None:
        """Report the mean of a variant at an epoch, once the proposal that is being computed is made."""
        self.recorded.append(self.thread.submit(self.proposals.report, variant, epoch, mean))

    def _ask(self, held: Collection[str], *, ahead: bool = False) -> None:
        self.asked, self.ahead = self.thread.submit(self.proposals.next, frozenset(held)), ahead

    def _wait(self, future: Future[T], otherwise: T) -> T:
        """What the thread returns; `otherwise` where the study is to stop and a shared database does not answer."""
        while not wait_for([future], timeout=LOOK).done:
            if self.proposals.stopped():
                return otherwise
        try:
            return future.result()
        except ServiceAway:
            if self.proposals.stopped():
                return otherwise
            raise

    def _raise_errors(self) -> None:
        """Raise what was raised while results were recorded."""
        while self.recorded and self.recorded[0].done():
            self._wait(self.recorded.popleft(), None)
