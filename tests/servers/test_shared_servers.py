"""MLflow with users on PostgreSQL and S3, behind TLS and below a path, as docker/compose.yaml starts them.

All are real, and started once for this file, which kills them as well.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import ablate
from ablate.driver.announcer import ignore
from ablate.driver.backends import Backends
from ablate.driver.launch import launch
from ablate.driver.launch_options import Options
from ablate.driver.progress import LaunchProgress, Listener
from ablate.driver.summary import Summary
from ablate.errors import ServiceAway, ServiceError
from ablate.events import Message, Stage, StageBegan, State
from ablate.launch_config import Outcome
from ablate.paths import Store
from ablate.search import storage
from ablate.search.background import BackgroundProposals
from ablate.search.journal import proposed_trials, stored_name
from ablate.search.proposals import Proposals, search_is_over
from ablate.study.model import Study
from ablate.study.read import read_study
from ablate.testing.executor import InProcessExecutor
from ablate.track import retry, uploader
from ablate.track.mlflow_store import MlflowStore
from ablate.track.server import Server, check_server

from ..driver.conftest import WorkingDirectory
from ..driver.in_process.launches import SEARCH, STUDY, at_the_first_epoch
from ..services.mlflow_server import PASSWORD, TOKEN, SharedServer, shared_server

pytestmark = [pytest.mark.cluster, pytest.mark.slow]
EPOCHS = 60  # long enough for the servers to be killed and started again


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedServer]:
    with shared_server(tmp_path_factory.mktemp("shared")) as server:
        yield server


@pytest.fixture
def server(started: SharedServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[SharedServer]:
    """The servers, with what a user's environment names but for the user."""
    for name, value in started.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PGPASSWORD", started.database.password)
    monkeypatch.setenv(storage.VARIABLE, started.compose.environment("head")[storage.VARIABLE])
    yield started
    storage.close_shared()


def refusal(uri: str) -> str:
    with pytest.raises(ServiceError) as raised:
        check_server(uri)
    assert raised.value.exit_code == 1  # not 75: waiting changes nothing
    assert PASSWORD not in str(raised.value)
    return str(raised.value)


def test_who_is_not_let_in_is_told_why(server: SharedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    check_server(server.uri_of("alice"))
    unknown = "does not accept the user and password, or the token"
    assert unknown in refusal(server.uri)
    assert unknown in refusal(server.uri_of("alice", "a wrong one"))
    assert unknown in refusal(server.uri_of("nobody"))
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "unknown")
    assert "a new MLFLOW_TRACKING_TOKEN" in refusal(server.by_token)
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", TOKEN)
    check_server(server.by_token)
    server.know_tokens()  # it has expired
    assert unknown in refusal(server.by_token)
    monkeypatch.delenv("MLFLOW_TRACKING_SERVER_CERT_PATH")
    monkeypatch.delenv("MLFLOW_TRACKING_TOKEN")
    assert "CERTIFICATE_VERIFY_FAILED" in refusal(server.uri_of("alice"))


