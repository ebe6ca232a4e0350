"""The embedded MLflow server, shared by the processes of a store, and servers that the environment names."""

import os
import signal
import socket
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil
import pytest

from ablate.errors import ServiceError, StudyError
from ablate.paths import Store
from ablate.process import alive
from ablate.track import server_start
from ablate.track.client import connect, reach_directly, redact
from ablate.track.server import ensure_server
from ablate.track.server_end import leave, members
from ablate.track.server_info import ServerInfo
from ablate.track.server_process import is_half_made

pytestmark = pytest.mark.cluster


def info_of(store: Store) -> ServerInfo:
    info = ServerInfo.load(store.mlflow / "server.json")
    assert info is not None
    return info


def listening(mark: str) -> set[str]:
    """The addresses at which the processes of a server listen."""
    found = [one for pid, _ in members(mark) for one in psutil.Process(pid).net_connections("inet")]
    return {one.laddr.ip for one in found if one.status == psutil.CONN_LISTEN}


@pytest.mark.slow
def test_a_server_is_shared_and_its_last_user_ends_it(
    store: Store, in_child: Callable[..., int], eventually: Callable[[Callable[[], bool]], None]
) -> None:
    def use() -> None:
        ensure_server(store)
        time.sleep(60)  # it is killed before

    first = ensure_server(store)
    assert first.started_here
    assert listening(info_of(store).mark) == {"127.0.0.1"}
    mark = info_of(store).mark
    child = in_child(use)
    eventually(lambda: len(info_of(store).users) == 2)
    second = ensure_server(store)
    assert (second.uri, second.process, second.started_here) == (first.uri, first.process, False)
    first.stop()
    assert alive(info_of(store).process)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    adopted = ensure_server(store)
    assert adopted.process == first.process
    adopted.stop()
    assert members(mark) == []
    assert not (store.mlflow / "server.json").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    "begun", ["CREATE TABLE experiments (experiment_id INTEGER)", "CREATE TABLE _alembic_tmp_jobs (id)"]
)
def test_a_database_of_which_a_killed_server_has_made_a_part_is_made_anew(store: Store, begun: str) -> None:
    store.mlflow.mkdir(parents=True)
    with closing(sqlite3.connect(store.database)) as database:
        database.execute(begun)
    server = ensure_server(store)
    with closing(sqlite3.connect(store.database)) as database:
        assert database.execute("SELECT name FROM experiments").fetchall() == [("Default",)]
    server.stop()


@pytest.mark.slow
def test_a_server_waits_for_the_database_that_the_server_of_a_killed_launch_makes(store: Store) -> None:
    store.mlflow.mkdir(parents=True)
    started = [server_start.start_process(store, server_start.free(0)) for _ in range(3)]
    logged = store.mlflow / "server.log"
    try:
        for info in started:
            server_start.await_answer(info, logged, 0)
        with closing(sqlite3.connect(store.database)) as database:
            assert database.execute("SELECT name FROM experiments").fetchall() == [("Default",)]
    finally:
        for info in started:
            leave(info, store.server)


def test_a_database_with_an_experiment_is_not_made_anew(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as database:
        database.execute("CREATE TABLE experiments (name TEXT)")
        database.execute("INSERT INTO experiments VALUES ('epsilon')")
        database.commit()
    (tmp_path / "damaged.db").write_bytes(b"no database" * 100)
    assert [is_half_made(tmp_path / name) for name in ("mlflow.db", "damaged.db")] == [False, False]


class Other(BaseHTTPRequestHandler):
    """Answers every request, as another store's MLflow does that is asked whether it is healthy."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


@pytest.mark.slow
def test_a_server_whose_port_was_taken_while_it_started_is_started_on_another(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Other) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        taken, free = other.server_address[1], server_start.free
        chosen = iter([taken])  # then as usual
        monkeypatch.setattr(server_start, "free", lambda port, patience=0.0: next(chosen, None) or free(port))
        server = ensure_server(store)
        other.shutdown()
    assert info_of(store).port != taken
    assert (store.mlflow / "port").read_text() == str(info_of(store).port)
    assert connect(server.uri).list_experiments()
    server.stop()


@pytest.mark.slow
def test_a_server_is_one_process_and_restarted_at_its_address_with_its_data_where_it_is_killed(
    store: Store, eventually: Callable[[Callable[[], bool]], None]
) -> None:
    first = ensure_server(store)
    run = connect(first.uri).create_run("0").info.run_id
    old = info_of(store)
    assert members(old.mark) == [old.process]  # a second process would import MLflow again
    os.kill(old.pid, signal.SIGKILL)
    eventually(lambda: not alive(old.process))
    second = ensure_server(store)
    assert (second.uri, second.started_here) == (first.uri, True)
    assert second.process != first.process
    assert members(old.mark) == []
    assert connect(second.uri).get_run(run).info.run_id == run
    mark = info_of(store).mark
    first.stop()  # this process uses the second one instead
    assert members(mark) == []


@pytest.mark.slow
def test_an_old_mlruns_folder_and_other_mlflow_settings_are_ignored(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mlruns" / "0").mkdir(parents=True)
    (tmp_path / "mlruns" / "0" / "meta.yaml").write_text("experiment_id: '0'\nname: Default\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_BACKEND_STORE_URI", "postgresql://nowhere/mlflow")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    server = ensure_server(store)
    run = connect(server.uri).create_run("0").info.run_id
    assert connect(server.uri).get_run(run).info.run_id == run
    assert [entry.name for entry in (tmp_path / "mlruns").iterdir()] == ["0"]


def test_the_server_that_the_environment_names_is_used(
    mlflow_uri: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_uri)
    server = ensure_server(store)
    assert (server.uri, server.process, server.started_here) == (mlflow_uri, None, False)
    server.stop()
    assert connect(mlflow_uri).list_experiments()


@pytest.mark.parametrize("uri", ["http://me:secret@127.0.0.1:9", "sqlite:///mlflow.db", "mlruns"])
def test_an_address_without_a_server_is_an_error_that_names_the_variable(
    uri: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with pytest.raises((ServiceError, StudyError), match=r"^MLFLOW_TRACKING_URI=.*; start") as raised:
        ensure_server(store)
    assert "secret" not in str(raised.value)


def test_a_server_on_another_machine_is_refused_with_its_name(store: Store) -> None:
    store.mlflow.mkdir(parents=True)
    ServerInfo("elsewhere", 5000, 1, 0.0, "", ()).save(store.mlflow / "server.json")
    with pytest.raises(ServiceError, match="'elsewhere'"):
        ensure_server(store)
    (store.mlflow / "server.json").unlink()


def test_passwords_are_removed_from_addresses() -> None:
    assert redact("at https://me:secret@lab.example/x") == "at https://***@lab.example/x"


def test_this_machine_is_excluded_from_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "lab.example")
    reach_directly(f"http://{socket.gethostname()}.example:5000")
    assert os.environ["no_proxy"] == "lab.example"
    reach_directly("http://127.0.0.1:5000")
    assert os.environ["no_proxy"] == "lab.example,127.0.0.1,localhost,::1"
