"""Packs are handed out in order, come back when a worker dies, and end once."""

import json
import math
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import TrialState
from ray.tune.search import Searcher

from ablate.cluster.dispatch import ATTEMPTS, PackSearcher
from ablate.cluster.messages import LaunchConfig, Message
from ablate.run import probe_digests
from ablate.search.proposals import Proposals, open_memory
from ablate.study.model import Resources, Study
from ablate.track.spool import RunRef
from ablate.trial import Trial

Pack = tuple[Trial, ...]


class Launch:
    """A searcher, what it said, whom it buried, and a clock."""

    def __init__(self, packs: tuple[Pack, ...], proposals: Proposals | None = None) -> None:
        self.said: list[Message] = []
        self.buried: list[tuple[str, str]] = []
        self.stopped = False
        self.time = 1000.0
        run_refs = {pack[0].key: RunRef("parent", "run") for pack in packs[:1]}
        orders = LaunchConfig("store", "http://127.0.0.1:1", "study.yaml", packs, run_refs, {}, 5.0)
        self.searcher = PackSearcher(
            orders,
            Resources(cpu=2),
            proposals,
            self.said.append,
            lambda: self.stopped,
            lambda trial, reason: self.buried.append((trial.key, reason)),
        )

    @property
    def outcomes(self) -> list[tuple[str, str]]:
        return [(told.description["key"], told.description["status"]) for told in self.said if told.kind == "outcome"]

    def ask(self, trial_id: str) -> Any:
        """Keys of the pack that a worker gets, or what else the searcher answers."""
        config = self.searcher.suggest(trial_id)
        return [Trial.from_json(trial).key for trial in config["pack"]] if isinstance(config, dict) else config

    def end(self, trial_id: str, *trials: Trial, status: str = "FINISHED", value: float = 0.5, pid: int = 1) -> None:
        """A worker's last word on a pack."""
        self.searcher.on_trial_complete(trial_id, result(*trials, status=status, value=value, pid=pid))


def result(*trials: Trial, status: str = "FINISHED", value: float = 0.5, pid: int = 1, now: str = "") -> dict[str, Any]:
    metrics = {"linear/accuracy": value} if status == "FINISHED" else None
    said = [{"key": trial.key, "status": status, "reason": "", "metrics": metrics} for trial in trials]
    return {"said": json.dumps(said), "now": now, "pid": pid}


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Launch]:
    def begin(*packs: Pack, proposals: Proposals | None = None) -> Launch:
        launch = Launch(packs, proposals)
        monkeypatch.setattr(time, "monotonic", lambda: launch.time)
        return launch

    return begin


Start = Callable[..., Launch]


@pytest.fixture
def trials(make_trial: Callable[..., Trial]) -> list[Trial]:
    return [make_trial(seed) for seed in range(6)]


def test_packs_are_handed_out_in_order_with_all_a_worker_needs(start: Start, trials: list[Trial]) -> None:
    launch = start((trials[0], trials[1]), (trials[2],))
    assert launch.searcher.suggest("a") == {
        "pack": [trials[0].to_json(), trials[1].to_json()],
        "run_refs": {
            trials[0].key: {"parent": "parent", "run_id": "run", "known": True, "probes": {}},
            trials[1].key: {"parent": "", "run_id": "", "known": True, "probes": probe_digests(trials[1])},
        },
        "study": "radius",
        "store": "store",
        "uri": "http://127.0.0.1:1",
        "gpu": 0.0,
        "threads": 2.0,
        "checkpoint_every": 5.0,
        "firsts": [],
    }
    assert launch.ask("b") == [trials[2].key]


def test_a_trial_waits_for_the_one_that_it_starts_from(start: Start, make_trial: Callable[..., Trial]) -> None:
    first, other = make_trial(0), make_trial(1)
    second = replace(other, config=replace(other.config, first=first.config))
    last = make_trial(2)
    launch = start((second,), (first,), (last,))
    assert launch.searcher.suggest("a")["firsts"] == [first.key]  # its encoder is to be kept
    assert [launch.ask(worker) for worker in "bc"] == [[last.key], None]
    launch.end("a", first)
    assert launch.ask("c") == [second.key]