def test_a_search_in_a_shared_database_outlives_it_and_sees_no_other_search(
    server: SharedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "AGAIN", 0.0)
    study, other = (searching(tmp_path, name) for name in ("radius", "radius-2"))
    journal, stop = tmp_path / "no-journal", tmp_path / "stop"
    assert proposed_trials(study, journal) == ()
    beside = BackgroundProposals(Proposals(other, journal, {}, stop.exists))
    search = BackgroundProposals(Proposals(study, journal, {}))
    first = search.next()
    server.database.kill()
    assert search.next(wait=False) == ()
    outcomes = {trial.key: Outcome(metrics={"linear/accuracy": 0.5}) for trial in first}
    for key, outcome in outcomes.items():
        search.record(key, outcome.metrics)
    with pytest.raises(ServiceAway, match=r"ABLATE_OPTUNA_STORAGE=postgresql.*: the database .* not answer") as away:
        proposed_trials(study, journal)
    assert away.value.exit_code == 75
    stop.touch()
    assert beside.next() == ()  # who stops a launch does not wait for the database
    server.database.start()
    while not search.over:
        for trial in search.next():
            outcomes[trial.key] = Outcome(metrics={"linear/accuracy": 0.25})
            search.record(trial.key, outcomes[trial.key].metrics)
    assert len(proposed_trials(study, journal)) == len(outcomes) == 6
    assert storage.names_of("radius", storage.open_storage(journal)) == [stored_name(study)]
    assert search_is_over(study, journal, outcomes)
    assert not search_is_over(study, journal, dict(list(outcomes.items())[1:]))
    stored = Proposals(study, journal, outcomes)
    assert stored.over
    assert sorted(one.value or 0 for one in stored.proposed) == [0.25, 0.25, 0.5]
    assert not journal.exists()
    storage.forget_shared("radius")
    assert proposed_trials(study, journal) == ()
    assert storage.names_of("radius-2", storage.open_storage(journal)) == [stored_name(other)]
    monkeypatch.setenv("PGPASSWORD", "a wrong one")
    storage.close_shared()
    with pytest.raises(ServiceError, match=r"the database of searches denies access: .*password") as raised:
        proposed_trials(study, journal)
    assert raised.value.exit_code == 1


def searching(folder: Path, name: str) -> Study:
    (folder / f"{name}.yaml").write_text(SEARCH)
    return read_study(folder / f"{name}.yaml")


class Person:
    """Someone who launches studies in this process, with a store and a user of their own."""

    def __init__(self, server: SharedServer, name: str, folder: Path) -> None:
        self.uri = server.uri_of(name)
        self.store = Store(folder / name)
        self.folder = folder / f"studies-of-{name}"
        self.folder.mkdir()
        self.started = 0  # launches that started an executor

    def launch(self, name: str, *overrides: str, listen: Listener = ignore) -> Summary:
        (self.folder / f"{name}.yaml").write_text(STUDY)
        study = read_study(self.folder / f"{name}.yaml", overrides=overrides)
        own = Server(self.uri, None, started_here=False)
        backends = Backends(self.executor, lambda _: own, lambda _: self.uri, MlflowStore)
        return launch(study, self.store, Options(), listen, backends=backends)

    def executor(self, *given: Any) -> InProcessExecutor:
        self.started += 1
        return InProcessExecutor(*given)

    def refused(self, name: str, *overrides: str) -> str:
        """Why a launch is refused, before anything is started for it."""
        before = self.started
        with pytest.raises(ServiceError) as raised:
            self.launch(name, *overrides)
        assert self.started == before
        return str(raised.value)


def test_people_launch_beside_each_other_and_need_a_right_for_the_studies_of_others(
    server: SharedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "DELAYS", (0.0,))
    alice, bob, carol = (Person(server, name, tmp_path) for name in ("alice", "bob", "carol"))
    seen: list[Any] = []

    def beside() -> None:
        seen.append(bob.launch("of-bob", "axes.method.epsilon=[0.9]").ran)
        seen.append(bob.refused("of-alice"))  # the same study at the same time

    ran = alice.launch("of-alice", "seeds=1", listen=at_the_first_epoch(beside))
    assert (ran.finished, ran.ran) == (2, 2)
    assert seen[0] == 2
    assert "'of-alice' is being launched by process " in seen[1]

    needs = "have its owner grant the permission MANAGE"
    assert needs in bob.refused("of-alice")
    assert len(MlflowStore(bob.uri).snapshot("of-alice").records) == 2  # which he may read
    experiment = MlflowStore(alice.uri).reader.get_experiment_by_name("of-alice")
    assert experiment is not None
    server.grant("bob", experiment.experiment_id, "EDIT")
    assert needs in bob.refused("of-alice")  # he might train, but not replace the means over seeds
    server.grant("bob", experiment.experiment_id, "MANAGE", instead=True)
    added = bob.launch("of-alice")  # two seeds
    assert (added.finished, added.ran) == (4, 2)
    server.grant("carol", experiment.experiment_id, "DENY")
    assert "MLflow does not allow this to your user" in carol.refused("of-alice")
    assert len(MlflowStore(alice.uri).snapshot("of-alice").records) == 4
    monkeypatch.setenv("MLFLOW_TRACKING_URI", alice.uri)
    (status,) = ablate.status("of-alice", store=alice.store.root)
    assert sum(status.counts.values()) == 4


