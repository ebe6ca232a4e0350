"""What tracking stores promise of recorded trials: read back as recorded, and found by key."""

from pathlib import Path

import pytest

from ablate.events import State
from ablate.launch_config import RunRef
from ablate.paths import StudyPaths
from ablate.testing.tracking_fixtures import ENDED, TrackingFixtures, make_trial
from ablate.track.spool import SpoolTracker
from ablate.track.store import TrackingStore


class RecordedTrials(TrackingFixtures):
    """Trials that are uploaded, read back and found."""

    def test_a_trial_is_read_back_as_it_was_recorded(
        self, tracking: TrackingStore, paths: StudyPaths, study: str
    ) -> None:
        trial = make_trial(study, seed=3)
        parents = tracking.open_variants([trial], tracking.snapshot(study))
        ref = RunRef(parent=parents[trial.variant], probes={"linear": "d1"})
        self.record(paths, trial, State.FINISHED, {"train/loss": 0.5, "linear/acc@1": 0.9}, ref)
        assert tracking.upload(paths) == set()
        record = tracking.snapshot(study).records[trial.key]
        assert (record.key, record.variant, record.seed, record.trial) == (trial.key, trial.variant, 3, trial)
        assert (record.state, record.reason, record.probes) == (State.FINISHED, "", {"linear": "d1"})
        assert record.metrics == {"train/loss": 0.5, "linear/acc@1": 0.9}
        assert record.levels == {"method.epsilon": 1.0}
        assert record.params["method.epsilon"] == "1.0"
        assert record.parent == parents[trial.variant]
        assert record.ended is not None
        assert record.ended >= record.started

    @pytest.mark.parametrize("state", ENDED)
    def test_every_state_is_read_back(
        self, tracking: TrackingStore, paths: StudyPaths, study: str, state: State
    ) -> None:
        record = self.uploaded(tracking, paths, make_trial(study), state)
        assert record.state is state
        assert record.reason == ("" if state is State.FINISHED else "a reason")
        assert record.probes == ({"linear": "d1"} if state is State.FINISHED else {})

    @pytest.mark.parametrize("state", [State.RUNNING, *ENDED])
    def test_the_folder_of_a_trial_is_removed_when_no_launch_continues_it(
        self, tracking: TrackingStore, paths: StudyPaths, study: str, state: State
    ) -> None:
        trial = make_trial(study)
        self.uploaded(tracking, paths, trial, state)
        assert paths.trial(trial.key).folder.exists() == (state not in (State.FINISHED, State.PRUNED))

    def test_a_failed_trial_that_is_started_again_runs_without_a_reason(
        self, tracking: TrackingStore, paths: StudyPaths, study: str
    ) -> None:
        trial = make_trial(study)
        failed = self.uploaded(tracking, paths, trial, State.FAILED)
        with SpoolTracker(paths) as tracker:
            tracker.start(trial)
        assert tracking.upload(paths) == set()
        record = tracking.snapshot(study).records[trial.key]
        assert (record.run_id, record.state, record.reason) == (failed.run_id, State.RUNNING, "")

    def test_a_finished_trial_is_found_in_any_study(
        self, tracking: TrackingStore, paths: StudyPaths, study: str
    ) -> None:
        finished, failed = make_trial(study, 0), make_trial(study, 1)
        record = self.uploaded(tracking, paths, finished, State.FINISHED)
        self.uploaded(tracking, paths, failed, State.FAILED)
        assert tracking.find_finished([finished.key, failed.key, "none"]) == {finished.key: record}
        assert tracking.find_finished([]) == {}

    def test_curves_have_all_epochs_in_order(self, tracking: TrackingStore, paths: StudyPaths, study: str) -> None:
        trial = make_trial(study)
        with SpoolTracker(paths) as tracker:
            tracker.start(trial)
            for epoch in (1, 2, 3):
                tracker.record(trial, epoch, {"train/acc@1": epoch / 4})
        assert tracking.upload(paths) == set()
        run_id = tracking.snapshot(study).records[trial.key].run_id
        assert tracking.curves(run_id, ["train/acc@1", "train/other"]) == {
            "train/acc@1": [(1, 0.25), (2, 0.5), (3, 0.75)],
            "train/other": [],
        }

    def test_an_artifact_is_fetched_and_an_unknown_one_is_none(
        self, tracking: TrackingStore, paths: StudyPaths, study: str, tmp_path: Path
    ) -> None:
        record = self.uploaded(tracking, paths, make_trial(study), State.FINISHED)
        path = tracking.fetch(record.run_id, "log.txt", tmp_path / "fetched")
        assert path == tmp_path / "fetched" / "log.txt"
        assert path.read_text(encoding="utf-8") == "epoch 2\n"
        assert tracking.fetch(record.run_id, "encoder.pt", tmp_path / "fetched") is None
