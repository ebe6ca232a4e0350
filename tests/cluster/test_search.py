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

from ablate.cluster.messages import Message, Orders
from ablate.cluster.proposals import Proposals, open_memory
from ablate.cluster.search import ATTEMPTS, PackSearcher
from ablate.run import probe_digests
from ablate.spec.study import Resources, Study
from ablate.spec.trial import Job
from ablate.track.spool import Link

Pack = tuple[Job, ...]


class Launch:
    """A searcher, what it said, whom it buried, and a clock."""

    def __init__(self, packs: tuple[Pack, ...], proposals: Proposals | None = None) -> None:
        self.said: list[Message] = []
        self.buried: list[tuple[str, str]] = []
        self.stopped = False
        self.time = 1000.0
        links = {pack[0].key: Link("parent", "run") for pack in packs[:1]}
        orders = Orders("store", "http://127.0.0.1:1", "study.yaml", packs, links, {}, 5.0)
        self.searcher = PackSearcher(
            orders,
            Resources(cpu=2),
            proposals,
            self.said.append,
            lambda: self.stopped,
            lambda job, reason: self.buried.append((job.key, reason)),
        )

    @property
    def outcomes(self) -> list[tuple[str, str]]:
        return [(told.says["key"], told.says["status"]) for told in self.said if told.kind == "outcome"]

    def ask(self, trial_id: str) -> Any:
        """Keys of the pack that a worker gets, or what else the searcher answers."""
        config = self.searcher.suggest(trial_id)
        return [Job.from_json(job).key for job in config["pack"]] if isinstance(config, dict) else config

    def end(self, trial_id: str, *jobs: Job, status: str = "FINISHED", value: float = 0.5, pid: int = 1) -> None:
        """A worker's last word on a pack."""
        self.searcher.on_trial_complete(trial_id, result(*jobs, status=status, value=value, pid=pid))


def result(*jobs: Job, status: str = "FINISHED", value: float = 0.5, pid: int = 1, now: str = "") -> dict[str, Any]:
    metrics = {"linear/accuracy": value} if status == "FINISHED" else None
    said = [{"key": job.key, "status": status, "reason": "", "metrics": metrics} for job in jobs]
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
def jobs(make_job: Callable[..., Job]) -> list[Job]:
    return [make_job(seed) for seed in range(6)]


def test_packs_are_handed_out_in_order_with_all_a_worker_needs(start: Start, jobs: list[Job]) -> None:
    launch = start((jobs[0], jobs[1]), (jobs[2],))
    assert launch.searcher.suggest("a") == {
        "pack": [jobs[0].to_json(), jobs[1].to_json()],
        "links": {
            jobs[0].key: {"parent": "parent", "run_id": "run", "known": True, "probes": {}},
            jobs[1].key: {"parent": "", "run_id": "", "known": True, "probes": probe_digests(jobs[1])},
        },
        "study": "radius",
        "store": "store",
        "uri": "http://127.0.0.1:1",
        "gpu": 0.0,
        "threads": 2.0,
        "checkpoint_every": 5.0,
        "firsts": [],
    }
    assert launch.ask("b") == [jobs[2].key]


def test_a_trial_waits_for_the_one_that_it_starts_from(start: Start, make_job: Callable[..., Job]) -> None:
    first, other = make_job(0), make_job(1)
    second = replace(other, trial=replace(other.trial, first=first.trial))
    last = make_job(2)
    launch = start((second,), (first,), (last,))
    assert launch.searcher.suggest("a")["firsts"] == [first.key]  # its encoder is to be kept
    assert [launch.ask(worker) for worker in "bc"] == [[last.key], None]
    launch.end("a", first)
    assert launch.ask("c") == [second.key]


def test_nothing_comes_now_while_packs_run_and_nothing_at_all_once_they_ended(start: Start, jobs: list[Job]) -> None:
    launch = start((jobs[0],))
    assert launch.ask("a") == [jobs[0].key]
    assert launch.ask("b") is None
    assert not launch.searcher.over
    launch.end("a", jobs[0])
    assert launch.ask("b") == Searcher.FINISHED
    assert launch.searcher.over


def test_a_launch_that_is_stopped_hands_out_nothing(start: Start, jobs: list[Job]) -> None:
    launch = start((jobs[0],), (jobs[1],))
    launch.ask("a")
    launch.stopped = True
    assert launch.ask("b") == Searcher.FINISHED
    launch.end("a", jobs[0], status="STOPPED")
    assert launch.outcomes == [(jobs[0].key, "STOPPED")]


def test_an_outcome_is_told_once_however_often_it_is_said(start: Start, jobs: list[Job]) -> None:
    launch = start((jobs[0], jobs[1]))
    launch.ask("a")
    launch.searcher.on_trial_result("a", result(jobs[0]))
    launch.searcher.on_trial_result("a", result(jobs[0]))
    launch.end("a", jobs[0], jobs[1])
    assert launch.outcomes == [(jobs[0].key, "FINISHED"), (jobs[1].key, "FINISHED")]
    assert launch.searcher.over


def test_progress_is_passed_on(start: Start, jobs: list[Job]) -> None:
    launch = start((jobs[0],))
    launch.ask("a")
    launch.searcher.on_trial_result("a", result(now='{"keys": ["k"], "share": 0.5}'))
    assert launch.said == [Message("progress", {"keys": ["k"], "share": 0.5})]