def test_nothing_comes_now_while_packs_run_and_nothing_at_all_once_they_ended(
    start: Start, trials: list[Trial]
) -> None:
    launch = start((trials[0],))
    assert launch.ask("a") == [trials[0].key]
    assert launch.ask("b") is None
    assert not launch.searcher.over
    launch.end("a", trials[0])
    assert launch.ask("b") == Searcher.FINISHED
    assert launch.searcher.over


def test_a_launch_that_is_stopped_hands_out_nothing(start: Start, trials: list[Trial]) -> None:
    launch = start((trials[0],), (trials[1],))
    launch.ask("a")
    launch.stopped = True
    assert launch.ask("b") == Searcher.FINISHED
    launch.end("a", trials[0], status="STOPPED")
    assert launch.outcomes == [(trials[0].key, "STOPPED")]


def test_an_outcome_is_told_once_however_often_it_is_said(start: Start, trials: list[Trial]) -> None:
    launch = start((trials[0], trials[1]))
    launch.ask("a")
    launch.searcher.on_trial_result("a", result(trials[0]))
    launch.searcher.on_trial_result("a", result(trials[0]))
    launch.end("a", trials[0], trials[1])
    assert launch.outcomes == [(trials[0].key, "FINISHED"), (trials[1].key, "FINISHED")]
    assert launch.searcher.over


def test_progress_is_passed_on(start: Start, trials: list[Trial]) -> None:
    launch = start((trials[0],))
    launch.ask("a")
    launch.searcher.on_trial_result("a", result(now='{"keys": ["k"], "share": 0.5}'))
    assert launch.said == [Message("progress", {"keys": ["k"], "share": 0.5})]


def test_what_a_dead_worker_left_goes_to_the_next(start: Start, trials: list[Trial]) -> None:
    launch = start((trials[0], trials[1]), (trials[2],))
    launch.ask("a")
    launch.searcher.on_trial_result("a", result(trials[0]))
    launch.searcher.on_trial_complete("a", None, error=True)
    assert launch.ask("b") == [trials[1].key]
    assert launch.ask("c") == [trials[2].key]
    assert launch.outcomes == [(trials[0].key, "FINISHED")]


def test_a_pack_that_kills_its_workers_is_given_up_with_a_reason(start: Start, trials: list[Trial]) -> None:
    launch = start((trials[0],), (trials[1],))
    for attempt in range(ATTEMPTS):
        assert launch.buried == []
        assert launch.ask(f"a{attempt}") == [trials[0].key]
        launch.searcher.on_trial_complete(f"a{attempt}", None, error=True)
    reason = "its worker died 3 times, last in the middle of this trial"
    assert launch.buried == [(trials[0].key, reason)]
    assert launch.outcomes == [(trials[0].key, "FAILED")]
    assert launch.said[-1].description["reason"] == reason
    assert launch.ask("b") == [trials[1].key]
    launch.end("b", trials[1])
    assert launch.searcher.over


def test_a_pack_whose_worker_ended_without_a_word_is_handed_out_again(start: Start, trials: list[Trial]) -> None:
    launch = start((trials[0],))
    launch.ask("a")
    launch.searcher.on_trial_complete("a", None)
    assert launch.ask("b") == [trials[0].key]


def test_proposals_come_after_the_plan_and_are_announced(
    start: Start, trials: list[Trial], search_study: Callable[..., Study], tmp_path: Path
) -> None:
    study = search_study("search.trials=2")
    launch = start((trials[0],), proposals=Proposals(study, tmp_path / "search.log", {}))
    assert launch.ask("a") == [trials[0].key]
    handed = [launch.ask(name)[0] for name in "bc"]
    proposed = announced(launch)
    assert [trial.key for trial in proposed] == handed
    launch.end("b", proposed[0], value=0.25)
    launch.end("c", proposed[1], value=0.75)
    launch.end("a", trials[0])
    assert not launch.searcher.over
    more = [launch.ask(name)[0] for name in "de"]
    assert launch.ask("f") is None
    second = announced(launch)[2:]
    assert [trial.key for trial in second] == more
    launch.end("d", second[0], status="FAILED")
    launch.end("e", second[1])
    assert launch.searcher.over
    assert launch.ask("f") == Searcher.FINISHED
    told_optuna = [(frozen.state, frozen.value) for frozen in open_memory(study, tmp_path / "search.log").trials]
    assert told_optuna == [(TrialState.COMPLETE, 0.5), (TrialState.FAIL, None)]


