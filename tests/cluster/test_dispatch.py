"""The queue of packs: the order in which they are assigned, what happens when a worker dies, and stop requests."""

import math
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from optuna.trial import TrialState

from ablate.cluster.dispatch import ATTEMPTS, Dispatcher, running_probes
from ablate.events import BudgetLeft, Ended, EpochValues, Message, Progress, Proposed, State
from ablate.launch_config import LaunchConfig, Outcome, PackConfig, RunRef
from ablate.planning.packs import Pack
from ablate.planning.probe_digests import probe_digests
from ablate.search.journal import open_journal
from ablate.search.proposals import Proposals
from ablate.stopping import StopRequest
from ablate.study.model import Resources, Study
from ablate.trial import Trial

PRUNE = StopRequest(State.PRUNED, "worse than the median at epoch 3")


class Launch:
    """A dispatcher, what it sent and recorded, and a clock that tests set."""

    def __init__(
        self, packs: tuple[Pack, ...], proposals: Proposals | None = None, device_seconds: float | None = None
    ) -> None:
        self.sent: list[Message] = []
        self.recorded: list[tuple[str, State, str]] = []
        self.stop_requests: list[tuple[str, StopRequest]] = []
        self.stopped = False
        self.time = 1000.0
        run_refs = {pack[0].key: RunRef("parent", "run") for pack in packs[:1]}
        config = LaunchConfig("store", "http://127.0.0.1:1", "study.yaml", packs, run_refs, {}, 5.0)
        config = replace(config, device_seconds=device_seconds)
        self.dispatcher = Dispatcher(
            config,
            Resources(cpu=2),
            proposals,
            self.sent.append,
            lambda: self.stopped,
            lambda trial, state, reason: self.recorded.append((trial.key, state, reason)),
            lambda key, request: self.stop_requests.append((key, request)),
        )
        self.dispatcher.budget.clock = lambda: self.time

    @property
    def ends(self) -> list[tuple[str, State]]:
        return [(message.trial, message.state) for message in self.sent if isinstance(message, Ended)]

    def next(self, pack_id: str) -> list[str] | None:
        """Keys of the next pack."""
        config = self.dispatcher.next(pack_id)
        return None if config is None else [trial.key for trial in config.trials]

    def report(self, *trials: Trial, state: State = State.FINISHED, value: float = 0.5) -> None:
        """A worker reports the ends of these trials."""
        for trial in trials:
            metrics = {"linear/accuracy": value} if state is State.FINISHED else {}
            self.dispatcher.receive(Ended(trial.key, state, metrics=metrics))

    def end(self, pack_id: str, *trials: Trial, state: State = State.FINISHED, value: float = 0.5) -> None:
        """A worker reports the ends of these trials and is done with the pack."""
        self.report(*trials, state=state, value=value)
        self.dispatcher.complete(pack_id, died=False)

    def begin(self, *pack_ids: str) -> None:
        """Assign packs under these ids, for each of which a worker starts."""
        for pack_id in pack_ids:
            assert self.next(pack_id) is not None
            self.dispatcher.begin(pack_id)


Start = Callable[..., Launch]


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Start:
    def begin(*packs: Pack, proposals: Proposals | None = None) -> Launch:
        launch = Launch(packs, proposals)
        monkeypatch.setattr(time, "monotonic", lambda: launch.time)
        return launch

    return begin


@pytest.fixture
def trials(make_trial: Callable[..., Trial]) -> list[Trial]:
    return [make_trial(seed) for seed in range(6)]


def test_packs_are_assigned_in_order_with_their_run_refs_and_probe_digests(start: Start, trials: list[Trial]) -> None:
    launch = start((trials[0], trials[1]), (trials[2],))
    assert launch.dispatcher.next("a") == PackConfig(
        trials=(trials[0], trials[1]),
        run_refs={
            trials[0].key: RunRef("parent", "run"),
            trials[1].key: RunRef(probes=probe_digests(trials[1])),
        },
        study="radius",
        store="store",
        gpu=0.0,
        threads=2,
        checkpoint_every=5.0,
        pretraining=(),
    )
    assert launch.next("b") == [trials[2].key]
    assert running_probes(launch.dispatcher).keys() == {trial.key for trial in trials[:3]}


def test_a_trial_waits_for_its_pretraining(start: Start, make_trial: Callable[..., Trial]) -> None:
    pretraining, other = make_trial(0), make_trial(1)
    second = replace(other, config=replace(other.config, first=pretraining.config))
    last = make_trial(2)
    launch = start((second,), (pretraining,), (last,))
    config = launch.dispatcher.next("a")
    assert config is not None
    assert config.pretraining == (pretraining.key,)  # the worker keeps its encoder
    assert [launch.next(pack_id) for pack_id in "bc"] == [[last.key], None]
    launch.end("a", pretraining)
    assert launch.next("c") == [second.key]


