"""What tracking stores promise of uploads: every record once, also from spools that were cut or are in use."""

import shutil

from ablate.events import State
from ablate.paths import StudyPaths
from ablate.testing.tracking_fixtures import TrackingFixtures, make_trial
from ablate.track.spool import SpoolTracker
from ablate.track.store import TrackingStore
from ablate.track.trial_lock import lock_trial


class InterruptedUploads(TrackingFixtures):
    """Uploads of spools that were copied or cut, or that another process works on."""

    def test_a_trial_with_the_sent_file_of_another_one_has_a_run_of_its_own(
        self, tracking: TrackingStore, paths: StudyPaths, study: str
    ) -> None:
        first, second = make_trial(study, 0), make_trial(study, 1)
        for trial in (first, second):
            self.record(paths, trial, State.RUNNING, {"train/loss": 0.5})
        assert tracking.upload(paths) == set()
        shutil.copy(paths.trial(first.key).sent, paths.trial(second.key).sent)
        for trial in (first, second):
            self.record(paths, trial, State.FAILED, {"train/accuracy": trial.config.seed / 2})
        assert tracking.upload(paths) == set()
        records = tracking.snapshot(study).records
        assert {key: record.metrics["train/accuracy"] for key, record in records.items()} == {
            first.key: 0.0,
            second.key: 0.5,
        }
        assert len(tracking.snapshot(study).trials) == 2

    def test_a_spool_that_was_cut_behind_what_was_sent_is_compared_with_the_run(
        self, tracking: TrackingStore, paths: StudyPaths, study: str
    ) -> None:
        trial = make_trial(study)
        files = paths.trial(trial.key)
        with SpoolTracker(paths) as tracker:
            tracker.start(trial)
            tracker.record(trial, 1, {"train/loss": 1.0})
            kept = files.spool.read_bytes()
            tracker.record(trial, 2, {"train/loss": 2.0})
        assert tracking.upload(paths) == set()
        files.spool.write_bytes(kept)
        with SpoolTracker(paths) as tracker:
            tracker.start(trial)
            for epoch in (2, 3):
                tracker.record(trial, epoch, {"train/loss": float(epoch)})
        assert tracking.upload(paths) == set()
        run_id = tracking.snapshot(study).records[trial.key].run_id
        assert tracking.curves(run_id, ["train/loss"]) == {"train/loss": [(1, 1.0), (2, 2.0), (3, 3.0)]}

    def test_trials_that_another_process_works_on_are_not_uploaded(
        self, tracking: TrackingStore, paths: StudyPaths, study: str
    ) -> None:
        trial = make_trial(study)
        self.record(paths, trial, State.FINISHED, {"train/loss": 0.5})
        with lock_trial(paths.trial(trial.key)):
            assert tracking.upload(paths) == set()
        assert tracking.snapshot(study).trials == ()