def test_what_a_dead_worker_left_goes_to_the_next(start: Start, jobs: list[Job]) -> None:
    launch = start((jobs[0], jobs[1]), (jobs[2],))
    launch.ask("a")
    launch.searcher.on_trial_result("a", result(jobs[0]))
    launch.searcher.on_trial_complete("a", None, error=True)
    assert launch.ask("b") == [jobs[1].key]
    assert launch.ask("c") == [jobs[2].key]
    assert launch.outcomes == [(jobs[0].key, "FINISHED")]


def test_a_pack_that_kills_its_workers_is_given_up_with_a_reason(start: Start, jobs: list[Job]) -> None:
    launch = start((jobs[0],), (jobs[1],))
    for attempt in range(ATTEMPTS):
        assert launch.buried == []
        assert launch.ask(f"a{attempt}") == [jobs[0].key]
        launch.searcher.on_trial_complete(f"a{attempt}", None, error=True)
    reason = "its worker died 3 times, last in the middle of this trial"
    assert launch.buried == [(jobs[0].key, reason)]
    assert launch.outcomes == [(jobs[0].key, "FAILED")]
    assert launch.said[-1].says["reason"] == reason
    assert launch.ask("b") == [jobs[1].key]
    launch.end("b", jobs[1])
    assert launch.searcher.over


def test_a_pack_whose_worker_ended_without_a_word_is_handed_out_again(start: Start, jobs: list[Job]) -> None:
    launch = start((jobs[0],))
    launch.ask("a")
    launch.searcher.on_trial_complete("a", None)
    assert launch.ask("b") == [jobs[0].key]


def test_proposals_come_after_the_plan_and_are_announced(
    start: Start, jobs: list[Job], search_study: Callable[..., Study], tmp_path: Path
) -> None:
    study = search_study("search.trials=2")
    launch = start((jobs[0],), proposals=Proposals(study, tmp_path / "search.log", {}))
    assert launch.ask("a") == [jobs[0].key]
    handed = [launch.ask(name)[0] for name in "bc"]
    proposed = announced(launch)
    assert [job.key for job in proposed] == handed
    launch.end("b", proposed[0], value=0.25)
    launch.end("c", proposed[1], value=0.75)
    launch.end("a", jobs[0])
    assert not launch.searcher.over
    more = [launch.ask(name)[0] for name in "de"]
    assert launch.ask("f") is None
    second = announced(launch)[2:]
    assert [job.key for job in second] == more
    launch.end("d", second[0], status="FAILED")
    launch.end("e", second[1])
    assert launch.searcher.over
    assert launch.ask("f") == Searcher.FINISHED
    told_optuna = [(trial.state, trial.value) for trial in open_memory(study, tmp_path / "search.log").trials]
    assert told_optuna == [(TrialState.COMPLETE, 0.5), (TrialState.FAIL, None)]


def announced(launch: Launch) -> list[Job]:
    """All trials of which the searcher said that they were proposed."""
    told = (message.says["jobs"] for message in launch.said if message.kind == "proposed")
    return [Job.from_json(job) for jobs in told for job in jobs]


def test_a_stopped_trial_tells_optuna_nothing(start: Start, search_study: Callable[..., Study], tmp_path: Path) -> None:
    study = search_study("search.trials=1")
    launch = start(proposals=Proposals(study, tmp_path / "search.log", {}))
    keys = [launch.ask(name)[0] for name in "ab"]
    jobs = announced(launch)
    assert [job.key for job in jobs] == keys
    launch.stopped = True
    launch.end("a", jobs[0], value=0.25)
    launch.end("b", jobs[1], status="STOPPED")
    (trial,) = open_memory(study, tmp_path / "search.log").trials
    assert trial.state == TrialState.RUNNING
    assert Proposals(study, tmp_path / "search.log", {jobs[0].key: 0.25}).next() == (jobs[1],)


def test_a_round_is_starved_when_a_lost_worker_is_not_replaced(start: Start, jobs: list[Job]) -> None:
    launch = start(*((job,) for job in jobs))
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


def test_a_round_is_not_starved_where_the_rest_needs_no_second_worker(start: Start, jobs: list[Job]) -> None:
    launch = start((jobs[0],), (jobs[1],))
    launch.ask("a")
    launch.ask("b")
    launch.searcher.on_trial_complete("b", None, error=True)
    launch.time += 21
    launch.searcher.on_trial_result("a", result(pid=1))
    assert not launch.searcher.starved(2)  # one pack waits, and one worker will take it
    launch.end("a", jobs[0])
    launch.ask("c")
    assert not launch.searcher.starved(2)  # nothing waits


def test_a_new_round_takes_back_what_ran_but_for_what_ended_unheard(start: Start, jobs: list[Job]) -> None:
    launch = start((jobs[0], jobs[1]), (jobs[2],), (jobs[3],), (jobs[4],))
    launch.ask("a")
    launch.ask("b")
    launch.ask("c")
    launch.searcher.on_trial_result("a", result(jobs[0]))
    launch.searcher.on_trial_complete("c", None, error=True)
    launch.time += 21
    assert launch.searcher.starved(2)
    unheard = {"key": jobs[2].key, "status": "FINISHED", "reason": "", "metrics": {"linear/accuracy": math.pi}}
    launch.searcher.new_round([unheard])
    assert not launch.searcher.starved(2)
    assert launch.outcomes == [(jobs[0].key, "FINISHED"), (jobs[2].key, "FINISHED")]
    assert [launch.ask(name) for name in "def"] == [[jobs[1].key], [jobs[3].key], [jobs[4].key]]
    assert launch.ask("g") is None
