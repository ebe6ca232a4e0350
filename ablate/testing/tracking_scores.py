"""What tracking stores promise of scores: those of each probe, replaced where it has changed, and its failures."""

from ablate.events import ProbeFailure, State
from ablate.launch_config import RunRef
from ablate.paths import StudyPaths
from ablate.testing.tracking_fixtures import TrackingFixtures, make_trial
from ablate.track.spool import SpoolTracker
from ablate.track.store import TrackingStore


class RecordedScores(TrackingFixtures):
    """Scores of probes, and their failures."""

    def test_a_finished_trial_stays_finished_while_it_is_scored_again(
        self, tracking: TrackingStore, paths: StudyPaths, study: str
    ) -> None:
        trial = make_trial(study)
        before = self.uploaded(tracking, paths, trial, State.FINISHED)
        ref = RunRef(run_id=before.run_id, probes={"linear": "d2"})
        values = {"train/loss": 9.0, "linear/acc@1": 0.8}
        self.record(paths, trial, State.RUNNING, values, ref)
        assert tracking.upload(paths) == set()
        assert tracking.snapshot(study).records[trial.key].state is State.FINISHED
        self.record(paths, trial, State.FINISHED, values, ref)
        assert tracking.upload(paths) == set()
        record = tracking.snapshot(study).records[trial.key]
        assert record.probes == {"linear": "d2"}
        assert record.metrics == {"train/loss": 0.5, "linear/acc@1": 0.8}

    def test_a_probe_that_failed_is_recorded_until_it_scores_the_trial(
        self, tracking: TrackingStore, paths: StudyPaths, study: str
    ) -> None:
        trial = make_trial(study)
        ref = RunRef(probes={"linear": "d1", "fid": "d2"})
        with SpoolTracker(paths, {}, {trial.key: ref}) as tracker:
            tracker.start(trial)
            tracker.record(trial, 2, {"linear/accuracy": 0.5}, "linear", "d1")
            tracker.finish(trial, State.FINISHED, "", {"fid": "no weights"})
        assert tracking.upload(paths) == set()
        record = tracking.snapshot(study).records[trial.key]
        assert (record.state, record.probes, record.reason) == (State.FINISHED, {"linear": "d1"}, "")
        assert record.failed_probes == {"fid": ProbeFailure("d2", "no weights")}
        assert record.unscored == {"fid": "no weights"}
        with SpoolTracker(paths, {}, {trial.key: RunRef(run_id=record.run_id, probes={"fid": "d2"})}) as tracker:
            tracker.start(trial)
            tracker.record(trial, 2, {"fid/fid": 9.0}, "fid", "d2")
            tracker.finish(trial, State.FINISHED)
        assert tracking.upload(paths) == set()
        record = tracking.snapshot(study).records[trial.key]
        assert (record.probes, record.failed_probes) == ({"linear": "d1", "fid": "d2"}, {})
        assert record.metrics == {"linear/accuracy": 0.5, "fid/fid": 9.0}

    def test_a_finished_trial_whose_scoring_fails_keeps_its_scores_and_names_the_probes(
        self, tracking: TrackingStore, paths: StudyPaths, study: str
    ) -> None:
        trial = make_trial(study)
        before = self.uploaded(tracking, paths, trial, State.FINISHED)
        self.record(paths, trial, State.FAILED, {}, RunRef(run_id=before.run_id, probes={"knn": "d3"}))
        assert tracking.upload(paths) == set()
        record = tracking.snapshot(study).records[trial.key]
        assert (record.state, record.metrics, record.probes) == (State.FINISHED, before.metrics, {"linear": "d1"})
        assert record.failed_probes == {"knn": ProbeFailure("d3", "a reason")}

    def test_scores_that_a_probe_gave_before_a_crash_are_replaced_where_its_settings_have_changed(
        self, tracking: TrackingStore, paths: StudyPaths, study: str
    ) -> None:
        trial = make_trial(study)
        for digest, value in (("d1", 0.5), ("d2", 0.7)):
            with SpoolTracker(paths, {}, {trial.key: RunRef(probes={"linear": digest})}) as tracker:
                tracker.start(trial)
                tracker.record(trial, 2, {"linear/accuracy": value}, "linear", digest)
            assert tracking.upload(paths) == set()
        record = tracking.snapshot(study).records[trial.key]
        assert (record.metrics, record.probes) == ({"linear/accuracy": 0.7}, {"linear": "d2"})