def test_no_pack_is_assigned_while_the_last_one_runs_nor_after(start: Start, trials: list[Trial]) -> None:
    launch = start((trials[0],))
    assert launch.next("a") == [trials[0].key]
    assert launch.next("b") is None
    assert not launch.dispatcher.exhausted  # the worker may die
    assert not launch.dispatcher.over
    launch.end("a", trials[0])
    assert launch.next("b") is None
    assert launch.dispatcher.exhausted
    assert launch.dispatcher.over


def test_a_stopped_launch_assigns_no_pack(start: Start, trials: list[Trial]) -> None:
    launch = start((trials[0],), (trials[1],))
    launch.next("a")
    launch.stopped = True
    assert launch.next("b") is None
    assert launch.dispatcher.exhausted
    launch.end("a", trials[0], state=State.STOPPED)
    assert launch.ends == [(trials[0].key, State.STOPPED)]


def test_an_end_that_is_reported_twice_is_sent_once(start: Start, trials: list[Trial]) -> None:
    launch = start((trials[0], trials[1]))
    launch.next("a")
    launch.report(trials[0])
    launch.report(trials[0])
    launch.end("a", trials[0], trials[1])
    assert launch.ends == [(trials[0].key, State.FINISHED), (trials[1].key, State.FINISHED)]
    assert launch.dispatcher.over


def test_progress_and_the_epochs_of_every_member_are_passed_on(start: Start, trials: list[Trial]) -> None:
    launch = start((trials[0], trials[1]))
    launch.next("a")
    messages = [
        EpochValues(trials[0].key, 1, {"train/loss": 2.0}),
        EpochValues(trials[1].key, 1, {"train/loss": 3.0}),
        Progress((trials[0].key, trials[1].key), 1, 0.5),
    ]
    for message in messages:
        launch.dispatcher.receive(message)
    assert launch.sent == messages


def test_the_rest_of_the_pack_of_a_worker_that_died_is_assigned_next(start: Start, trials: list[Trial]) -> None:
    launch = start((trials[0], trials[1]), (trials[2],))
    launch.next("a")
    launch.report(trials[0])
    launch.dispatcher.complete("a", died=True)
    assert launch.next("b") == [trials[1].key]
    assert launch.next("c") == [trials[2].key]
    assert launch.ends == [(trials[0].key, State.FINISHED)]


def test_a_pack_that_loses_three_workers_has_failed(start: Start, trials: list[Trial]) -> None:
    launch = start((trials[0],), (trials[1],))
    for attempt in range(ATTEMPTS):
        assert launch.recorded == []
        assert launch.next(f"a{attempt}") == [trials[0].key]
        launch.dispatcher.complete(f"a{attempt}", died=True)
    reason = "its worker died 3 times, the last time while this trial was running"
    assert launch.recorded == [(trials[0].key, State.FAILED, reason)]
    assert launch.sent == [Ended(trials[0].key, State.FAILED, reason)]
    assert launch.next("b") == [trials[1].key]
    launch.end("b", trials[1])
    assert launch.dispatcher.over


def test_a_pack_whose_worker_ended_without_an_update_is_assigned_again(start: Start, trials: list[Trial]) -> None:
    launch = start((trials[0],))
    launch.next("a")
    launch.dispatcher.complete("a", died=False)
    assert launch.next("b") == [trials[0].key]


def test_a_waiting_trial_that_is_stopped_never_starts(start: Start, trials: list[Trial]) -> None:
    launch = start((trials[0], trials[1]), (trials[2],))
    launch.dispatcher.stop(trials[1].key, PRUNE)
    launch.dispatcher.stop(trials[2].key, PRUNE)
    assert launch.sent == [Ended(trial.key, State.PRUNED, PRUNE.reason) for trial in trials[1:3]]
    assert launch.recorded == [(trial.key, State.PRUNED, PRUNE.reason) for trial in trials[1:3]]
    assert launch.next("a") == [trials[0].key]
    assert launch.stop_requests == []
    launch.end("a", trials[0])
    assert launch.dispatcher.over


def test_a_running_trial_is_stopped_by_its_worker_and_the_rest_of_its_pack_goes_on(
    start: Start, trials: list[Trial]
) -> None:
    launch = start((trials[0], trials[1]))
    launch.next("a")
    launch.dispatcher.stop(trials[0].key, PRUNE)
    assert launch.stop_requests == [(trials[0].key, PRUNE)]
    assert launch.ends == []
    launch.report(trials[0], state=State.PRUNED)
    launch.dispatcher.stop(trials[0].key, PRUNE)  # it has ended
    assert len(launch.stop_requests) == 1
    launch.end("a", trials[1])
    assert launch.ends == [(trials[0].key, State.PRUNED), (trials[1].key, State.FINISHED)]


