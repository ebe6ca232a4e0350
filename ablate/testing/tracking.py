"""The contract of tracking stores, as tests."""

import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path

import pytest

from ablate.errors import ServiceError
from ablate.events import ProbeFailure, State
from ablate.launch_config import RunRef
from ablate.paths import StudyPaths
from ablate.record import TrialRecord
from ablate.track.spool import SpoolTracker
from ablate.track.store import Claim, TrackingStore
from ablate.track.trial_lock import lock_trial
from ablate.trial import Config, Trial

ENDED = (State.FINISHED, State.FAILED, State.OUT_OF_MEMORY, State.PRUNED, State.STOPPED, State.KILLED)


def make_trial(study: str, seed: int = 0, epsilon: float = 1.0) -> Trial:
    """A trial whose key no other study has."""
    config = Config("invariant", "1", {"epsilon": epsilon, "study": study}, "digits", "1", {"epochs": 2}, seed)
    return Trial(config, {"linear": {"strength": 1.0}}, study, {"method.epsilon": epsilon})


class TrackingContract:
    """What every tracking store promises.  A subclass for pytest overrides the fixture `tracking`."""

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

    def test_a_study_without_runs_has_an_empty_snapshot(self, tracking: TrackingStore, study: str) -> None:
        snapshot = tracking.snapshot(study)
        assert (snapshot.study, snapshot.variants, dict(snapshot.records)) == (study, (), {})
        assert snapshot.study_state is None

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

    def test_a_study_has_one_run_whose_state_is_that_of_the_last_launch(
        self, tracking: TrackingStore, study: str
    ) -> None:
        run_id = tracking.open_study(study, "How far?", "seeds: 1\n", tracking.snapshot(study))
        running = tracking.snapshot(study)
        assert running.study_state is State.RUNNING
        tracking.close_study(study, State.STOPPED, running)
        stopped = tracking.snapshot(study)
        assert stopped.study_state is State.STOPPED
        assert tracking.open_study(study, "How far now?", "seeds: 2\n", stopped) == run_id
        assert tracking.snapshot(study).study_state is State.RUNNING
        tracking.close_study(study, State.FINISHED)
        assert tracking.snapshot(study).study_state is State.FINISHED

    def test_a_claim_is_read_until_the_study_is_closed(self, tracking: TrackingStore, study: str) -> None:
        assert tracking.read_claim(study) is None
        tracking.open_study(study, "How far?", "seeds: 1\n", tracking.snapshot(study))
        assert tracking.read_claim(study) is None
        for claim in (Claim("1", "process 7 on here", "a"), Claim("1", "process 7 on here", "b"), Claim("2", "", "a")):
            tracking.write_claim(study, claim)
            assert tracking.read_claim(study) == claim
            assert tracking.snapshot(study).claim == claim
        tracking.close_study(study, State.FINISHED)
        assert tracking.read_claim(study) is None

    def test_trials_of_a_launch_that_was_stopped_become_stopped(
        self, tracking: TrackingStore, paths: StudyPaths, study: str
    ) -> None:
        trial = make_trial(study)
        self.uploaded(tracking, paths, trial, State.RUNNING)
        settled = tracking.settle(study, abandoned=State.STOPPED)
        assert settled.records[trial.key].state is State.STOPPED
        assert tracking.snapshot(study).records[trial.key].state is State.STOPPED

    def test_files_of_a_study_replace_those_of_the_same_name(
        self, tracking: TrackingStore, study: str, tmp_path: Path
    ) -> None:
        run_id = tracking.open_study(study, "How far?", "seeds: 1\n", tracking.snapshot(study))
        (tmp_path / "report").mkdir()
        (tmp_path / "report" / "answer.md").write_text("far", encoding="utf-8")
        tracking.attach_text(study, "near", "answer.md")
        tracking.attach(study, tmp_path / "report")
        for name, content in (("answer.md", "far"), ("study.yaml", "seeds: 1\n")):
            path = tracking.fetch(run_id, name, tmp_path / "fetched")
            assert path == tmp_path / "fetched" / name
            assert path.read_text(encoding="utf-8") == content

    def test_files_cannot_be_attached_to_a_study_without_a_run(
        self, tracking: TrackingStore, study: str, tmp_path: Path
    ) -> None:
        with pytest.raises(ServiceError, match=study):
            tracking.attach(study, tmp_path)

    def test_a_variant_has_one_run_that_is_running(self, tracking: TrackingStore, study: str) -> None:
        trials = [make_trial(study, 0), make_trial(study, 1), make_trial(study, 0, epsilon=2.0)]
        opened = tracking.open_variants(trials, tracking.snapshot(study))
        assert set(opened) == {trials[0].variant, trials[2].variant}
        snapshot = tracking.snapshot(study)
        assert {run.variant: run.run_id for run in snapshot.variants} == opened
        assert {run.state for run in snapshot.variants} == {State.RUNNING}
        assert tracking.open_variants(trials, snapshot) == opened

    def test_a_variant_of_which_no_trial_was_begun_is_killed_at_the_end(
        self, tracking: TrackingStore, study: str
    ) -> None:
        trial = make_trial(study)
        opened = tracking.open_variants([trial], tracking.snapshot(study))
        for snapshot in (tracking.settle(study), tracking.settle(study), tracking.snapshot(study)):
            assert [(run.run_id, run.state) for run in snapshot.variants] == [(opened[trial.variant], State.KILLED)]
        assert tracking.open_variants([trial], tracking.snapshot(study)) == opened
        assert [run.state for run in tracking.snapshot(study).variants] == [State.RUNNING]

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

    def test_settling_sets_trials_without_a_process_to_killed(
        self, tracking: TrackingStore, paths: StudyPaths, study: str
    ) -> None:
        trials = [make_trial(study, 0, epsilon) for epsilon in (1.0, 2.0, 3.0)]
        states = (State.RUNNING, State.RUNNING, State.FINISHED)
        for trial, state in zip(trials, states, strict=True):
            self.uploaded(tracking, paths, trial, state)
        tracking.open_variants(trials, tracking.snapshot(study))
        settled = tracking.settle(study, running={trials[1].key})
        expected = (State.KILLED, State.RUNNING, State.FINISHED)
        assert [settled.records[trial.key].state for trial in trials] == list(expected)
        assert {run.variant: run.state for run in settled.variants} == {
            trial.variant: state for trial, state in zip(trials, expected, strict=True)
        }

    def test_a_trial_that_was_set_to_killed_stays_killed_until_it_is_started(
        self, tracking: TrackingStore, paths: StudyPaths, study: str
    ) -> None:
        trial = make_trial(study)
        self.uploaded(tracking, paths, trial, State.RUNNING)
        tracking.settle(study)
        assert tracking.upload(paths) == set()
        assert tracking.snapshot(study).records[trial.key].state is State.KILLED

    def test_settling_returns_the_snapshot_as_it_is_then(
        self, tracking: TrackingStore, paths: StudyPaths, study: str
    ) -> None:
        tracking.open_study(study, "How far?", "seeds: 2\n", tracking.snapshot(study))
        for seed, state in enumerate((State.FINISHED, State.FINISHED, State.RUNNING)):
            self.uploaded(tracking, paths, make_trial(study, seed), state)
        settled = tracking.settle(study)
        assert settled == tracking.snapshot(study)
        (variant,) = settled.variants
        assert {record.parent for record in settled.trials} == {variant.run_id}
        assert tracking.settle(study) == settled