def announced(launch: Launch) -> list[Trial]:
    """All trials of which the searcher said that they were proposed."""
    told = (message.description["jobs"] for message in launch.said if message.kind == "proposed")
    return [Trial.from_json(trial) for trials in told for trial in trials]


def test_a_stopped_trial_tells_optuna_nothing(start: Start, search_study: Callable[..., Study], tmp_path: Path) -> None:
    study = search_study("search.trials=1")
    launch = start(proposals=Proposals(study, tmp_path / "search.log", {}))
    keys = [launch.ask(name)[0] for name in "ab"]
    trials = announced(launch)
    assert [trial.key for trial in trials] == keys
    launch.stopped = True
    launch.end("a", trials[0], value=0.25)
    launch.end("b", trials[1], status="STOPPED")
    (frozen,) = open_memory(study, tmp_path / "search.log").trials
    assert frozen.state == TrialState.RUNNING
    assert Proposals(study, tmp_path / "search.log", {trials[0].key: 0.25}).next() == (trials[1],)


def test_a_round_is_starved_when_a_lost_worker_is_not_replaced(start: Start, trials: list[Trial]) -> None:
    launch = start(*((trial,) for trial in trials))
    launch.ask("a")
    launch.ask("b")
    launch.searcher.on_trial_result("a", result(pid=1))
    launch.searcher.on_trial_result("b", result(pid=2))
    launch.time += 100
    assert not launch.searcher.starved(2)  # nobody died, however silent they are
    launch.searcher.on_trial_complete("b", None, error=True)
    launch.time += 19
    launch.searcher.on_trial_result("a", result(pid=1))
    assert not launch.searcher.starved(2)  # Ray may still bring a new one
    launch.time += 2
    assert launch.searcher.starved(2)
    launch.searcher.on_trial_result("c", result(pid=3))
    assert not launch.searcher.starved(2)  # it came
    launch.time += 11
    launch.searcher.on_trial_result("a", result(pid=1))
    assert launch.searcher.starved(2)  # and went


def test_a_round_is_not_starved_where_the_rest_needs_no_second_worker(start: Start, trials: list[Trial]) -> None:
    launch = start((trials[0],), (trials[1],))
    launch.ask("a")
    launch.ask("b")
    launch.searcher.on_trial_complete("b", None, error=True)
    launch.time += 21
    launch.searcher.on_trial_result("a", result(pid=1))
    assert not launch.searcher.starved(2)  # one pack waits, and one worker will take it
    launch.end("a", trials[0])
    launch.ask("c")
    assert not launch.searcher.starved(2)  # nothing waits


def test_a_new_round_takes_back_what_ran_but_for_what_ended_unheard(start: Start, trials: list[Trial]) -> None:
    launch = start((trials[0], trials[1]), (trials[2],), (trials[3],), (trials[4],))
    launch.ask("a")
    launch.ask("b")
    launch.ask("c")
    launch.searcher.on_trial_result("a", result(trials[0]))
    launch.searcher.on_trial_complete("c", None, error=True)
    launch.time += 21
    assert launch.searcher.starved(2)
    unheard = {"key": trials[2].key, "status": "FINISHED", "reason": "", "metrics": {"linear/accuracy": math.pi}}
    launch.searcher.new_round([unheard])
    assert not launch.searcher.starved(2)
    assert launch.outcomes == [(trials[0].key, "FINISHED"), (trials[2].key, "FINISHED")]
    assert [launch.ask(name) for name in "def"] == [[trials[1].key], [trials[3].key], [trials[4].key]]
    assert launch.ask("g") is None
