"""The queue of packs: which one runs next, which trials have ended, and which packs run again.  Independent of Ray."""

import sys
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Protocol

from ablate.cluster.busy_workers import BusyWorkers
from ablate.cluster.device_budget import DeviceBudget
from ablate.events import BudgetLeft, Ended, EpochValues, Message, Paused, Proposed, State
from ablate.launch_config import LaunchConfig, PackConfig, RunRef
from ablate.planning.packs import Pack, make_packs, pretraining_keys, with_pretraining
from ablate.stopping import StopRequest
from ablate.study.model import Resources
from ablate.trial import Trial

if TYPE_CHECKING:
    from ablate.pruning.early_stopping import EarlyStopping

ATTEMPTS = 3  # workers that a pack may lose before it counts as failed


class FurtherTrials(Protocol):
    """Adds trials while a launch runs: the proposals of a search, or the seeds of undecided comparisons."""

    @property
    def over(self) -> bool:
        """Whether no trial will be added, and all that were have ended."""

    def next(self, held: Collection[str] = (), *, wait: bool = True) -> tuple[Trial, ...]:
        """The trials that can be added now, each once; none where others have to end first.

        `held` are the keys of variants that wait for a pruner.  Unless it is to `wait`, none where they take long.
        """

    def record(self, key: str, metrics: Mapping[str, float], state: State, reason: str = "") -> None:
        """Record the end of a trial."""


