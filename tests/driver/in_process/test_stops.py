"""What stop requests and signals leave behind, and that a launch goes on from there."""

import signal

import pytest

from ablate.driver.progress import LaunchProgress
from ablate.errors import Interrupted
from ablate.events import EpochValues, Message, Stage, StageBegan, State
from ablate.paths import StudyPaths
from ablate.patience import LAUNCH, STOPPING
from ablate.stopping import StopRequest, request_stop
from ablate.testing.memory import MemoryStore

from .launches import EPOCHS, SEARCH, STUDY, Curves, Launches, at_epoch

pytestmark = pytest.mark.slow

PRUNE = StopRequest(State.PRUNED, "worse than the median")


def test_a_pruned_trial_stays_pruned_and_the_others_are_not_affected(launches: Launches, whole_curves: Curves) -> None:
    pruned = at_epoch(1, lambda key: request_stop(launches.paths, key, PRUNE))
    summary = launches.launch(launches.read(STUDY), pruned)
    assert (summary.total, summary.finished, dict(summary.failed)) == (4, 3, {})
    (name,) = (name for name, state in launches.states.items() if state is State.PRUNED)
    assert launches.records[name].reason == PRUNE.reason
    points = launches.curves[name]["train/loss"]
    assert 1 <= len(points) < EPOCHS
    assert points == whole_curves[name]["train/loss"][: len(points)]
    others = {other: curves for other, curves in launches.curves.items() if other != name}
    assert others == {other: curves for other, curves in whole_curves.items() if other != name}

    again = launches.launch(launches.read(STUDY))
    assert (again.ran, launches.messages) == (0, [])
    assert launches.states[name] is State.PRUNED


def test_a_stopped_study_goes_on_to_the_same_values(launches: Launches, whole_curves: Curves) -> None:
    study = launches.read(STUDY)
    with pytest.raises(Interrupted, match=r"stopped with \d of 4 trials finished; launch again to go on"):
        launches.launch(study, at_epoch(2, lambda key: launches.paths.stop.touch()))
    assert not launches.paths.stop.exists()
    assert State.RUNNING not in launches.states.values()
    assert launches.curves != whole_curves

    summary = launches.launch(study)
    assert (summary.total, summary.finished) == (4, 4)
    assert launches.curves == whole_curves


def test_a_search_that_is_stopped_between_two_proposals_is_interrupted_and_continued(launches: Launches) -> None:
    study = launches.read(SEARCH)

    def stop_after_a_proposal(progress: LaunchProgress, message: Message) -> None:
        if len(launches.ended) == 2:
            launches.paths.stop.touch()

    with pytest.raises(Interrupted, match="stopped with 2 of 6 trials finished; launch again to go on"):
        launches.launch(study, stop_after_a_proposal)
    assert [run.state for run in launches.tracking.snapshots["small"].study_runs] == [State.STOPPED]
    summary = launches.launch(study)
    assert (summary.total, summary.finished, summary.ran) == (6, 6, 4)


def test_a_stop_request_after_the_last_trial_has_ended_changes_nothing(launches: Launches) -> None:
    def stop_at_the_end(progress: LaunchProgress, message: Message) -> None:
        if len(launches.ended) == 4:
            launches.paths.stop.touch()

    summary = launches.launch(launches.read(STUDY), stop_at_the_end)
    assert (summary.finished, summary.stopped) == (4, False)
    assert [run.state for run in launches.tracking.snapshots["small"].study_runs] == [State.FINISHED]


@pytest.mark.parametrize("stage", [Stage.CLOSING, Stage.REPORTING])
def test_a_signal_while_a_launch_closes_leaves_a_finished_study_finished(launches: Launches, stage: Stage) -> None:
    sent: list[Stage] = []

    def interrupt(progress: LaunchProgress, message: Message) -> None:
        if message == StageBegan(stage) and not sent:
            sent.append(stage)
            signal.raise_signal(signal.SIGINT)

    summary = launches.launch(launches.read(STUDY, "seeds=1"), interrupt)
    assert (summary.finished, summary.stopped) == (2, False)
    assert [run.state for run in launches.tracking.snapshots["small"].study_runs] == [State.FINISHED]


def test_trials_that_were_stopped_on_request_are_told_as_stopped(launches: Launches) -> None:
    """Also one whose worker was ended before it could say so itself."""

    def stop(progress: LaunchProgress, message: Message) -> None:
        if isinstance(message, EpochValues) and not launches.paths.stop.exists():
            launches.tracking.upload(launches.paths)
            launches.paths.stop.touch()
            raise KeyError("the worker ends here")

    study = launches.read(STUDY, "seeds=1")
    with pytest.raises(KeyError):
        launches.launch(study, stop)
    assert State.KILLED in launches.states.values()  # its launch ended by an error

    def stop_cleanly(progress: LaunchProgress, message: Message) -> None:
        if isinstance(message, EpochValues):
            launches.paths.stop.touch()

    with pytest.raises(Interrupted):
        launches.launch(study, stop_cleanly)
    assert set(launches.states.values()) <= {State.STOPPED, State.FINISHED}
    assert State.STOPPED in launches.states.values()


class PatientStore(MemoryStore):
    """A store that notes for how long a launch would wait for it when it sends records."""

    def __init__(self) -> None:
        super().__init__()
        self.patience = LAUNCH
        self.waits: list[float] = []

    def upload(self, paths: StudyPaths, patience: float | None = 30.0) -> set[str]:
        self.waits += [self.patience] if patience is None else []
        return super().upload(paths, patience)


def test_records_are_sent_for_minutes_and_for_seconds_once_a_launch_is_to_stop(launches: Launches) -> None:
    launches.tracking = tracking = PatientStore()
    study = launches.read(STUDY, "seeds=1")
    with pytest.raises(Interrupted):
        launches.launch(study, at_epoch(1, lambda key: launches.paths.stop.touch()))
    assert tracking.waits == [LAUNCH, STOPPING]  # at the start, at the end

    def interrupt(progress: LaunchProgress, message: Message) -> None:
        if message == StageBegan(Stage.UPLOADING):
            signal.raise_signal(signal.SIGTERM)  # as a batch system sends it before the limit

    tracking.patience = LAUNCH
    assert launches.launch(study, interrupt).finished == 2
    assert tracking.waits[2:] == [LAUNCH, STOPPING]