def test_proposals_follow_the_planned_packs_and_are_announced(
    start: Start, trials: list[Trial], search_study: Callable[..., Study], tmp_path: Path
) -> None:
    study = search_study("search.trials=2")
    launch = start((trials[0],), proposals=Proposals(study, tmp_path / "search.log", {}))
    assert launch.next("a") == [trials[0].key]
    keys = [key for pack_id in "bc" for key in launch.next(pack_id) or []]
    proposed = announced(launch)
    assert [trial.key for trial in proposed] == keys
    launch.end("b", proposed[0], value=0.25)
    launch.end("c", proposed[1], value=0.75)
    launch.end("a", trials[0])
    assert not launch.dispatcher.over
    keys = [key for pack_id in "de" for key in launch.next(pack_id) or []]
    assert launch.next("f") is None
    second = announced(launch)[2:]
    assert [trial.key for trial in second] == keys
    launch.end("d", second[0], state=State.FAILED)
    launch.end("e", second[1])
    assert launch.next("f") is None
    assert launch.dispatcher.over
    stored = [(frozen.state, frozen.value) for frozen in open_journal(study, tmp_path / "search.log").trials]
    assert stored == [(TrialState.COMPLETE, 0.5), (TrialState.FAIL, None)]


def announced(launch: Launch) -> list[Trial]:
    """All trials that were sent as proposed."""
    return [trial for message in launch.sent if isinstance(message, Proposed) for trial in message.trials]


def test_a_stopped_trial_is_not_reported_to_optuna(
    start: Start, search_study: Callable[..., Study], tmp_path: Path
) -> None:
    study = search_study("search.trials=1")
    launch = start(proposals=Proposals(study, tmp_path / "search.log", {}))
    keys = [key for pack_id in "ab" for key in launch.next(pack_id) or []]
    trials = announced(launch)
    assert [trial.key for trial in trials] == keys
    launch.stopped = True
    launch.end("a", trials[0], value=0.25)
    launch.end("b", trials[1], state=State.STOPPED)
    (frozen,) = open_journal(study, tmp_path / "search.log").trials
    assert frozen.state == TrialState.RUNNING
    assert Proposals(
        study, tmp_path / "search.log", {trials[0].key: Outcome(metrics={"linear/accuracy": 0.25})}
    ).next() == (trials[1],)


@pytest.mark.parametrize("ended", [False, True], ids=["while it trains", "after its last trial has ended"])
def test_a_worker_that_died_without_a_replacement_is_detected(
    ended: bool, start: Start, make_trial: Callable[..., Trial]
) -> None:
    """The other worker takes each pack for which Tune has requested a worker before that one has started."""
    trials = [make_trial(seed) for seed in range(100)]
    launch = start(*((trial,) for trial in trials))
    launch.begin("0", "1")
    launch.time += 100
    assert not launch.dispatcher.lacks_workers  # none has died, however long they send nothing
    if ended:
        launch.report(trials[1])
    launch.dispatcher.complete("1", died=True)
    launch.next("2")  # waits for a worker
    lost_at = launch.time
    trained = "0"  # by the other worker
    for number in range(2, 30):
        assert launch.dispatcher.lacks_workers == (launch.time - lost_at >= 20)
        launch.dispatcher.complete(trained, died=False)
        trained = f"{number}"
        launch.dispatcher.begin(trained)
        launch.next(f"{number + 1}")
        launch.time += 1
    launch.dispatcher.begin("30")  # a replacement has started after all
    assert not launch.dispatcher.lacks_workers


def test_workers_that_have_never_started_and_packs_that_wait_for_pretraining_are_not_missed(
    start: Start, make_trial: Callable[..., Trial]
) -> None:
    pretraining = make_trial(9)
    first = [(make_trial(seed),) for seed in range(2)]
    later = [
        (replace(trial, config=replace(trial.config, first=pretraining.config)),) for trial in map(make_trial, range(4))
    ]
    launch = start(*first, (pretraining,), *later)
    launch.begin("a")
    launch.next("b")
    launch.time += 100
    assert not launch.dispatcher.lacks_workers  # of two slots one was never filled
    launch.dispatcher.begin("b")
    launch.end("a", *first[0])
    launch.begin("c")
    launch.end("b", *first[1])
    assert launch.next("d") is None
    assert not launch.dispatcher.lacks_workers
    launch.time += 100
    assert not launch.dispatcher.lacks_workers  # all that wait start from the trial that runs
    launch.end("c", pretraining)
    launch.begin("d")
    assert not launch.dispatcher.lacks_workers
    launch.time += 21
    assert launch.dispatcher.lacks_workers  # three packs could start, and one worker trains