class Dispatcher:
    """Assigns packs to workers, records how their trials end, and queues again those whose worker died."""

    def __init__(
        self,
        config: LaunchConfig,
        resources: Resources,
        proposals: FurtherTrials | None,
        send: Callable[[Message], None],
        stopped: Callable[[], bool],
        record_end: Callable[[Trial, State, str], None],
        stop_running: Callable[[str, StopRequest], None] = lambda key, request: None,
        early_stopping: "EarlyStopping | None" = None,
    ) -> None:
        """`stopped` returns whether the study is to stop; `record_end` records the end of a trial for which no
        worker does: it was stopped while it was waiting, or its workers died.

        `stop_running` passes a request to the worker that trains the trial of this key; `early_stopping` makes such
        requests from the values of epochs.
        """
        self.config, self.resources, self.proposals = config, resources, proposals
        self.send, self.stopped, self.record_end = send, stopped, record_end
        self.stop_running, self.early_stopping = stop_running, early_stopping
        self.to_prune: dict[str, StopRequest] = {}  # by key
        self.budget = DeviceBudget(config.device_seconds)
        self.workers = BusyWorkers()
        self.width = sys.maxsize  # most packs that run side by side; set anew as nodes come and go
        self.waiting: deque[Pack] = deque(config.packs)
        self.pretraining = set(pretraining_keys([trial for pack in config.packs for trial in pack]))
        self.running: dict[str, Pack] = {}  # id of a slot's pack, as the executor chose it → the pack
        self.ended: set[str] = set()  # keys
        self.node_lives: Callable[[str], bool] = lambda node: True  # set where nodes can die
        self.lost_workers: dict[tuple[str, ...], list[str]] = {}  # keys of a pack → nodes on which its workers died
        if early_stopping is not None:
            self._ask(early_stopping.add(config.judged))

    @property
    def over(self) -> bool:
        """Whether all trials have ended, or none may be started for lack of budget."""
        if self.running:
            return False
        return self.budget.spent or (not self.waiting and (self.proposals is None or self.proposals.over))

    @property
    def exhausted(self) -> bool:
        """Whether no pack will follow; while false, one may follow even after `next` has returned None."""
        return self.stopped() or self.budget.spent or (not self.waiting and not self.running)

    def next(self, pack_id: str) -> PackConfig | None:
        """The next pack, which runs under this id from now on; None where none can start now."""
        if self.stopped() or self.budget.spent or len(self.running) >= self.width:
            return None
        ready = self._ready() or self._ready_after_decisions()
        if ready is None:
            return None
        place, pack = ready
        held = tuple(trial for trial in self.waiting[place] if trial not in pack)
        del self.waiting[place]
        if held:
            self.waiting.insert(place, held)
        self.running[pack_id] = pack
        return self._pack_config(pack)

    @property
    def stopped_before_begun(self) -> bool:
        """Whether the study is to stop while no pack has begun: their workers have not started, and need not."""
        return self.workers.stay_idle(self.running, stopped=self.stopped())

    @property
    def waits_for_workers(self) -> bool:
        """Whether packs are assigned and no worker has started for any of them."""
        return bool(self.running) and not self.workers.training(self.running)

    def begin(self, pack_id: str) -> None:
        """Record that a worker has started for this pack."""
        self.workers.begun.add(pack_id)
        self.budget.begin(pack_id)
        self._count_busy()

    def receive(self, update: Message) -> None:
        """Pass a worker's update to the driver, and record the end of a trial."""
        if isinstance(update, Ended):
            self.end(update)
        elif not (isinstance(update, EpochValues) and update.trial in self.ended):
            self.send(update)
            if isinstance(update, EpochValues) and self.early_stopping is not None:
                pack = next((keys(pack) for pack in self.running.values() if update.trial in keys(pack)), set())
                self._ask(self.early_stopping.record(update.trial, update.epoch, update.values, pack))

    def complete(self, pack_id: str, died: bool, node: str = "") -> None:
        """Record that a pack's worker has returned, or has died, on this node."""
        pack = self.running.pop(pack_id, ())
        left = tuple(trial for trial in pack if trial.key not in self.ended)
        if left and died:
            self._retry_or_fail(left, node)
        elif left and not self.stopped():
            self.waiting.appendleft(left)  # paused, or the worker ended without an update on these
        self._prune_again(left)
        self._charge(pack_id)

    def _charge(self, pack_id: str) -> None:
        """Take the time of a pack from the budget, and tell the driver what is left."""
        self.budget.end(pack_id)
        if self.budget.left is not None:
            self.send(BudgetLeft(self.budget.left, sum(map(len, self.waiting))))

    def end(self, ended: Ended) -> None:
        """Record how a trial ended, once."""
        if ended.trial in self.ended:
            return
        if ended.state is State.WAITING:
            self.send(Paused(ended.trial))
            return
        self.ended.add(ended.trial)
        self.send(ended)
        if self.proposals is not None and ended.state is not State.STOPPED:
            self.proposals.record(ended.trial, ended.metrics, ended.state, ended.reason)
        if self.early_stopping is not None:
            self._ask(self.early_stopping.end(ended.trial, ended.state))

    def stop(self, key: str, request: StopRequest) -> None:
        """Stop one trial: a waiting one ends now, a running one at its next step; others are not affected.

        A request with the state WAITING pauses a running trial, and leaves a waiting one as it is.
        """
        if request.state is not State.WAITING:
            self._end_waiting(key, request)
        if any(key in keys(pack) for pack in self.running.values()) and key not in self.ended:
            self.stop_running(key, request)

    def _end_waiting(self, key: str, request: StopRequest) -> None:
        for place, pack in enumerate(list(self.waiting)):
            for trial in pack:
                if trial.key == key:
                    self.waiting[place] = tuple(other for other in pack if other.key != key)
                    if request.state.ended:
                        self.record_end(trial, request.state, request.reason)
                    self.end(Ended(key, request.state, request.reason))
        self.waiting = deque(pack for pack in self.waiting if pack)

    def _ask(self, requests: Mapping[str, StopRequest]) -> None:
        """Pass on what early stopping asks of trials."""
        for key, request in requests.items():
            if request.state is State.PRUNED:
                self.to_prune[key] = request
            self.stop(key, request)

    def _prune_again(self, trials: Iterable[Trial]) -> None:
        """End trials that were to be pruned when their worker was about to return them."""
        for trial in trials:
            if trial.key in self.to_prune and trial.key not in self.ended:
                self.stop(trial.key, self.to_prune[trial.key])

    @property
    def lacks_workers(self) -> bool:
        """Whether fewer workers train than did before in this round, for longer than a replacement takes to start."""
        self._count_busy()
        return self.workers.are_missing

    def _count_busy(self) -> None:
        self.workers.count(self.running, self.width, lambda: 0 if self._ready() is None else len(self.waiting))

    def start_round(self, lost: Iterable[Ended]) -> None:
        """Put running packs back into the queue, for new workers; `lost` are the ends that the last round dropped."""
        for ended in lost:
            self.end(ended)
        left = [trial for pack in self.running.values() for trial in pack if trial.key not in self.ended]
        for pack in self.running.values():
            if rest := tuple(trial for trial in pack if trial in left):
                self.waiting.appendleft(rest)
        for pack_id in tuple(self.running):
            self._charge(pack_id)
        self.running.clear()
        self._prune_again(left)
        self.workers.start_round()

    def run_ref(self, trial: Trial) -> RunRef:
        """The trial's place in MLflow; the driver found none for trials that are proposed here."""
        if trial.key in self.config.run_refs:
            return self.config.run_refs[trial.key]
        from ablate.planning.probe_digests import probe_digests  # with torch, which only a search needs here

        return RunRef(probes=probe_digests(trial))

    def _ready(self) -> tuple[int, Pack] | None:
        """The place of the first waiting pack that may run, and its trials that are not held by early stopping.

        A pack may run that starts from no trial which has not ended; the worker reports one that failed.
        """
        to_end = {trial.key for pack in (*self.waiting, *self.running.values()) for trial in pack} - self.ended
        for place, pack in enumerate(self.waiting):
            free = tuple(trial for trial in pack if not self._is_held(trial))
            if free and to_end.isdisjoint(pretraining_keys(free)):
                return place, free
        return None

    def _is_held(self, trial: Trial) -> bool:
        return self.early_stopping is not None and self.early_stopping.waits(trial.key)

    def _ready_after_decisions(self) -> tuple[int, Pack] | None:
        """A pack that early stopping releases or a search proposes, where no other one waits.

        Once nothing runs and nothing is proposed, the variants that still wait are promoted one by one, or end.  Then
        a search is over, and its best are confirmed.
        """
        if not all(self._is_held(trial) for pack in self.waiting for trial in pack):
            return None
        stopping = self.early_stopping
        if stopping is not None and stopping.promote() and (ready := self._ready()) is not None:
            return ready
        while self.proposals is not None and self._propose():
            if (ready := self._ready()) is not None:
                return ready
        if stopping is None or self.running:
            return None
        if stopping.promote(last=True):
            return self._ready()
        self._ask(stopping.finish())
        return self._ready() if self.proposals is not None and self._propose() else None

    def _propose(self) -> bool:
        """Queue the trials that are added next, if there are any, and the pretraining trials that they need.

        A proposal that an earlier launch left waiting at a rung is queued and waits on.
        """
        assert self.proposals is not None
        held = self.early_stopping.waiting if self.early_stopping is not None else set()
        trials = self.proposals.next(held, wait=not self.running)
        if trials:
            ended = {key for key, outcome in self.config.outcomes.items() if outcome.state.ended} | self.ended
            queued = {trial.key for pack in self.waiting for trial in pack} | ended
            added = [trial for trial in with_pretraining(trials) if trial in trials or trial.key not in queued]
            self.send(Proposed(tuple(added)))
            self.pretraining |= pretraining_keys(added)
            self.waiting.extend(make_packs(added, self.resources.pack, self.resources.gpus > 0))
            if self.early_stopping is not None:
                self._ask(self.early_stopping.add(trials))
                self._prune_again(trials)
        return bool(trials)

    def _pack_config(self, pack: Pack) -> PackConfig:
        return PackConfig(
            trials=pack,
            run_refs={trial.key: self.run_ref(trial) for trial in pack},
            study=pack[0].study,
            store=self.config.store,
            gpu=self.resources.gpus,
            threads=max(1, int(self.resources.cpu)),
            checkpoint_every=self.config.checkpoint_every,
            pretraining=tuple(trial.key for trial in pack if trial.key in self.pretraining),
            interim=self.early_stopping.interim if self.early_stopping is not None else None,
            rungs=self.early_stopping.rungs(pack[0].key) if self.early_stopping is not None else (),
        )

    def _retry_or_fail(self, pack: Pack, node: str) -> None:
        """Queue a pack again whose worker died, or record its trials as failed after the last attempt.

        A pack is not to blame for workers that died with their nodes, which Ray may know only a minute later.
        """
        lost = self.lost_workers.setdefault(tuple(trial.key for trial in pack), [])
        lost.append(node)
        if sum(map(self.node_lives, lost)) < ATTEMPTS:
            self.waiting.appendleft(pack)
            return
        for trial in pack:
            reason = f"its worker died {ATTEMPTS} times, the last time while this trial was running"
            self.record_end(trial, State.FAILED, reason)
            self.end(Ended(trial.key, State.FAILED, reason))


def keys(pack: Pack) -> set[str]:
    return {trial.key for trial in pack}


def running_probes(dispatcher: Dispatcher) -> Mapping[str, Mapping[str, str]]:
    """Key → the digests of the scores that are wanted, of every trial that is running."""
    trials = (trial for pack in dispatcher.running.values() for trial in pack)
    return {trial.key: dispatcher.run_ref(trial).probes for trial in trials}
