"""Reading runs by MLflow's REST interface, from its database, and by MLflow's own client gives the same."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest

from ablate.errors import ServiceError
from ablate.events import State
from ablate.paths import Store, StudyPaths
from ablate.track.artifacts import text
from ablate.track.client import connect, connect_reader
from ablate.track.client_interface import Reader
from ablate.track.entities import Metric
from ablate.track.mlflow_store import MlflowStore
from ablate.track.other_servers import PluginClient
from ablate.track.rest import RestError
from ablate.track.rest_client import RestClient
from ablate.track.spool import SpoolTracker
from ablate.track.ui import reading_address
from ablate.trial import Trial

LOSSES = [(1, 0.5), (2, math.inf), (3, -math.inf), (4, 0.0)]


@pytest.fixture
def trial(mlflow_uri: str, paths: StudyPaths, make_trial: Callable[..., Trial]) -> Trial:
    """A finished trial with values that JSON and SQL have no numbers for, and a log."""
    made = make_trial()
    with SpoolTracker(paths) as tracker:
        tracker.start(made)
        for epoch, loss in LOSSES:
            tracker.record(made, epoch, {"train/loss": loss})
        tracker.record(made, 4, {"linear/acc@1": math.nan})
        paths.trial(made.key).log.write_text("ende\u0301 ✓\n", encoding="utf-8")
        tracker.attach(made, paths.trial(made.key).log)
        tracker.finish(made, State.FINISHED)
    store = MlflowStore(mlflow_uri)
    store.open_study(made.study, "How far?", "seeds: 1\n", store.snapshot(made.study))
    store.open_variants([made], store.snapshot(made.study))
    assert store.upload(paths) == set()
    store.settle(made.study)
    return made


@pytest.mark.cluster
def test_the_database_and_the_server_hold_the_same_of_a_study(
    mlflow_uri: str, mlflow_server_store: Store, trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    address = reading_address(mlflow_server_store)
    assert address.startswith("sqlite:///")
    served, read = MlflowStore(mlflow_uri).snapshot(trial.study), MlflowStore(address).snapshot(trial.study)
    assert (read.study_runs, read.variants) == (served.study_runs, served.variants)
    (record,), (other,) = read.trials, served.trials
    assert math.isnan(record.metrics["linear/acc@1"])
    assert record.metrics["train/loss"] == other.metrics["train/loss"] == 0.0
    same = ("run_id", "key", "seed", "state", "levels", "params", "trial", "started", "ended", "parent")
    assert [getattr(record, name) for name in same] == [getattr(other, name) for name in same]
    for store in (MlflowStore(address), MlflowStore(mlflow_uri)):
        assert store.curves(record.run_id, ["train/loss"]) == {"train/loss": LOSSES}
        assert store.find_finished([trial.key])[trial.key].run_id == record.run_id
    assert text(mlflow_server_store, record.run_id, "log.txt") == "ende\u0301 ✓\n"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_uri)
    assert text(mlflow_server_store, record.run_id, "log.txt") == "ende\u0301 ✓\n"
    assert text(mlflow_server_store, record.run_id, "traceback.txt") == ""
    assert text(mlflow_server_store, "0" * 32, "log.txt") == ""


@pytest.mark.cluster
def test_mlflow_s_own_client_is_used_where_its_plugins_are_needed(
    mlflow_uri: str, trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(connect(mlflow_uri), RestClient)
    monkeypatch.setenv("MLFLOW_WORKSPACE", "default")
    assert isinstance(connect(mlflow_uri), PluginClient)
    own = MlflowStore(mlflow_uri)
    assert isinstance(own.client, PluginClient)
    monkeypatch.delenv("MLFLOW_WORKSPACE")
    assert str(own.snapshot(trial.study)) == str(MlflowStore(mlflow_uri).snapshot(trial.study))
    run_id = own.snapshot(trial.study).records[trial.key].run_id
    assert own.curves(run_id, ["train/loss"]) == {"train/loss": LOSSES}
    own.client.log_batch(run_id, [Metric("x", 1.0, 1, 1)], {"p": "1"}, {"t": "2"})
    assert own.client.get_run(run_id).data.tags["t"] == "2"


@pytest.mark.cluster
@pytest.mark.parametrize("most", [25_000, 7, 1])  # points in an answer: all, those of one run, none
def test_curves_of_many_runs_are_whole_however_many_points_an_answer_holds(
    mlflow_uri: str, study: str, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = connect(mlflow_uri)
    experiment = client.create_experiment(f"{study}-{most}")
    runs = [client.create_run(experiment).info.run_id for _ in range(3)]
    for place, run in enumerate(runs[:2]):
        client.log_batch(run, [Metric("loss", place + epoch / 8, epoch, epoch) for epoch in range(6)])
    monkeypatch.setattr("ablate.track.rest_client.BULK_POINTS", most)
    found = client.histories(runs, "loss")
    assert {run: sorted((point.step, point.value) for point in points) for run, points in found.items()} == {
        run: [(epoch, place + epoch / 8) for epoch in range(6)] for place, run in enumerate(runs[:2])
    }


@pytest.mark.cluster
def test_a_server_without_the_request_for_many_runs_is_asked_for_each(
    proxy: object, mlflow_uri: str, study: str
) -> None:
    client = connect(mlflow_uri)
    runs = [client.create_run(client.create_experiment(f"{study}-{n}")).info.run_id for n in range(2)]
    for run in runs:
        client.log_batch(run, [Metric("loss", 0.5, 1, 1)])
    proxy.mode = lambda request: "reject" if "bulk" in request else "pass"  # type: ignore[attr-defined]
    found = connect(proxy.uri).histories(runs, "loss")  # type: ignore[attr-defined]
    assert {run: [point.value for point in points] for run, points in found.items()} == {run: [0.5] for run in runs}


@pytest.mark.cluster
def test_more_values_than_a_request_holds_are_all_logged(mlflow_uri: str, study: str) -> None:
    client = connect(mlflow_uri)
    run = client.create_run(client.create_experiment(study)).info.run_id
    metrics = [Metric(f"m{number}", float(number), 1, 1) for number in range(1500)]
    many = {f"n{number}": str(number) for number in range(250)}
    client.log_batch(run, metrics, many, many)
    held = client.get_run(run).data
    assert held.metrics == {point.key: point.value for point in metrics}
    assert held.params == many
    assert many.items() <= held.tags.items()


@pytest.mark.cluster
def test_the_servers_refusal_is_told_in_its_own_words(mlflow_uri: str) -> None:
    with pytest.raises(RestError, match="RESOURCE_DOES_NOT_EXIST: Run with id=nothing not found") as raised:
        connect(mlflow_uri).get_run("nothing")
    assert raised.value.get_http_status_code() == 404


def test_a_file_that_is_no_database_is_told_by_its_name_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_bytes(b"no database" * 100)
    with pytest.raises(ServiceError, match=r"/mlflow\.db: this is not a database; restore it"):
        MlflowStore(f"sqlite:///{tmp_path / 'mlflow.db'}").snapshot("small")


def test_reading_a_database_creates_none(tmp_path: Path) -> None:
    reader: Reader = connect_reader(f"sqlite:///{tmp_path / 'mlflow.db'}")
    with pytest.raises(Exception, match="unable to open"):
        reader.get_experiment_by_name("small")
    assert list(tmp_path.iterdir()) == []
