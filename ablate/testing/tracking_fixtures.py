"""Fixtures of the contract of tracking stores: a study, its paths, and trials that are recorded and uploaded."""

import uuid
from collections.abc import Mapping
from pathlib import Path

import pytest

from ablate.events import State
from ablate.launch_config import RunRef
from ablate.paths import StudyPaths
from ablate.record import TrialRecord
from ablate.track.spool import SpoolTracker
from ablate.track.store import TrackingStore
from ablate.trial import Config, Trial

ENDED = (State.FINISHED, State.FAILED, State.OUT_OF_MEMORY, State.PRUNED, State.STOPPED, State.KILLED)


def make_trial(study: str, seed: int = 0, epsilon: float = 1.0) -> Trial:
    """A trial whose key no other study has."""
    config = Config("invariant", "1", {"epsilon": epsilon, "study": study}, "digits", "1", {"epochs": 2}, seed)
    return Trial(config, {"linear": {"strength": 1.0}}, study, {"method.epsilon": epsilon})


class TrackingFixtures:
    """A study that the store does not hold, and trials recorded in it."""

    @pytest.fixture
    def tracking(self) -> TrackingStore:
        """The store."""
        raise NotImplementedError  # pytest cannot collect an abstract class

    @pytest.fixture
    def study(self) -> str:
        """The name of a study that the store does not hold."""
        return f"study-{uuid.uuid4().hex[:8]}"

    @pytest.fixture
    def paths(self, tmp_path: Path, study: str) -> StudyPaths:
        return StudyPaths(tmp_path / study)

    def record(
        self, paths: StudyPaths, trial: Trial, state: State, values: Mapping[str, float], ref: RunRef | None = None
    ) -> None:
        """Write a trial's spool: the values at epoch 2, a file, and the state, where it is not RUNNING."""
        with SpoolTracker(paths, {}, {trial.key: ref or RunRef(probes={"linear": "d1"})}) as tracker:
            tracker.start(trial)
            tracker.record(trial, 2, values)
            log = paths.trial(trial.key).log
            log.write_text("epoch 2\n", encoding="utf-8")
            tracker.attach(trial, log)
            if state is not State.RUNNING:
                tracker.finish(trial, state, "" if state is State.FINISHED else "a reason")

    def uploaded(
        self, tracking: TrackingStore, paths: StudyPaths, trial: Trial, state: State, loss: float = 0.5
    ) -> TrialRecord:
        """Write and upload a trial; its record."""
        self.record(paths, trial, state, {"train/loss": loss, "linear/acc@1": 0.9})
        assert tracking.upload(paths) == set()
        return tracking.snapshot(trial.study).records[trial.key]
