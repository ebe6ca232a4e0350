"""Launches of one study from several stores that use one tracking store: one runs, and nobody closes its runs."""

import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import ablate
from ablate.driver import claiming
from ablate.driver.announcer import ignore
from ablate.driver.backends import Backends
from ablate.driver.launch import launch
from ablate.driver.launch_options import Options
from ablate.driver.progress import Listener
from ablate.driver.removal import find_study, settled_studies
from ablate.driver.saved_plan import PLAN_CODEC, SavedPlan
from ablate.driver.summary import Summary
from ablate.errors import ServiceError
from ablate.events import State
from ablate.paths import Store
from ablate.process import alive, identify
from ablate.study.model import Study
from ablate.study.read import read_study
from ablate.testing.backends import in_process_backends
from ablate.testing.executor import InProcessExecutor
from ablate.testing.memory import MemoryStore
from ablate.track.mlflow_store import MlflowStore
from ablate.track.server import Server
from ablate.track.store import Claim

from .conftest import PATIENCE, SMALL, WorkingDirectory
from .in_process.launches import STUDY, at_the_first_epoch

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Heartbeats and looks at them are so frequent that tests need not wait."""
    monkeypatch.setattr(claiming, "HEARTBEAT", 0.05)
    monkeypatch.setattr(claiming, "LOOK", 0.05)


@pytest.fixture
def study(tmp_path: Path) -> Study:
    (tmp_path / "claimed.yaml").write_text(STUDY)
    return read_study(tmp_path / "claimed.yaml", overrides=("seeds=1",))


@pytest.fixture
def stores(tmp_path: Path) -> tuple[Store, Store]:
    return Store(tmp_path / "first"), Store(tmp_path / "second")


def run(study: Study, store: Store, backends: Backends, listen: Listener = ignore) -> Summary:
    return launch(study, store, Options(), listen, backends=backends)


def test_a_second_launch_from_another_store_is_refused_with_the_name_of_the_first(
    study: Study, stores: tuple[Store, Store], tmp_path: Path
) -> None:
    backends = in_process_backends(MemoryStore())
    refusals: list[str] = []

    def launch_second() -> None:
        with pytest.raises(ServiceError) as raised:
            run(study, stores[1], backends)
        refusals.append(str(raised.value))

    assert run(study, stores[0], backends, at_the_first_epoch(launch_second)).ran == 2
    (refusal,) = refusals
    assert "'claimed' is being launched by process " in refusal
    assert str(stores[0].root) in refusal
    assert run(study, stores[1], backends).ran == 0  # the first is over


class SimultaneousClaims(MemoryStore):
    """A store in which nobody reads a claim before two launches have written theirs."""

    def __init__(self) -> None:
        super().__init__()
        self.written = threading.Barrier(2)
        self.first_writes = 2

    def write_claim(self, study: str, claim: Claim) -> None:
        super().write_claim(study, claim)
        if self.first_writes:
            self.first_writes -= 1
            self.written.wait(PATIENCE)


def test_of_two_launches_that_claim_a_study_at_the_same_moment_one_is_refused(
    study: Study, stores: tuple[Store, Store]
) -> None:
    tracking = SimultaneousClaims()
    tracking.open_study("claimed", "", "", tracking.snapshot("claimed"))
    ends: list[str] = []
    held, refused = threading.Event(), threading.Event()

    def claim(store: Store) -> None:
        paths = store.study("claimed")
        paths.folder.mkdir(parents=True)
        try:
            with claiming.claimed(tracking, "claimed", paths, lambda other: ends.append("taken over")):
                held.set()
                assert refused.wait(PATIENCE)
                ends.append("held")
        except ServiceError as error:
            ends.append(str(error))
            refused.set()

    threads = [threading.Thread(target=claim, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    refusal, kept = ends
    assert held.is_set()
    assert "'claimed' has been taken over by process " in refusal
    assert kept == "held"


def test_a_launch_whose_heartbeat_does_not_change_is_taken_over(
    study: Study, stores: tuple[Store, Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claiming, "STALE", 0.2)
    tracking = MemoryStore()
    tracking.open_study("claimed", "", "", tracking.snapshot("claimed"))
    tracking.write_claim("claimed", Claim("dead", "process 1 on a machine that is gone", "2099-01-01"))
    assert run(study, stores[1], in_process_backends(tracking)).ran == 2
    assert tracking.snapshot("claimed").study_state is State.FINISHED


def test_the_claim_of_a_launch_from_the_same_store_that_was_killed_is_taken_over_at_once(
    study: Study, stores: tuple[Store, Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claiming, "is_alive", lambda *_: pytest.fail("its heartbeat is watched"))
    tracking = MemoryStore()
    paths = stores[0].study("claimed")
    paths.folder.mkdir(parents=True)
    paths.claim.write_text("dead")
    tracking.open_study("claimed", "", "", tracking.snapshot("claimed"))
    tracking.write_claim("claimed", Claim("dead", "process 1 on here", "1"))
    assert run(study, stores[0], in_process_backends(tracking)).ran == 2


def test_a_launch_that_has_been_taken_over_closes_nothing(study: Study, stores: tuple[Store, Store]) -> None:
    tracking = MemoryStore()
    other = Claim("other", "process 2 on another machine", "1")
    take_over = at_the_first_epoch(lambda: tracking.write_claim("claimed", other))
    with pytest.raises(ServiceError, match="taken over by process 2 on another machine"):
        run(study, stores[0], in_process_backends(tracking), take_over)  # its own heartbeats find the other claim
    snapshot = tracking.snapshot("claimed")
    assert (snapshot.study_state, snapshot.claim) == (State.RUNNING, other)


def test_a_launch_that_has_been_taken_over_uploads_nothing_more(
    study: Study, stores: tuple[Store, Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    tracking, killed = MemoryStore(), threading.Event()

    def kill(executor: InProcessExecutor) -> None:
        executor.killed = True
        killed.set()

    def take_over() -> None:
        tracking.write_claim("claimed", Claim("other", "process 2 on another machine", "1"))
        assert killed.wait(PATIENCE)  # a heartbeat has found the other claim

    monkeypatch.setattr(InProcessExecutor, "kill", kill)
    with pytest.raises(ServiceError, match="taken over") as raised:
        run(study, stores[0], in_process_backends(tracking), at_the_first_epoch(take_over))
    assert "ablate sync" not in str(raised.value)
    assert not tracking.snapshot("claimed").trials


@pytest.mark.cluster
def test_the_workers_of_a_launch_that_has_been_taken_over_end_at_once(served_directory: WorkingDirectory) -> None:
    served_directory.write("taken", SMALL.replace("EPOCHS", "4000"))
    launching = served_directory.start("launch", "taken")
    assert launching.makes_checkpoint()
    workers = [identify(worker.pid) for worker in launching.descendants("ray::")]
    other = Claim("other", "process 2 on another machine", "1")
    served_directory.mlflow_store.write_claim("taken", other)
    assert launching.code == 1
    assert "'taken' has been taken over by process 2 on another machine" in launching.text
    assert workers
    assert not any(alive(worker) for worker in workers)
    snapshot = served_directory.mlflow_store.snapshot("taken")
    assert (snapshot.study_state, snapshot.claim) == (State.RUNNING, other)
    assert {record.state for record in snapshot.trials} == {State.RUNNING}


def test_without_a_launch_what_mlflow_has_as_running_counts_as_killed(
    study: Study, stores: tuple[Store, Store]
) -> None:
    tracking = MemoryStore()
    run(study, stores[0], in_process_backends(tracking))
    snapshot = tracking.snapshot("claimed")
    running = tuple(replace(record, state=State.RUNNING) for record in snapshot.trials)
    from ablate.driver.status import states_of

    assert set(states_of(replace(snapshot, trials=running), "").values()) == {State.KILLED}
    assert set(states_of(replace(snapshot, trials=running), "process 7").values()) == {State.RUNNING}


@pytest.fixture
def mlflow_backends(mlflow_uri: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Backends]:
    """An executor in this process, and records on a real MLflow server that the environment names."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_uri)
    server = Server(mlflow_uri, None, started_here=False)
    return Backends(InProcessExecutor, lambda _: server, lambda _: mlflow_uri, MlflowStore)


