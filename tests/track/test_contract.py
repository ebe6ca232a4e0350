"""Every tracking store keeps the contract of `ablate.testing.tracking`."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ablate.errors import ServiceError
from ablate.events import State
from ablate.paths import StudyPaths
from ablate.testing.memory import MemoryStore
from ablate.testing.tracking import TrackingContract
from ablate.track.mlflow_store import MlflowStore
from ablate.track.store import TrackingStore
from ablate.trial import Trial


class TestMemoryStore(TrackingContract):
    """In memory."""

    @pytest.fixture
    def tracking(self) -> TrackingStore:
        return MemoryStore()

    def test_a_store_that_is_away_keeps_the_spools(
        self, paths: StudyPaths, make_trial: Callable[..., Trial], tmp_path: Path
    ) -> None:
        store, trial = MemoryStore(), make_trial()
        self.record(paths, trial, State.FINISHED, {"train/loss": 0.5})
        store.away = True
        assert store.upload(paths) == {trial.key}
        with pytest.raises(ServiceError):
            store.snapshot(trial.study)
        store.away = False
        assert store.upload(paths) == set()
        assert store.snapshot(trial.study).records[trial.key].state is State.FINISHED


@pytest.mark.cluster
class TestMlflowStore(TrackingContract):
    """On an MLflow server."""

    @pytest.fixture
    def tracking(self, mlflow_uri: str) -> TrackingStore:
        return MlflowStore(mlflow_uri)
