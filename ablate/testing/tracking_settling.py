"""What tracking stores promise of `settle`: the states of trials and variants after a launch has ended."""

from ablate.events import State
from ablate.paths import StudyPaths
from ablate.testing.tracking_fixtures import TrackingFixtures, make_trial
from ablate.track.store import TrackingStore


class SettledStudies(TrackingFixtures):
    """Studies whose launch has ended."""

    def test_trials_of_a_launch_that_was_stopped_become_stopped(
        self, tracking: TrackingStore, paths: StudyPaths, study: str
    ) -> None:
        trial = make_trial(study)
        self.uploaded(tracking, paths, trial, State.RUNNING)
        settled = tracking.settle(study, abandoned=State.STOPPED)
        assert settled.records[trial.key].state is State.STOPPED
        assert tracking.snapshot(study).records[trial.key].state is State.STOPPED

    def test_a_variant_of_which_no_trial_was_begun_is_killed_at_the_end(
        self, tracking: TrackingStore, study: str
    ) -> None:
        trial = make_trial(study)
        opened = tracking.open_variants([trial], tracking.snapshot(study))
        for snapshot in (tracking.settle(study), tracking.settle(study), tracking.snapshot(study)):
            assert [(run.run_id, run.state) for run in snapshot.variants] == [(opened[trial.variant], State.KILLED)]
        assert tracking.open_variants([trial], tracking.snapshot(study)) == opened
        assert [run.state for run in tracking.snapshot(study).variants] == [State.RUNNING]

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