def require_neither_removed_nor_freed(store: Store, study: str) -> None:
    """`ablate rm` and `gc` from a store that launched the study before, and whose plan names none of its trials."""
    paths = store.study(study)
    paths.folder.mkdir(parents=True)
    paths.plan.write_text(PLAN_CODEC.encode(SavedPlan({}, 0)))
    with pytest.raises(ServiceError, match=rf"'{study}' is being launched by process .*end it there with ablate stop"):
        find_study(store, study)
    assert settled_studies(store, [study]) == []
    shutil.rmtree(paths.folder)


@pytest.mark.cluster
def test_while_a_launch_runs_other_stores_see_it_and_neither_launch_nor_sync_disturbs_it(
    study: Study, stores: tuple[Store, Store], mlflow_backends: Backends, mlflow_uri: str
) -> None:
    first, second = stores
    seen: list[object] = []

    def look_from_second() -> None:
        MlflowStore(mlflow_uri).upload(first.study(study.name))
        require_neither_removed_nor_freed(second, study.name)
        with pytest.raises(ServiceError, match="is being launched by process"):
            run(study, second, mlflow_backends)
        plan = ablate.plan(study, store=second.root)
        seen.append((plan.count(State.RUNNING), len(plan.left)))
        second.study(study.name).folder.mkdir(parents=True, exist_ok=True)
        for store in stores:
            (status,) = ablate.status(study.name, store=store.root)
            assert "process " in status.launched_by
            seen.append(status.counts[State.RUNNING])
            assert "is being launched by process" in ablate.sync(study.name, store=store.root)
        seen.append({record.state for record in MlflowStore(mlflow_uri).snapshot(study.name).trials})

    summary = run(study, first, mlflow_backends, at_the_first_epoch(look_from_second))
    assert (summary.finished, summary.ran) == (2, 2)
    assert len(seen) == 4
    (running, left), *counts, states = seen
    assert running == counts[0] == counts[1] >= 1
    assert running + left == 2
    assert states == {State.RUNNING}
    assert MlflowStore(mlflow_uri).snapshot(study.name).study_state is State.FINISHED
    (status,) = ablate.status(study.name, store=second.root)
    assert (status.launched_by, status.counts[State.FINISHED]) == ("", 2)
    assert settled_studies(second, [study.name]) == [study.name]