@pytest.mark.parametrize(("status", "stage"), [(401, Stage.CLOSING), (403, Stage.UPLOADING)])
def test_a_launch_that_is_no_longer_let_in_while_it_closes_says_so_and_goes_on_later(
    server: SharedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int, stage: Stage
) -> None:
    monkeypatch.setattr(retry, "DELAYS", (0.0,))
    monkeypatch.setattr(uploader, "SHORT", 2.0)  # seconds for which records that are refused are sent again
    alice = Person(server, "alice", tmp_path)
    name = f"closed-{status}-{stage.name}".lower()
    if status == 401:
        server.know_tokens(TOKEN)
        monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", TOKEN)
        alice.uri = server.by_token

    def shut_out(_: LaunchProgress, message: Message) -> None:
        if message == StageBegan(stage):
            server.know_tokens() if status == 401 else server.grant("alice", experiment(), "READ", instead=True)

    def experiment() -> str:
        found = MlflowStore(alice.uri).reader.get_experiment_by_name(name)
        assert found is not None
        return str(found.experiment_id)

    with pytest.raises(ServiceError) as raised:
        alice.launch(name, "seeds=1", listen=shut_out)
    told = "does not accept the user and password" if status == 401 else "does not allow this to your user"
    assert told in str(raised.value)
    assert raised.value.exit_code == 1
    server.know_tokens(TOKEN)
    server.grant("alice", experiment(), "MANAGE", instead=True)
    again = alice.launch(name, "seeds=1")
    assert (again.finished, again.ran) == (2, 0)
    assert [run.state for run in MlflowStore(alice.uri).snapshot(name).study_runs] == [State.FINISHED]


def test_a_launch_outlives_the_database_and_the_server_and_writes_no_password(
    server: SharedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "alice")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", PASSWORD)
    directory = WorkingDirectory(tmp_path, server.uri)
    try:
        study = re.sub(r"epochs: 3\n", f"epochs: {EPOCHS}\n", SEARCH, count=1)
        directory.write("outlives", study.replace("seeds: 2", "seeds: 1"))
        command = directory.start("launch", "outlives", "--checkpoint-every", "0.5")
        assert command.makes_checkpoint(), command.text
        server.database.kill()
        assert command.makes_checkpoint(), command.text  # training goes on
        server.kill()
        assert command.makes_checkpoint(), command.text
        server.database.start()
        server.start()
        assert command.code == 0, command.text
    finally:
        directory.clear()
    assert "3 of 3 trials finished" in command.text
    assert directory.statuses("outlives") == ["FINISHED"] * (1 + 3 + 3)
    histories = directory.histories("outlives")
    assert len(histories) == 3
    for metrics in histories.values():
        assert [epoch for epoch, _ in metrics["train/loss"]] == list(range(1, EPOCHS + 1))
    assert any(name.endswith("/encoder.pt") for name in server.storage.files("mlflow"))
    assert len(proposed_trials(read_study(tmp_path / "studies" / "outlives.yaml"), tmp_path / "none")) == 3
    secrets = [PASSWORD, server.database.password, server.storage.secret_key]
    written = [file for file in tmp_path.rglob("*") if file.is_file() and not file.is_symlink()]
    assert written
    assert [file for file in written if any(secret.encode() in file.read_bytes() for secret in secrets)] == []
