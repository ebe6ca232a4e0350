"""Removing a study, and freeing the encoders of trials that no study names, with a real MLflow."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ablate.driver.launch_lock import launching
from ablate.driver.removal import find_garbage, find_study, free_garbage, remove_study
from ablate.driver.saved_plan import PLAN_CODEC, SavedPlan
from ablate.errors import ServiceError, StudyError
from ablate.paths import Store
from ablate.track import tags
from ablate.track.client import connect, connect_reader
from ablate.track.experiments import find_experiment
from ablate.track.server import ensure_server
from ablate.track.ui import reading_address

pytestmark = pytest.mark.cluster


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """A store with two studies: `one` with trials a, b and c, of which its last plan names a and b, and `two`."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    store = Store(tmp_path / "a store? of %20#1")
    server = ensure_server(store)
    try:
        client = connect(server.uri)
        for study, keys, planned in (("one", "abc", "ab"), ("two", "d", "d")):
            experiment = client.create_experiment(study)
            for key in keys:
                run_tags = {tags.KIND: "trial", tags.STUDY: study, tags.KEY: key}
                run = client.create_run(experiment, tags=run_tags, run_name=f"trial {key}")
                (tmp_path / "encoder.pt").write_bytes(b"x" * 1000)
                client.log_artifact(run.info.run_id, str(tmp_path / "encoder.pt"))
            paths = store.study(study)
            paths.folder.mkdir(parents=True)
            paths.plan.write_text(PLAN_CODEC.encode(SavedPlan({key: f"trial {key}" for key in planned}, 0)))
        yield store
    finally:
        server.stop()


def encoders(store: Store) -> int:
    return len(list(store.mlflow.glob("artifacts/*/*/artifacts/encoder.pt")))


def test_removing_a_study_and_freeing_what_no_study_names(store: Store) -> None:
    gone = store.artifacts / "1" / "of-a-run-that-mlflow-has-no-more" / "artifacts" / "encoder.pt"
    gone.parent.mkdir(parents=True)
    gone.write_bytes(b"x")
    plan = store.study("one").plan.read_text()
    store.study("one").plan.write_text("{}")
    assert find_garbage(store).runs == ()  # a study without a plan keeps its encoders
    store.study("one").plan.write_text(plan)
    garbage = find_garbage(store)
    assert ([run.info.run_name for run in garbage.runs], garbage.encoder_bytes) == (["trial c"], 1000)
    free_garbage(store, garbage)
    assert (encoders(store), find_garbage(store).runs) == (4, ())

    with launching(store.study("one").lock, "one"), pytest.raises(ServiceError, match="'one' is being launched by"):
        find_study(store, "one")
    removal = find_study(store, "one")
    assert (len(removal.runs), removal.encoders, removal.encoder_bytes) == (3, 2, 2000)
    assert removal.folder_bytes > 0
    remove_study(store, removal)
    assert not store.study("one").folder.exists()
    assert encoders(store) == 2
    reader = connect_reader(reading_address(store))
    assert find_experiment(reader, "one") is None  # a later launch of this name makes a new one
    assert {reader.get_run(run.info.run_id).info.lifecycle_stage for run in removal.runs} == {"deleted"}
    experiment = find_experiment(reader, "two")
    assert experiment is not None
    connect(ensure_server(store).uri).delete_experiment(experiment.experiment_id)  # as a person does in the UI
    assert {run.info.run_name for run in find_garbage(store).runs} == {"trial d"}
    with pytest.raises(StudyError, match="no study 'one' was ever launched here"):
        find_study(store, "one")