def test_a_stop_waits_for_packs_that_a_worker_has_begun_and_for_no_others(start: Start, trials: list[Trial]) -> None:
    launch = start((trials[0],), (trials[1],))
    launch.next("a")
    launch.next("b")
    assert launch.dispatcher.waits_for_workers
    launch.dispatcher.begin("a")
    assert not launch.dispatcher.waits_for_workers
    launch.stopped = True
    launch.time += 100
    assert not launch.dispatcher.stopped_before_begun  # its worker sees the stop request by itself
    launch.end("a", trials[0])
    assert not launch.dispatcher.stopped_before_begun
    launch.time += 2
    assert launch.dispatcher.stopped_before_begun  # the worker of "b" has not started, and need not


def test_one_worker_is_enough_where_one_pack_or_none_waits(start: Start, trials: list[Trial]) -> None:
    launch = start((trials[0],), (trials[1],))
    launch.begin("a", "b")
    launch.dispatcher.complete("b", died=True)
    launch.time += 21
    assert not launch.dispatcher.lacks_workers  # one pack waits, and one worker is free for it
    launch.end("a", trials[0])
    launch.next("c")
    launch.time += 21
    assert not launch.dispatcher.lacks_workers  # none waits


def test_a_new_round_queues_what_was_running_except_what_ended(start: Start, trials: list[Trial]) -> None:
    launch = start((trials[0], trials[1]), (trials[2],), (trials[3],), (trials[4],), (trials[5],))
    launch.begin(*"abc")
    launch.report(trials[0])
    launch.dispatcher.complete("c", died=True)
    assert not launch.dispatcher.lacks_workers
    launch.time += 21
    assert launch.dispatcher.lacks_workers
    launch.dispatcher.start_round([Ended(trials[2].key, State.FINISHED, metrics={"linear/accuracy": math.pi})])
    assert not launch.dispatcher.lacks_workers
    assert launch.ends == [(trials[0].key, State.FINISHED), (trials[2].key, State.FINISHED)]
    left = [[trial.key] for trial in (trials[1], *trials[3:])]
    assert [launch.next(pack_id) for pack_id in "defg"] == left
    assert launch.next("h") is None


def test_as_many_packs_run_side_by_side_as_the_nodes_have_room_for(
    start: Start, make_trial: Callable[..., Trial]
) -> None:
    first, second, third = (make_trial(seed) for seed in range(3))
    launch = start((first,), (second,), (third,))
    launch.dispatcher.width = 1
    assert launch.next("a") == [first.key]
    assert launch.next("b") is None
    assert not launch.dispatcher.exhausted
    launch.dispatcher.width = 2  # a node has joined
    assert launch.next("b") == [second.key]
    launch.dispatcher.width = 1  # it has left
    launch.dispatcher.complete("b", died=True, node="joined")
    assert launch.next("c") is None
    launch.end("a", first)
    assert launch.next("c") == [second.key]


def test_a_pack_is_not_blamed_for_workers_that_died_with_their_nodes(
    start: Start, make_trial: Callable[..., Trial]
) -> None:
    trial = make_trial()
    launch = start((trial,))
    living = {"n1", "n2", "n3"}
    launch.dispatcher.node_lives = living.__contains__
    for node in ("n1", "n2", "n3"):
        launch.next(node)
        living.discard(node) if node != "n3" else None
        launch.dispatcher.complete(node, died=True, node=node)
    assert not launch.ends
    for _ in range(ATTEMPTS - 1):
        launch.next("again")
        launch.dispatcher.complete("again", died=True, node="n3")
    assert launch.ends == [(trial.key, State.FAILED)]


def test_no_pack_is_handed_out_once_the_budget_is_spent_and_running_ones_end(trials: list[Trial]) -> None:
    first, second, third = trials[:3]
    launch = Launch(((first,), (second,), (third,)), device_seconds=60.0)
    launch.time = 0.0
    launch.begin("a", "b")
    launch.time = 29.0
    launch.end("a", first)  # 29 s are charged, and b has used 29 of the 31 that are left
    assert launch.sent[-1] == BudgetLeft(2.0, 1)
    launch.time = 31.0
    assert launch.next("c") is None
    assert (launch.dispatcher.over, launch.dispatcher.exhausted) == (False, True)  # b still runs
    launch.end("b", second)
    assert launch.sent[-1] == BudgetLeft(0.0, 1)
    assert launch.dispatcher.over
    assert launch.ends == [(first.key, State.FINISHED), (second.key, State.FINISHED)]


def test_time_that_a_pack_waits_for_its_worker_costs_nothing(trials: list[Trial]) -> None:
    launch = Launch(((trials[0],),), device_seconds=60.0)
    launch.next("a")
    launch.time += 1000.0
    launch.dispatcher.complete("a", died=True)
    assert launch.sent[-1] == BudgetLeft(60.0, 1)
